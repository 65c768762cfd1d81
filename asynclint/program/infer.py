"""Which values an expression may have: names, attributes, calls, operators, annotations. Evaluated on demand, in a frame."""

from __future__ import annotations

from collections.abc import Iterator

from asynclint.catalog import Catalog, parse_argument, parse_condition
from asynclint.facts import (
    CALL, Annotated, Attr, Awaited, CallOf, Cls, Const, Elem, Entered, Event, Expr, Fn, Import, Item, Local, Name, Op, Param, Seq, Sub, Typed,
)  # fmt: skip
from asynclint.program.project import ClassDef, FunctionDef, Module, Project
from asynclint.program.truth import narrow, tested_types, truth
from asynclint.program.values import (
    UNKNOWN, ClassValue, Collection, Coroutine, External, Frame, FunctionValue, Generator, Instance, Later, Lazy, Literal, ModuleValue,
    Partial, Value, Values, unite,
)  # fmt: skip
from asynclint.syntax.index import CODE, METHOD, IndexedUnit

#: how deep evaluation may nest before the answer is "unknown"
DEPTH = 80
#: frames of one function with arguments of their own; more share the general one
CONTEXTS = 24

_ELEMENTS = {"list": "list", "List": "list", "Sequence": "list", "MutableSequence": "list", "set": "set", "Set": "set", "frozenset": "set",
             "FrozenSet": "set", "AbstractSet": "set", "Iterable": "iterator", "Iterator": "iterator", "Collection": "list", "deque": "list",
             "Deque": "list", "Generator": "iterator", "AsyncIterator": "iterator", "AsyncGenerator": "iterator", "AsyncIterable": "iterator"}  # fmt: skip
_MAPPINGS = {"dict", "Dict", "Mapping", "MutableMapping", "defaultdict", "DefaultDict", "OrderedDict"}
_TRANSPARENT = {"Optional", "Annotated", "Final", "ClassVar", "Required", "NotRequired", "ReadOnly", "Mapped", "InitVar"}
_LITERAL_TYPES: dict[type, str] = {str: "builtins.str", int: "builtins.int", float: "builtins.float", bool: "builtins.bool"}


class Inference:
    """Evaluates expressions of the project. Every method that returns Values returns () where it does not know."""

    def __init__(self, project: Project, catalog: Catalog) -> None:
        self.project = project
        self.catalog = catalog
        self.frames: list[Frame] = []
        self._frames: dict[object, Frame] = {}
        self._contexts: dict[FunctionDef, int] = {}
        self._globals: dict[tuple[int, str], Values] = {}
        self._global_active: set[tuple[int, str]] = set()
        self._module_active: set[tuple[int, str]] = set()
        self._mro: dict[ClassDef, list[ClassDef | str]] = {}
        self._members: dict[tuple[object, str], Values] = {}
        self._member_active: set[tuple[object, str]] = set()
        self._decorated: dict[FunctionDef, tuple[frozenset[str], Values]] = {}
        self._known_prefixes = _prefixes(catalog)
        self._depth = 0

    # --- frames

    def frame(self, fn: FunctionDef, receiver: Value | None = None, params: dict[int, Values] | None = None, closure: Frame | None = None) -> Frame:
        """The node for a function in a context; the same object for the same context."""
        params = params or {}
        key = (fn, receiver, closure, tuple(sorted((i, v) for i, v in params.items())) if len(params) < 2 else tuple((i, params[i]) for i in sorted(params)))
        found = self._frames.get(key)
        if found is not None:
            return found
        if params or (receiver is not None and isinstance(receiver, Instance) and receiver.exact):
            if self._contexts.get(fn, 0) >= CONTEXTS:
                plain = Instance(receiver.cls) if isinstance(receiver, Instance) else receiver
                if params or plain != receiver:
                    return self.frame(fn, plain, None, closure)
            self._contexts[fn] = self._contexts.get(fn, 0) + 1
        found = self._frames[key] = Frame(fn, receiver, params, closure, len(self.frames))
        self.frames.append(found)
        return found

    def general_frame(self, fn: FunctionDef) -> Frame:
        """The function as such: a method has some instance of its class as receiver."""
        outer = fn.enclosing
        closure = self.general_frame(outer) if outer is not None and outer.data.kind != "class" else None
        receiver: Value | None = None
        if fn.owner is not None:
            kinds, _ = self.decoration(fn)
            if "staticmethod" not in kinds:
                receiver = ClassValue(fn.owner) if "classmethod" in kinds or fn.data.name == "__new__" else Instance(fn.owner)
        return self.frame(fn, receiver, None, closure)

    def unit_frame(self, module: Module, unit: IndexedUnit) -> Frame:
        """The statements of a unit themselves."""
        return self.frame(module.function(unit, 0))

    # --- expressions

    def infer(self, expr: Expr, frame: Frame, guard: int = -1) -> Values:
        key = (expr, guard) if isinstance(expr, (Local, Name, Attr)) else expr
        known = frame.cache.get(key)
        if known is not None:
            return known
        if key in frame.active or self._depth > DEPTH:
            return UNKNOWN
        frame.active.add(key)
        self._depth += 1
        try:
            values = self._evaluate(expr, frame, guard)
            if values and guard >= 0 and isinstance(expr, (Local, Name, Attr)):
                values = self._narrow(expr, values, frame, guard)
            elif guard >= 0 and isinstance(expr, (Local, Name, Attr)):
                values = self._narrowed_from_nothing(expr, frame, guard)
        finally:
            self._depth -= 1
            frame.active.discard(key)
        frame.cache[key] = values
        return values

    def _evaluate(self, expr: Expr, frame: Frame, guard: int) -> Values:
        match expr:
            case Local():
                return unite(*(self.infer(frame.fn.data.defs[d], frame) for d in expr.defs))
            case Name():
                return self._name(expr.id, frame)
            case Attr():
                return unite(*(self.attribute(base, expr.name) for base in self.values_of(self.infer(expr.base, frame, guard))))
            case CallOf():
                return self.call_result(frame.fn.data.events[expr.event], frame)
            case Const():
                return (Literal(expr.value),)
            case Typed():
                return (Instance(expr.name),)
            case Param():
                return self._param(expr.index, frame)
            case Annotated():
                declared = self.annotation(expr.annotation, frame)
                return declared or (self.infer(expr.value, frame) if expr.value is not None else UNKNOWN)
            case Import():
                return self.imported(frame.fn.module.absolute(expr.module, expr.level), expr.attr, frame.fn.module)
            case Awaited():
                return self._awaited(self.infer(expr.value, frame, guard))
            case Elem():
                return self.elements(self.infer(expr.value, frame, guard))
            case Item():
                return self._item(self.infer(expr.value, frame, guard), expr.index)
            case Entered():
                return self._entered(self.infer(expr.value, frame, guard), expr.asynchronous)
            case Sub():
                return self._subscript(expr, frame, guard)
            case Op():
                return self._operator(expr, frame, guard)
            case Seq():
                return self._sequence(expr, frame)
            case Fn():
                return (FunctionValue(frame.fn.module.function(frame.fn.unit, expr.index), None, frame if frame.fn.data.kind != "module" else None),)
            case Cls():
                return (ClassValue(frame.fn.module.cls(frame.fn.unit, expr.index)),)
        return UNKNOWN

    def values_of(self, values: Values) -> Values:
        """Members that were read and not called stand for what reading them gives."""
        return tuple(v for value in values for v in self._read(value))

    def _read(self, value: Value) -> Values:
        if isinstance(value, External) and value.receiver is not None:
            given = self.catalog.returns.get(value.name)
            if given is not None and not given.startswith("call "):
                return self.typed(given, value.receiver)
        return (value,)

    def _name(self, name: str, frame: Frame) -> Values:
        at: Frame | None = frame
        while at is not None:
            found = at.fn.data.bindings.get(name)
            if found and name not in at.fn.data.outer and (at is frame or at.fn.data.kind != "class"):
                return unite(*(self.infer(at.fn.data.defs[d], at) for d in found))
            at = at.closure
        fn: FunctionDef | None = frame.fn
        if frame.closure is None and fn is not None and fn.enclosing is not None and fn.enclosing.data.kind != "class":
            return self._name(name, self.general_frame(fn.enclosing))
        if frame.fn.data.kind == "class" and frame.fn.index > 0:
            found = frame.fn.data.bindings.get(name)
            if found:
                return unite(*(self.infer(frame.fn.data.defs[d], frame) for d in found))
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
                continue  # imports inside try and if are read from the index
            if indices:
                bound = True
                frame = self.unit_frame(module, unit)
                groups.append(unite(*(self.infer(facts.functions[0].defs[i], frame) for i in indices[-3:])))
        for found in module.imports.get(name, ()):
            bound = True
            groups.append(self.imported(module.absolute(found.module, found.level), found.attr, module))
        if bound:
            return unite(*groups)
        for star in module.stars:
            values = self.imported(module.absolute(star.module, star.level), name, module, star=True)
            if values:
                return values
        return (External(self.catalog.canonical(f"builtins.{name}")),) if f"builtins.{name}" in self._known_prefixes or name in _BUILTINS else UNKNOWN

    def imported(self, module_name: str, attr: str, importer: Module, star: bool = False) -> Values:
        """What `from module_name import attr` (or `import module_name`) gives."""
        found = self.project.find(module_name, importer)
        if found is None:
            if attr and star and f"{module_name}.{attr}" not in self._known_prefixes:
                return UNKNOWN
            if not attr and self.project.knows(module_name) and found is None:
                return (External(module_name),)
            return (External(self.catalog.canonical(f"{module_name}.{attr}" if attr else module_name)),)
        if not attr:
            return (ModuleValue(found),)
        return self.module_member(found, attr, star)

    def module_member(self, module: Module, name: str, star: bool = False) -> Values:
        """An attribute of a project module: a binding of it, else a module below it."""
        key = (module.number, name)
        if key in self._module_active:
            return UNKNOWN
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
        below = self.project.find(f"{module.name}.{name}", module)
        if below is not None and below is not module and not star:
            return (ModuleValue(below),)
        for found in module.stars:
            values = self.imported(module.absolute(found.module, found.level), name, module, star=True)
            if values:
                return values
        return UNKNOWN

    # --- parameters

    def _param(self, index: int, frame: Frame) -> Values:
        data = frame.fn.data
        bound = frame.params.get(index)
        if index == 0 and frame.receiver is not None and not bound:
            return (frame.receiver,)
        if index >= len(data.params):
            return UNKNOWN
        parameter = data.params[index]
        if parameter.kind in ("*", "**"):
            return UNKNOWN
        if bound:
            return bound
        if parameter.annotation is not None:
            declared = self.annotation(parameter.annotation, self._definition_frame(frame))
            if declared:
                return declared
        if parameter.default is not None:
            default = self.infer(parameter.default, self._definition_frame(frame))
            return tuple(v for v in default if isinstance(v, (Instance, FunctionValue, ClassValue, External)) and not _is_plain(v))
        return UNKNOWN

    def _definition_frame(self, frame: Frame) -> Frame:
        """Where the `def` itself runs: annotations and defaults are read there."""
        if frame.closure is not None:
            return frame.closure
        return self.unit_frame(frame.fn.module, frame.fn.unit)

    # --- attributes

    def attribute(self, base: Value, name: str) -> Values:
        match base:
            case ModuleValue():
                return self.module_member(base.module, name)
            case External():
                if base.receiver is not None:
                    return unite(*(self.attribute(v, name) for v in self._read(base) if v != base))
                return self._external_member(base, name)
            case Instance():
                return self.member(base, name)
            case ClassValue():
                return self._class_member(base, name)
            case Literal():
                kind = _LITERAL_TYPES.get(type(base.value))
                return (External(f"{kind}.{name}", Instance(kind)),) if kind else UNKNOWN
            case Collection():
                return (External(f"builtins.{base.kind}.{name}", base),)
            case Lazy():
                return unite(*(self.attribute(v, name) for v in base.result))
            case FunctionValue() if name in ("__wrapped__", "__func__"):
                return (base,)
        return UNKNOWN

    def _external_member(self, base: External, name: str) -> Values:
        found = self.project.find(f"{base.name}.{name}", self.project.modules[0]) if self.project.modules and self.project.knows(base.name) else None
        if found is not None:
            return (ModuleValue(found),)
        full = self.catalog.canonical(f"{base.name}.{name}")
        if base.name in self.catalog.types:
            for cls in self.catalog.mro(base.name):
                if f"{cls}.{name}" in self._known_prefixes:
                    return (External(f"{cls}.{name}"),)
        given = self.catalog.returns.get(full)
        if given is not None and name[:1].islower() and full not in self.catalog.blocking and given.startswith("= "):
            return self.typed(given[2:])
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
            if full in self._known_prefixes:
                return (External(full, receiver),)
        for ancestor in self.catalog.mro(cls):
            if f"{ancestor}.*" in self._known_prefixes and not name.startswith("_"):
                return (External(f"{ancestor}.*", receiver),)
            if f"{ancestor}.__getattr__" in self.catalog.returns:
                return self.typed(self.catalog.returns[f"{ancestor}.__getattr__"], receiver)
        return (External(f"{cls}.{name}", receiver),) if cls in self.catalog.types or cls.startswith("builtins.") else UNKNOWN

    def _own_member(self, base: Instance, name: str) -> Values:
        for cls in self.mro(base.cls):
            if isinstance(cls, str):
                found = self._foreign_member(base, cls, name)
                if found and any(isinstance(v, External) and v.name in self._known_prefixes for v in found):
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
                kinds, _ = self.decoration(cls.method(unit))
                if "setter" not in kinds and "overload" not in kinds:
                    break
            return values
        body = cls.body
        indices = body.data.bindings.get(name)
        if not indices:
            return None
        frame = self.frame(body)
        expr = body.data.defs[indices[-1]]
        if isinstance(expr, Fn):
            return self._method(cls.module.function(cls.unit, expr.index), receiver)
        found = self.infer(expr, frame)
        return tuple(FunctionValue(v.fn, receiver, v.closure) if isinstance(v, FunctionValue) and isinstance(receiver, Instance) else v for v in found)

    def _method(self, fn: FunctionDef, receiver: Value) -> Values:
        """What reading the method from the receiver gives."""
        kinds, replaced = self.decoration(fn)
        if "staticmethod" in kinds:
            return replaced or (FunctionValue(fn),)
        if "classmethod" in kinds and isinstance(receiver, Instance):
            receiver = ClassValue(receiver.cls) if isinstance(receiver.cls, ClassDef) else receiver
        bound = FunctionValue(fn, receiver)
        if "property" in kinds or "cached-property" in kinds:
            return self.result_of(self.frame(fn, receiver))
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
                    kinds, _ = self.decoration(fn)
                    if "property" in kinds or "cached-property" in kinds:
                        return self.frame(fn, base)
                    return None
                if name in cls.body.data.bindings:
                    return None
        return None

    def _assigned(self, cls: ClassDef, name: str, receiver: Instance) -> Values:
        """What the methods of a class assign to `self.name`."""
        groups: list[Values] = []
        for units in cls.method_units.values():
            for unit in units:
                if f".{name}" not in unit.words:
                    continue
                facts = cls.module.facts(unit)
                if facts.error:
                    continue
                for data in facts.functions[1:]:
                    for base, attr, value, annotation, _guard in data.attributes:
                        if attr == name and isinstance(base, (Local, Name)) and data.params and base.id == data.params[0].name:
                            fn = cls.module.function(unit, facts.functions.index(data), cls if data is facts.functions[1] else None)
                            frame = self.frame(fn, receiver) if fn.owner is cls else self.general_frame(fn)
                            declared = self.annotation(annotation, frame) if annotation is not None else UNKNOWN
                            if declared:
                                return declared
                            groups.append(self.infer(value, frame))
        found = unite(*groups)
        return tuple(v for v in found if not (isinstance(v, Literal) and v.value is None)) or found

    def _class_member(self, base: ClassValue, name: str) -> Values:
        for cls in self.mro(base.cls):
            if isinstance(cls, str):
                full = self.catalog.canonical(f"{cls}.{name}")
                if full in self._known_prefixes:
                    return (External(full),)
                continue
            declared = self._declared(cls, name, base)
            if declared is not None:
                return tuple(
                    FunctionValue(v.fn, None, v.closure) if isinstance(v, FunctionValue) and v.receiver == base and not self._is_classmethod(v.fn) else v
                    for v in declared
                )
        return UNKNOWN

    def _is_classmethod(self, fn: FunctionDef) -> bool:
        return "classmethod" in self.decoration(fn)[0] or fn.data.name in ("__new__", "__init_subclass__", "__class_getitem__")

    # --- classes

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

    def bases(self, cls: ClassDef) -> list[ClassDef | str]:
        """The direct bases that are known."""
        found: list[ClassDef | str] = []
        frame = self.frame(cls.module.function(cls.unit, max(cls.body.data.parent, 0)))
        for base in cls.data.bases:
            for value in self.infer(base.base if isinstance(base, Sub) else base, frame):
                if isinstance(value, ClassValue) and value.cls is not cls:
                    found.append(value.cls)
                elif isinstance(value, External):
                    found.append(value.name)
        return found

    def decoration(self, fn: FunctionDef) -> tuple[frozenset[str], Values]:
        """The kinds of a function's decorators (of the catalog, and `property`, `staticmethod`, `classmethod`, `setter`, `offload`, `on-loop`,
        `startup`), and what the project's own decorators make of it (() where they keep it)."""
        known = self._decorated.get(fn)
        if known is not None:
            return known
        self._decorated[fn] = (frozenset(), UNKNOWN)
        kinds: set[str] = set()
        replaced: Values = UNKNOWN
        if fn.data.decorators:
            at = self.frame(fn.module.function(fn.unit, max(fn.data.parent, 0)))
            if fn.owner is not None and fn.unit.kind == METHOD:
                at = self.unit_frame(fn.module, fn.unit)
            for expr in reversed(fn.data.decorators):
                if isinstance(expr, Attr) and expr.name in ("setter", "deleter", "getter"):
                    kinds.add("setter" if expr.name != "getter" else "property")
                    continue
                called = isinstance(expr, CallOf)
                callee = at.fn.data.events[expr.event].value if isinstance(expr, CallOf) else expr
                for found in self.infer(callee, at):
                    value = self._known_decorator(found) or found
                    if isinstance(value, External):
                        kinds.update(self._decorator_kinds(value, at.fn.data.events[expr.event] if isinstance(expr, CallOf) else None, at))
                    elif isinstance(value, ClassValue) and any(isinstance(c, str) and c in ("builtins.property", "functools.cached_property") for c in self.mro(value.cls)):
                        kinds.add("property")
                    elif isinstance(value, FunctionValue):
                        given: Values = replaced or (FunctionValue(fn),)
                        made = self._decorate(value, given, expr if called else None, at)
                        if made:
                            replaced = made
        self._decorated[fn] = (frozenset(kinds), replaced)
        return self._decorated[fn]

    def _known_decorator(self, value: Value) -> External | None:
        """A decorator of the project itself that the catalog or the configuration has a word about."""
        if not isinstance(value, FunctionValue):
            return None
        name = self.catalog.canonical(value.fn.qualified_name)
        tables = (self.catalog.decorators, self.catalog.on_loop, self.catalog.offloaders, self.catalog.startup)
        return External(name) if any(name in table for table in tables) else None

    def _decorator_kinds(self, value: External, event: Event | None, frame: Frame) -> Iterator[str]:
        row = self.catalog.decorators.get(value.name)
        if row is not None:
            yield row.kind
        simple = {"builtins.property": "property", "builtins.staticmethod": "staticmethod", "builtins.classmethod": "classmethod"}.get(value.name)
        if simple:
            yield simple
        if any(o.decorator for o in self.catalog.offloaders.get(value.name, ())):
            yield "offload"
        if any(o.decorator for o in self.catalog.on_loop.get(value.name, ())):
            yield "on-loop"
        for start in self.catalog.startup.get(value.name, ()):
            if start.decorator and (not start.when or (event is not None and any(self.condition(c, event, frame) for c in start.when))):
                yield "startup"

    def _decorate(self, decorator: FunctionValue, given: Values, call: CallOf | None, frame: Frame) -> Values:
        """What the project's own decorator returns for a function, where that is another function that can be seen."""
        if call is not None:
            made: Values = tuple(v for v in self.infer(call, frame) if isinstance(v, FunctionValue))
        else:
            made = (decorator,)
        results: list[Values] = []
        for function in made:
            if isinstance(function, FunctionValue) and function.fn.data.params:
                position = 1 if function.receiver is not None else 0
                if len(function.fn.data.params) <= position:
                    continue
                inner = self.frame(function.fn, function.receiver, {position: given}, function.closure)
                results.append(self.result_of(inner))
        found = tuple(v for v in unite(*results) if isinstance(v, FunctionValue))
        return UNKNOWN if set(found) & set(given) else found

    # --- calls

    def call_result(self, event: Event, frame: Frame) -> Values:
        """What the call gives."""
        return unite(*(self._called(value, event, frame) for value in self.infer(event.value, frame, event.guard)))

    def _called(self, value: Value, event: Event, frame: Frame) -> Values:
        match value:
            case ClassValue():
                return (Instance(value.cls, (), True),)
            case FunctionValue():
                return self.returned(value, event, frame)
            case External():
                return self._external_result(value, event, frame)
            case Partial():
                return unite(*(self._called(f, event, frame) for f in value.function))
            case Instance() if isinstance(value.cls, ClassDef):
                return unite(*(self._called(f, event, frame) for f in self.member(value, "__call__")))
        return UNKNOWN

    def returned(self, value: FunctionValue, event: Event, frame: Frame) -> Values:
        """What calling a function of the project gives, in the context of this call."""
        _, replaced = self.decoration(value.fn)
        if replaced and value.receiver is None and value.closure is None:
            return unite(*(self.returned(v, event, frame) for v in replaced if isinstance(v, FunctionValue) and v.fn is not value.fn))
        target = self.context(value, event, frame)
        kinds, _ = self.decoration(value.fn)
        if "offload" in kinds:
            return (Coroutine(self.result_of(target)),)
        if value.fn.data.generator and not value.fn.is_async:
            return (Generator(target, "contextmanager" in kinds),)
        if value.fn.is_async:
            return (Coroutine(self.result_of(target)),) if not value.fn.data.generator else (Collection("iterator", (self._yielded(target),)),)
        return self.result_of(target)

    def result_of(self, frame: Frame) -> Values:
        """What the body of a frame returns (awaited, where it is a coroutine)."""
        if frame.result is not None:
            return frame.result
        frame.result = UNKNOWN
        data = frame.fn.data
        declared: Values = UNKNOWN
        if data.annotation is not None:
            declared = self.annotation(data.annotation, self._definition_frame(frame), frame.receiver)
            declared = tuple(v for v in declared if not (isinstance(v, Instance) and v.cls in ("builtins.object",)))
        inferred: Values = UNKNOWN
        if not declared or any(isinstance(v, (Instance, Collection)) and not _is_plain(v) for v in declared):
            inferred = unite(*(self.infer(value, frame, guard) for value, guard in data.returns))
        frame.result = _combined(declared, inferred, self)
        return frame.result

    def _yielded(self, frame: Frame) -> Values:
        return unite(*(self.infer(value, frame) for value in frame.fn.data.yields))

    def context(self, value: FunctionValue, event: Event | None, frame: Frame) -> Frame:
        """The frame of the callee for this call: arguments that can decide something are bound."""
        data = value.fn.data
        receiver = value.receiver
        params: dict[int, Values] = {}
        offset = 0
        if receiver is None and value.fn.owner is not None and value.closure is None:
            kinds, _ = self.decoration(value.fn)
            if "staticmethod" not in kinds and event is not None and event.args and not event.args[0][0]:
                receiver = next(iter(self.infer(event.args[0][1], frame, event.guard)), Instance(value.fn.owner))
                event = Event(event.kind, event.value, event.args[1:], event.guard)
        if receiver is not None:
            offset = 1
        if event is not None:
            for index, values in self._bound_arguments(data.params, event, frame, offset):
                params[index] = values
        return self.frame(value.fn, receiver, params, value.closure)

    def _bound_arguments(self, parameters: tuple, event: Event, frame: Frame, offset: int) -> Iterator[tuple[int, Values]]:  # type: ignore[type-arg]
        given: set[int] = set()
        starred = False
        position = offset
        for keyword, expr in event.args:
            if keyword == "*" or keyword == "**":
                starred = True
                continue
            if keyword:
                index = next((i for i, p in enumerate(parameters) if p.name == keyword and p.kind in ("", "k")), -1)
            else:
                index = position if position < len(parameters) and parameters[position].kind == "" and not starred else -1
                position += 1
            if index >= 0:
                given.add(index)
                values = self.infer(expr, frame, event.guard)
                if values and all(_informative(v) for v in values) and len(values) <= 3:
                    yield index, values
        if not starred:
            for index, parameter in enumerate(parameters):
                if index >= offset and index not in given and isinstance(parameter.default, Const):
                    yield index, (Literal(parameter.default.value),)

    def _external_result(self, value: External, event: Event, frame: Frame) -> Values:
        name = value.name
        if name in ("functools.partial", "functools.partialmethod") and event.args:
            rest = tuple((k, self.infer(e, frame, event.guard)) for k, e in event.args[1:])
            return (Partial(self.infer(event.args[0][1], frame, event.guard), rest),)
        if name == "builtins.super":
            return self._super(event, frame)
        if name in ("typing.cast", "typing_extensions.cast") and len(event.args) == 2:
            return self.annotation(event.args[0][1], frame) or self.infer(event.args[1][1], frame, event.guard)
        if name in ("builtins.getattr",) and len(event.args) >= 2 and isinstance(event.args[1][1], Const) and isinstance(event.args[1][1].value, str):
            return unite(*(self.attribute(v, event.args[1][1].value) for v in self.infer(event.args[0][1], frame, event.guard)))
        offloads = [o for o in self.catalog.offloaders.get(name, ()) if o.argument]
        if offloads:
            return self._offloaded(offloads[0].argument, event, frame, self.typed(self.catalog.returns[name], value.receiver) if name in self.catalog.returns else UNKNOWN)
        for use in self.catalog.uses.get(name, ()):
            argument = self.argument(use.argument, event, frame)
            if use.later:
                return (Later(argument, use.how, self.elements(argument)),)
            if use.how == "enter":
                return self._entered(argument, False)
            if use.how == "iterate" and name in ("builtins.list", "builtins.set", "builtins.tuple", "builtins.sorted"):
                return (Collection("list", (self.elements(argument),)),)
            if name == "builtins.next":
                return self.elements(argument)
            if name == "builtins.iter":
                return argument
        rows = tuple(r for r in self.catalog.blocking.get(name, ()) if r.lazy)
        given = self.catalog.returns.get(name)
        if given is not None:
            result = self.typed(given.removeprefix("call "), value.receiver)
        elif value.receiver is None and (name in self.catalog.types or name.rpartition(".")[2][:1].isupper()):
            result = (Instance(name, (), True),)
        else:
            result = UNKNOWN
        return (Lazy(name, rows, result),) if rows else result

    def _offloaded(self, argument: str, event: Event, frame: Frame, declared: Values) -> Values:
        """An awaitable for what the function gives in the thread."""
        results = []
        for function in self.argument(argument, event, frame):
            if isinstance(function, FunctionValue):
                result = self.returned(function, Event(CALL, event.value), frame)
                results.append(result)
            elif isinstance(function, Partial):
                results.append(unite(*(self.returned(f, Event(CALL, event.value), frame) for f in function.function if isinstance(f, FunctionValue))))
            elif isinstance(function, (External, ClassValue)):
                results.append(self._called(function, Event(CALL, event.value, _after(argument, event.args)), frame))
        if declared and not any(isinstance(v, Coroutine) for v in declared):
            return declared
        return (Coroutine(unite(*results)),)

    def _super(self, event: Event, frame: Frame) -> Values:
        at: Frame | None = frame
        while at is not None and at.fn.owner is None:
            at = at.closure
        if at is None or at.fn.owner is None:
            return UNKNOWN
        return tuple(Instance(base) for base in self.mro(at.fn.owner)[1:2])

    # --- arguments

    def argument(self, wanted: str, event: Event, frame: Frame) -> Values:
        """The values of the argument `name@position` of a call."""
        expr = self.argument_expression(wanted, event)
        if expr is not None:
            return self.infer(expr, frame, event.guard)
        return UNKNOWN

    def argument_expression(self, wanted: str, event: Event) -> Expr | None:
        name, position = parse_argument(wanted)
        positional = [e for k, e in event.args if not k]
        for keyword, expr in event.args:
            if keyword and keyword == name:
                return expr
        if 0 <= position < len(positional) and not any(k == "*" for k, _ in event.args[: position + 1]):
            return positional[position]
        return None

    def condition(self, text: str, event: Event, frame: Frame) -> bool:
        """Whether a condition of a catalog row surely holds for this call."""
        condition = parse_condition(text)
        expr = self.argument_expression(f"{condition.name}@{condition.position}" if condition.position >= 0 else condition.name, event)
        starred = any(k in ("*", "**") for k, _ in event.args)
        if condition.test == "given":
            return expr is not None and not (isinstance(expr, Const) and expr.value is None)
        if condition.test == "missing":
            return (expr is None or (isinstance(expr, Const) and expr.value is None)) and not starred
        if expr is None:
            return False
        values = self.infer(expr, frame, event.guard)
        if condition.test == "equals":
            if condition.constant:
                return any(isinstance(v, External) and v.name == condition.value for v in values) or _mentions(expr, str(condition.value).rpartition(".")[2])
            return len(values) > 0 and all(isinstance(v, Literal) and v.value == condition.value and type(v.value) is type(condition.value) or _zero(v, condition.value) for v in values)
        kinds = [name for v in self.values_of(values) for name in self._type_names(v)]
        holds = condition.value in kinds
        return holds if condition.test == "is" else bool(kinds) and not holds

    def _type_names(self, value: Value) -> list[str]:
        match value:
            case Instance():
                return [c if isinstance(c, str) else c.qualified_name for c in self.mro(value.cls)]
            case Literal():
                kind = _LITERAL_TYPES.get(type(value.value))
                return [kind] if kind else ["None"]
            case Collection():
                return [f"builtins.{value.kind}"]
            case Lazy():
                return [n for v in value.result for n in self._type_names(v)]
            case External():
                return [value.name]
        return []

    # --- structure of values

    def _awaited(self, values: Values) -> Values:
        found: list[Values] = []
        for value in values:
            if isinstance(value, Coroutine):
                found.append(value.result)
            elif isinstance(value, Instance) and not isinstance(value.cls, str):
                found.append((value,))
            elif isinstance(value, Instance):
                given = self.catalog.returns.get(f"{value.cls}.__await__")
                found.append(self.typed(given, value) if given else (value,))
        return unite(*found)

    def elements(self, values: Values) -> Values:
        """What iterating gives."""
        found: list[Values] = []
        for value in values:
            match value:
                case Collection():
                    found.append(value.keys if value.kind == "dict" else unite(*value.items))
                case Generator():
                    found.append(self._yielded(value.frame))
                case Lazy():
                    found.append(self.elements(value.result))
                case Later():
                    found.append(value.result)
                case Instance() if isinstance(value.cls, str):
                    for ancestor in self.catalog.mro(value.cls):
                        given = self.catalog.returns.get(f"{ancestor}.__iter__") or self.catalog.returns.get(f"{ancestor}.__next__")
                        if given:
                            typed = self.typed(given, value)
                            found.append(self.elements(typed) if any(isinstance(t, Collection) for t in typed) else typed)
                            break
                case Instance():
                    found.append(self._own_elements(value))
        return unite(*found)

    def _own_elements(self, value: Instance) -> Values:
        """What iterating an object of the project gives: by `__next__`, else by what its `__iter__` returns."""
        key = (value, "iteration")
        if key in self._member_active:
            return UNKNOWN
        self._member_active.add(key)
        found: list[Values] = []
        for name in ("__next__", "__iter__"):
            for method in self.member(value, name):
                if isinstance(method, FunctionValue):
                    given = self.returned(method, Event(CALL, Const(None)), self.frame(method.fn, value))
                    found.append(self.elements(given) if name == "__iter__" else given)
            if any(found):
                break
        self._member_active.discard(key)
        return unite(*found)

    def _item(self, values: Values, index: int) -> Values:
        found: list[Values] = []
        for value in values:
            if isinstance(value, Collection) and value.kind == "tuple" and 0 <= index < len(value.items):
                found.append(value.items[index])
            elif isinstance(value, (Collection, Generator, Lazy, Later)):
                found.append(self.elements((value,)))
        return unite(*found)

    def _entered(self, values: Values, asynchronous: bool) -> Values:
        found: list[Values] = []
        for value in values:
            match value:
                case Generator() if value.manager:
                    found.append(self._yielded(value.frame))
                case Coroutine():
                    found.append(self._entered(value.result, asynchronous))
                case Collection() if asynchronous and value.kind == "iterator":
                    found.append(unite(*value.items))
                case Instance() if isinstance(value.cls, str):
                    name = "__aenter__" if asynchronous else "__enter__"
                    given = next((self.catalog.returns[f"{a}.{name}"] for a in self.catalog.mro(value.cls) if f"{a}.{name}" in self.catalog.returns), None)
                    typed = self.typed(given, value) if given else (value,)
                    found.append(self._awaited(typed) or typed if asynchronous else typed)
                case Instance():
                    methods = self.member(value, "__aenter__" if asynchronous else "__enter__")
                    results = unite(*(self.result_of(self.frame(m.fn, value)) for m in methods if isinstance(m, FunctionValue)))
                    found.append(results or (value,))
                case Lazy():
                    found.append(self._entered(value.result, asynchronous))
        return unite(*found)

    def _subscript(self, expr: Sub, frame: Frame, guard: int) -> Values:
        found: list[Values] = []
        index = expr.index
        for value in self.values_of(self.infer(expr.base, frame, guard)):
            match value:
                case Collection() if value.kind == "dict":
                    found.append(unite(*value.items))
                case Collection() if value.kind == "tuple" and isinstance(index, Const) and isinstance(index.value, int) and -len(value.items) <= index.value < len(value.items):
                    found.append(value.items[index.value])
                case Collection():
                    found.append((value,) if isinstance(index, Typed) else unite(*value.items))
                case Instance() if isinstance(value.cls, str):
                    given = next((self.catalog.returns[f"{a}.__getitem__"] for a in self.catalog.mro(value.cls) if f"{a}.__getitem__" in self.catalog.returns), None)
                    if given:
                        found.append(self.typed(given, value))
                case Instance():
                    for method in self.member(value, "__getitem__"):
                        if isinstance(method, FunctionValue):
                            found.append(self.result_of(self.frame(method.fn, value)))
                case ClassValue() | External():
                    found.append((value,))
        return unite(*found)

    def _operator(self, expr: Op, frame: Frame, guard: int) -> Values:
        match expr.op:
            case "or":
                values = unite(*(self.infer(item, frame, guard) for item in expr.items))
                return tuple(v for v in values if not (isinstance(v, Literal) and v.value is None)) or values
            case "and":
                return self.infer(expr.items[-1], frame, guard)
            case "if":
                held = self.truth(expr.items[2], frame, guard)
                chosen = expr.items[:2] if held is None else expr.items[:1] if held else expr.items[1:2]
                return unite(*(self.infer(item, frame, guard) for item in chosen))
            case "/":
                for item, method in ((expr.items[0], "__truediv__"), (expr.items[1], "__rtruediv__")):
                    for value in self.values_of(self.infer(item, frame, guard)):
                        if isinstance(value, Instance):
                            made = unite(*(self._called(m, Event(CALL, Const(None)), frame) for m in self.member(value, method)))
                            if made:
                                return made
                return UNKNOWN
            case "+":
                left = self.infer(expr.items[0], frame, guard)
                return tuple(v for v in left if isinstance(v, Collection) or _is_plain(v)) or self.infer(expr.items[1], frame, guard)
            case "%":
                left = self.infer(expr.items[0], frame, guard)
                return (Instance("builtins.str"),) if any(isinstance(v, Literal) and isinstance(v.value, str) for v in left) else UNKNOWN
            case "|":
                return unite(*(self.infer(item, frame, guard) for item in expr.items))
        return (Instance("builtins.bool"),)

    def _sequence(self, expr: Seq, frame: Frame) -> Values:
        if expr.kind == "generator":
            index = expr.items[0]
            assert isinstance(index, Fn)
            fn = frame.fn.module.function(frame.fn.unit, index.index)
            return (Generator(self.frame(fn, None, {0: self.infer(expr.items[1], frame)}, frame)),)
        items = tuple(self.infer(item, frame) for item in expr.items[:12])
        if expr.kind == "dict":
            return (Collection("dict", (unite(*items),), unite(*(self.infer(k, frame) for k in expr.keys[:12]))),)
        if expr.kind == "tuple":
            return (Collection("tuple", items),)
        return (Collection(expr.kind, (unite(*items),)),)

    # --- annotations and catalog types

    def annotation(self, expr: Expr, frame: Frame, receiver: Value | None = None, depth: int = 0) -> Values:
        """The values that an annotation declares."""
        if depth > 12:
            return UNKNOWN
        match expr:
            case Const(None):
                return (Literal(None),)
            case Op("|", items):
                return _without_none(unite(*(self.annotation(i, frame, receiver, depth + 1) for i in items)))
            case Sub():
                return self._generic(expr, frame, receiver, depth)
            case Name() | Attr() | Local():
                name = expr.id if isinstance(expr, (Name, Local)) else expr.name
                if name == "Self":
                    owner = receiver or frame.receiver
                    return (owner,) if isinstance(owner, Instance) else (Instance(owner.cls),) if isinstance(owner, ClassValue) else UNKNOWN
                return unite(*(self._declared_type(v, name, frame, receiver, depth) for v in self.infer(expr, frame)))
        return UNKNOWN

    def _declared_type(self, value: Value, name: str, frame: Frame, receiver: Value | None, depth: int) -> Values:
        match value:
            case ClassValue():
                return (Instance(value.cls),)
            case External():
                short = value.name.rpartition(".")[2]
                if value.name.startswith(("typing.", "collections.abc.", "typing_extensions.")):
                    if short in _ELEMENTS:
                        return (Collection(_ELEMENTS[short], (UNKNOWN,)),)
                    return (Instance(value.name),) if value.name in self.catalog.types else UNKNOWN
                if value.name in ("builtins.list", "builtins.set", "builtins.frozenset", "builtins.tuple"):
                    return (Collection("list", (UNKNOWN,)),)
                if value.name == "builtins.dict":
                    return (Collection("dict", (UNKNOWN,)),)
                return (Instance(value.name),)
            case Instance() | Collection() if not _is_plain(value):
                return (value,) if isinstance(value, Collection) else UNKNOWN  # `X = Union[...]` is evaluated where it is used
        return UNKNOWN

    def _generic(self, expr: Sub, frame: Frame, receiver: Value | None, depth: int) -> Values:
        base, index = expr.base, expr.index
        name = base.id if isinstance(base, (Name, Local)) else base.name if isinstance(base, Attr) else ""
        parts = index.items if isinstance(index, Seq) else (index,)

        def typed(part: Expr) -> Values:
            return self.annotation(part, frame, receiver, depth + 1)

        if name in _TRANSPARENT:
            return _without_none(typed(parts[0]))
        if name == "Union":
            return _without_none(unite(*map(typed, parts)))
        if name in ("Awaitable", "Coroutine"):
            return (Coroutine(typed(parts[-1])),)
        if name in ("type", "Type"):
            return tuple(ClassValue(v.cls) if isinstance(v.cls, ClassDef) else External(v.cls) for v in typed(parts[0]) if isinstance(v, Instance))
        if name in ("tuple", "Tuple"):
            if len(parts) == 2 and not isinstance(parts[1], (Name, Attr, Sub, Const, Op)):
                return (Collection("list", (typed(parts[0]),)),)
            return (Collection("tuple", tuple(map(typed, parts))),)
        if name in _ELEMENTS:
            return (Collection(_ELEMENTS[name], (typed(parts[0]),)),)
        if name in _MAPPINGS:
            return (Collection("dict", (typed(parts[-1]),), typed(parts[0])),)
        if name in ("Callable", "Literal"):
            return UNKNOWN
        if name in ("ContextManager", "AbstractContextManager", "AsyncContextManager", "AbstractAsyncContextManager"):
            return UNKNOWN
        return typed(base)

    def typed(self, text: str, receiver: Value | None = None) -> Values:
        """A type as the catalog writes it."""
        text = text.strip()
        if "|" in text and "[" not in text:
            return _without_none(unite(*(self.typed(part, receiver) for part in text.split("|"))))
        if text in ("None", ""):
            return (Literal(None),)
        if text == "self":
            return (receiver,) if receiver is not None else UNKNOWN
        if text == "element":
            return self.elements((receiver,)) if receiver is not None else UNKNOWN
        if text.endswith("]"):
            head, _, inner = text[:-1].partition("[")
            parts = [self.typed(part, receiver) for part in _split(inner)]
            head = head.removeprefix("builtins.").rpartition(".")[2]
            if head in ("awaitable", "coroutine", "Awaitable", "Coroutine"):
                return (Coroutine(parts[-1]),)
            if head == "tuple" and not inner.endswith("..."):
                return (Collection("tuple", tuple(parts)),)
            if head == "dict":
                return (Collection("dict", (parts[-1],), parts[0]),)
            if head in ("list", "set", "iterator", "tuple", "iterable", "generator", "frozenset"):
                return (Collection("list" if head in ("tuple", "frozenset") else "iterator" if head in ("iterable", "generator") else head, (parts[0],)),)
            return (Instance(self.catalog.canonical(text.partition("[")[0])),)
        if text in ("builtins.list", "builtins.tuple", "builtins.set"):
            return (Collection("list", (UNKNOWN,)),)
        if text == "builtins.dict":
            return (Collection("dict", (UNKNOWN,)),)
        return (Instance(self.catalog.canonical(text)),)

    # --- guards

    def guards(self, frame: Frame, guard: int) -> Iterator[tuple[Expr, bool, int]]:
        """The tests under which something runs, innermost first: test, outcome, and the guard outside it."""
        while guard >= 0:
            parent, test, held = frame.fn.data.guards[guard]
            yield test, held, parent
            guard = parent

    def feasible(self, frame: Frame, guard: int) -> bool:
        """Whether code under this guard can run in this frame."""
        return all(self.truth(test, frame, parent) is not (not held) for test, held, parent in self.guards(frame, guard))

    def truth(self, test: Expr, frame: Frame, guard: int = -1) -> bool | None:
        """What a test comes out as in this frame; None where both are possible."""
        return truth(self, test, frame, guard)

    def _narrow(self, expr: Expr, values: Values, frame: Frame, guard: int) -> Values:
        for test, held, parent in self.guards(frame, guard):
            values = narrow(self, expr, values, test, held, frame, parent)
        return values

    def _narrowed_from_nothing(self, expr: Expr, frame: Frame, guard: int) -> Values:
        """An unknown value has the type that an `isinstance` test gave it."""
        for test, held, parent in self.guards(frame, guard):
            found = tested_types(self, expr, test, held, frame, parent)
            if found:
                return found
        return UNKNOWN


def _after(argument: str, args: tuple[tuple[str, Expr], ...]) -> tuple[tuple[str, Expr], ...]:
    """The arguments that an offloader hands on: those behind the function."""
    _, position = parse_argument(argument)
    positional = 0
    kept = []
    for keyword, expr in args:
        if not keyword:
            positional += 1
            if positional - 1 <= position:
                continue
        kept.append((keyword, expr))
    return tuple(kept)


def _prefixes(catalog: Catalog) -> set[str]:
    """All names that the catalog says something about, and what they lie in."""
    known: set[str] = set()
    for table in (catalog.blocking, catalog.returns, catalog.offloaders, catalog.on_loop, catalog.uses, catalog.nonblocking, catalog.quiets,
                  catalog.decorators, catalog.startup, catalog.types):  # fmt: skip
        for name in table:
            known.add(name)
            while "." in name:
                name = name.rpartition(".")[0]
                known.add(name)
    return known


def _split(text: str) -> list[str]:
    """`A, B[C, D]` → its parts at the top level."""
    parts, depth, last = [], 0, 0
    for position, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if character == "," and depth == 0:
            parts.append(text[last:position])
            last = position + 1
    return [*parts, text[last:]]


def _without_none(values: Values) -> Values:
    return tuple(v for v in values if not (isinstance(v, Literal) and v.value is None)) or values


def _is_plain(value: Value) -> bool:
    """Numbers, text and the like: nothing to call."""
    return isinstance(value, Literal) or (isinstance(value, Instance) and value.cls in ("builtins.str", "builtins.int", "builtins.bytes", "builtins.bool", "builtins.float"))


def _informative(value: Value) -> bool:
    """Whether binding it to a parameter can decide something."""
    if isinstance(value, Instance):
        return value.exact or isinstance(value.cls, str)
    return isinstance(value, (Literal, FunctionValue, Partial, ClassValue, External, Generator, Lazy))


def _zero(value: Value, wanted: object) -> bool:
    return isinstance(value, Literal) and wanted == 0 and value.value == 0 and not isinstance(wanted, bool) and value.value is not False


def _mentions(expr: Expr, constant: str) -> bool:
    """`os.WNOHANG`, also inside `os.WNOHANG | flag`."""
    if isinstance(expr, Attr):
        return expr.name == constant
    if isinstance(expr, Name):
        return expr.id == constant
    return isinstance(expr, Op) and any(_mentions(item, constant) for item in expr.items)


def _combined(declared: Values, inferred: Values, inference: Inference) -> Values:
    """The declared result, made sharper by an object that the body is seen to make."""
    if not declared:
        return inferred
    exact = tuple(v for v in inferred if isinstance(v, Instance) and v.exact)
    if exact and len(exact) == len(inferred):
        return exact
    generators = tuple(v for v in inferred if isinstance(v, (Generator, Lazy, Later)))
    return generators or declared


_BUILTINS = frozenset(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__)
