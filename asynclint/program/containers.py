"""What builtin containers and the functions that go through them give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asynclint.facts import CALL, Attr, CallOf, Elem, Event, Local, Seq
from asynclint.program.values import Collection, Coroutine, External, Frame, Instance, Later, Literal, Values, unite

if TYPE_CHECKING:
    from asynclint.program.infer import Inference

_VIEWS = {"items": "iterator", "keys": "iterator", "values": "iterator"}
_SAME = {"copy", "union", "intersection", "difference", "symmetric_difference", "__copy__", "__iter__", "__reversed__"}
_TAKEN = {"pop", "popleft", "get", "setdefault", "__getitem__", "__next__"}
_CONVERTED = {
    "builtins.list": "list", "builtins.tuple": "list", "builtins.sorted": "list", "builtins.set": "set", "builtins.frozenset": "set",
    "collections.deque": "list", "builtins.dict": "dict", "collections.OrderedDict": "dict",
}  # fmt: skip
_ADDED = {"append": 0, "add": 0, "appendleft": 0, "insert": 1}


class Containers:
    """Evaluates methods of containers, and functions that take and give containers. None where it has no say."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference

    def result(self, value: External, event: Event, frame: Frame) -> Values | None:
        if isinstance(value.receiver, Collection):
            return self._method(value.receiver, value.name.rpartition(".")[2], event, frame)
        if value.receiver is not None:
            return None
        name = value.name
        args = [self.inference.infer(e, frame, event.guard) for k, e in event.args if not k]
        starred = any(k == "*" for k, _ in event.args)
        match name:
            case "builtins.enumerate" if args:
                return self._later(args[:1], (Collection("tuple", ((Instance("builtins.int"),), self.inference.elements(args[0]))),))
            case "builtins.zip" if args and not starred:
                return self._later(args, (Collection("tuple", tuple(self.inference.elements(a) for a in args)),))
            case "builtins.iter" | "builtins.reversed" if args:
                return self._later(args[:1], self.inference.elements(args[0]))
            case "builtins.next" if args:
                return self.inference.elements(args[0])
            case "builtins.min" | "builtins.max" if args:
                return self.inference.elements(args[0]) if len(args) == 1 else unite(*args)
            case "copy.copy" | "copy.deepcopy" if args:
                return args[0]
            case "collections.defaultdict" if args:
                made = unite(*(self.inference.calls.called(v, Event(CALL, event.value), frame) for v in args[0]))
                return (Collection("dict", (made,)),)
            case "asyncio.gather":
                return self._gathered(event, frame)
        if name in _CONVERTED:
            return self._converted(name, args[0] if args else (), event, frame)
        return None

    def _later(self, args: list[Values], result: Values) -> Values:
        """What going through the arguments gives: a plain iterator, unless going through one of them runs something."""
        values = unite(*args)
        if all(isinstance(v, Collection) for v in values):
            return (Collection("iterator", (result,)),)
        return (Later(values, "iterate", result),)

    def _converted(self, name: str, argument: Values, event: Event, frame: Frame) -> Values:
        kind = _CONVERTED[name]
        if kind == "dict":
            held = [v for v in argument if isinstance(v, Collection) and v.kind == "dict"]
            given = [self.inference.infer(e, frame, event.guard) for k, e in event.args if k not in ("", "*", "**")]
            pairs = [v for v in self.inference.elements(argument) if isinstance(v, Collection) and len(v.items) == 2] if not held else []
            values = unite(*given, *(item for v in held for item in v.items), *(v.items[1] for v in pairs))
            return (Collection("dict", (values,), unite(*(v.keys for v in held), *(v.items[0] for v in pairs))),)
        return (Collection(kind, (self.inference.elements(argument),)),)

    def _gathered(self, event: Event, frame: Frame) -> Values:
        awaited = self.inference.structure.awaited
        args = [(k, self.inference.infer(e, frame, event.guard)) for k, e in event.args if k in ("", "*")]
        if any(k == "*" for k, _ in args):
            results = unite(*(awaited(self.inference.elements(v) if k == "*" else v) for k, v in args))
            return (Coroutine((Collection("list", (results,)),)),)
        return (Coroutine((Collection("tuple", tuple(awaited(v) for _, v in args)),)),)

    def _method(self, receiver: Collection, name: str, event: Event, frame: Frame) -> Values | None:
        items = unite(*receiver.items)
        if name in _SAME:
            return (receiver,)
        if receiver.kind == "dict":
            if name in _VIEWS:
                pair = (Collection("tuple", (receiver.keys, items)),)
                return (Collection("iterator", (pair if name == "items" else receiver.keys if name == "keys" else items,)),)
            if name == "popitem":
                return (Collection("tuple", (receiver.keys, items)),)
            if name in _TAKEN:
                positional = [e for k, e in event.args if not k]
                other = self.inference.infer(positional[1], frame, event.guard) if len(positional) > 1 else ()
                if name == "get" and len(positional) < 2:
                    other = (Literal(None),)
                return unite(items, other) if other else items
            return None
        return items if name in _TAKEN else None

    def filled(self, name: Local, values: Values, frame: Frame) -> Values:
        """An empty display that a local name stands for, with what the function adds to it."""
        if not any(isinstance(v, Collection) and not any(v.items) and v.kind in ("list", "set") for v in values):
            return values
        if not all(isinstance(frame.fn.data.defs[d], Seq) or _made_empty(frame, d) for d in name.defs):
            return values
        added: list[Values] = []
        for event in frame.fn.data.events:
            callee = event.value
            if event.kind == CALL and isinstance(callee, Attr) and isinstance(callee.base, Local) and callee.base.id == name.id:
                position = _ADDED.get(callee.name, -1)
                if 0 <= position < len(event.args):
                    added.append(self.inference.infer(event.args[position][1], frame, event.guard))
                elif callee.name in ("extend", "update") and event.args:
                    added.append(self.inference.infer(Elem(event.args[0][1]), frame, event.guard))
        held = unite(*added)
        if not held:
            return values
        return tuple(Collection(v.kind, (held,)) if isinstance(v, Collection) and not any(v.items) else v for v in values)


def _made_empty(frame: Frame, definition: int) -> bool:
    """`list()`, `set()`: seen by the call having no arguments."""
    expr = frame.fn.data.defs[definition]
    return isinstance(expr, CallOf) and not frame.fn.data.events[expr.event].args
