"""Loops that compute long without giving way (ASL201): estimated from what is known; what is not known counts as nothing."""

from __future__ import annotations

from collections.abc import Iterator

from asynclint.check.misuse.spot import Spot, root
from asynclint.facts import CALL, CallOf, Event, Expr, Fn, Seq
from asynclint.model import Confidence
from asynclint.program.infer import Inference
from asynclint.program.values import External, Frame, FunctionValue, Literal

#: nanoseconds that a round of a loop takes by itself, evaluating one expression, and calling something (tests/benchmarks/loops.py),
#: on a processor that takes 20 ms for a million rounds of `x += i`
ROUND, EXPRESSION, CALLING = 14, 5, 18
#: nanoseconds from which a stretch of computation is too long: 10 ms
LONG = 10_000_000
#: calls of calls that are followed
DEPTH = 4
#: builtins that go through all of what they are given, and those that give as many items as they get
_CONSUMING = frozenset(f"builtins.{name}" for name in ("sum", "list", "tuple", "set", "sorted", "max", "min", "dict", "frozenset"))
_PASSING = frozenset(f"builtins.{name}" for name in ("enumerate", "reversed", "list", "tuple", "sorted", "iter"))


def heavy_loops(inference: Inference, frame: Frame) -> Iterator[Spot]:
    """Loops of a coroutine, and calls of functions with such loops, that take longer than `LONG` at least."""
    data = frame.fn.data
    if data.kind != "async":
        return
    estimate = Estimate(inference)
    heavy: set[int] = set()
    for number, loop in enumerate(data.loops):
        outer = loop.parent
        if loop.gives_way or (outer >= 0 and (outer in heavy or not data.loops[outer].gives_way)):
            heavy |= {number} if outer in heavy else set()
            continue
        if not inference.feasible(frame, loop.guard):
            continue
        taken = estimate.loop(frame, number, DEPTH)
        if taken >= LONG:
            heavy.add(number)
            rounds = estimate.rounds(frame, number)
            said = f"goes on for about {_time(taken)} without an `await`: {rounds:,} rounds of some {_time(taken // max(rounds, 1))}"
            yield Spot(frame, "ASL201", -1, said, _USE, Confidence.CERTAIN, loop=number)
    for index, event in enumerate(data.events):
        if event.kind == CALL and not event.awaited and not _inside(event.within, heavy, frame) and inference.feasible(frame, event.guard):
            taken = estimate.call(frame, event, DEPTH)
            if taken >= LONG:
                yield Spot(frame, "ASL201", index, f"computes for about {_time(taken)} without giving way", _USE, Confidence.LIKELY)


_USE = "a process pool: `await loop.run_in_executor(pool, function, …)`; or slices with `await asyncio.sleep(0)` between them"


class Estimate:
    """Nanoseconds that pieces of a program take at least, as far as it can be told: loops of unknown length count as one round."""

    def __init__(self, inference: Inference) -> None:
        self._inference = inference
        self._known: dict[tuple[Frame, int], int] = {}

    def loop(self, frame: Frame, number: int, depth: int) -> int:
        """All rounds of a loop."""
        key = (frame, number)
        if key not in self._known:
            self._known[key] = 0  # recursion is not followed
            self._known[key] = self.rounds(frame, number) * self._round(frame, number, depth)
        return self._known[key]

    def _round(self, frame: Frame, number: int, depth: int) -> int:
        data = frame.fn.data
        guard = data.loops[number].guard  # what depends on a test inside the loop may not run
        inside = (i for i, loop in enumerate(data.loops) if loop.parent == number and not loop.gives_way and loop.guard == guard)
        inner = sum(self.loop(frame, i, depth) for i in inside)
        calls = (event for event in data.events if event.kind == CALL and event.within == number and event.guard == guard)
        return ROUND + data.loops[number].work * EXPRESSION + inner + sum(CALLING + self.call(frame, event, depth) for event in calls)

    def rounds(self, frame: Frame, number: int) -> int:
        """How many rounds a loop has; one where that is not known, or where it may be left early."""
        loop = frame.fn.data.loops[number]
        if loop.kind not in ("for", "comprehension") or loop.exits or loop.gives_way:
            return 1
        return self.length(loop.subject, frame) or 1

    def length(self, expr: Expr, frame: Frame) -> int:
        """How many items something has; 0 where that is not known."""
        expr = root(expr, frame)
        match expr:
            case Seq("list" | "set" | "tuple", items) if not expr.comprehension:
                return len(items)
            case CallOf():
                event = frame.fn.data.events[expr.event]
                names = {v.name for v in self._inference.infer(event.value, frame) if isinstance(v, External)}
                if names == {"builtins.range"}:
                    return self._range(event, frame)
                if names and names <= _PASSING and event.args:
                    return self.length(event.args[0][1], frame)
        return 0

    def _range(self, event: Event, frame: Frame) -> int:
        numbers = []
        for _, expr in event.args:
            values = self._inference.infer(expr, frame)
            if len(values) != 1 or not isinstance(value := values[0], Literal) or type(value.value) is not int:
                return 0
            numbers.append(value.value)
        return len(range(*numbers)) if 1 <= len(numbers) <= 3 and numbers[2:] != [0] else 0

    def call(self, frame: Frame, event: Event, depth: int) -> int:
        """What a call of a function of the project takes, and a builtin that goes through a generator expression."""
        if event.awaited or depth == 0:
            return 0
        values = self._inference.infer(event.value, frame, event.guard)
        if len(values) != 1:
            return 0
        value = values[0]
        if isinstance(value, FunctionValue):
            fn = value.fn
            if fn.is_async or fn.data.generator or fn.data.decorators:
                return 0
            return self.body(self._inference.context(value, event, frame), depth - 1)
        if isinstance(value, External) and value.name in _CONSUMING and event.args:
            return self._generator(event.args[0][1], frame, depth)
        return 0

    def _generator(self, expr: Expr, frame: Frame, depth: int) -> int:
        """Going through a generator expression."""
        if not isinstance(expr, Seq) or expr.kind != "generator" or not isinstance(index := expr.items[0], Fn):
            return 0
        inner = self._inference.frame(frame.fn.module.function(frame.fn.unit, index.index), None, None, frame)
        length = self.length(expr.items[1], frame)
        return length * self._round(inner, 0, depth) if length and inner.fn.data.loops else 0

    def body(self, frame: Frame, depth: int) -> int:
        """Calling a function."""
        data = frame.fn.data
        loops = sum(
            self.loop(frame, number, depth) for number, loop in enumerate(data.loops) if loop.parent < 0 and self._runs(frame, loop.guard)
        )
        calls = (e for e in data.events if e.kind == CALL and e.within < 0 and self._runs(frame, e.guard))
        return loops + sum(self.call(frame, event, depth) for event in calls)

    def _runs(self, frame: Frame, guard: int) -> bool:
        """Whether code under this guard runs whenever the function does."""
        guards = self._inference.guards(frame, guard)
        return all(self._inference.truth(test, frame, parent) is held for test, held, parent in guards)


def _inside(within: int, loops: set[int], frame: Frame) -> bool:
    while within >= 0:
        if within in loops:
            return True
        within = frame.fn.data.loops[within].parent
    return False


def _time(nanoseconds: int) -> str:
    """A duration in one or two digits."""
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000)):
        if nanoseconds >= size:
            number = nanoseconds / size
            return f"{number:.1f} {unit}" if number < 10 else f"{round(number, -1) if number >= 100 else round(number):.0f} {unit}"
    return f"{nanoseconds} ns"
