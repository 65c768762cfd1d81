"""What calls give, and the frames that they run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from asynclint.facts import Annotated, Const, Event, Expr, Function, Local, Opaque, Param, Parameter, Sub
from asynclint.program.project import ClassDef
from asynclint.program.values import (
    UNKNOWN,
    ClassValue,
    Collection,
    Coroutine,
    External,
    Frame,
    FunctionValue,
    Generator,
    Instance,
    Later,
    Lazy,
    Literal,
    Partial,
    Value,
    Values,
    depth,
    informative,
    is_plain,
    unite,
)

if TYPE_CHECKING:
    from asynclint.program.infer import Inference


#: an object remembers so many fields of its constructor's call
FIELDS = 8


class Calls:
    """Evaluates calls."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference

    def call_result(self, event: Event, frame: Frame) -> Values:
        """What the call gives."""
        return unite(*(self.called(value, event, frame) for value in self.inference.infer(event.value, frame, event.guard)))

    def called(self, value: Value, event: Event, frame: Frame) -> Values:
        match value:
            case ClassValue():
                return (self._constructed(value.cls, event, frame),)
            case FunctionValue():
                return self.returned(value, event, frame)
            case External():
                return self.inference.foreign.result(value, event, frame)
            case Partial():
                return unite(*(self.called(f, completed(event, value), frame) for f in value.function))
            case Instance():
                return unite(*(self.called(f, event, frame) for f in self.inference.member(value, "__call__")))
        return UNKNOWN

    def _constructed(self, cls: ClassDef, event: Event, frame: Frame) -> Instance:
        """The object that calling a class makes, with what the arguments settle about its fields."""
        made = Instance(cls, (), True)
        if not event.args and not self._has_defaults(made):
            return made
        fields = {}
        for name, values in self._settled(made, event, frame):
            if values and len(values) <= 2 and all(informative(v) and depth(v) <= 1 for v in values):
                fields[name] = values
            if len(fields) == FIELDS:
                break
        return Instance(cls, (), True, tuple(fields.items()))

    def _settled(self, made: Instance, event: Event, frame: Frame) -> Iterator[tuple[str, Values]]:
        """Fields that the constructor fills from its parameters alone, and nothing else fills."""
        assert isinstance(made.cls, ClassDef)
        constructors = [m for m in self.inference.member(made, "__init__") if isinstance(m, FunctionValue)]
        if not constructors:
            parameters = (
                Parameter("self"),
                *(Parameter(name, "", None, default) for name, default in self.inference.members.fields(made.cls)),
            )
            for index, values in self._bound_arguments(parameters, event, frame, 1):
                name = parameters[index].name
                if not self.inference.members.assignments(made.cls, name):
                    yield name, values
            return
        fn = constructors[0].fn
        bound = dict(self._bound_arguments(fn.data.params, event, frame, 1))
        for base, name, value, _annotation, guard in fn.data.attributes:
            if guard < 0 and isinstance(base, Local) and fn.data.params and base.id == fn.data.params[0].name:
                index = _parameter(value, fn.data)
                if index in bound and not self.inference.members.is_assigned_again(fn, name):
                    yield name, bound[index]

    def _has_defaults(self, made: Instance) -> bool:
        constructors = [m for m in self.inference.member(made, "__init__") if isinstance(m, FunctionValue)]
        return any(isinstance(p.default, Const) for m in constructors for p in m.fn.data.params)

    def returned(self, value: FunctionValue, event: Event, frame: Frame) -> Values:
        """What calling a function of the project gives, in the context of this call."""
        _, replaced = self.inference.decoration(value.fn)
        if replaced and value.receiver is None and value.closure is None and not value.undecorated:
            return unite(*(self.returned(v, event, frame) for v in replaced if isinstance(v, FunctionValue) and v.fn is not value.fn))
        target = self.context(value, event, frame)
        kinds = self.inference.decoration(value.fn)[0] | value.kinds
        if "offload" in kinds:
            return (Coroutine(self.result_of(target)),)
        if value.fn.data.generator and not value.fn.is_async:
            return (Generator(target, "contextmanager" in kinds),)
        if value.fn.is_async:
            return (
                (Coroutine(self.result_of(target)),) if not value.fn.data.generator else (Collection("iterator", (self.yielded(target),)),)
            )
        return self.result_of(target)

    def result_of(self, frame: Frame) -> Values:
        """What the body of a frame returns (awaited, where it is a coroutine)."""
        if frame.result is not None:
            return frame.result
        frame.result = UNKNOWN
        data = frame.fn.data
        declared: Values = UNKNOWN
        if data.annotation is not None:
            declared = self.inference.annotation(data.annotation, self.inference.definition_frame(frame), frame.receiver)
            declared = tuple(v for v in declared if not (isinstance(v, Instance) and v.cls in ("builtins.object",)))
        inferred: Values = UNKNOWN
        constant = bool(frame.params) and len(data.returns) == 1  # a helper around one value, such as a variable of the environment
        if not declared or constant or any(isinstance(v, (Instance, Collection)) and not is_plain(v) for v in declared):
            possible = [(value, guard) for value, guard in data.returns if guard < 0 or self.inference.feasible(frame, guard)]
            inferred = unite(*(self.inference.infer(value, frame, guard) for value, guard in possible))
        frame.result = _combined(declared, inferred)
        return frame.result

    def yielded(self, frame: Frame) -> Values:
        return unite(*(self.inference.infer(value, frame) for value in frame.fn.data.yields))

    def context(self, value: FunctionValue, event: Event | None, frame: Frame) -> Frame:
        """The frame of the callee for this call: arguments that can decide something are bound."""
        data = value.fn.data
        receiver = value.receiver
        params: dict[int, Values] = {}
        offset = 0
        if receiver is None and value.fn.owner is not None and value.closure is None:
            kinds, _ = self.inference.decoration(value.fn)
            if "staticmethod" not in kinds and event is not None and event.args:
                keyword, first = event.args[0]
                if not keyword:
                    receiver = next(iter(self.inference.infer(first, frame, event.guard)), Instance(value.fn.owner))
                    event = Event(event.kind, event.value, event.args[1:], event.guard)
                elif keyword == "*":  # `function(*args)` in a wrapper
                    receiver = Instance(value.fn.owner)
        if receiver is not None:
            offset = 1
        if event is not None:
            params.update(self._bound_arguments(data.params, event, frame, offset))
        return self.inference.frame(value.fn, receiver, params, value.closure)

    def _bound_arguments(self, parameters: tuple[Parameter, ...], event: Event, frame: Frame, offset: int) -> Iterator[tuple[int, Values]]:
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
                values = self.inference.infer(expr, frame, event.guard)
                if values and all(informative(v) or _carries(v, parameters[index]) for v in values) and len(values) <= 3:
                    yield index, values
        if not starred:
            for index, parameter in enumerate(parameters):
                if index >= offset and index not in given and isinstance(parameter.default, Const):
                    yield index, (Literal(parameter.default.value),)


def completed(event: Event, partial: Partial) -> Event:
    """The call with the arguments that a partial has bound; of those only constants are known."""
    bound = tuple((k, Const(v[0].value) if len(v) == 1 and isinstance(v[0], Literal) else Opaque()) for k, v in partial.args)
    return Event(event.kind, event.value, (*bound, *event.args), event.guard)


def _parameter(value: Expr, data: Function) -> int:
    """The index of the parameter that an expression is; -1 for all else."""
    while isinstance(value, Annotated) and value.value is not None:
        value = value.value
    if isinstance(value, Local) and len(value.defs) == 1:
        definition = data.defs[value.defs[0]]
        return definition.index if isinstance(definition, Param) else -1
    return -1


def _carries(value: Value, parameter: Parameter) -> bool:
    """A container of things that can decide something, where the parameter does not say what it holds."""
    if not isinstance(value, Collection) or depth(value) > 2 or not isinstance(parameter.annotation, Sub | None):
        return False
    held = [v for group in value.items for v in group]
    return bool(held) and all(informative(v) and not is_plain(v) for v in held)


def _combined(declared: Values, inferred: Values) -> Values:
    """The declared result, made sharper by an object that the body is seen to make."""
    if not declared:
        return inferred
    if inferred and all(is_plain(v) for v in declared) and all(isinstance(v, Literal) for v in inferred):
        return inferred
    exact = tuple(v for v in inferred if isinstance(v, Instance) and v.exact)
    if exact and len(exact) == len(inferred):
        return exact
    generators = tuple(v for v in inferred if isinstance(v, (Generator, Lazy, Later)))
    return generators or declared
