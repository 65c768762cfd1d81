"""Spots → findings, with positions and words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from asynclint.catalog import Rule
from asynclint.check.blocking import call_text
from asynclint.check.misuse.spot import Spot
from asynclint.facts import Event, Loop
from asynclint.model import Cost, Finding, Span, Step
from asynclint.program.project import FunctionDef

#: what matters less where nobody is served
_STEPPED = ("ASL201", "ASL302")


def misuse(
    spot: Spot,
    path: str,
    steps: int,
    located: Callable[[FunctionDef, int], Event],
    located_loop: Callable[[FunctionDef, int], Loop],
    rules: Mapping[str, Rule],
) -> Finding:
    """The finding of a spot; `steps` is by how much its code is cheaper for whom it serves."""
    fn = spot.frame.fn
    place: Event | Loop = located_loop(fn, spot.loop) if spot.loop >= 0 else located(fn, spot.event)
    assert place.span is not None
    text = call_text(place) if isinstance(place, Event) else " ".join(place.text.split())
    shown = f"while {text}" if isinstance(place, Loop) and place.kind == "while" else text
    cost = max(spot.cost - steps, Cost.BRIEF) if spot.code in _STEPPED else spot.cost
    return Finding(
        code=spot.code,
        name=rules[spot.code].name,
        message=f"`{shown}` {spot.said}",
        path=path,
        span=Span(*place.span[:4]),
        function=fn.qualified_name,
        confidence=spot.confidence,
        cost=Cost(cost),
        sink=spot.sink,
        wait="loop",
        trace=(Step(path, place.span[0], place.span[1], fn.qualified_name, shown),),
        suggestion=_suggestion(spot, place),
        advice=spot.use,
        statement=(place.span[4] or place.span[0], place.span[5] or place.span[2]),
    )


def _suggestion(spot: Spot, place: Event | Loop) -> str:
    """The code to write instead, where that is one expression."""
    if spot.code == "ASL301" and isinstance(place, Event) and spot.frame.fn.is_async:
        return f"await {' '.join(place.text.split())}({' '.join(place.args_text.split())})"
    return ""
