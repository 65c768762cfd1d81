"""What calls give, and the frames that they run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from asynclint.facts import Const, Event, Parameter
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
    informative,
    is_plain,
    unite,
)

if TYPE_CHECKING:
    from asynclint.program.infer import Inference


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
                return (Instance(value.cls, (), True),)
            case FunctionValue():
                return self.returned(value, event, frame)
            case External():
                return self.inference.foreign.result(value, event, frame)
            case Partial():
                return unite(*(self.called(f, event, frame) for f in value.function))
            case Instance() if isinstance(value.cls, ClassDef):
                return unite(*(self.called(f, event, frame) for f in self.inference.member(value, "__call__")))
        return UNKNOWN

    def returned(self, value: FunctionValue, event: Event, frame: Frame) -> Values:
        """What calling a function of the project gives, in the context of this call."""
        _, replaced = self.inference.decoration(value.fn)
        if replaced and value.receiver is None and value.closure is None:
            return unite(*(self.returned(v, event, frame) for v in replaced if isinstance(v, FunctionValue) and v.fn is not value.fn))
        target = self.context(value, event, frame)
        kinds, _ = self.inference.decoration(value.fn)
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
        if not declared or any(isinstance(v, (Instance, Collection)) and not is_plain(v) for v in declared):
            inferred = unite(*(self.inference.infer(value, frame, guard) for value, guard in data.returns))
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
            if "staticmethod" not in kinds and event is not None and event.args and not event.args[0][0]:
                receiver = next(iter(self.inference.infer(event.args[0][1], frame, event.guard)), Instance(value.fn.owner))
                event = Event(event.kind, event.value, event.args[1:], event.guard)
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
                if values and all(informative(v) for v in values) and len(values) <= 3:
                    yield index, values
        if not starred:
            for index, parameter in enumerate(parameters):
                if index >= offset and index not in given and isinstance(parameter.default, Const):
                    yield index, (Literal(parameter.default.value),)


def _combined(declared: Values, inferred: Values) -> Values:
    """The declared result, made sharper by an object that the body is seen to make."""
    if not declared:
        return inferred
    exact = tuple(v for v in inferred if isinstance(v, Instance) and v.exact)
    if exact and len(exact) == len(inferred):
        return exact
    generators = tuple(v for v in inferred if isinstance(v, (Generator, Lazy, Later)))
    return generators or declared
