"""What names mean: in functions, in modules, across imports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from asynclint.facts import Attr, Const, Expr, Import, Local, Name, Seq
from asynclint.program.project import FunctionDef, Module
from asynclint.program.values import UNKNOWN, External, Frame, Literal, ModuleValue, Values, unite
from asynclint.syntax.index import CODE, DEF, METHOD

if TYPE_CHECKING:
    from asynclint.program.infer import Inference


#: imports of imports that are followed to a definition
IMPORTS = 6


class Names:
    """Looks names up where they are bound."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self.catalog = inference.catalog
        self._globals: dict[tuple[int, str], Values] = {}
        self._global_active: set[tuple[int, str]] = set()
        self._exported: dict[Module, frozenset[str]] = {}
        self._module_active: set[tuple[int, str]] = set()

    def lookup(self, name: str, frame: Frame) -> Values:
        at: Frame | None = frame
        while at is not None:
            found = at.fn.data.bindings.get(name)
            if found and name not in at.fn.data.outer and (at is frame or at.fn.data.kind != "class"):
                return unite(*(self.inference.infer(at.fn.data.defs[d], at) for d in found))
            at = at.closure
        fn: FunctionDef | None = frame.fn
        if frame.closure is None and fn is not None and fn.enclosing is not None and fn.enclosing.data.kind != "class":
            return self.lookup(name, self.inference.general_frame(fn.enclosing))
        if frame.fn.data.kind == "class" and frame.fn.index > 0:
            found = frame.fn.data.bindings.get(name)
            if found:
                return unite(*(self.inference.infer(frame.fn.data.defs[d], frame) for d in found))
        return self.global_name(frame.fn.module, name)

    def global_name(self, module: Module, name: str) -> Values:
        """What a name means at module level: the module's own bindings, its imports, star imports, builtins."""
        key = (module.number, name)
        known = self._globals.get(key)
        if known is not None:
            return known
        if key in self._global_active:
            return UNKNOWN
        self._global_active.add(key)
        values = self._global(module, name)
        self._global_active.discard(key)
        self._globals[key] = values
        return values

    def _global(self, module: Module, name: str) -> Values:
        groups: list[Values] = []
        bound = False
        for unit in module.binders(name):
            facts = module.facts(unit)
            if facts.error or not facts.functions:
                continue
            indices = facts.functions[0].bindings.get(name)
            if indices and unit.kind == CODE and name in module.imports:
                indices = tuple(i for i in indices if not isinstance(facts.functions[0].defs[i], Import))  # they are read from the index
            if indices:
                bound = True
                if unit.kind != CODE:
                    groups.clear()  # a definition that always runs replaces those before it
                frame = self.inference.unit_frame(module, unit)
                groups.append(unite(*(self.inference.infer(facts.functions[0].defs[i], frame) for i in indices[-3:])))
        if bound and all(isinstance(v, Literal) and v.value is None for group in groups for v in group):
            groups.extend(self._filled(module, name))
        for found in module.imports.get(name, ()):
            bound = True
            groups.append(self.imported(module.absolute(found.module, found.level), found.attr, module))
        if bound:
            return self._without_strangers(unite(*groups))
        for star in module.stars:
            values = self.imported(module.absolute(star.module, star.level), name, module, star=True)
            if values:
                return values
        return (
            (External(self.catalog.canonical(f"builtins.{name}")),)
            if f"builtins.{name}" in self.inference.known_names or name in _BUILTINS
            else UNKNOWN
        )

    def _without_strangers(self, values: Values) -> Values:
        """Of alternatives (an import and its fallback) those that are known stand for the others."""
        known = tuple(v for v in values if not isinstance(v, External) or v.name in self.inference.known_names)
        return known if any(not isinstance(v, Literal) for v in known) else values

    def _filled(self, module: Module, name: str) -> Iterator[Values]:
        """What functions assign to a name that they declare `global`."""
        for unit in module.file_index.units:
            if unit.kind in (DEF, METHOD) and "global" in unit.words and name in unit.words:
                facts = module.facts(unit)
                for index, data in enumerate(facts.functions):
                    if index > 0 and name in data.outer and name in data.bindings:
                        owner = self.inference.project.owner(module, unit) if unit.kind == METHOD and index == 1 else None
                        frame = self.inference.general_frame(module.function(unit, index, owner))
                        yield from (self.inference.infer(data.defs[d], frame) for d in data.bindings[name])

    def definition(self, expr: Expr, frame: Frame) -> tuple[Expr, Frame] | None:
        """What a name was given, and where, if that happens once: for names of types."""
        match expr:
            case Local() if len(expr.defs) == 1:
                return self._behind_import(frame.fn.data.defs[expr.defs[0]], frame, 0)
            case Name():
                at: Frame | None = frame
                while at is not None:
                    found = at.fn.data.bindings.get(expr.id)
                    if found:
                        return self._behind_import(at.fn.data.defs[found[-1]], at, 0)
                    at = at.closure
                return self._module_definition(frame.fn.module, expr.id, 0)
            case Attr():
                for value in self.inference.infer(expr.base, frame):
                    if isinstance(value, ModuleValue):
                        return self._module_definition(value.module, expr.name, 0)
        return None

    def _behind_import(self, expr: Expr, frame: Frame, depth: int) -> tuple[Expr, Frame] | None:
        if not isinstance(expr, Import):
            return expr, frame
        importer = frame.fn.module
        found = self.inference.project.find(importer.absolute(expr.module, expr.level), importer) if expr.attr else None
        return self._module_definition(found, expr.attr, depth + 1) if found is not None and depth < IMPORTS else None

    def _module_definition(self, module: Module, name: str, depth: int) -> tuple[Expr, Frame] | None:
        for unit in reversed(module.binders(name)):
            facts = module.facts(unit)
            indices = facts.functions[0].bindings.get(name) if facts.functions else None
            if indices:
                return self._behind_import(facts.functions[0].defs[indices[-1]], self.inference.unit_frame(module, unit), depth)
        for found in module.imports.get(name, ()):
            other = self.inference.project.find(module.absolute(found.module, found.level), module) if found.attr else None
            if other is not None and depth < IMPORTS:
                return self._module_definition(other, found.attr, depth + 1)
        return None

    def exports(self, module: Module, name: str) -> bool:
        """Whether a star import of the module binds a name."""
        listed = self._exported.get(module)
        if listed is None:
            listed = self._exported[module] = self._listed(module)
        return name in listed if listed else not name.startswith("_")

    def _listed(self, module: Module) -> frozenset[str]:
        """The names of `__all__`; none where it is missing or put together."""
        binders = module.binders("__all__")
        if len(binders) != 1:
            return frozenset()
        facts = module.facts(binders[0])
        made = [facts.functions[0].defs[i] for i in facts.functions[0].bindings.get("__all__", ())] if facts.functions else []
        if len(made) != 1 or not isinstance(made[0], Seq) or not all(isinstance(item, Const) for item in made[0].items):
            return frozenset()
        return frozenset(str(item.value) for item in made[0].items if isinstance(item, Const))

    def imported(self, module_name: str, attr: str, importer: Module, star: bool = False) -> Values:
        """What `from module_name import attr` (or `import module_name`) gives."""
        found = self.inference.project.find(module_name, importer)
        if found is None:
            if attr and star and f"{module_name}.{attr}" not in self.inference.known_names:
                return UNKNOWN
            if not attr and self.inference.project.knows(module_name) and found is None:
                return (External(module_name),)
            return (External(self.catalog.canonical(f"{module_name}.{attr}" if attr else module_name)),)
        if not attr:
            return (ModuleValue(found),)
        if star and not self.exports(found, attr):
            return UNKNOWN
        return self.module_member(found, attr, star)

    def module_member(self, module: Module, name: str, star: bool = False) -> Values:
        """An attribute of a project module: a binding of it, else a module below it."""
        key = (module.number, name)
        if key in self._module_active:  # `from package import module` in the package itself
            return UNKNOWN if star else self._submodule(module, name)
        self._module_active.add(key)
        try:
            return self._module_member(module, name, star)
        finally:
            self._module_active.discard(key)

    def _module_member(self, module: Module, name: str, star: bool) -> Values:
        if module.binders(name) or name in module.imports:
            values = self.global_name(module, name)
            if values:
                return values
        below = UNKNOWN if star else self._submodule(module, name)
        if below:
            return below
        for found in module.stars:
            values = self.imported(module.absolute(found.module, found.level), name, module, star=True)
            if values:
                return values
        return UNKNOWN

    def _submodule(self, module: Module, name: str) -> Values:
        below = self.inference.project.find(f"{module.name}.{name}", module)
        return (ModuleValue(below),) if below is not None and below is not module else UNKNOWN


_BUILTINS = frozenset(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__)
