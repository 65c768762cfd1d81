"""The parts of values: what awaiting, iterating, unpacking, entering, subscripting and operators give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asynclint.facts import CALL, Const, Event, Fn, Op, Seq, Sub, Typed
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
    Values,
    is_plain,
    unite,
)

if TYPE_CHECKING:
    from asynclint.program.infer import Inference


class Structure:
    """Takes values apart and puts them together."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self.catalog = inference.catalog
        self._active: set[Instance] = set()

    def awaited(self, values: Values) -> Values:
        found: list[Values] = []
        for value in values:
            if isinstance(value, Coroutine):
                found.append(value.result)
            elif isinstance(value, Instance) and not isinstance(value.cls, str):
                found.append((value,))
            elif isinstance(value, Instance):
                given = self.catalog.returns.get(f"{value.cls}.__await__")
                found.append(self.inference.typed(given, value) if given else (value,))
        return unite(*found)

    def elements(self, values: Values) -> Values:
        """What iterating gives."""
        found: list[Values] = []
        for value in values:
            match value:
                case Collection():
                    found.append(value.keys if value.kind == "dict" else unite(*value.items))
                case Generator():
                    found.append(self.inference.calls.yielded(value.frame))
                case Lazy():
                    found.append(self.elements(value.result))
                case Later():
                    found.append(value.result)
                case Instance() if isinstance(value.cls, str):
                    for ancestor in self.catalog.mro(value.cls):
                        given = self.catalog.returns.get(f"{ancestor}.__iter__") or self.catalog.returns.get(f"{ancestor}.__next__")
                        if given:
                            typed = self.inference.typed(given, value)
                            found.append(self.elements(typed) if any(isinstance(t, Collection) for t in typed) else typed)
                            break
                case Instance():
                    found.append(self._own_elements(value))
        return unite(*found)

    def _own_elements(self, value: Instance) -> Values:
        """What iterating an object of the project gives: by `__next__`, else by what its `__iter__` returns."""
        if value in self._active:
            return UNKNOWN
        self._active.add(value)
        found: list[Values] = []
        for name in ("__next__", "__iter__"):
            for method in self.inference.member(value, name):
                if isinstance(method, FunctionValue):
                    given = self.inference.returned(method, Event(CALL, Const(None)), self.inference.frame(method.fn, value))
                    found.append(self.elements(given) if name == "__iter__" else given)
            if any(found):
                break
        self._active.discard(value)
        return unite(*found)

    def item(self, values: Values, index: int) -> Values:
        found: list[Values] = []
        for value in values:
            if index < 0:
                found.append((Collection("list", (self.elements((value,)),)),))
            elif isinstance(value, Collection) and value.kind == "tuple" and index < len(value.items):
                found.append(value.items[index])
            elif isinstance(value, Instance) and self._is_record(value.cls):
                found.append(self._field(value, index))
            elif isinstance(value, (Collection, Generator, Lazy, Later)):
                found.append(self.elements((value,)))
        return unite(*found)

    def entered(self, values: Values, asynchronous: bool) -> Values:
        found: list[Values] = []
        for value in values:
            match value:
                case Generator() if value.manager:
                    found.append(self.inference.calls.yielded(value.frame))
                case Coroutine():
                    found.append(self.entered(value.result, asynchronous))
                case Collection() if asynchronous and value.kind == "iterator":
                    found.append(unite(*value.items))
                case Instance() if value.cls in ("contextlib.closing", "contextlib.nullcontext", "contextlib.aclosing"):
                    found.append(unite(*value.args))
                case Instance() if isinstance(value.cls, str):
                    name = "__aenter__" if asynchronous else "__enter__"
                    given = next(
                        (self.catalog.returns[f"{a}.{name}"] for a in self.catalog.mro(value.cls) if f"{a}.{name}" in self.catalog.returns),
                        None,
                    )
                    typed = self.inference.typed(given, value) if given else (value,)
                    found.append(self.awaited(typed) or typed if asynchronous else typed)
                case Instance():
                    methods = self.inference.member(value, "__aenter__" if asynchronous else "__enter__")
                    results = unite(
                        *(self.inference.result_of(self.inference.frame(m.fn, value)) for m in methods if isinstance(m, FunctionValue))
                    )
                    found.append(results or (value,))
                case Lazy():
                    found.append(self.entered(value.result, asynchronous))
        return unite(*found)

    def subscript(self, expr: Sub, frame: Frame, guard: int) -> Values:
        found: list[Values] = []
        index = expr.index
        for value in self.inference.values_of(self.inference.infer(expr.base, frame, guard)):
            match value:
                case Collection() if value.kind == "dict":
                    found.append(unite(*value.items))
                case Collection() if (
                    value.kind == "tuple"
                    and isinstance(index, Const)
                    and isinstance(index.value, int)
                    and -len(value.items) <= index.value < len(value.items)
                ):
                    found.append(value.items[index.value])
                case Collection():
                    found.append((value,) if isinstance(index, Typed) else unite(*value.items))
                case Instance() if isinstance(value.cls, str):
                    given = next(
                        (
                            self.catalog.returns[f"{a}.__getitem__"]
                            for a in self.catalog.mro(value.cls)
                            if f"{a}.__getitem__" in self.catalog.returns
                        ),
                        None,
                    )
                    if given:
                        found.append(self.inference.typed(given, value))
                case Instance() if isinstance(index, Const) and isinstance(index.value, (str, int)) and self._is_record(value.cls):
                    found.append(self._field(value, index.value))
                case Instance():
                    for method in self.inference.member(value, "__getitem__"):
                        if isinstance(method, FunctionValue):
                            found.append(self.inference.result_of(self.inference.frame(method.fn, value)))
                case ClassValue() | External():
                    found.append((value,))
        return unite(*found)

    def _is_record(self, cls: ClassDef | str) -> bool:
        return any(c in ("typing.NamedTuple", "typing.TypedDict", "typing_extensions.TypedDict") for c in self.inference.mro(cls))

    def _field(self, value: Instance, key: str | int) -> Values:
        """A field of a named tuple by position, of a typed dictionary by key."""
        if isinstance(value.cls, str):
            return UNKNOWN
        if isinstance(key, str):
            return self.inference.member(value, key)
        fields = self.inference.members.fields(value.cls)
        return self.inference.member(value, fields[key][0]) if 0 <= key < len(fields) else UNKNOWN

    def operator(self, expr: Op, frame: Frame, guard: int) -> Values:
        match expr.op:
            case "or":
                values = unite(*(self.inference.infer(item, frame, guard) for item in expr.items))
                return tuple(v for v in values if not (isinstance(v, Literal) and v.value is None)) or values
            case "and":
                return self.inference.infer(expr.items[-1], frame, guard)
            case "if":
                held = self.inference.truth(expr.items[2], frame, guard)
                chosen = expr.items[:2] if held is None else expr.items[:1] if held else expr.items[1:2]
                return unite(*(self.inference.infer(item, frame, guard) for item in chosen))
            case "/":
                for item, method in ((expr.items[0], "__truediv__"), (expr.items[1], "__rtruediv__")):
                    for value in self.inference.values_of(self.inference.infer(item, frame, guard)):
                        if isinstance(value, Instance):
                            made = unite(
                                *(
                                    self.inference.calls.called(m, Event(CALL, Const(None)), frame)
                                    for m in self.inference.member(value, method)
                                )
                            )
                            if made:
                                return made
                return UNKNOWN
            case "+":
                left = self.inference.infer(expr.items[0], frame, guard)
                return tuple(v for v in left if isinstance(v, Collection) or is_plain(v)) or self.inference.infer(
                    expr.items[1], frame, guard
                )
            case "%":
                left = self.inference.infer(expr.items[0], frame, guard)
                return (Instance("builtins.str"),) if any(isinstance(v, Literal) and isinstance(v.value, str) for v in left) else UNKNOWN
            case "|":
                return unite(*(self.inference.infer(item, frame, guard) for item in expr.items))
        held = self.inference.truth(expr, frame, guard)
        return (Instance("builtins.bool") if held is None else Literal(held),)

    def sequence(self, expr: Seq, frame: Frame) -> Values:
        if expr.kind == "generator":
            index = expr.items[0]
            assert isinstance(index, Fn)
            fn = frame.fn.module.function(frame.fn.unit, index.index)
            return (Generator(self.inference.frame(fn, None, {0: self.inference.infer(expr.items[1], frame)}, frame)),)
        items = tuple(self.inference.infer(item, frame) for item in expr.items[:12])
        if expr.kind == "dict":
            return (Collection("dict", (unite(*items),), unite(*(self.inference.infer(k, frame) for k in expr.keys[:12]))),)
        if expr.kind == "tuple":
            return (Collection("tuple", items),)
        return (Collection(expr.kind, (unite(*items),)),)
