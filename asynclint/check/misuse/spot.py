"""What a detector of misuse finds, before it has positions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from asynclint.catalog import Misuse
from asynclint.facts import CALL, Attr, Event, Expr, Local, Name
from asynclint.model import Confidence, Cost
from asynclint.program.infer import Inference
from asynclint.program.values import External, Frame


@dataclass(frozen=True, slots=True)
class Spot:
    """A mistake at an event of a function, or at a loop (then `event` is -1). `said` is put behind the call's text in the message."""

    frame: Frame
    code: str
    event: int
    said: str
    use: str
    confidence: Confidence
    sink: str = ""
    loop: int = -1
    cost: Cost = Cost.SLOW


def calls(inference: Inference, frame: Frame, how: str) -> Iterator[tuple[int, Event, str, Misuse]]:
    """The calls of functions that the catalog has such a row about, where they can run: index, event, canonical name, row."""
    words = {name.rpartition(".")[2] for name, rows in inference.catalog.misuses.items() if any(row.how == how for row in rows)}
    for index, event in enumerate(frame.fn.data.events):
        if event.kind == CALL and may_name(event, frame, words) and inference.feasible(frame, event.guard):
            for name, row in meant(inference, event, frame, how):
                yield index, event, name, row
                break


def may_name(event: Event, frame: Frame, words: set[str]) -> bool:
    """Whether a call can be one of a function of these names: a name may have been imported under another."""
    match event.value:
        case Attr(_, name):
            return name in words
        case Name(name) | Local(name, _):
            return name in words or any(found.attr in words for found in frame.fn.module.imports.get(name, ()))
    return False


def meant(inference: Inference, event: Event, frame: Frame, how: str) -> Iterator[tuple[str, Misuse]]:
    """The rows of the catalog about a call, by the canonical names that its callee has; none where it may be something else as well."""
    values = inference.infer(event.value, frame, event.guard)
    if values and all(isinstance(value, External) and value.name in inference.catalog.misuses for value in values):
        for value in values:
            assert isinstance(value, External)
            for row in inference.catalog.misuses[value.name]:
                if row.how == how and inference.conditions.hold(row, event, frame):
                    yield value.name, row


def root(expr: Expr, frame: Frame) -> Expr:
    """What a local name with one definition stands for."""
    while isinstance(expr, Local) and len(expr.defs) == 1:
        expr = frame.fn.data.defs[expr.defs[0]]
    return expr
