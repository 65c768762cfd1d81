"""What calls of functions outside the project give: those of the catalog, and builtins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from asynclint.catalog import parse_argument
from asynclint.facts import CALL, Event, Expr
from asynclint.program.texts import SWITCH
from asynclint.program.values import (
    UNKNOWN,
    ClassValue,
    Coroutine,
    External,
    Frame,
    FunctionValue,
    Instance,
    Later,
    Lazy,
    Literal,
    Partial,
    Super,
    Value,
    Values,
    unite,
)

if TYPE_CHECKING:
    from asynclint.program.infer import Inference


#: kinds of decorators that are called on functions too; of others the first argument may be another function, as of `wraps`
_CALLED = frozenset(("cached", "contextmanager", "asynccontextmanager"))


class Foreign:
    """Evaluates calls of foreign functions."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self.catalog = inference.catalog

    def result(self, value: External, event: Event, frame: Frame) -> Values:
        """What calling a function, class or method outside the project gives."""
        special = self._special(value, event, frame)
        if special is not None:
            return special
        name = value.name
        decorated = tuple(self._decorated(name, event, frame))
        if decorated:
            return decorated
        lazy = tuple(row for row in self.catalog.blocking.get(name, ()) if row.lazy and self.inference.conditions.hold(row, event, frame))
        given = self.catalog.returns.get(name)
        declared = self.inference.typed(given.removeprefix("call "), value.receiver) if given is not None else UNKNOWN
        if lazy:
            return (Lazy(name, lazy, declared),)
        if given is None and value.receiver is None and (name in self.catalog.types or name.rpartition(".")[2][:1].isupper()):
            return (Instance(name, (), True),)
        offloads = [o for o in self.catalog.offloaders.get(name, ()) if o.argument]
        if offloads:
            return self._offloaded(offloads[0].argument, event, frame, declared)
        contained = self.inference.containers.result(value, event, frame)
        if contained is not None:
            return contained
        for use in self.catalog.uses.get(name, ()):
            argument = self.inference.conditions.argument(use.argument, event, frame)
            if use.later:
                return (Later(argument, use.how, self._handed_on(name, argument, event, frame)),)
            if use.how == "enter":
                return self.inference.structure.entered(argument, False)
        return declared

    def _decorated(self, name: str, event: Event, frame: Frame) -> Iterator[Value]:
        """The function that a decorator was called on: `session = contextmanager(make_session)`."""
        row = self.catalog.decorators.get(name)
        if row is not None and row.kind in _CALLED and event.args:
            for value in self.inference.infer(event.args[0][1], frame, event.guard):
                if isinstance(value, FunctionValue):
                    yield replace(value, kinds=value.kinds | {row.kind})

    def _handed_on(self, name: str, argument: Values, event: Event, frame: Frame) -> Values:
        """What iterating the result of `map`, `filter` and the like gives."""
        if name == "builtins.map":
            return unite(*(self.inference.calls.called(v, Event(CALL, event.value), frame) for v in argument))
        if name == "builtins.filter":
            return self.inference.elements(self.inference.conditions.argument("@1", event, frame))
        return self.inference.elements(argument)

    def _special(self, value: External, event: Event, frame: Frame) -> Values | None:
        """Functions that say something about their arguments which no type can; None for all others."""
        match value.name:
            case "functools.partial" | "functools.partialmethod" if event.args:
                rest = tuple((k, self.inference.infer(e, frame, event.guard)) for k, e in event.args[1:])
                return (Partial(self.inference.infer(event.args[0][1], frame, event.guard), rest),)
            case "builtins.super":
                return self._super(event, frame)
            case "typing.cast" | "typing_extensions.cast" if len(event.args) == 2:
                return self.inference.annotation(event.args[0][1], frame) or self.inference.infer(event.args[1][1], frame, event.guard)
            case "builtins.getattr" if len(event.args) >= 2:
                return self._read_by_name(event, frame)
            case "contextlib.closing" | "contextlib.nullcontext" | "contextlib.aclosing" if event.args:
                return (Instance(value.name, (self.inference.infer(event.args[0][1], frame, event.guard),), True),)
            case "os.environ.get" | "os.getenv":
                return self._switch(event, frame)
        return None

    def _read_by_name(self, event: Event, frame: Frame) -> Values | None:
        names = self.inference.infer(event.args[1][1], frame, event.guard)
        if not names or not all(isinstance(n, Literal) and isinstance(n.value, str) for n in names):
            return None
        owners = self.inference.infer(event.args[0][1], frame, event.guard)
        return unite(*(self.inference.attribute(v, str(n.value)) for v in owners for n in names if isinstance(n, Literal)))

    def _switch(self, event: Event, frame: Frame) -> Values | None:
        """A variable of the environment that turns on what only developers want: nobody has set it."""
        names = self.inference.conditions.argument("key@0", event, frame)
        if not names or not all(isinstance(n, Literal) and SWITCH.search(str(n.value).upper()) for n in names):
            return None
        default = self.inference.argument_expression("default@1", event)
        return self.inference.infer(default, frame, event.guard) if default is not None else (Literal(None),)

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
        """The receiver, seen from behind the class that `super` stands in (or names)."""
        at: Frame | None = frame
        while at is not None and at.fn.owner is None:
            at = at.closure
        if at is None or at.fn.owner is None:
            return UNKNOWN
        named = self.inference.infer(event.args[0][1], frame, event.guard) if event.args else ()
        owner = next((v.cls for v in named if isinstance(v, ClassValue)), at.fn.owner)
        receiver = at.receiver if isinstance(at.receiver, (Instance, ClassValue)) else Instance(at.fn.owner)
        return (Super(receiver, owner),)


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
