"""Loops that never give the event loop a turn (ASL203), and those that ask again and again (ASL306)."""

from __future__ import annotations

from collections.abc import Iterator

from asynclint.check.misuse.spot import Spot, meant
from asynclint.facts import (
    CALL,
    DELETE,
    DELITEM,
    ENTER,
    IMPORT,
    RUN,
    SET,
    SETITEM,
    Attr,
    CallOf,
    Const,
    Event,
    Expr,
    Local,
    Loop,
    Name,
    Op,
    Sub,
)
from asynclint.model import Confidence, Cost
from asynclint.program.infer import Inference
from asynclint.program.values import Frame

#: what may change the world, so that a test comes out differently next time
_CHANGING = frozenset((ENTER, SET, SETITEM, DELETE, DELITEM, IMPORT, RUN))
#: calls that end the program, whatever the loop says
_ENDING = frozenset(("exit", "_exit", "abort", "quit", "execv", "execve", "execvp"))
#: builtins that only ask
_ASKING = frozenset(("len", "bool", "isinstance", "hasattr", "getattr", "any", "all", "min", "max", "id", "callable"))


def unbounded_spins(inference: Inference, frame: Frame) -> Iterator[Spot]:
    """`while True` without an end, and a test that nothing in the loop can change."""
    data = frame.fn.data
    if data.kind != "async":
        return
    for number, loop in enumerate(data.loops):
        if loop.kind != "while" or loop.gives_way or loop.tried or not inference.feasible(frame, loop.guard):
            continue
        inside = [(i, event) for i, event in enumerate(data.events) if _is_inside(event.within, number, data.loops)]
        if isinstance(loop.subject, Const):
            if loop.subject.value and not loop.exits and not any(_last(event.value) in _ENDING for _, event in inside):
                confidence = Confidence.LIKELY if any(event.kind == CALL for _, event in inside) else Confidence.CERTAIN
                said = "never ends and never awaits: once it runs, the event loop does nothing else"
                yield Spot(frame, "ASL203", -1, said, "an `await` in each round", confidence, loop=number, cost=Cost.UNBOUNDED)
        elif _cannot_change(inference, frame, loop, inside):
            said = "is asked in a loop without `await`: the event loop stands still until another thread, or the clock, changes the answer"
            yield Spot(frame, "ASL203", -1, said, "`await` on what it waits for", Confidence.CERTAIN, loop=number, cost=Cost.UNBOUNDED)


def polling_sleeps(inference: Inference, frame: Frame) -> Iterator[Spot]:
    """Loops that do nothing but sleep until a test comes out differently."""
    for number, loop in enumerate(frame.fn.data.loops):
        if loop.sole < 0 or isinstance(loop.subject, Const):
            continue
        event = frame.fn.data.events[loop.sole]
        for name, row in meant(inference, event, frame, "polling"):
            said = f"is asked in a loop that sleeps in between: {row.why}"
            yield Spot(frame, row.code, -1, said, row.use, Confidence.CERTAIN, name, loop=number)
            break


def _is_inside(within: int, number: int, loops: tuple[Loop, ...]) -> bool:
    while within >= 0:
        if within == number:
            return True
        within = loops[within].parent
    return False


def _cannot_change(inference: Inference, frame: Frame, loop: Loop, inside: list[tuple[int, Event]]) -> bool:
    """Whether the test asks for something outside the function that nothing in the loop touches."""
    asked = set(_calls(loop.subject))
    if any(event.kind in _CHANGING or (event.kind == CALL and i not in asked) for i, event in inside):
        return False
    if not all(_only_asks(inference, frame, frame.fn.data.events[i]) for i in asked):
        return False
    names = set(_names(loop.subject))
    for i in asked:
        names.update(name for _, expr in (("", frame.fn.data.events[i].value), *frame.fn.data.events[i].args) for name in _names(expr))
    return names.isdisjoint(loop.binds) and bool(asked or _has_attribute(loop.subject))


def _only_asks(inference: Inference, frame: Frame, event: Event) -> bool:
    if isinstance(event.value, Name) and event.value.id in _ASKING:
        return True
    return any(True for _ in meant(inference, event, frame, "question"))


def _calls(expr: Expr) -> Iterator[int]:
    if isinstance(expr, CallOf):
        yield expr.event
    elif isinstance(expr, Op):
        for item in expr.items:
            yield from _calls(item)
    elif isinstance(expr, Attr):
        yield from _calls(expr.base)


def _names(expr: Expr) -> Iterator[str]:
    match expr:
        case Name() | Local():
            yield expr.id
        case Attr():
            yield from _names(expr.base)
        case Sub():
            yield from _names(expr.base)
            yield from _names(expr.index)
        case Op():
            for item in expr.items:
                yield from _names(item)


def _has_attribute(expr: Expr) -> bool:
    return isinstance(expr, Attr) or (isinstance(expr, Op) and any(map(_has_attribute, expr.items)))


def _last(expr: Expr) -> str:
    return expr.name if isinstance(expr, Attr) else expr.id if isinstance(expr, (Name, Local)) else ""
