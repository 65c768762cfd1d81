"""Finds the part of a program that matters, from the sinks upwards.

Round by round: units that name a sink (then: a function found to block) in a file that can see it are parsed and linked; the functions that
really reach a sink lend their names to the next round. Nothing else is parsed, but for the definitions that types are read from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from asynclint.catalog import library_cost
from asynclint.facts import CallOf
from asynclint.program.infer import Inference
from asynclint.program.link import Linker
from asynclint.program.project import FunctionDef, Module, Project
from asynclint.program.propagate import Effects
from asynclint.program.relevance import Relevance
from asynclint.program.values import Choice, Edge, External, Frame, FunctionValue, Generator, Instance, Later, Lazy, Partial, Value
from asynclint.syntax.index import CLASS, CODE, METHOD, IndexedUnit

Candidate = tuple[Module, IndexedUnit]
#: rounds of callers of callers; real chains are far shorter
ROUNDS = 60
#: a statement that binds no more names may hold a lambda under any of them
FEW_NAMES = 4
#: special methods that run without being named
_IMPLICIT = frozenset(("__enter__", "__exit__", "__iter__", "__next__", "__call__", "__getitem__", "__len__"))


class Exploration:
    """The call graph and the effects of all that matters in a project."""

    def __init__(
        self,
        project: Project,
        inference: Inference,
        relevance: Relevance,
        prepare: Callable[[list[Candidate]], None],
        fail: Callable[[str, str], None],
        floor: int,
    ) -> None:
        self.project = project
        self.inference = inference
        self.catalog = inference.catalog
        self.relevance = relevance
        self.linker = Linker(inference, relevance.hot)
        self.linker.attentive = relevance.attentive()
        self.linker.lookups = relevance.lookups
        self.effects = Effects()
        self.roots: dict[Frame, None] = {}
        self._prepare = prepare
        self._fail = fail
        #: functions that cost less do not make their callers worth a look
        self._floor = floor
        self._units: dict[tuple[int, int], list[Frame]] = {}
        #: frames of units that are no candidates yet
        self._waiting: dict[tuple[int, int], dict[Frame, None]] = {}
        self._functions: dict[FunctionDef, None] = {}
        self._exported: set[tuple[int, str]] = set()
        self._held: list[tuple[Module, str, bool]] = []
        self._blocking: set[Frame] = set()
        self._aliases: dict[Frame, list[tuple[Module, str, bool]]] = {}

    def run(self, progress: Callable[[int], None] = lambda count: None) -> None:
        """Explores to the end. `progress` is told the number of units looked at."""
        candidates = [*self.relevance.seeds(), *self.relevance.namers(self.relevance.marked())]
        for _ in range(ROUNDS):
            if not candidates:
                break
            candidates = _in_order(candidates)
            self._prepare(_in_order([*candidates, *self._surroundings(candidates)]))
            self._visit(candidates)
            progress(len(self._units))
            candidates = self._next()
        self._find_roots()

    def _surroundings(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """The classes of methods, and their constructors: types will be read from them, and many are parsed faster at once."""
        wanted: dict[tuple[int, int], Candidate] = {}
        classes: dict[Module, set[str]] = {}
        for module, unit in candidates:
            if unit.kind == METHOD:
                classes.setdefault(module, set()).add(unit.owner)
        for module, names in classes.items():
            for unit in module.file_index.units:
                if (unit.kind == CLASS and unit.name in names) or (unit.kind == METHOD and unit.name == "__init__" and unit.owner in names):
                    wanted[module.number, unit.start] = (module, unit)
        return list(wanted.values())

    # --- one round

    def _visit(self, candidates: Iterable[Candidate]) -> None:
        for module, unit in candidates:
            try:
                self._visit_unit(module, unit)
            except Exception as error:  # one unit must not cost the results of all others
                self._fail(module.path, f"internal failure in line {unit.line}: {type(error).__name__}: {error}")
        self._blocking = self.effects.settle(self._floor)

    def _visit_unit(self, module: Module, unit: IndexedUnit) -> None:
        key = (module.number, unit.start)
        frames = self._units.get(key)
        if frames is None:
            frames = self._units[key] = []
            facts = module.facts(unit)
            if facts.error:
                return
            if unit.kind in (CODE, CLASS):
                self._visit_statements(module, unit)
            for index in range(1, len(facts.functions)):
                owner = self.project.owner(module, unit) if unit.kind == METHOD and index == 1 else None
                fn = module.function(unit, index, owner)
                if fn.data.kind in ("class", "module"):
                    continue
                frames.append(self.inference.general_frame(fn))
                self._functions[fn] = None
                self._decorated(fn)
            self._hold(module, unit)
            frames.extend(self._waiting.pop(key, ()))
        for frame in frames:
            self._link(frame)

    def _visit_statements(self, module: Module, unit: IndexedUnit) -> None:
        """Module-level statements do not run on the loop, but they may hand callbacks to it, and they name things."""
        frame = self.inference.unit_frame(module, unit)
        self._link(frame, effects=False)

    def _hold(self, module: Module, unit: IndexedUnit) -> None:
        """Names and attributes that hold an object of a library whose special methods block lend it their name."""
        facts = module.facts(unit)
        if unit.kind in (CODE, CLASS):
            for bound, indices in facts.functions[0].bindings.items() if unit.kind == CODE else ():
                frame = self.inference.unit_frame(module, unit)
                if any(
                    self._is_special(v) or self._is_alias(v)
                    for i in indices
                    for v in self.inference.infer(facts.functions[0].defs[i], frame)
                ):
                    self._held.append((module, bound, False))
            return
        for index, data in enumerate(facts.functions):
            for _base, attr, value, _annotation, _guard in data.attributes:
                if isinstance(value, CallOf):
                    owner = self.project.owner(module, unit) if unit.kind == METHOD and index == 1 else None
                    frame = self.inference.general_frame(module.function(unit, index, owner))
                    if any(self._is_special(v) for v in self.inference.infer(value, frame)):
                        self._held.append((module, attr, True))

    def _is_special(self, value: Value) -> bool:
        if not isinstance(value, Instance) or not isinstance(value.cls, str):
            return False
        for ancestor in self.catalog.mro(value.cls):
            for name in _IMPLICIT:
                rows = self.catalog.blocking.get(f"{ancestor}.{name}", ())
                if any(library_cost(row) >= self._floor for row in rows):
                    return True
        return False

    def _is_alias(self, value: Value) -> bool:
        """`wait = time.sleep`, `fetch = partial(requests.get, …)`."""
        if isinstance(value, Partial):
            return any(self._is_alias(v) for v in value.function)
        return isinstance(value, FunctionValue) or (isinstance(value, External) and value.name in self.catalog.blocking)

    def _decorated(self, fn: FunctionDef) -> None:
        """A function behind a decorator of the project blocks if what the decorator made of it does."""
        _, replaced = self.inference.decoration(fn)
        for value in replaced:
            if isinstance(value, FunctionValue) and value.fn is not fn:
                receiver = Instance(fn.owner) if fn.owner is not None else None
                frame = self.inference.frame(value.fn, receiver, None, value.closure)
                self._units.setdefault((fn.module.number, fn.unit.start), []).append(frame)
                self._aliases.setdefault(frame, []).append((fn.module, fn.unit.name, fn.unit.kind == METHOD))
                if value.fn.is_async:
                    self.linker.roots.append(frame)

    def _link(self, frame: Frame, effects: bool = True) -> None:
        stack = [frame]
        while stack:
            current = stack.pop()
            try:
                edges = self.linker.link(current)
            except Exception as error:  # one function must not cost the results of all others
                self._fail(current.fn.module.path, f"internal failure in {current.fn.qualified_name}: {type(error).__name__}: {error}")
                continue
            if effects and edges:
                self.effects.add(current, edges)
            for edge in edges:
                stack.extend(t for t in _frames(edge) if t.number >= 0 and self._worth(t))
            stack.extend(root for root in self._new_roots())

    def _new_roots(self) -> list[Frame]:
        new = [root for root in dict.fromkeys(self.linker.roots) if root not in self.roots]
        self.linker.roots.clear()
        for root in new:
            self.roots[root] = None
            key = (root.fn.module.number, root.fn.unit.start)
            frames = self._units.get(key)
            if frames is not None:
                frames.append(root)
            else:
                self._waiting.setdefault(key, {})[root] = None
        return new

    def _worth(self, frame: Frame) -> bool:
        """Whether a callee is linked now: its unit is a candidate, or it was handed something to run."""
        key = (frame.fn.module.number, frame.fn.unit.start)
        known = self._units.get(key)
        if known is not None:
            if frame not in known:
                known.append(frame)
                return True
            return False
        if any(
            isinstance(v, (FunctionValue, Partial, Generator, Lazy, Later, Instance, External))
            for values in frame.params.values()
            for v in values
        ):
            self._units[key] = [frame, *self._waiting.pop(key, ())]
            self._link_general(frame)
            return True
        self._waiting.setdefault(key, {})[frame] = None
        return False

    def _link_general(self, frame: Frame) -> None:
        """A unit that became a candidate by what it was handed has its general frames too."""
        facts = frame.fn.facts
        for index in range(1, len(facts.functions)):
            if facts.functions[index].kind not in ("class", "module"):
                fn = frame.fn.module.function(frame.fn.unit, index, frame.fn.owner if index == frame.fn.index else None)
                general = self.inference.general_frame(fn)
                if general not in self._units[frame.fn.module.number, frame.fn.unit.start]:
                    self._units[frame.fn.module.number, frame.fn.unit.start].append(general)
                    self._functions[fn] = None

    def _next(self) -> list[Candidate]:
        """Units that name what was found to block."""
        names: list[tuple[Module, str, bool]] = []
        for held in self._held:
            if (held[0].number, held[1]) not in self._exported:
                self._exported.add((held[0].number, held[1]))
                names.append(held)
        self._held = []
        for frame in self._blocking:
            for module, name, member in (*self._names(frame), *self._aliases.get(frame, ())):
                if (module.number, name) not in self._exported:
                    self._exported.add((module.number, name))
                    names.append((module, name, member))
        self._blocking = set()
        return self.relevance.namers(names)

    def _names(self, frame: Frame) -> Iterable[tuple[Module, str, bool]]:
        """The names by which others reach a blocking function."""
        fn = frame.fn
        unit = fn.unit
        if unit.kind in (CODE, CLASS):
            yield from self._bound_names(fn)
        elif fn.index != 1:
            yield fn.module, unit.name, unit.kind == METHOD  # something nested: whoever gets it from the outer function
        elif not fn.is_async:
            name = fn.data.name
            if unit.kind == METHOD and name.startswith("__") and name.endswith("__"):
                yield fn.module, unit.owner, False
                if name in _IMPLICIT:
                    yield from self._holders(fn)
            else:
                yield fn.module, name, unit.kind == METHOD

    def _bound_names(self, fn: FunctionDef) -> Iterable[tuple[Module, str, bool]]:
        """The names by which a function that stands in a statement is reached: its own, and those of what it stands in."""
        at = None if fn.is_async else fn
        while at is not None and at.data.kind != "module":
            if at.data.kind in ("def", "async", "class"):
                yield fn.module, at.data.name, at.owner is not None
            at = at.enclosing
        if fn.data.kind in ("lambda", "genexp"):
            statements = fn.facts.functions[0].bindings
            for name in statements if len(statements) <= FEW_NAMES else ():
                yield fn.module, name, False

    def _holders(self, fn: FunctionDef) -> Iterable[tuple[Module, str, bool]]:
        """Attributes that hold objects of a class whose special methods block."""
        if fn.owner is None:
            return
        for module, unit in self.relevance.namers([(fn.module, fn.owner.data.name, False)], again=True):
            facts = module.facts(unit)
            for index, data in enumerate(facts.functions):
                for _base, attr, value, _annotation, _guard in data.attributes:
                    owner = self.project.owner(module, unit) if unit.kind == METHOD and index == 1 else None
                    frame = self.inference.general_frame(module.function(unit, index, owner))
                    if any(isinstance(v, Instance) and v.cls is fn.owner for v in self.inference.infer(value, frame)):
                        yield module, attr, True

    # --- roots

    def _find_roots(self) -> None:
        """All functions that the loop runs, of those looked at."""
        for fn in self._functions:
            if fn.data.marker == "off-loop":
                continue
            if fn.is_async or fn.data.marker == "on-loop" or self._loop_calls(fn):
                kinds, _ = self.inference.decoration(fn)
                if "offload" not in kinds or fn.is_async:
                    frame = self.inference.general_frame(fn)
                    frame.startup |= "startup" in kinds
                    self.roots[frame] = None

    def _loop_calls(self, fn: FunctionDef) -> bool:
        """A decorator says so, or it is a method that the loop calls on a protocol."""
        kinds, _ = self.inference.decoration(fn)
        if "on-loop" in kinds:
            return True
        if fn.owner is not None and fn.data.kind == "def":
            for ancestor in self.inference.mro(fn.owner):
                if isinstance(ancestor, str):
                    for name in self.catalog.mro(ancestor):
                        if any(fn.data.name in row.methods for row in self.catalog.on_loop.get(name, ())):
                            return True
        return False


def _in_order(candidates: Iterable[Candidate]) -> list[Candidate]:
    """As they stand in the files: what is visited next is parsed next."""
    return sorted(candidates, key=lambda found: (found[0].number, found[1].start))


def _frames(edge: Edge) -> list[Frame]:
    if isinstance(edge.target, Frame):
        return [edge.target]
    return edge.target.frames if isinstance(edge.target, Choice) else []
