"""Attributes of values: of modules, classes and their instances; the classes that they come from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from asynclint.facts import Annotated, Expr, Fn, Local, Name, Sub
from asynclint.program.project import ClassDef, FunctionDef
from asynclint.program.values import (
    LITERAL_TYPES,
    UNKNOWN,
    ClassValue,
    Collection,
    External,
    Frame,
    FunctionValue,
    Instance,
    Lazy,
    Literal,
    ModuleValue,
    Super,
    Value,
    Values,
    unite,
)

if TYPE_CHECKING:
    from asynclint.program.infer import Inference


class Members:
    """Finds what an attribute of a value is."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self.catalog = inference.catalog
        self._mro: dict[ClassDef, list[ClassDef | str]] = {}
        self._members: dict[tuple[object, str], Values] = {}
        self._member_active: set[tuple[object, str]] = set()

    def attribute(self, base: Value, name: str) -> Values:
        match base:
            case ModuleValue():
                return self.inference.names.module_member(base.module, name)
            case External():
                if base.receiver is not None:
                    return unite(*(self.attribute(v, name) for v in self.inference.read(base) if v != base))
                return self._external_member(base, name)
            case Instance():
                return self.member(base, name)
            case ClassValue():
                return self._class_member(base, name)
            case Super():
                return self._inherited_member(base, name)
            case Literal():
                kind = LITERAL_TYPES.get(type(base.value))
                return (External(f"{kind}.{name}", Instance(kind)),) if kind else UNKNOWN
            case Collection():
                return (External(f"builtins.{base.kind}.{name}", base),)
            case Lazy():
                return unite(*(self.attribute(v, name) for v in base.result))
            case FunctionValue() if name in ("__wrapped__", "__func__"):
                return (base,)
        return UNKNOWN

    def _external_member(self, base: External, name: str) -> Values:
        found = (
            self.inference.project.find(f"{base.name}.{name}", self.inference.project.modules[0])
            if self.inference.project.modules and self.inference.project.knows(base.name)
            else None
        )
        if found is not None:
            return (ModuleValue(found),)
        full = self.catalog.canonical(f"{base.name}.{name}")
        if base.name in self.catalog.types:
            for cls in self.catalog.mro(base.name):
                if f"{cls}.{name}" in self.inference.known_names:
                    return (External(f"{cls}.{name}"),)
        given = self.catalog.returns.get(full)
        if given is not None and name[:1].islower() and full not in self.catalog.blocking and given.startswith("= "):
            return self.inference.typed(given[2:])
        return (External(full),)

    def member(self, base: Instance, name: str) -> Values:
        """An attribute of an instance."""
        if isinstance(base.cls, str):
            return self._foreign_member(base, base.cls, name)
        key = (base, name)
        known = self._members.get(key)
        if known is not None:
            return known
        if key in self._member_active:
            return UNKNOWN
        self._member_active.add(key)
        values = self._own_member(base, name)
        self._member_active.discard(key)
        self._members[key] = values
        return values

    def _foreign_member(self, receiver: Value, cls: str, name: str) -> Values:
        for ancestor in self.catalog.mro(cls):
            full = f"{ancestor}.{name}"
            if full in self.inference.known_names:
                return (External(full, receiver),)
        for ancestor in self.catalog.mro(cls):
            if f"{ancestor}.*" in self.inference.known_names and not name.startswith("_"):
                return (External(f"{ancestor}.*", receiver),)
            if f"{ancestor}.__getattr__" in self.catalog.returns:
                return self.inference.typed(self.catalog.returns[f"{ancestor}.__getattr__"], receiver)
        return (External(f"{cls}.{name}", receiver),) if cls in self.catalog.types or cls.startswith("builtins.") else UNKNOWN

    def _inherited_member(self, base: Super, name: str) -> Values:
        """What `super().name` gives: bound to the receiver, found behind the class."""
        receiver = base.receiver
        if isinstance(receiver, ClassValue):
            return self._class_member(receiver, name, behind=base.owner)
        found = self._own_member(receiver, name, behind=base.owner)
        # an abstract method is meant itself here, not what implements it
        abstract = [isinstance(v, FunctionValue) and v.fn.data.stub for v in found]
        sealed = replace(receiver, exact=True)
        return tuple(
            replace(v, receiver=sealed) if stub and isinstance(v, FunctionValue) else v for v, stub in zip(found, abstract, strict=True)
        )

    def _behind(self, cls: ClassDef | str, owner: ClassDef | None) -> list[ClassDef | str]:
        """The ancestors in which members are looked up: all, or those behind `owner`."""
        ancestors = self.mro(cls)
        if owner is None:
            return ancestors
        return ancestors[ancestors.index(owner) + 1 :] if owner in ancestors else self.mro(owner)[1:]

    def _own_member(self, base: Instance, name: str, behind: ClassDef | None = None) -> Values:
        for field, settled in base.fields:
            if field == name:
                return settled
        for cls in self._behind(base.cls, behind):
            if isinstance(cls, str):
                found = self._foreign_member(base, cls, name)
                if found and any(isinstance(v, External) and v.name in self.inference.known_names for v in found):
                    return found
                continue
            values = self._declared(cls, name, base)
            assigned: Values = UNKNOWN
            if values is None or all(isinstance(v, Literal) for v in values):
                assigned = self._assigned(cls, name, base)
            if assigned:
                return assigned
            if values is not None:
                return values
        return UNKNOWN

    def _declared(self, cls: ClassDef, name: str, receiver: Value) -> Values | None:
        """A method or class attribute of this very class; None if it has none."""
        units = cls.method_units.get(name)
        if units:
            values: Values = UNKNOWN
            for unit in reversed(units):  # a setter or an overload comes beside the getter or the implementation
                facts = cls.module.facts(unit)
                if facts.error or len(facts.functions) < 2:
                    continue
                values = self._method(cls.method(unit), receiver)
                kinds, _ = self.inference.decoration(cls.method(unit))
                if "setter" not in kinds and "overload" not in kinds:
                    break
            return values
        body = cls.body
        indices = body.data.bindings.get(name)
        if not indices:
            return None
        frame = self.inference.frame(body)
        expr = body.data.defs[indices[-1]]
        if isinstance(expr, Fn):
            return self._method(cls.module.function(cls.unit, expr.index), receiver)
        found = self.inference.infer(expr, frame)
        return tuple(
            FunctionValue(v.fn, receiver, v.closure) if isinstance(v, FunctionValue) and isinstance(receiver, Instance) else v
            for v in found
        )

    def _method(self, fn: FunctionDef, receiver: Value) -> Values:
        """What reading the method from the receiver gives."""
        kinds, replaced = self.inference.decoration(fn)
        if "staticmethod" in kinds:
            return replaced or (FunctionValue(fn),)
        if "classmethod" in kinds and isinstance(receiver, Instance):
            receiver = ClassValue(receiver.cls) if isinstance(receiver.cls, ClassDef) else receiver
        bound = FunctionValue(fn, receiver)
        if "property" in kinds or "cached-property" in kinds:
            return self.inference.result_of(self.inference.frame(fn, receiver))
        if replaced:
            return tuple(FunctionValue(v.fn, receiver, v.closure) if isinstance(v, FunctionValue) else v for v in replaced)
        return (bound,)

    def property_frame(self, base: Instance, name: str) -> Frame | None:
        """The frame that reading a property runs."""
        if not isinstance(base.cls, ClassDef):
            return None
        for cls in self.mro(base.cls):
            if isinstance(cls, ClassDef):
                for unit in cls.method_units.get(name, ()):
                    facts = cls.module.facts(unit)
                    if facts.error or len(facts.functions) < 2:
                        continue
                    fn = cls.method(unit)
                    kinds, _ = self.inference.decoration(fn)
                    if "property" in kinds or "cached-property" in kinds:
                        return self.inference.frame(fn, base)
                    return None
                if name in cls.body.data.bindings:
                    return None
        return None

    def _assigned(self, cls: ClassDef, name: str, receiver: Instance) -> Values:
        """What the methods of a class assign to `self.name`."""
        groups: list[Values] = []
        for units in cls.method_units.values():
            for unit in units:
                if name not in unit.assigned:
                    continue
                facts = cls.module.facts(unit)
                if facts.error:
                    continue
                for data in facts.functions[1:]:
                    for base, attr, value, annotation, _guard in data.attributes:
                        if attr == name and isinstance(base, (Local, Name)) and data.params and base.id == data.params[0].name:
                            fn = cls.module.function(unit, facts.functions.index(data), cls if data is facts.functions[1] else None)
                            frame = self.inference.frame(fn, receiver) if fn.owner is cls else self.inference.general_frame(fn)
                            declared = self.inference.annotation(annotation, frame) if annotation is not None else UNKNOWN
                            if declared:
                                return declared
                            groups.append(self.inference.infer(value, frame))
        found = unite(*groups)
        return tuple(v for v in found if not (isinstance(v, Literal) and v.value is None)) or found

    def is_assigned_again(self, constructor: FunctionDef, name: str) -> bool:
        """Whether a class assigns a field anywhere but once in its constructor."""
        return constructor.owner is not None and self.assignments(constructor.owner, name) > 1

    def assignments(self, cls: ClassDef, name: str) -> int:
        """In how many places the methods of a class assign a field."""
        units = [unit for units in cls.method_units.values() for unit in units if name in unit.assigned]
        return sum(attr == name for unit in units for data in cls.module.facts(unit).functions for _, attr, *_ in data.attributes)

    def fields(self, cls: ClassDef) -> list[tuple[str, Expr | None]]:
        """The fields of a data class, named tuple or typed dictionary, in their order, each with its default: what its body annotates."""
        data = cls.body.data
        declared = sorted((indices[0], name) for name, indices in data.bindings.items())
        return [(name, found.value) for index, name in declared if isinstance(found := data.defs[index], Annotated)]

    def _class_member(self, base: ClassValue, name: str, behind: ClassDef | None = None) -> Values:
        for cls in self._behind(base.cls, behind):
            if isinstance(cls, str):
                full = self.catalog.canonical(f"{cls}.{name}")
                if full in self.inference.known_names:
                    return (External(full),)
                continue
            declared = self._declared(cls, name, base)
            if declared is not None:
                return tuple(
                    FunctionValue(v.fn, None, v.closure)
                    if isinstance(v, FunctionValue) and v.receiver == base and not self._is_classmethod(v.fn)
                    else v
                    for v in declared
                )
        return UNKNOWN

    def _is_classmethod(self, fn: FunctionDef) -> bool:
        return "classmethod" in self.inference.decoration(fn)[0] or fn.data.name in ("__new__", "__init_subclass__", "__class_getitem__")

    def mro(self, cls: ClassDef | str) -> list[ClassDef | str]:
        """The class and its ancestors, nearest first (breadth first; a good likeness of the real order)."""
        if isinstance(cls, str):
            return list(self.catalog.mro(cls))
        known = self._mro.get(cls)
        if known is not None:
            return known
        self._mro[cls] = [cls]
        found: list[ClassDef | str] = [cls]
        for base in self.bases(cls):
            found.extend(b for b in self.mro(base) if b not in found)
        self._mro[cls] = found
        return found

    def around(self, cls: ClassDef) -> Frame:
        """Where the class statement itself runs."""
        return self.inference.frame(cls.module.function(cls.unit, max(cls.body.data.parent, 0)))

    def bases(self, cls: ClassDef) -> list[ClassDef | str]:
        """The direct bases that are known."""
        found: list[ClassDef | str] = []
        frame = self.around(cls)
        for base in cls.data.bases:
            for value in self.inference.infer(base.base if isinstance(base, Sub) else base, frame):
                if isinstance(value, ClassValue) and value.cls is not cls:
                    found.append(value.cls)
                elif isinstance(value, External):
                    found.append(value.name)
        return found
