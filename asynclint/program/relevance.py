"""Which units may matter: who names a sink its file can mean, who names a function in a module that it can see.

Works on the identifier index and the import graph alone, so that only candidates are ever parsed.
"""

from __future__ import annotations

from collections.abc import Iterable

from asynclint.catalog import Catalog
from asynclint.program.project import Module, Project
from asynclint.syntax.index import CODE, IndexedUnit

#: members that some builtin or everyday class has too: as a method name they prove nothing
AMBIGUOUS = frozenset(
    """access acquire add append call check clear close commit connect copy count create delete description dump exception execute exists
    extend fetch find flush get getvalue glob group index info input insert install is_alive items join keys link list load loads lock map
    metadata move name names next open owner path platform pop put query read readline release reload remove rename replace request requires
    reset resolve result retrieve run save search select send seek set shutdown size sort split start stat status stop submit sync system
    text touch truncate update upload url values version wait walk write data""".split()
)
#: a name defined at most so often is rare: whoever names it is believed without a look at the imports
RARE = 2
#: up to so many definitions of a name, every module that defines it counts as a way to it (overrides of an abstract method)
FEW_OVERRIDES = 40


class Relevance:
    """Answers by name. `hot` collects the words that make an event worth resolving."""

    def __init__(self, project: Project, catalog: Catalog) -> None:
        self.project = project
        self.hot: set[str] = set(_handled_names(catalog))
        self._sinks = _sink_words(catalog)
        self.hot.update(self._sinks)
        self._imports: list[set[int]] = []
        self._importers: list[set[int]] = [set() for _ in project.modules]
        self._outside: list[set[str]] = []
        self._definers: dict[str, list[int]] = {}
        self._postings: dict[str, list[tuple[Module, IndexedUnit]]] = {}
        self._visible: dict[int, set[int]] = {}
        self._resolve_imports()
        self._post()

    def _resolve_imports(self) -> None:
        """The import graph: project modules by number, and the roots of everything else."""
        for module in self.project.modules:
            inside: set[int] = set()
            outside: set[str] = set()
            for name, level in module.file_index.imported:
                absolute = module.absolute(name, level)
                found = self.project.find(absolute, module)
                if found is not None:
                    inside.add(found.number)
                elif level == 0:
                    outside.add(absolute.partition(".")[0])
            self._imports.append(inside)
            self._outside.append(outside)
            for number in inside:
                self._importers[number].add(module.number)

    def _post(self) -> None:
        """Who names what, for all names that anything defines."""
        names = set(self._sinks)
        for module in self.project.modules:
            for unit in module.file_index.units:
                if unit.kind != CODE:
                    names.add(unit.name)
                    self._definers.setdefault(unit.name, []).append(module.number)
                else:
                    names.update(unit.binds)
        postings = self._postings
        for module in self.project.modules:
            for unit in module.file_index.units:
                for word in names.intersection(unit.words):
                    postings.setdefault(word, []).append((module, unit))

    def seeds(self) -> list[tuple[Module, IndexedUnit]]:
        """The units that name a sink which their file can mean."""
        found: dict[tuple[int, int], tuple[Module, IndexedUnit]] = {}
        for word, roots in self._sinks.items():
            for module, unit in self._postings.get(word, ()):
                key = (module.number, unit.start)
                if key not in found and self._can_mean(module, word, roots):
                    found[key] = (module, unit)
        return list(found.values())

    def _can_mean(self, module: Module, word: str, roots: set[str]) -> bool:
        """A builtin, a library that the file or a module it imports knows, or a telling name."""
        if "" in roots or not roots.isdisjoint(self._outside[module.number]):
            return True
        if word not in AMBIGUOUS and "_" in word and len(self._definers.get(word, ())) <= RARE:
            return True
        return any(not roots.isdisjoint(self._outside[number]) for number in self._imports[module.number])

    def namers(self, names: Iterable[tuple[Module, str]], again: bool = False) -> list[tuple[Module, IndexedUnit]]:
        """The units that name one of these functions (module, name) and can see its module; the names become hot."""
        found: dict[tuple[int, int], tuple[Module, IndexedUnit]] = {}
        for module, name in names:
            if not again:
                self.hot.add(name)
            definers = self._definers.get(name, ())
            rare = len(definers) <= RARE and name not in AMBIGUOUS
            numbers = {module.number, *definers} if len(definers) <= FEW_OVERRIDES and name not in AMBIGUOUS else {module.number}
            for other, unit in self._postings.get(name, ()):
                if rare or any(other.number in self._seen_from(number) for number in numbers):
                    found[other.number, unit.start] = (other, unit)
        return list(found.values())

    def _seen_from(self, number: int) -> set[int]:
        """The modules that can see a module: itself, its importers, and theirs."""
        known = self._visible.get(number)
        if known is None:
            known = {number} | self._importers[number]
            for importer in self._importers[number]:
                known |= self._importers[importer]
            self._visible[number] = known
        return known


def _sink_words(catalog: Catalog) -> dict[str, set[str]]:
    """Each word that may name a sink → the import roots that give it ("" for builtins)."""
    words: dict[str, set[str]] = {}
    spellings = [(name, name) for name in catalog.blocking]
    spellings += [(alias, target) for alias, target in catalog.aliases.items() if target in catalog.blocking]
    for spelling, _ in spellings:
        parts = spelling.split(".")
        root = "" if parts[0] == "builtins" else parts[0]
        word = parts[-1]
        if len(parts) > 2 and (word == "*" or (word.startswith("__") and word.endswith("__"))):
            word = parts[-2]
        words.setdefault(word, set()).add(root)
    words.pop("__import__", None)
    for name, given in catalog.returns.items():  # who makes an object whose special methods block
        base = given.partition("[")[0].strip()
        if any(f"{base}.{special}" in catalog.blocking for special in ("__enter__", "__exit__", "__iter__", "__next__", "__getitem__", "*")):
            parts = name.split(".")
            if not parts[-1].startswith("__"):
                words.setdefault(parts[-1], set()).add("" if parts[0] == "builtins" else parts[0])
    return words


def _handled_names(catalog: Catalog) -> Iterable[str]:
    """Functions that do something with what they are handed: their calls are always looked at."""
    for table in (catalog.on_loop, catalog.uses, catalog.startup):
        for name in table:
            yield name.rpartition(".")[2]
