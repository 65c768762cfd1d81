"""What decorators make of a function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from asynclint.facts import Attr, CallOf, Event
from asynclint.program.project import FunctionDef
from asynclint.program.values import UNKNOWN, ClassValue, External, Frame, FunctionValue, Value, Values, unite

if TYPE_CHECKING:
    from asynclint.program.infer import Inference


class Decorators:
    """Finds the kinds of decorators, and what the decorators of the project return."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self.catalog = inference.catalog
        self._decorated: dict[FunctionDef, tuple[frozenset[str], Values]] = {}

    def decoration(self, fn: FunctionDef) -> tuple[frozenset[str], Values]:
        """The kinds of a function's decorators, and what the project's own decorators make of it (() where they keep it).

        Kinds are those of the catalog, and `property`, `staticmethod`, `classmethod`, `setter`, `offload`, `on-loop`, `startup`.
        """
        known = self._decorated.get(fn)
        if known is not None:
            return known
        self._decorated[fn] = (frozenset(), UNKNOWN)
        kinds: set[str] = set()
        replaced: Values = UNKNOWN
        if fn.data.decorators:
            at = self.inference.frame(fn.module.function(fn.unit, max(fn.data.parent, 0)))
            for expr in reversed(fn.data.decorators):
                if isinstance(expr, Attr) and expr.name in ("setter", "deleter", "getter"):
                    kinds.add("setter" if expr.name != "getter" else "property")
                    continue
                callee = at.fn.data.events[expr.event].value if isinstance(expr, CallOf) else expr
                for found in self.inference.infer(callee, at):
                    value = self._known_decorator(found) or found
                    if isinstance(value, External):
                        kinds.update(self._decorator_kinds(value, at.fn.data.events[expr.event] if isinstance(expr, CallOf) else None, at))
                    elif isinstance(value, ClassValue) and any(
                        isinstance(c, str) and c in ("builtins.property", "functools.cached_property")
                        for c in self.inference.mro(value.cls)
                    ):
                        kinds.add("property")
                    elif isinstance(value, FunctionValue):
                        given: Values = replaced or (FunctionValue(fn, undecorated=True),)
                        made = self._decorate(value, given, expr if isinstance(expr, CallOf) else None, at)
                        # one that has a wrapper of each sort chooses by the function it is given
                        alike = tuple(v for v in made if isinstance(v, FunctionValue) and v.fn.is_async is fn.is_async)
                        replaced = alike or made or replaced
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
        simple = {"builtins.property": "property", "builtins.staticmethod": "staticmethod", "builtins.classmethod": "classmethod"}.get(
            value.name
        )
        if simple:
            yield simple
        if any(o.decorator for o in self.catalog.offloaders.get(value.name, ())):
            yield "offload"
        if any(o.decorator for o in self.catalog.on_loop.get(value.name, ())):
            yield "on-loop"
        for start in self.catalog.startup.get(value.name, ()):
            if start.decorator and (
                not start.when or (event is not None and any(self.inference.condition(c, event, frame) for c in start.when))
            ):
                yield "startup"

    def _decorate(self, decorator: FunctionValue, given: Values, call: CallOf | None, frame: Frame) -> Values:
        """What the project's own decorator returns for a function, where that is another function that can be seen."""
        if call is not None:
            made: Values = tuple(v for v in self.inference.infer(call, frame) if isinstance(v, FunctionValue))
        else:
            made = (decorator,)
        results: list[Values] = []
        for function in made:
            if isinstance(function, FunctionValue) and function.fn.data.params:
                position = 1 if function.receiver is not None else 0
                if len(function.fn.data.params) <= position:
                    continue
                inner = self.inference.frame(function.fn, function.receiver, {position: given}, function.closure)
                results.append(self.inference.result_of(inner))
        found = tuple(v for v in unite(*results) if isinstance(v, FunctionValue))
        return UNKNOWN if set(found) & set(given) else found
