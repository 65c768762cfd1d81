"""Coroutines that nobody awaits (ASL301), and tasks that nobody keeps (ASL302)."""

from __future__ import annotations

from collections.abc import Iterator

from asynclint.check.misuse.spot import Spot, calls, meant, root
from asynclint.facts import CALL, Attr, CallOf, Event, Expr, Op
from asynclint.model import Confidence
from asynclint.program.infer import Inference
from asynclint.program.link import Linker
from asynclint.program.project import ClassDef
from asynclint.program.values import External, Frame, FunctionValue, Instance, Value

#: helpers that return what another helper returns are followed so far
HELPERS = 3
#: decorators that leave a coroutine function one
_KEEPING = frozenset(("keep", "abstract"))


def dangling_tasks(inference: Inference, frame: Frame) -> Iterator[Spot]:
    """Tasks whose only reference is dropped."""
    data = frame.fn.data
    for index, event, name, row in calls(inference, frame, "dropped"):
        if row.code != "ASL302" or not (index in data.dropped or _only_listened_to(index, frame)):
            continue
        if _is_future_already(inference, event, frame):
            continue
        # a local name keeps the task as long as the function waits for something else
        kept = _is_bound(index, frame) and any(later.awaited for later in data.events[index + 1 :])
        if not (kept or event.awaited):
            yield Spot(frame, row.code, index, f"makes a task that nothing refers to: {row.why}", row.use, Confidence.CERTAIN, name)


def _is_future_already(inference: Inference, event: Event, frame: Frame) -> bool:
    """`ensure_future(task)`: it gives the task back, and who has it is another question. What a named call gave may be one."""
    given = event.args[0][1] if event.args else None
    values = inference.infer(given, frame, event.guard) if given is not None else ()
    if given is not None and not values and not isinstance(given, CallOf) and isinstance(root(given, frame), CallOf):
        return True
    return any(isinstance(v, Instance) and isinstance(v.cls, str) and v.cls.endswith((".Task", ".Future")) for v in values)


def _is_bound(index: int, frame: Frame) -> bool:
    return any(isinstance(value, CallOf) and value.event == index for value in frame.fn.data.defs)


def _only_listened_to(index: int, frame: Frame) -> bool:
    """`create_task(…).add_done_callback(…)` as a statement: the callback hears of the end, and keeps nothing."""
    data = frame.fn.data
    return any(
        isinstance(value := data.events[other].value, Attr)
        and value.name == "add_done_callback"
        and isinstance(value.base, CallOf)
        and value.base.event == index
        for other in data.dropped
    )


def never_awaited(inference: Inference, linker: Linker, frame: Frame) -> Iterator[Spot]:
    """Coroutines that are made and neither awaited nor handed on, or asked whether they are true."""
    data = frame.fn.data
    tested = {event for _, test, held in data.guards if held for event in _asked(test)}
    for index, event in enumerate(data.events):
        if event.kind != CALL or event.awaited or not (index in data.dropped or index in tested):
            continue
        if not inference.feasible(frame, event.guard):
            continue
        found = _coroutine_of(inference, linker, event, frame, HELPERS)
        if found is None:
            continue
        confidence, name = found
        said = "makes a coroutine that is never awaited: " + (
            "its body does not run" if index in data.dropped else "its body does not run, and the test is always true"
        )
        yield Spot(frame, "ASL301", index, said, "`await`", confidence, name)


def _asked(test: Expr) -> Iterator[int]:
    """The calls whose own value a test asks for."""
    match test:
        case CallOf():
            yield test.event
        case Op("not" | "and" | "or", items):
            for item in items:
                yield from _asked(item)


def _coroutine_of(inference: Inference, linker: Linker, event: Event, frame: Frame, depth: int) -> tuple[Confidence, str] | None:
    """Whether a call surely gives a coroutine, how sure that is, and whose."""
    for name, row in meant(inference, event, frame, "dropped"):
        return (Confidence.CERTAIN, name) if row.code == "ASL301" else None
    values = inference.infer(event.value, frame, event.guard)
    found = [_made_by(inference, linker, value, frame, depth) for value in values]
    if not found or None in found:
        return None
    sure = [each for each in found if each is not None]
    return min(confidence for confidence, _ in sure), sure[0][1]


def _made_by(inference: Inference, linker: Linker, value: Value, frame: Frame, depth: int) -> tuple[Confidence, str] | None:
    """The same for one of the functions that it may call."""
    if not isinstance(value, FunctionValue) or value.fn.data.generator or not _is_as_written(inference, value):
        return None
    fn = value.fn
    own = value.receiver is None or value.receiver == frame.receiver or (isinstance(value.receiver, Instance) and value.receiver.exact)
    confidence = Confidence.CERTAIN if own else Confidence.LIKELY
    if isinstance(value.receiver, Instance) and not value.receiver.exact and isinstance(value.receiver.cls, ClassDef):
        overrides = linker.implementations(value.receiver.cls, fn.data.name)
        if any(other.is_async is not fn.is_async for other in overrides):
            return None
    if fn.is_async:
        return confidence, fn.qualified_name
    if depth == 0 or fn.data.stub or not fn.data.returns or fn.data.returns[-1][1] >= 0:
        return None
    inner = inference.general_frame(fn)
    for returned, _ in fn.data.returns:
        if not isinstance(returned, CallOf) or fn.data.events[returned.event].awaited:
            return None
        if _coroutine_of(inference, linker, fn.data.events[returned.event], inner, depth - 1) is None:
            return None
    return Confidence.LIKELY, fn.qualified_name


def _is_as_written(inference: Inference, value: FunctionValue) -> bool:
    """Whether calling the function calls what its `def` says: no decorator of it or of its class is one that may make something else."""
    fn = value.fn
    at = inference.frame(fn.module.function(fn.unit, max(fn.data.parent, 0)))
    if not all(_keeps(inference, expr, at) for expr in fn.data.decorators):
        return False
    owner = fn.owner
    if owner is None:
        return True
    if any(keyword == "metaclass" for keyword, _ in owner.data.keywords) and not _is_plain_metaclass(inference, owner):
        return False
    body = inference.unit_frame(owner.module, owner.unit)
    return all(_is_foreign(inference, expr, body) for expr in owner.data.decorators)


def _keeps(inference: Inference, expr: Expr, at: Frame) -> bool:
    values = inference.infer(expr, at)
    return bool(values) and all(
        isinstance(v, External)
        and (
            v.name in ("builtins.staticmethod", "builtins.classmethod")
            or ((row := inference.catalog.decorators.get(v.name)) is not None and row.kind in _KEEPING)
        )
        for v in values
    )


def _is_plain_metaclass(inference: Inference, owner: ClassDef) -> bool:
    body = inference.unit_frame(owner.module, owner.unit)
    metaclass = next(value for keyword, value in owner.data.keywords if keyword == "metaclass")
    return any(isinstance(v, External) and v.name == "abc.ABCMeta" for v in inference.infer(metaclass, body))


def _is_foreign(inference: Inference, expr: Expr, at: Frame) -> bool:
    """A class decorator of a library, such as `dataclass`; one of the project may wrap the methods."""
    if isinstance(expr, CallOf):
        expr = at.fn.data.events[expr.event].value
    values = inference.infer(expr, at)
    return bool(values) and all(isinstance(v, External) for v in values)
