"""What calls of functions outside the project give: those of the catalog, and builtins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asynclint.catalog import parse_argument
from asynclint.facts import CALL, Const, Event, Expr
from asynclint.program.values import (
    UNKNOWN,
    ClassValue,
    Collection,
    Coroutine,
    External,
    Frame,
    FunctionValue,
    Instance,
    Later,
    Lazy,
    Partial,
    Values,
    unite,
)

if TYPE_CHECKING:
    from asynclint.program.infer import Inference


class Foreign:
    """Evaluates calls of foreign functions."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self.catalog = inference.catalog

    def result(self, value: External, event: Event, frame: Frame) -> Values:
        name = value.name
        if name in ("functools.partial", "functools.partialmethod") and event.args:
            rest = tuple((k, self.inference.infer(e, frame, event.guard)) for k, e in event.args[1:])
            return (Partial(self.inference.infer(event.args[0][1], frame, event.guard), rest),)
        if name == "builtins.super":
            return self._super(event, frame)
        if name in ("typing.cast", "typing_extensions.cast") and len(event.args) == 2:
            return self.inference.annotation(event.args[0][1], frame) or self.inference.infer(event.args[1][1], frame, event.guard)
        if (
            name in ("builtins.getattr",)
            and len(event.args) >= 2
            and isinstance(event.args[1][1], Const)
            and isinstance(event.args[1][1].value, str)
        ):
            return unite(
                *(self.inference.attribute(v, event.args[1][1].value) for v in self.inference.infer(event.args[0][1], frame, event.guard))
            )
        offloads = [o for o in self.catalog.offloaders.get(name, ()) if o.argument]
        if offloads:
            return self._offloaded(
                offloads[0].argument,
                event,
                frame,
                self.inference.typed(self.catalog.returns[name], value.receiver) if name in self.catalog.returns else UNKNOWN,
            )
        for use in self.catalog.uses.get(name, ()):
            argument = self.inference.conditions.argument(use.argument, event, frame)
            if use.later:
                return (Later(argument, use.how, self.inference.elements(argument)),)
            if use.how == "enter":
                return self.inference.structure.entered(argument, False)
            if use.how == "iterate" and name in ("builtins.list", "builtins.set", "builtins.tuple", "builtins.sorted"):
                return (Collection("list", (self.inference.elements(argument),)),)
            if name == "builtins.next":
                return self.inference.elements(argument)
            if name == "builtins.iter":
                return argument
        rows = tuple(r for r in self.catalog.blocking.get(name, ()) if r.lazy)
        given = self.catalog.returns.get(name)
        if given is not None:
            result = self.inference.typed(given.removeprefix("call "), value.receiver)
        elif value.receiver is None and (name in self.catalog.types or name.rpartition(".")[2][:1].isupper()):
            result = (Instance(name, (), True),)
        else:
            result = UNKNOWN
        return (Lazy(name, rows, result),) if rows else result

    def _offloaded(self, argument: str, event: Event, frame: Frame, declared: Values) -> Values:
        """An awaitable for what the function gives in the thread."""
        results = []
        for function in self.inference.conditions.argument(argument, event, frame):
            if isinstance(function, FunctionValue):
                result = self.inference.returned(function, Event(CALL, event.value), frame)
                results.append(result)
            elif isinstance(function, Partial):
                results.append(
                    unite(
                        *(
                            self.inference.returned(f, Event(CALL, event.value), frame)
                            for f in function.function
                            if isinstance(f, FunctionValue)
                        )
                    )
                )
            elif isinstance(function, (External, ClassValue)):
                results.append(self.inference.calls.called(function, Event(CALL, event.value, after(argument, event.args)), frame))
        if declared and not any(isinstance(v, Coroutine) for v in declared):
            return declared
        return (Coroutine(unite(*results)),)

    def _super(self, event: Event, frame: Frame) -> Values:
        at: Frame | None = frame
        while at is not None and at.fn.owner is None:
            at = at.closure
        if at is None or at.fn.owner is None:
            return UNKNOWN
        return tuple(Instance(base) for base in self.inference.mro(at.fn.owner)[1:2])


def after(argument: str, args: tuple[tuple[str, Expr], ...]) -> tuple[tuple[str, Expr], ...]:
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
