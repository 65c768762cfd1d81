"""Tasks and queues that can grow without bound (ASL307)."""

from __future__ import annotations

from collections.abc import Iterator

from asynclint.check.misuse.spot import Spot, calls, root
from asynclint.facts import CallOf, Const, Elem, Event, Expr, Fn, Param, Seq
from asynclint.model import Confidence
from asynclint.program.infer import Inference
from asynclint.program.values import Collection, External, Frame

#: words of a function that bounds what runs at once
_BOUNDING = ("semaphore", "limit", "throttle", "_sem", "sem_", "chunk", "batch", "worker")


def unbounded_fan_outs(inference: Inference, frame: Frame) -> Iterator[Spot]:
    """`gather(*[f(x) for x in items])` of who knows how many items, and queues without a size."""
    for index, _, name, row in calls(inference, frame, "called"):
        if row.code == "ASL307":
            yield Spot(frame, row.code, index, f"makes a queue that has no bound: {row.why}", row.use, Confidence.CERTAIN, name)
    words = " ".join(frame.fn.unit.words).lower()
    if any(word in words for word in _BOUNDING):
        return
    for index, event, name, row in calls(inference, frame, "fan-out"):
        if any(_is_unbounded(inference, source, frame) for source in _sources(event, frame)):
            yield Spot(frame, row.code, index, f"has no bound: {row.why}", row.use, Confidence.LIKELY, name)


def _sources(event: Event, frame: Frame) -> Iterator[Expr]:
    """What the comprehensions that are handed over, one awaitable an item, go through."""
    for keyword, expr in event.args:
        expr = root(expr, frame)
        if keyword not in ("", "*") or not isinstance(expr, Seq) or not expr.comprehension:
            continue
        if expr.kind == "generator" and isinstance(expr.items[0], Fn):
            yield expr.items[1]
        elif isinstance(expr.items[0], CallOf):
            within = frame.fn.data.events[expr.items[0].event].within
            if within >= 0:
                yield frame.fn.data.loops[within].subject


def _is_unbounded(inference: Inference, source: Expr, frame: Frame) -> bool:
    """Whether the items come from outside the function: a parameter, a field, what a call gives; not a display or `range(3)`."""
    source = root(source, frame)
    match source:
        case Seq():
            return source.comprehension
        case Param() | Elem():
            return True
        case CallOf():
            event = frame.fn.data.events[source.event]
            names = {v.name for v in inference.infer(event.value, frame) if isinstance(v, External)}
            if "builtins.range" in names and event.args:
                return not all(isinstance(expr, Const) for _, expr in event.args)
            if names & {"builtins.enumerate", "builtins.zip", "builtins.reversed", "builtins.sorted"}:
                return all(_is_unbounded(inference, expr, frame) for keyword, expr in event.args if not keyword)
            return True
    values = inference.infer(source, frame)
    return not any(isinstance(v, Collection) and v.kind == "tuple" for v in values)
