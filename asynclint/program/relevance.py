"""Which units may matter: who names a sink its file can mean, who names a function in a module that it can see.

Works on the identifier index and the import graph alone, so that only candidates are ever parsed.
"""

from __future__ import annotations

from collections.abc import Iterable

from asynclint.catalog import Catalog
from asynclint.program.project import Module, Project
from asynclint.syntax.index import CLASS, CODE, DEF, LOOKUP, METHOD, ImportedName, IndexedUnit

#: members that some builtin or everyday class has too: as a method name they prove nothing
AMBIGUOUS = frozenset(
    """
    access acquire add append call check clear close commit connect copy count create data delete description dump exception execute
    exists extend fetch find flush get getvalue glob group index info input insert install is_alive items join keys link list load
    loads lock map metadata move name names next open owner path platform pop put query read readline release reload remove rename
    replace request requires reset resolve result retrieve run save search seek select send set shutdown size sort split start stat
    status stop submit sync system text touch truncate update upload url values version wait walk write
    """.split()  # noqa: SIM905
)
#: a name defined at most so often is rare: whoever names it is believed without a look at the imports
RARE = 2
#: through so many definitions of one module an object of a library is followed by name
HANDED_ON = 2
#: up to so many definitions of a name, every module that defines it counts as a way to it (overrides of an abstract method)
FEW_OVERRIDES = 40


class Relevance:
    """Answers by name. `hot` collects the words that make an event worth resolving."""

    def __init__(self, project: Project, catalog: Catalog) -> None:
        self.project = project
        self._catalog = catalog
        self.hot: set[str] = set(_handled_names(catalog))
        #: modules in which looking up a plain text may be more than a dictionary's work
        self.lookups: set[int] = set()
        self._sinks = _sink_words(catalog)
        self.hot.update(self._sinks)
        self._imports: list[set[int]] = []
        self._importers: list[set[int]] = [set() for _ in project.modules]
        self._outside: list[set[str]] = []
        self._definers: dict[str, list[int]] = {}
        self._postings: dict[str, list[tuple[Module, IndexedUnit]]] = {}
        self._visible: dict[int, set[int]] = {}
        self._words: dict[int, set[str]] = {}
        self._provided: dict[tuple[int, frozenset[str]], set[str]] = {}
        self._imported_modules: dict[int, set[str]] = {}
        self._own_roots = {module.name.partition(".")[0] for module in project.modules}
        #: member → the modules that import it under another name, with that name
        self._renamed: dict[str, list[tuple[Module, str]]] = {}
        self._members: dict[str, list[tuple[Module, ImportedName]]] | None = None
        self._resolve_imports()
        self._post()

    def _resolve_imports(self) -> None:
        """The import graph: project modules by number, and the roots of everything else."""
        for module in self.project.modules:
            for found_import in module.file_index.imports:
                if found_import.attr and found_import.bound not in ("*", found_import.attr):
                    self._renamed.setdefault(found_import.attr, []).append((module, found_import.bound))
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
        """Who uses which name in which form, for all names that anything defines."""
        names = set(self._sinks)
        for module in self.project.modules:
            names.update(bound for found in module.file_index.imports if found.attr in self._sinks and (bound := found.bound) != "*")
            for unit in module.file_index.units:
                if unit.kind != CODE:
                    names.add(unit.name)
                    self._definers.setdefault(unit.name, []).append(module.number)
                else:
                    names.update(unit.binds)
        forms = {form for name in names for form in _forms(name)}
        postings = self._postings
        for module in self.project.modules:
            for unit in module.file_index.units:
                for word in forms.intersection(unit.words):
                    postings.setdefault(word, []).append((module, unit))

    def seeds(self) -> list[tuple[Module, IndexedUnit]]:
        """The units that name a sink which their file can mean."""
        found: dict[tuple[int, int], tuple[Module, IndexedUnit]] = {}
        for word, origin in self._sinks.items():
            for form in _forms(word):
                if (origin.method and form[0] != ".") or (form == LOOKUP and not origin.keyed):
                    continue
                called = form[-1] in '("'
                for module, unit in self._postings.get(form, ()):
                    key = (module.number, unit.start)
                    if (key in found and form != LOOKUP) or not (
                        called or origin.silent or unit.kind in (CODE, CLASS) or self._is_handed_on(module, unit, form, origin)
                    ):
                        continue
                    if self._can_mean(module, unit, word, form, origin):
                        found[key] = (module, unit)
                        if form == LOOKUP:
                            self.lookups.add(module.number)
        for module in self.project.modules:  # `from time import sleep as pause`
            renamed = {n.bound for n in module.file_index.imports if n.attr in self._sinks and n.bound not in ("*", n.attr)}
            self.hot.update(renamed)
            for unit in module.file_index.units if renamed else ():
                if any(f"{name}(" in unit.words or name in unit.words for name in renamed):
                    found[module.number, unit.start] = (module, unit)
        attentive = self.attentive()
        for module in self.project.modules:
            if module.number in attentive:
                found.update(
                    {(module.number, unit.start): (module, unit) for unit in module.file_index.units if unit.kind in (DEF, METHOD)}
                )
        self._words.clear()  # there were many; few are asked for again
        self._provided.clear()
        return list(found.values())

    def attentive(self) -> set[int]:
        """Modules that know a library whose every method may block: there no name says anything."""
        roots = {name.partition(".")[0] for name in self._catalog.blocking if name.endswith(".*")}
        return {module.number for module in self.project.modules if not roots.isdisjoint(self._outside[module.number])}

    def marked(self) -> list[tuple[Module, str, bool]]:
        """Functions that their author marked as blocking, as names for `namers`."""
        return [(module, name, False) for module in self.project.modules for name in module.file_index.marked]

    def _is_handed_on(self, module: Module, unit: IndexedUnit, form: str, origin: Origin) -> bool:
        """A function that is named and not called may be handed on; that is believed of a library that the file itself imports."""
        if origin.functions.isdisjoint(self._outside[module.number]):
            return False
        return self._can_name(module, unit, form.strip("."), form[0] != ".", origin)

    def _can_mean(self, module: Module, unit: IndexedUnit, word: str, form: str, origin: Origin) -> bool:
        """A builtin, a telling name, or a library that the unit can reach: by an import, or through a name of a module it imports."""
        bare = form[0] != "."
        methods = origin.keyed if form == LOOKUP else origin.methods
        if bare and "" in origin.functions:
            return True
        if word not in AMBIGUOUS and "_" in word and len(self._definers.get(word, ())) <= RARE:
            return True
        imports = self._imports[module.number]
        is_own = word not in AMBIGUOUS and not origin.roots.isdisjoint(self._own_roots)  # the library itself is the project
        if is_own and any(number in imports or number == module.number for number in self._definers.get(word, ())):
            return True
        outside = self._outside[module.number]
        if not bare and not methods.isdisjoint(outside):
            return True
        if form != LOOKUP and not origin.functions.isdisjoint(outside) and self._can_name(module, unit, word, bare, origin):
            return True
        roots = methods | (origin.functions if form != LOOKUP else set())
        return any(not self._provides(number, frozenset(roots)).isdisjoint(self._bare(unit)) for number in imports)

    def _can_name(self, module: Module, unit: IndexedUnit, word: str, bare: bool, origin: Origin) -> bool:
        """Whether a unit can name a function of a library that its file imports."""
        if "import" in unit.words or module.stars:
            return True
        if bare:
            return any(found.module.partition(".")[0] in origin.functions for found in module.imports.get(word, ()))
        words = self._bare(unit)
        return any(not words.isdisjoint(self._bound(module, root)) for root in origin.functions)

    def _bare(self, unit: IndexedUnit) -> set[str]:
        """The words of a unit, however they are used."""
        found = self._words.get(id(unit))
        if found is None:
            found = self._words[id(unit)] = {word.strip(".(") for word in unit.words}
        return found

    def _bound(self, module: Module, root: str) -> set[str]:
        """The names by which a module knows a library."""
        return {
            found.bound
            for name, every in module.imports.items()
            for found in every
            if found.level == 0 and found.module.partition(".")[0] == root
        } | {root}

    def _provides(self, number: int, roots: frozenset[str]) -> set[str]:
        """The names of a module that may hand on something of these libraries: what mentions it, and what mentions that."""
        known = self._provided.get((number, roots))
        if known is not None:
            return known
        names = self._provided[number, roots] = set()
        module = self.project.modules[number]
        for root in roots & self._outside[number]:
            names |= self._bound(module, root)
        if module.stars or not names:
            return names
        for _ in range(HANDED_ON):
            more: set[str] = set()
            for unit in module.file_index.units:
                if not names.isdisjoint(self._bare(unit)):
                    more.update(unit.binds, unit.assigned)
                    if unit.kind == METHOD:
                        more.add(unit.owner)
            names.update(name for name in more if not name.startswith("__"))
        return names

    def users(self, module: Module, unit: IndexedUnit) -> list[tuple[Module, IndexedUnit]]:
        """The units that mention a function, and the imports that pass it on; nothing for a method of a name that others have too."""
        name = unit.name
        if unit.kind == METHOD and len(self._definers.get(name, ())) != 1:
            return []
        found: dict[tuple[int, int], tuple[Module, IndexedUnit]] = {}
        for form in _forms(name):
            for other, user in self._postings.get(form, ()):
                if form[0] == "." or other is module:
                    found[other.number, user.start] = (other, user)
        for other, imported in self._imported_as().get(name, ()):
            if self.project.find(other.absolute(imported.module, imported.level), other) is module:
                forms = set(_forms(imported.bound))
                using = [user for user in other.file_index.units if not forms.isdisjoint(user.words)]
                found.update({(other.number, user.start): (other, user) for user in using or other.file_index.units[:1]})
        found.pop((module.number, unit.start), None)
        return list(found.values())

    def _imported_as(self) -> dict[str, list[tuple[Module, ImportedName]]]:
        """Who imports which member."""
        if self._members is None:
            self._members = {}
            for module in self.project.modules:
                for found in module.file_index.imports:
                    if found.attr:
                        self._members.setdefault(found.attr, []).append((module, found))
        return self._members

    def namers(self, names: Iterable[tuple[Module, str, bool]], again: bool = False) -> list[tuple[Module, IndexedUnit]]:
        """The units that use one of these names (module, name, whether it is a member) and can see its module; the names become hot."""
        found: dict[tuple[int, int], tuple[Module, IndexedUnit]] = {}
        for module, name, member in names:
            if not again:
                self.hot.add(name)
            definers = self._definers.get(name, ())
            rare = len(definers) <= RARE and name not in AMBIGUOUS
            numbers = {module.number, *definers} if len(definers) <= FEW_OVERRIDES and name not in AMBIGUOUS else {module.number}
            for form in _forms(name):
                if (member and form[0] != ".") or (form == LOOKUP and not self._is_keyed(module, name)):
                    continue
                for other, unit in self._postings.get(form, ()):
                    if rare or (
                        any(other.number in self.seen_from(number) for number in numbers)
                        and (member or other.number in numbers or self._can_import(other, unit, name, form))
                    ):
                        found[other.number, unit.start] = (other, unit)
                        if form == LOOKUP:
                            self.lookups.add(other.number)
            for other, bound in self._renamed.get(name, ()):  # `from shop.net import download as load`
                if rare or any(other.number in self.seen_from(number) for number in numbers):
                    self.hot.add(bound)
                    forms = set(_forms(bound))
                    found.update({(other.number, u.start): (other, u) for u in other.file_index.units if not forms.isdisjoint(u.words)})
        return list(found.values())

    def _is_keyed(self, module: Module, name: str) -> bool:
        """Whether a function of that name in a module may take a plain text first: not what is named as an address."""
        for unit in module.file_index.units:
            if unit.name == name and unit.kind in (DEF, METHOD):
                facts = module.facts(unit)
                params = facts.functions[1].params if len(facts.functions) > 1 else ()
                if any("url" not in p.name and "uri" not in p.name for p in params[unit.kind == METHOD : (unit.kind == METHOD) + 1]):
                    return True
        return False

    def _can_import(self, module: Module, unit: IndexedUnit, name: str, form: str) -> bool:
        """Whether a unit can mean a name of another module: imported as such, or through the module."""
        if "import" in unit.words or module.stars:
            return True
        if form[0] != ".":
            return name in module.imports
        modules = self._imported_modules.get(module.number)
        if modules is None:
            modules = self._imported_modules[module.number] = {
                bound
                for bound, every in module.imports.items()
                for found in every
                if not found.attr or self.project.find(f"{module.absolute(found.module, found.level)}.{found.attr}", module) is not None
            }
        return not modules.isdisjoint(self._bare(unit))

    def seen_from(self, number: int) -> set[int]:
        """The modules that can see a module: itself, its importers, and theirs."""
        known = self._visible.get(number)
        if known is None:
            known = {number} | self._importers[number]
            for importer in self._importers[number]:
                known |= self._importers[importer]
            self._visible[number] = known
        return known


class Origin:
    """What a word that may name a sink stands for."""

    __slots__ = ("functions", "keyed", "methods", "silent")

    def __init__(self) -> None:
        #: the import roots of functions and classes of that name ("" for builtins)
        self.functions: set[str] = set()
        #: the import roots of types with a member of that name
        self.methods: set[str] = set()
        #: of these, those that take a plain text first
        self.keyed: set[str] = set()
        #: it blocks without being called: a property, or an object whose special methods block
        self.silent = False

    @property
    def roots(self) -> set[str]:
        return self.functions | self.methods

    @property
    def method(self) -> bool:
        """It is always reached through an object."""
        return not self.functions

    def add(self, name: str, member: bool) -> None:
        """One more thing of that name."""
        root = name.partition(".")[0]
        (self.methods if member else self.functions).add("" if root == "builtins" else root)


def _forms(name: str) -> tuple[str, ...]:
    """How a name can be used."""
    forms = (f"{name}(", f".{name}(", name, f".{name}")
    return (*forms, LOOKUP) if f'.{name}("' == LOOKUP else forms


def _sink_words(catalog: Catalog) -> dict[str, Origin]:
    """The words that may name a sink."""
    words: dict[str, Origin] = {}
    made = _made_types(catalog)
    spellings = [(name, name) for name in catalog.blocking]
    spellings += [(alias, target) for alias, target in catalog.aliases.items() if target in catalog.blocking]
    for spelling, target in spellings:
        parts = spelling.split(".")
        word, special = parts[-1], False
        if len(parts) > 2 and (word == "*" or (word.startswith("__") and word.endswith("__"))):
            word, special = parts[-2], True
        origin = words.setdefault(word, Origin())
        origin.add(spelling, target.rpartition(".")[0] in catalog.types and not special)
        origin.silent |= special or target in catalog.properties
        if any(row.keyed for row in catalog.blocking.get(target, ())):
            origin.keyed.add(parts[0])
    words.pop("__import__", None)
    for name in [*made, *(name for name, rows in catalog.startup.items() if any(row.argument for row in rows))]:
        parts = name.split(".")
        origin = words.setdefault(parts[-1], Origin())
        origin.add(name, ".".join(parts[:-1]) in catalog.types)
    return words


def _made_types(catalog: Catalog) -> list[str]:
    """Functions that make an object whose special methods block."""
    special = ("__enter__", "__exit__", "__iter__", "__next__", "__getitem__", "__len__", "__call__", "*")
    return [
        name
        for name, given in catalog.returns.items()
        if not name.rpartition(".")[2].startswith("__")
        and any(f"{given.partition('[')[0].strip()}.{s}" in catalog.blocking for s in special)
    ]


def _handled_names(catalog: Catalog) -> Iterable[str]:
    """Functions that do something with what they are handed: their calls are always looked at."""
    for table in (catalog.on_loop, catalog.uses, catalog.startup):
        for name in table:
            yield name.rpartition(".")[2]
