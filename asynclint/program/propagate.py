"""Effects from sinks to callers: for each frame the dearest sinks it reaches, by confidence, each with a shortest witness."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from asynclint.catalog import library_cost
from asynclint.model import Confidence, Cost
from asynclint.program.values import Choice, Edge, Frame, Sink

#: of several implementations, this share must block for the call to count as blocking
MOST = 0.6


@dataclass(slots=True)
class Effect:
    """*May block*, by the edge that begins the witness; `next` is the effect of the callee that it goes on with."""

    cost: int
    confidence: int
    once: bool
    length: int
    edge: Edge
    sink: Sink
    frame: Frame
    next: Effect | None

    @property
    def rank(self) -> tuple[int, int, bool, int, int]:
        """Better effects are greater."""
        return (self.cost, self.confidence, not self.once, int(library_cost(self.sink.row)), -self.length)


class Effects:
    """The effects of all frames. `add` new edges as they are found, `settle` spreads them to a fixpoint."""

    def __init__(self) -> None:
        self.of: dict[Frame, dict[tuple[int, int], Effect]] = {}
        self._callers: dict[Frame, list[tuple[Frame, Edge]]] = {}
        self._choices: dict[int, tuple[Frame, Edge]] = {}
        self._queue: deque[tuple[Frame, Edge]] = deque()

    def add(self, frame: Frame, edges: Iterable[Edge]) -> None:
        for edge in edges:
            target = edge.target
            if isinstance(target, Frame):
                self._callers.setdefault(target, []).append((frame, edge))
            elif isinstance(target, Choice):
                for member in target.frames:
                    self._callers.setdefault(member, []).append((frame, edge))
            self._queue.append((frame, edge))

    def settle(self, floor: int = Cost.BRIEF) -> set[Frame]:
        """Spreads all effects; returns the frames that got their first one of at least the cost `floor`."""
        new: set[Frame] = set()
        while self._queue:
            frame, edge = self._queue.popleft()
            table = self.of.get(frame)
            for effect in self._through(frame, edge):
                if table is None:
                    table = self.of[frame] = {}
                if effect.cost >= floor and all(cost < floor for cost, _ in table):
                    new.add(frame)
                key = (effect.cost, effect.confidence)
                known = table.get(key)
                if known is None or effect.length < known.length:
                    table[key] = effect
                    self._queue.extend(self._callers.get(frame, ()))
        return new

    def _through(self, frame: Frame, edge: Edge) -> list[Effect]:
        """The effects that an edge gives its frame now."""
        event = frame.fn.data.events[edge.event]
        target = edge.target
        if isinstance(target, Sink):
            cost = int(library_cost(target.row))
            if event.loop and cost == Cost.BRIEF:
                cost = int(Cost.SLOW)
            cost, once = _stepped(cost, edge.once)
            return [Effect(cost, edge.confidence, once, 1, edge, target, frame, None)]
        if isinstance(target, Choice):
            return self._chosen(frame, edge, target)
        return [self._extended(frame, edge, below, edge.confidence) for below in self.of.get(target, {}).values()]

    def _chosen(self, frame: Frame, edge: Edge, choice: Choice) -> list[Effect]:
        blocking = [best for member in choice.frames if (best := self.best(member)) is not None]
        if not blocking:
            return []
        confidence = (
            min(edge.confidence, int(Confidence.LIKELY)) if len(blocking) >= MOST * len(choice.frames) else int(Confidence.POSSIBLE)
        )
        return [self._extended(frame, edge, max(blocking, key=lambda e: e.rank), confidence)]

    def _extended(self, frame: Frame, edge: Edge, below: Effect, confidence: int) -> Effect:
        cost, once = _stepped(below.cost, 0 if below.once else edge.once)
        return Effect(cost, min(below.confidence, confidence), once or below.once, below.length + 1, edge, below.sink, frame, below)

    def best(self, frame: Frame, confidence: int = Confidence.LIKELY) -> Effect | None:
        """The dearest effect of at least that confidence, else the surest."""
        return best_of(self.of.get(frame, {}).values(), confidence)

    def at_events(self, frame: Frame) -> dict[int, list[Effect]]:
        """The effects of a frame by the event at which they begin."""
        found: dict[int, list[Effect]] = {}
        for edge in frame.edges:
            effects = self._through(frame, edge)
            if effects:
                found.setdefault(edge.event, []).extend(effects)
        return found


def best_of(effects: Iterable[Effect], confidence: int = Confidence.LIKELY) -> Effect | None:
    """The dearest effect of at least that confidence; without one, the surest of the others."""
    effects = list(effects)
    enough = [e for e in effects if e.confidence >= confidence]
    if enough:
        return max(enough, key=lambda e: e.rank)
    return max(effects, key=lambda e: (e.confidence, e.cost, -e.length), default=None)


def _stepped(cost: int, steps: int) -> tuple[int, bool]:
    """What is done once, or once for each key, is cheaper by so many steps."""
    return max(cost - steps, int(Cost.BRIEF)), steps > 0
