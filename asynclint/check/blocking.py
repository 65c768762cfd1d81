"""Effects → findings: where a function that runs on the loop calls something that blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from asynclint.catalog import Rule, library_cost
from asynclint.check.audience import Audience
from asynclint.facts import CALL, IMPORT, Event
from asynclint.model import Confidence, Cost, Finding, Span, Step
from asynclint.program.project import FunctionDef
from asynclint.program.propagate import Effect, Effects, best_of
from asynclint.program.values import Frame

#: the event of a function with its position and text
Located = Callable[[FunctionDef, int], Event]
#: a chain in which so many calls depend on conditions holds for few callers; of those that were read, eight of nine were wrong
CONDITIONS = 4


class Candidate:
    """A finding without its positions: the effect that begins at an event of a function on the loop."""

    __slots__ = ("confidence", "cost", "effect", "path", "root")

    def __init__(self, root: Frame, effect: Effect, path: str, steps: int) -> None:
        self.root, self.effect, self.path = root, effect, path
        lower = max(steps, int(root.startup))
        self.cost = max(effect.cost - lower, int(Cost.BRIEF))
        conditions = sum(step.edge.conditions for step in self.chain())
        self.confidence = effect.confidence if conditions < CONDITIONS else min(effect.confidence, int(Confidence.POSSIBLE))

    @property
    def rank(self) -> tuple[object, ...]:
        return (self.confidence >= Confidence.LIKELY, self.cost, *self.effect.rank)

    def chain(self) -> Iterator[Effect]:
        """The effects along the witness, from the root to the sink."""
        effect: Effect | None = self.effect
        while effect is not None:
            yield effect
            effect = effect.next


def candidates(
    roots: Iterable[Frame], effects: Effects, path_of: Callable[[FunctionDef], str | None], audience: Audience, transitive: bool
) -> list[Candidate]:
    """The best effect at each call of each root that is reported on (`path_of` gives the path as shown), one a place."""
    found: dict[tuple[FunctionDef, int], Candidate] = {}
    for root in roots:
        path = path_of(root.fn)
        if path is None:
            continue
        for number, at_event in effects.at_events(root).items():
            if not transitive:
                at_event = [effect for effect in at_event if effect.next is None]
            best = best_of(at_event)
            if best is None or _is_nothing(best):
                continue
            candidate = Candidate(root, best, path, audience.steps_down(root.fn))
            known = found.get((root.fn, number))
            if known is None or candidate.rank > known.rank:
                found[root.fn, number] = candidate
    return list(found.values())


def _is_nothing(effect: Effect) -> bool:
    """One quick question to the system whose answer the program remembers."""
    row = effect.sink.row
    return effect.once and not row.once and effect.cost == Cost.BRIEF and library_cost(row) == Cost.BRIEF


def finding(candidate: Candidate, located: Located, shown: Callable[[FunctionDef], str], rules: dict[str, Rule]) -> Finding:
    """The finding with positions, chain, message and suggestion."""
    chain = list(candidate.chain())
    events = [located(effect.frame.fn, effect.edge.event) for effect in chain]
    sink = chain[-1].sink
    row = sink.row
    first = events[0]
    assert first.span is not None
    trace = tuple(
        Step(shown(effect.frame.fn), event.span[0], event.span[1], effect.frame.fn.qualified_name, call_text(event))
        for effect, event in zip(chain, events, strict=True)
        if event.span is not None
    )
    name = sink.name.removeprefix("builtins.")
    effect = candidate.effect
    return Finding(
        code=row.code,
        name=rules[row.code].name if row.code in rules else "",
        message=_message(call_text(first), name, row.why, trace, effect.once),
        path=candidate.path,
        span=Span(*first.span[:4]),
        function=candidate.root.fn.qualified_name,
        confidence=Confidence(candidate.confidence),
        cost=Cost(candidate.cost),
        once=effect.once,
        sink=sink.name,
        wait=row.wait,
        trace=trace,
        suggestion=_suggestion(candidate.root.fn, first, row.rewrite if len(chain) == 1 else "", row.wait),
        advice=row.use,
        statement=(first.span[4] or first.span[0], first.span[5] or first.span[2]),
    )


def call_text(event: Event) -> str:
    """The call as it is written, on one line, without arguments; long ones are cut in the middle."""
    text = " ".join(event.text.split())
    if event.kind == IMPORT:
        return text
    return text if len(text) <= 80 else f"{text[:38]} … {text[-38:]}"


def _message(call: str, sink: str, why: str, trace: tuple[Step, ...], once: bool) -> str:
    first_only = ", the first time" if once else ""
    if len(trace) == 1:
        named = f"`{call}`" if call == sink or sink.startswith("import ") or "." not in sink else f"`{call}` ({sink})"
        return f"{named} blocks the event loop{first_only}: {why}"
    last = trace[-1]
    return f"`{call}` blocks the event loop{first_only} through `{sink}` ({last.path}:{last.line}): {why}"


def _suggestion(fn: FunctionDef, event: Event, rewrite: str, wait: str) -> str:
    """The code to write instead; empty where it takes more than one expression."""
    if not fn.is_async or event.kind != CALL or wait == "loop":
        return ""
    args = " ".join(event.args_text.split())
    func = " ".join(event.text.split())
    if rewrite:
        return rewrite.replace("{args}", args).replace("{func}", func)
    return f"await asyncio.to_thread({func}, {args})" if args else f"await asyncio.to_thread({func})"
