"""The modules of a project: their names, their units, their facts on demand."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable

from asynclint.facts import Class, Function, Unit
from asynclint.syntax.index import CLASS, CODE, DEF, METHOD, FileIndex, ImportedName, IndexedUnit

#: (module, unit) → the unit's facts
FactsSource = Callable[["Module", IndexedUnit], Unit]


class Module:
    """One file. `name` is the dotted name by the packages it lies in; `root` is the folder that this name counts from."""

    __slots__ = (
        "_by_name",
        "_class_units",
        "_classes",
        "_functions",
        "_project",
        "file_index",
        "imports",
        "name",
        "number",
        "package",
        "path",
        "root",
        "stars",
    )

    def __init__(self, project: Project, number: int, path: str, name: str, root: str, package: bool, index: FileIndex) -> None:
        self._project = project
        self.number = number
        self.path = path
        self.name = name
        self.root = root
        self.package = package
        self.file_index = index
        self.imports: dict[str, list[ImportedName]] = {}
        self.stars: list[ImportedName] = []
        for found in index.imports:
            if found.bound == "*":
                self.stars.append(found)
            elif found.bound:
                self.imports.setdefault(found.bound, []).append(found)
        self._by_name: dict[str, list[IndexedUnit]] | None = None
        self._class_units: list[IndexedUnit] | None = None
        self._functions: dict[tuple[int, int], FunctionDef] = {}
        self._classes: dict[tuple[int, int], ClassDef] = {}

    def __repr__(self) -> str:
        return f"<module {self.name}>"

    def binders(self, name: str) -> list[IndexedUnit]:
        """The top-level units that may bind a name."""
        if self._by_name is None:
            self._by_name = {}
            for unit in self.file_index.units:
                if unit.kind != METHOD:
                    for bound in unit.binds:
                        self._by_name.setdefault(bound, []).append(unit)
        return self._by_name.get(name, [])

    def class_unit(self, method: IndexedUnit) -> IndexedUnit | None:
        """The unit of the class that a method unit stands in."""
        if self._class_units is None:
            self._class_units = [unit for unit in self.file_index.units if unit.kind == CLASS]
        return next((unit for unit in self._class_units if unit.start <= method.start < unit.end), None)

    def facts(self, unit: IndexedUnit) -> Unit:
        return self._project.facts(self, unit)

    def function(self, unit: IndexedUnit, index: int, owner: ClassDef | None = None) -> FunctionDef:
        """The function with this index in a unit; the same object each time."""
        found = self._functions.get((unit.start, index))
        if found is None:
            facts = self.facts(unit)
            data = facts.functions[index]
            if owner is None and data.owner >= 0:
                owner = self.cls(unit, data.owner)
            found = self._functions[unit.start, index] = FunctionDef(self, unit, facts, index, data, owner)
        return found

    def cls(self, unit: IndexedUnit, index: int) -> ClassDef:
        """The class with this index in a unit."""
        found = self._classes.get((unit.start, index))
        if found is None:
            facts = self.facts(unit)
            found = self._classes[unit.start, index] = ClassDef(self, unit, facts, index, facts.classes[index])
        return found

    def absolute(self, module: str, level: int) -> str:
        """The absolute name of an imported module."""
        if level == 0:
            return module
        parts = self.name.split(".")
        keep = len(parts) - level + (1 if self.package else 0)
        return ".".join([*parts[: max(keep, 0)], *([module] if module else [])])


class FunctionDef:
    """A function of the project: where it stands and what it says."""

    __slots__ = ("data", "facts", "index", "module", "owner", "unit")

    def __init__(self, module: Module, unit: IndexedUnit, facts: Unit, index: int, data: Function, owner: ClassDef | None) -> None:
        self.module, self.unit, self.facts, self.index, self.data, self.owner = module, unit, facts, index, data, owner

    def __repr__(self) -> str:
        return f"<function {self.qualified_name}>"

    @property
    def enclosing(self) -> FunctionDef | None:
        """The function around a nested one (not the unit's own statements)."""
        return self.module.function(self.unit, self.data.parent) if self.data.parent > 0 else None

    @property
    def is_async(self) -> bool:
        return self.data.kind == "async"

    @property
    def qualified_name(self) -> str:
        """`package.module.Class.method` or `package.module.outer.inner`."""
        names = [self.data.name]
        outer = self.enclosing
        if self.owner is not None:
            names.append(self.owner.data.name)
            if outer is not None and outer.data.kind == "class":
                outer = outer.enclosing
        while outer is not None:
            names.append(outer.data.name)
            outer = outer.enclosing
        return ".".join([self.module.name, *reversed(names)])


class ClassDef:
    """A class of the project."""

    __slots__ = ("_methods", "data", "facts", "index", "module", "unit")

    def __init__(self, module: Module, unit: IndexedUnit, facts: Unit, index: int, data: Class) -> None:
        self.module, self.unit, self.facts, self.index, self.data = module, unit, facts, index, data
        self._methods: dict[str, list[IndexedUnit]] | None = None

    def __repr__(self) -> str:
        return f"<class {self.qualified_name}>"

    @property
    def qualified_name(self) -> str:
        return f"{self.module.name}.{self.data.name}"

    @property
    def body(self) -> FunctionDef:
        """The class body as a function."""
        return self.module.function(self.unit, self.data.body)

    @property
    def method_units(self) -> dict[str, list[IndexedUnit]]:
        """Methods that are units of their own, by name (several: overloads, setters)."""
        if self._methods is None:
            self._methods = {}
            if self.unit.kind == CLASS and self.data.name == self.unit.name and self.data.body == 1:
                for unit in self.module.file_index.units:
                    if unit.kind == METHOD and self.unit.start <= unit.start < self.unit.end:
                        self._methods.setdefault(unit.name, []).append(unit)
        return self._methods

    def method(self, unit: IndexedUnit) -> FunctionDef:
        """The function of a method unit."""
        return self.module.function(unit, 1, self)


class Project:
    """All modules that may be read, by name."""

    def __init__(self, files: Iterable[tuple[str, FileIndex]], root: str, facts: FactsSource) -> None:
        self.facts = facts
        self.root = root
        self.modules: list[Module] = []
        self._by_name: dict[str, list[Module]] = {}
        packages: dict[str, bool] = {}
        for path, index in files:
            self._add(path, index, packages)

    def _add(self, path: str, index: FileIndex, packages: dict[str, bool]) -> None:
        folder, _, file = path.rpartition("/")
        stem = file.rpartition(".")[0]
        names = [] if stem == "__init__" else [stem]
        while folder and _is_package(folder, packages):
            folder, _, last = folder.rpartition("/")
            names.append(last)
        name = ".".join(reversed(names)) or stem
        module = Module(self, len(self.modules), path, name, folder, stem == "__init__", index)
        self.modules.append(module)
        self._by_name.setdefault(name, []).append(module)
        while len(folder) > len(self.root) and folder.startswith(
            self.root
        ):  # the same module, seen from a folder further up: namespace packages
            folder, _, last = folder.rpartition("/")
            if not last.isidentifier():
                break
            name = f"{last}.{name}"
            self._by_name.setdefault(name, []).append(module)

    def inside(self, path: str) -> str:
        """A path as seen from the project's root."""
        return path[len(self.root) + 1 :] if path.startswith(f"{self.root}/") else path

    def roots(self) -> set[str]:
        """The top-level names of the modules and of all that they import."""
        found = {module.name.partition(".")[0] for module in self.modules}
        found.update(name.partition(".")[0] for module in self.modules for name, level in module.file_index.imported if level == 0)
        return found

    def find(self, name: str, importer: Module) -> Module | None:
        """The module of that name, as `importer` sees it: of several the one nearest to it.

        A module that is named as one of the standard library counts only for those beside it.
        """
        found = self._by_name.get(name)
        if not found:
            return None
        if name.partition(".")[0] in sys.stdlib_module_names:
            found = [m for m in found if m.root == importer.root and m is not importer]
            return found[0] if found else None
        if len(found) == 1:
            return found[0]
        return max(found, key=lambda m: (m.name == name, _common(m.path, importer.path)))

    def knows(self, name: str) -> bool:
        """Whether some module has that name or lies below it."""
        return name in self._by_name

    def definition(self, module: Module, unit: IndexedUnit) -> FunctionDef | None:
        """The function of a `def` or method unit; None where the unit does not parse."""
        facts = self.facts(module, unit)
        if facts.error or len(facts.functions) < 2 or unit.kind not in (DEF, METHOD):
            return None
        return module.function(unit, 1, self.owner(module, unit) if unit.kind == METHOD else None)

    def owner(self, module: Module, unit: IndexedUnit) -> ClassDef | None:
        """The class of a method unit."""
        candidate = module.class_unit(unit)
        facts = self.facts(module, candidate) if candidate is not None else None
        return module.cls(candidate, 0) if candidate is not None and facts is not None and facts.classes and not facts.error else None


def _common(first: str, second: str) -> int:
    """How many characters two paths share from the start."""
    return next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second)))


def _is_package(folder: str, known: dict[str, bool]) -> bool:
    found = known.get(folder)
    if found is None:
        found = known[folder] = os.path.isfile(f"{folder}/__init__.py")
    return found


__all__ = ["CODE", "ClassDef", "FunctionDef", "Module", "Project"]
