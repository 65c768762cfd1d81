"""Which units can hold a misuse, judged by their words; and the detectors over them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from asynclint.check.misuse.deadlock import locks_across_awaits, waits_for_own_loop
from asynclint.check.misuse.dropped import dangling_tasks, never_awaited
from asynclint.check.misuse.fanout import unbounded_fan_outs
from asynclint.check.misuse.heavy import heavy_loops
from asynclint.check.misuse.outside import made_outside, old_ways
from asynclint.check.misuse.spin import polling_sleeps, unbounded_spins
from asynclint.check.misuse.spot import Spot
from asynclint.program.infer import Inference
from asynclint.program.link import Linker
from asynclint.program.project import Module
from asynclint.program.relevance import Relevance
from asynclint.program.values import Frame
from asynclint.syntax.index import CLASS, CODE, COUNTS, METHOD, POLLS, SPINS, IndexedUnit

#: the codes that are looked for here
CODES = ("ASL201", "ASL203", "ASL301", "ASL302", "ASL303", "ASL304", "ASL305", "ASL306", "ASL307")
Candidate = tuple[Module, IndexedUnit]


class Search:
    """Looks for the misuses of the `codes` in some modules of a project that was explored before."""

    def __init__(
        self, inference: Inference, linker: Linker, relevance: Relevance, codes: Collection[str], fail: Callable[[str, str], None]
    ) -> None:
        self._inference = inference
        self._linker = linker
        self._relevance = relevance
        self._codes = codes
        self._fail = fail
        units = [
            (module, unit) for module in inference.project.modules for unit in module.file_index.units if unit.kind not in (CODE, CLASS)
        ]
        #: the names that only coroutine functions have
        self._asynchronous = {unit.name for _, unit in units if unit.asynchronous}
        self._asynchronous.difference_update(unit.name for _, unit in units if not unit.asynchronous)
        #: name → whether the functions of that name give coroutines, and the modules that define one which does
        self._definitions: dict[str, tuple[set[bool], set[int]]] = {}
        for module, unit in units:
            gives = unit.asynchronous or self._gives_coroutine(unit)
            kinds, numbers = self._definitions.setdefault(unit.name, (set(), set()))
            kinds.add(gives)
            if gives:
                numbers.add(module.number)
        self._words: dict[str, list[tuple[str, str]]] = {}
        #: the last words of methods whose result is not to be dropped: who calls one need not import the library
        self._methods = {
            name.rpartition(".")[2]
            for name, rows in inference.catalog.misuses.items()
            if name.split(".")[-2][:1].isupper() and any(row.how == "dropped" and row.code == "ASL302" for row in rows)
        }
        for name, rows in inference.catalog.misuses.items():
            for row in rows:
                if row.code in codes:
                    self._words.setdefault(name.rpartition(".")[2], []).append((name.partition(".")[0], row.how))

    def _gives_coroutine(self, unit: IndexedUnit) -> bool:
        """Whether a plain function may return a coroutine, by the names that it calls there."""
        return not self._asynchronous.isdisjoint(unit.returned)

    # --- which units

    def candidates(self, modules: Collection[Module]) -> list[Candidate]:
        """The units of these modules that may hold a misuse."""
        found = [(module, unit) for module in modules for unit in self._units(module)]
        return list({(module.number, unit.start): (module, unit) for module, unit in [*found, *self._callers(modules)]}.values())

    def _callers(self, modules: Collection[Module]) -> list[Candidate]:
        """Coroutines that name a function with a loop of many rounds."""
        if "ASL201" not in self._codes:
            return []
        named = [
            (module, unit.name, unit.kind == METHOD)
            for module in self._inference.project.modules
            for unit in module.file_index.units
            if COUNTS in unit.loops and "range(" in unit.words and not unit.asynchronous
        ]
        reported = {module.number for module in modules}
        users = self._relevance.namers(named, again=True)
        return [(module, unit) for module, unit in users if module.number in reported and unit.asynchronous]

    def _units(self, module: Module) -> Iterator[IndexedUnit]:
        roots = {name.partition(".")[0] for name, level in module.file_index.imported if level == 0}
        renamed = {found.bound: found.attr for found in module.file_index.imports if found.attr and found.bound != found.attr}
        own = {(unit.owner, unit.name) for unit in module.file_index.units if unit.asynchronous or self._gives_coroutine(unit)}
        for unit in module.file_index.units:
            if (
                self._names_something(unit, roots, renamed)
                or ("ASL201" in self._codes and COUNTS in unit.loops and "async" in unit.words)
                or ("ASL203" in self._codes and SPINS in unit.loops)
                or ("ASL306" in self._codes and POLLS in unit.loops)
                or ("ASL304" in self._codes and "threading" in roots and {"async", "with"} <= set(unit.words))
                or ("ASL301" in self._codes and any(self._may_drop(name, unit, module, own) for name in unit.stated))
            ):
                yield unit

    def _names_something(self, unit: IndexedUnit, roots: set[str], renamed: dict[str, str]) -> bool:
        for word in unit.words:
            if word[-1] != "(":
                continue
            name = word.strip(".(")
            for root, how in self._words.get(renamed.get(name, name), ()):
                if root not in roots and not (how == "dropped" and name in self._methods and word[0] == "."):
                    continue
                if how == "dropped" and (name in unit.stated or "add_done_callback" in unit.stated):
                    return True
                if how in ("called", "fan-out", "called-to-run") or (how == "no-loop" and unit.kind in (CODE, CLASS)):
                    return True
                if (how == "run" and "ASL303" in self._codes and self._has_run_argument(unit)) or how == "own-loop":
                    return True
        return False

    def _has_run_argument(self, unit: IndexedUnit) -> bool:
        return any(how == "no-loop" for word in unit.words if word[-1] == "(" for _, how in self._words.get(word.strip(".("), ()))

    def _may_drop(self, name: str, unit: IndexedUnit, module: Module, own: set[tuple[str, str]]) -> bool:
        """Whether a call of that name in a unit may make a coroutine."""
        if (unit.owner, name) in own or (unit.kind != METHOD and ("", name) in own):
            return True
        if f".{name}(" not in unit.words and not (module.stars or name in module.imports):
            return False  # a parameter, or a name of the function itself
        kinds, numbers = self._definitions.get(name, (set(), set()))
        return kinds == {True} and any(module.number in self._relevance.seen_from(number) for number in numbers)

    # --- what is in them

    def spots(self, candidates: Collection[Candidate]) -> Iterator[Spot]:
        """The misuses in these units, one a place."""
        seen: set[tuple[object, str, int, int]] = set()
        for module, unit in candidates:
            try:
                found = [spot for frame in self._frames(module, unit) for spot in self._in_frame(frame)]
            except Exception as error:  # one unit must not cost the results of all others
                self._fail(module.path, f"internal failure in line {unit.line}: {type(error).__name__}: {error}")
                continue
            for spot in found:
                key = (spot.frame.fn, spot.code, spot.event, spot.loop)
                if spot.code in self._codes and key not in seen:
                    seen.add(key)
                    yield spot

    def _frames(self, module: Module, unit: IndexedUnit) -> Iterator[Frame]:
        facts = module.facts(unit)
        if facts.error:
            return
        if unit.kind in (CODE, CLASS):
            yield self._inference.unit_frame(module, unit)
        for index in range(1, len(facts.functions)):
            owner = self._inference.project.owner(module, unit) if unit.kind == METHOD and index == 1 else None
            yield self._inference.general_frame(module.function(unit, index, owner))

    def _in_frame(self, frame: Frame) -> Iterator[Spot]:
        inference = self._inference
        yield from dangling_tasks(inference, frame)
        yield from never_awaited(inference, self._linker, frame)
        yield from made_outside(inference, frame)
        yield from locks_across_awaits(inference, frame)
        yield from waits_for_own_loop(inference, frame)
        yield from unbounded_spins(inference, frame)
        yield from heavy_loops(inference, frame)
        yield from old_ways(inference, frame)
        yield from polling_sleeps(inference, frame)
        yield from unbounded_fan_outs(inference, frame)
