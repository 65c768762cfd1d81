"""Types as annotations and the catalog write them → values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asynclint.facts import Attr, Const, Expr, Local, Name, Op, Seq, Sub
from asynclint.program.project import ClassDef
from asynclint.program.values import (
    UNKNOWN,
    ClassValue,
    Collection,
    Coroutine,
    External,
    Frame,
    Instance,
    Literal,
    Value,
    Values,
    is_plain,
    unite,
    without_none,
)

if TYPE_CHECKING:
    from asynclint.program.infer import Inference

#: the kind of collection that a generic type stands for; its first parameter is the element
_COLLECTIONS = {
    **dict.fromkeys(("list", "List", "Sequence", "MutableSequence", "Collection", "deque", "Deque"), "list"),
    **dict.fromkeys(("set", "Set", "frozenset", "FrozenSet", "AbstractSet", "MutableSet"), "set"),
    **dict.fromkeys(("Iterable", "Iterator", "Generator", "AsyncIterable", "AsyncIterator", "AsyncGenerator"), "iterator"),
}
_MAPPINGS = {"dict", "Dict", "Mapping", "MutableMapping", "defaultdict", "DefaultDict", "OrderedDict"}
_TRANSPARENT = {"Optional", "Annotated", "Final", "ClassVar", "Required", "NotRequired", "ReadOnly", "Mapped", "InitVar"}


class Annotations:
    """Evaluates types."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self.catalog = inference.catalog

    def annotation(self, expr: Expr, frame: Frame, receiver: Value | None = None, depth: int = 0) -> Values:
        """The values that an annotation declares."""
        if depth > 12:
            return UNKNOWN
        match expr:
            case Const(None):
                return (Literal(None),)
            case Op("|", items):
                return without_none(unite(*(self.annotation(i, frame, receiver, depth + 1) for i in items)))
            case Sub():
                return self._generic(expr, frame, receiver, depth)
            case Name() | Attr() | Local():
                name = expr.id if isinstance(expr, (Name, Local)) else expr.name
                if name == "Self":
                    owner = receiver or frame.receiver
                    return (owner,) if isinstance(owner, Instance) else (Instance(owner.cls),) if isinstance(owner, ClassValue) else UNKNOWN
                return unite(*(self._declared_type(v, name, frame, receiver, depth) for v in self.inference.infer(expr, frame)))
        return UNKNOWN

    def _declared_type(self, value: Value, name: str, frame: Frame, receiver: Value | None, depth: int) -> Values:
        match value:
            case ClassValue():
                return (Instance(value.cls),)
            case External():
                short = value.name.rpartition(".")[2]
                if value.name.startswith(("typing.", "collections.abc.", "typing_extensions.")):
                    if short in _COLLECTIONS:
                        return (Collection(_COLLECTIONS[short], (UNKNOWN,)),)
                    return (Instance(value.name),) if value.name in self.catalog.types else UNKNOWN
                if value.name in ("builtins.list", "builtins.set", "builtins.frozenset", "builtins.tuple"):
                    return (Collection("list", (UNKNOWN,)),)
                if value.name == "builtins.dict":
                    return (Collection("dict", (UNKNOWN,)),)
                return (Instance(value.name),)
            case Instance() | Collection() if not is_plain(value):
                return (value,) if isinstance(value, Collection) else UNKNOWN  # `X = Union[...]` is evaluated where it is used
        return UNKNOWN

    def _generic(self, expr: Sub, frame: Frame, receiver: Value | None, depth: int) -> Values:
        base, index = expr.base, expr.index
        name = base.id if isinstance(base, (Name, Local)) else base.name if isinstance(base, Attr) else ""
        parts = index.items if isinstance(index, Seq) else (index,)

        def typed(part: Expr) -> Values:
            return self.annotation(part, frame, receiver, depth + 1)

        if name in _TRANSPARENT:
            return without_none(typed(parts[0]))
        if name == "Union":
            return without_none(unite(*map(typed, parts)))
        if name in ("Awaitable", "Coroutine"):
            return (Coroutine(typed(parts[-1])),)
        if name in ("type", "Type"):
            return tuple(
                ClassValue(v.cls) if isinstance(v.cls, ClassDef) else External(v.cls) for v in typed(parts[0]) if isinstance(v, Instance)
            )
        if name in ("tuple", "Tuple"):
            if len(parts) == 2 and not isinstance(parts[1], (Name, Attr, Sub, Const, Op)):
                return (Collection("list", (typed(parts[0]),)),)
            return (Collection("tuple", tuple(map(typed, parts))),)
        if name in _COLLECTIONS:
            return (Collection(_COLLECTIONS[name], (typed(parts[0]),)),)
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
            return without_none(unite(*(self.typed(part, receiver) for part in text.split("|"))))
        if text in ("None", ""):
            return (Literal(None),)
        if text == "self":
            return (receiver,) if receiver is not None else UNKNOWN
        if text == "element":
            return self.inference.elements((receiver,)) if receiver is not None else UNKNOWN
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
                return (
                    Collection(
                        "list" if head in ("tuple", "frozenset") else "iterator" if head in ("iterable", "generator") else head, (parts[0],)
                    ),
                )
            return (Instance(self.catalog.canonical(text.partition("[")[0])),)
        if text in ("builtins.list", "builtins.tuple", "builtins.set"):
            return (Collection("list", (UNKNOWN,)),)
        if text == "builtins.dict":
            return (Collection("dict", (UNKNOWN,)),)
        return (Instance(self.catalog.canonical(text)),)


def _split(text: str) -> list[str]:
    """`A, B[C, D]` → its parts at the top level."""
    parts, depth, last = [], 0, 0
    for position, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if character == "," and depth == 0:
            parts.append(text[last:position])
            last = position + 1
    return [*parts, text[last:]]
