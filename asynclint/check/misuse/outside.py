"""Awaitables that are made where no loop runs (ASL303), and the old ways to choose a loop (ASL305)."""

from __future__ import annotations

from collections.abc import Iterator

from asynclint.check.misuse.spot import Spot, calls, root
from asynclint.facts import CALL, Attr, CallOf
from asynclint.model import Confidence
from asynclint.program.infer import Inference
from asynclint.program.values import Frame

_RUNS = frozenset(("run_until_complete", "run_forever"))


def made_outside(inference: Inference, frame: Frame) -> Iterator[Spot]:
    """Calls that need a running loop: at module level, or as the argument of what starts one."""
    data = frame.fn.data
    if data.kind == "async":
        return
    runs = {
        argument.event
        for _, event, _, _ in calls(inference, frame, "run")
        for _, given in event.args[:1]
        if isinstance(argument := root(given, frame), CallOf)
    }
    for index, event, name, row in calls(inference, frame, "no-loop"):
        early = data.kind in ("module", "class") and data.parent < 1 and not event.tried and not event.handler
        if index in runs and event.args:
            said = "is called before the loop runs: what starts the loop computes its argument first, and this needs a running one"
            yield Spot(frame, row.code, index, said, row.use, Confidence.CERTAIN, name)
        elif early and not event.awaited:
            yield Spot(
                frame, row.code, index, "is called while the module is imported, where no loop runs yet", row.use, Confidence.CERTAIN, name
            )


def old_ways(inference: Inference, frame: Frame) -> Iterator[Spot]:
    """Policies and their kin; `get_event_loop` where its loop is then run."""
    for index, _, name, row in calls(inference, frame, "called"):
        if row.code == "ASL305":
            yield Spot(frame, row.code, index, f"is on its way out: {row.why}", row.use, Confidence.CERTAIN, name)
    if frame.fn.data.kind != "async":
        for index, _, name, row in calls(inference, frame, "called-to-run"):
            if _is_run(index, frame) or _is_run_by_module(index, frame):
                yield Spot(frame, row.code, index, f"is on its way out: {row.why}", row.use, Confidence.CERTAIN, name)


def _is_run_by_module(index: int, frame: Frame) -> bool:
    """The same at module level, where each statement is a unit of its own."""
    data = frame.fn.data
    names = {name for name, indices in data.bindings.items() if any(root(data.defs[i], frame) == CallOf(index) for i in indices)}
    return data.kind == "module" and any(
        not names.isdisjoint(unit.words) and any(f".{method}(" in unit.words for method in _RUNS)
        for unit in frame.fn.module.file_index.units
    )


def _is_run(index: int, frame: Frame) -> bool:
    """Whether the loop that the call gives is run in this function."""
    return any(
        event.kind == CALL
        and isinstance(event.value, Attr)
        and event.value.name in _RUNS
        and isinstance(loop := root(event.value.base, frame), CallOf)
        and loop.event == index
        for event in frame.fn.data.events
    )
