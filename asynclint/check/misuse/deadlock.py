"""Waiting on the loop for what only this loop can bring about (ASL304)."""

from __future__ import annotations

from collections.abc import Iterator

from asynclint.check.misuse.spot import Spot, calls, root
from asynclint.facts import CALL, ENTER, Attr, CallOf, Expr
from asynclint.model import Confidence, Cost
from asynclint.program.infer import Inference
from asynclint.program.values import External, Frame, Instance

_WAITS = frozenset(("result", "exception"))


def locks_across_awaits(inference: Inference, frame: Frame) -> Iterator[Spot]:
    """`with lock:` around an `await`, where the lock is one of threads and others can take it too."""
    if frame.fn.data.kind != "async":
        return
    for index, event in enumerate(frame.fn.data.events):
        if event.kind != ENTER or not event.across or not inference.feasible(frame, event.guard):
            continue
        if isinstance(root(event.value, frame), CallOf):
            continue  # made here, or found by a function: perhaps nobody else has it
        values = inference.values_of(inference.infer(event.value, frame, event.guard))
        rows = [
            row
            for value in values
            for row in inference.catalog.misuses.get(value.cls if isinstance(value, Instance) and isinstance(value.cls, str) else "", ())
            if row.how == "held"
        ]
        if rows and len(rows) == len(values):
            said = f"is a thread's lock, held across an `await`: {rows[0].why}"
            yield Spot(frame, rows[0].code, index, said, rows[0].use, Confidence.CERTAIN, rows[0].names[0], cost=Cost.UNBOUNDED)


def waits_for_own_loop(inference: Inference, frame: Frame) -> Iterator[Spot]:
    """`run_coroutine_threadsafe(coroutine, this loop).result()` in a coroutine."""
    data = frame.fn.data
    if data.kind != "async":
        return
    for index, event, name, row in calls(inference, frame, "own-loop"):
        loop = inference.argument_expression("loop@1", event)
        if loop is None or not _is_running_loop(inference, root(loop, frame), frame):
            continue
        for other, wait in enumerate(data.events):
            if (
                wait.kind == CALL
                and isinstance(wait.value, Attr)
                and wait.value.name in _WAITS
                and isinstance(future := root(wait.value.base, frame), CallOf)
                and future.event == index
            ):
                yield Spot(frame, row.code, other, f"never returns: {row.why}", row.use, Confidence.CERTAIN, name, cost=Cost.UNBOUNDED)


def _is_running_loop(inference: Inference, expr: Expr, frame: Frame) -> bool:
    """What a call in a coroutine gives that asks for the loop."""
    if not isinstance(expr, CallOf):
        return False
    values = inference.infer(frame.fn.data.events[expr.event].value, frame)
    return bool(values) and all(
        isinstance(v, External) and v.name in ("asyncio.get_running_loop", "asyncio.get_event_loop") for v in values
    )
