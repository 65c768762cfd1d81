"""Types as annotations and the catalog write them → values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from asynclint.facts import Annotated, Attr, CallOf, Const, Event, Expr, Local, Name, Op, Seq, Sub
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
        self._bound: dict[tuple[ClassDef, tuple[Values, ...]], dict[str, Values]] = {}

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
                values = self.inference.infer(expr, frame)
                if not any(isinstance(v, ClassValue) for v in values):
                    meant = self._alias(expr, frame, receiver, depth)
                    if meant is not None:
                        return meant
                return unite(*(self._declared_type(v) for v in values))
        return UNKNOWN

    def _alias(self, expr: Expr, frame: Frame, receiver: Value | None, depth: int) -> Values | None:
        """What a name stands for that was given to a type; None if it is no such name."""
        found = self.inference.names.definition(expr, frame)
        if found is None:
            return None
        definition, place = found
        match definition:
            case Annotated(Name("TypeAlias") | Attr(_, "TypeAlias"), value) if value is not None:
                return self.annotation(value, place, receiver, depth + 1)
            case Sub() | Op("|"):
                return self.annotation(definition, place, receiver, depth + 1)
            case CallOf():
                return self._made_type(place.fn.data.events[definition.event], place, receiver, depth)
        return None

    def _made_type(self, event: Event, frame: Frame, receiver: Value | None, depth: int) -> Values | None:
        """`NewType("N", T)`, `TypeAliasType("A", T)`, `TypeVar("T", bound=B)`."""
        made = [v.name.rpartition(".")[2] for v in self.inference.infer(event.value, frame) if isinstance(v, External)]
        if not event.args or not made:
            return None
        if made[0] in ("NewType", "TypeAliasType") and len(event.args) > 1:
            return self.annotation(event.args[1][1], frame, receiver, depth + 1)
        if made[0] == "TypeVar" and isinstance(event.args[0][1], Const):
            bound = self._variables(receiver).get(str(event.args[0][1].value)) if isinstance(receiver, Instance) else None
            limit = next((e for k, e in event.args if k == "bound"), None)
            return bound or (self.annotation(limit, frame, None, depth + 1) if limit is not None else UNKNOWN)
        return None

    def _variables(self, receiver: Instance) -> dict[str, Values]:
        """What the type variables of an object's class and of its ancestors stand for."""
        if isinstance(receiver.cls, str):
            return {}
        known = self._bound.get((receiver.cls, receiver.args))
        if known is not None:
            return known
        found = self._bound[receiver.cls, receiver.args] = dict(zip(_type_parameters(receiver.cls), receiver.args, strict=False))
        plain = Instance(receiver.cls, receiver.args)
        frame = self.inference.members.around(receiver.cls)
        for base in receiver.cls.data.bases:
            if isinstance(base, Sub):
                args = tuple(self.annotation(part, frame, plain) for part in _parts(base.index))
                for value in self.inference.infer(base.base, frame):
                    if isinstance(value, ClassValue) and value.cls is not receiver.cls:
                        for name, values in self._variables(Instance(value.cls, args)).items():
                            found.setdefault(name, values)
        return found

    def _declared_type(self, value: Value) -> Values:
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
        parts = _parts(index)

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
        args = tuple(map(typed, parts))
        plain = typed(base)
        return (
            tuple(replace(v, args=args) if isinstance(v, Instance) and isinstance(v.cls, ClassDef) else v for v in plain)
            if any(args)
            else plain
        )

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


def _parts(index: Expr) -> tuple[Expr, ...]:
    """`X[A, B]` → A, B."""
    return index.items if isinstance(index, Seq) else (index,)


def _type_parameters(cls: ClassDef) -> list[str]:
    """The names of a class's type variables, by `Generic[T]`, else as its bases mention them."""
    generic = [b for b in cls.data.bases if isinstance(b, Sub)]
    declared = [b for b in generic if isinstance(b.base, (Name, Local, Attr)) and _last(b.base) in ("Generic", "Protocol")]
    return [part.id for base in declared or generic for part in _parts(base.index) if isinstance(part, (Name, Local))]


def _last(expr: Name | Local | Attr) -> str:
    return expr.name if isinstance(expr, Attr) else expr.id


def _split(text: str) -> list[str]:
    """`A, B[C, D]` → its parts at the top level."""
    parts, depth, last = [], 0, 0
    for position, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if character == "," and depth == 0:
            parts.append(text[last:position])
            last = position + 1
    return [*parts, text[last:]]
