"""Which values an expression may have, evaluated on demand in a frame. The jobs lie in the modules that this one joins."""

from __future__ import annotations

from collections.abc import Iterator

from asynclint.catalog import Catalog
from asynclint.facts import (
    Annotated,
    Attr,
    Awaited,
    CallOf,
    Cls,
    Const,
    Elem,
    Entered,
    Expr,
    Fn,
    Import,
    Item,
    Local,
    Name,
    Op,
    Param,
    Seq,
    Sub,
    Typed,
)
from asynclint.program.annotations import Annotations
from asynclint.program.calls import Calls
from asynclint.program.conditions import Conditions
from asynclint.program.containers import Containers
from asynclint.program.decorators import Decorators
from asynclint.program.foreign import Foreign
from asynclint.program.members import Members
from asynclint.program.names import Names
from asynclint.program.project import FunctionDef, Module, Project
from asynclint.program.structure import Structure
from asynclint.program.texts import Texts
from asynclint.program.truth import narrow, tested_types, truth
from asynclint.program.twins import Twins
from asynclint.program.values import UNKNOWN, ClassValue, External, Frame, FunctionValue, Instance, Literal, Value, Values, is_plain, unite
from asynclint.syntax.index import IndexedUnit

#: how deep evaluation may nest before the answer is "unknown"
DEPTH = 80
#: frames of one function with arguments of their own; more share the general one
CONTEXTS = 24
#: so many more may differ in what is None, true or false
FLAG_CONTEXTS = 48


class Inference:
    """Evaluates expressions of the project. Every method that returns Values returns () where it does not know."""

    def __init__(self, project: Project, catalog: Catalog) -> None:
        self.project = project
        self.catalog = catalog
        self.texts = Texts(project)
        self.known_names = _prefixes(catalog)
        self.frames: list[Frame] = []
        self._frames: dict[object, Frame] = {}
        self._contexts: dict[FunctionDef, int] = {}
        self._depth = 0
        self.names = Names(self)
        self.members = Members(self)
        self.decorators = Decorators(self)
        self.twins = Twins(self)
        self.calls = Calls(self)
        self.foreign = Foreign(self)
        self.conditions = Conditions(self)
        self.structure = Structure(self)
        self.containers = Containers(self)
        self.annotations = Annotations(self)
        # what others ask for
        self.global_name = self.names.global_name
        self.attribute = self.members.attribute
        self.member = self.members.member
        self.property_frame = self.members.property_frame
        self.mro = self.members.mro
        self.bases = self.members.bases
        self.decoration = self.decorators.decoration
        self.call_result = self.calls.call_result
        self.returned = self.calls.returned
        self.result_of = self.calls.result_of
        self.context = self.calls.context
        self.argument_expression = self.conditions.argument_expression
        self.condition = self.conditions.condition
        self.elements = self.structure.elements
        self.annotation = self.annotations.annotation
        self.typed = self.annotations.typed

    def frame(
        self, fn: FunctionDef, receiver: Value | None = None, params: dict[int, Values] | None = None, closure: Frame | None = None
    ) -> Frame:
        """The node for a function in a context; the same object for the same context."""
        params = {index: self.texts.merge(values) for index, values in params.items()} if params else {}
        key = (
            fn,
            receiver,
            closure,
            tuple(sorted((i, v) for i, v in params.items())) if len(params) < 2 else tuple((i, params[i]) for i in sorted(params)),
        )
        found = self._frames.get(key)
        if found is not None:
            return found
        if params or (receiver is not None and isinstance(receiver, Instance) and receiver.exact):
            if self._contexts.get(fn, 0) >= CONTEXTS:
                plain = Instance(receiver.cls) if isinstance(receiver, Instance) else receiver
                flags = {i: values for i, values in params.items() if all(_is_flag(v) for v in values)}
                kept = flags if self._contexts[fn] < FLAG_CONTEXTS else {}
                if params != kept or plain != receiver:
                    return self.frame(fn, plain, kept, closure)
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

    def infer(self, expr: Expr, frame: Frame, guard: int = -1) -> Values:
        if isinstance(expr, Const):  # not remembered: as keys, `0` and `False` are the same
            return (Literal(expr.value),)
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
                data = frame.fn.data
                reaching = expr.defs
                if len(reaching) > 1 and frame.params:  # what this caller's arguments rule out does not reach
                    reaching = tuple(d for d in reaching if self.feasible(frame, data.def_guards[d])) or reaching
                values = unite(*(self.infer(data.defs[d], frame) for d in reaching))
                return self.containers.filled(expr, values, frame)
            case Name():
                return self.names.lookup(expr.id, frame)
            case Attr():
                bases = self.values_of(self.infer(expr.base, frame, guard))
                return unite(*(self.attribute(base, expr.name) for base in bases)) if bases else self.twins.method(expr, frame, guard)
            case CallOf():
                return self.call_result(frame.fn.data.events[expr.event], frame)
            case Typed():
                return (Instance(expr.name, (), True),)
            case Param():
                return self._param(expr.index, frame)
            case Annotated():
                return self._annotated(expr, frame)
            case Import():
                return self.names.imported(frame.fn.module.absolute(expr.module, expr.level), expr.attr, frame.fn.module)
            case Awaited():
                return self.structure.awaited(self.infer(expr.value, frame, guard))
            case Elem():
                return self.elements(self.values_of(self.infer(expr.value, frame, guard)))
            case Item():
                return self.structure.item(self.infer(expr.value, frame, guard), expr.index)
            case Entered():
                return self.structure.entered(self.infer(expr.value, frame, guard), expr.asynchronous)
            case Sub():
                return self.structure.subscript(expr, frame, guard)
            case Op():
                return self.structure.operator(expr, frame, guard)
            case Seq():
                return self.structure.sequence(expr, frame)
            case Fn():
                return (
                    FunctionValue(
                        frame.fn.module.function(frame.fn.unit, expr.index), None, frame if frame.fn.data.kind != "module" else None
                    ),
                )
            case Cls():
                return (ClassValue(frame.fn.module.cls(frame.fn.unit, expr.index)),)
        return UNKNOWN

    def _annotated(self, expr: Annotated, frame: Frame) -> Values:
        """What the annotation declares; of constants the value itself."""
        declared = self.annotation(expr.annotation, frame, frame.receiver)
        if expr.value is None or (declared and (frame.fn.data.kind == "class" or not all(is_plain(v) for v in declared))):
            return declared
        given = self.infer(expr.value, frame)
        return given if not declared or (given and all(isinstance(v, Literal) for v in given)) else declared

    def values_of(self, values: Values) -> Values:
        """Members that were read and not called stand for what reading them gives."""
        return tuple(v for value in values for v in self.read(value))

    def read(self, value: Value) -> Values:
        if isinstance(value, External) and value.receiver is not None:
            given = self.catalog.returns.get(value.name)
            if given is not None and not given.startswith("call "):
                return self.typed(given, value.receiver)
        return (value,)

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
            declared = self.annotation(parameter.annotation, self.definition_frame(frame), frame.receiver)
            if declared:
                return declared
        if parameter.default is not None:
            default = self.infer(parameter.default, self.definition_frame(frame))
            return tuple(v for v in default if isinstance(v, (Instance, FunctionValue, ClassValue, External)) and not is_plain(v))
        return UNKNOWN

    def definition_frame(self, frame: Frame) -> Frame:
        """Where the `def` itself runs: annotations and defaults are read there."""
        parent = frame.fn.module.function(frame.fn.unit, max(frame.fn.data.parent, 0))
        if frame.closure is not None and frame.closure.fn is parent:
            return frame.closure
        return self.frame(parent, None, None, frame.closure)

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


def _is_flag(value: Value) -> bool:
    return isinstance(value, Literal) and (value.value is None or isinstance(value.value, bool))


def _prefixes(catalog: Catalog) -> set[str]:
    """All names that the catalog says something about, and what they lie in."""
    known: set[str] = set()
    for table in (catalog.blocking, catalog.returns, catalog.offloaders, catalog.on_loop, catalog.uses, catalog.nonblocking, catalog.quiets,
                  catalog.decorators, catalog.startup, catalog.types, catalog.misuses):  # fmt: skip
        for name in table:
            known.add(name)
            while "." in name:
                name = name.rpartition(".")[0]
                known.add(name)
    return known
