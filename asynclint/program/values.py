"""Abstract values: what an expression may stand for at run time. An empty tuple of values means *unknown*."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from asynclint.catalog import Blocking
from asynclint.program.project import ClassDef, FunctionDef, Module


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of a class: the project's, or one known by name. `exact`: made here, so not of a subclass."""

    cls: ClassDef | str
    #: what the type parameters of its class stand for
    args: tuple[tuple[Value, ...], ...] = ()
    exact: bool = False
    #: what the call of its constructor settled about its fields
    fields: tuple[tuple[str, tuple[Value, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class ClassValue:
    cls: ClassDef


@dataclass(frozen=True, slots=True)
class FunctionValue:
    """A function of the project, bound to a receiver where it is a method; `closure` is the frame it was made in."""

    fn: FunctionDef
    receiver: Value | None = None
    closure: Frame | None = None
    #: the function itself, as its decorators were given it
    undecorated: bool = False
    #: what decorators that were called made of it: `session = contextmanager(make_session)`
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class External:
    """Something outside the project by its canonical name: a module, a class, a function, a member of a receiver."""

    name: str
    receiver: Value | None = None


@dataclass(frozen=True, slots=True)
class ModuleValue:
    module: Module


@dataclass(frozen=True, slots=True, eq=False)
class Literal:
    """A constant; `0`, `0.0` and `False` are three."""

    value: str | int | float | bool | None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and type(other.value) is type(self.value) and other.value == self.value

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


@dataclass(frozen=True, slots=True)
class Collection:
    """A container: `kind` is list, tuple, set, dict or iterator.

    A tuple's items count by position, others share one element; a dict has `keys` too.
    """

    kind: str
    items: tuple[tuple[Value, ...], ...]
    keys: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Coroutine:
    """An awaitable, and what awaiting it gives."""

    result: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Generator:
    """A generator of the project that has not run yet. `manager`: made by a context manager function."""

    frame: Frame
    manager: bool = False


@dataclass(frozen=True, slots=True)
class Lazy:
    """The result of a call that blocks when it is iterated."""

    name: str
    rows: tuple[Blocking, ...]
    result: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Later:
    """The result of `map(f, …)`: iterating it calls `function`, or iterates it."""

    function: tuple[Value, ...]
    how: str
    result: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Super:
    """`super()`: the receiver, whose members are looked up behind the class `owner`."""

    receiver: Instance | ClassValue
    owner: ClassDef


@dataclass(frozen=True, slots=True)
class Partial:
    function: tuple[Value, ...]
    args: tuple[tuple[str, tuple[Value, ...]], ...]


Value: TypeAlias = (
    Instance
    | ClassValue
    | FunctionValue
    | External
    | ModuleValue
    | Literal
    | Collection
    | Coroutine
    | Generator
    | Lazy
    | Later
    | Partial
    | Super
)
Values = tuple[Value, ...]
UNKNOWN: Values = ()


@dataclass(frozen=True, slots=True)
class Sink:
    """A blocking row of the catalog, reached by this canonical name."""

    name: str
    row: Blocking


@dataclass(slots=True)
class Edge:
    """One call of a frame: the event it stands at, and what it leads to. `confidence` counts for the last step alone."""

    event: int
    target: Sink | Frame | Choice
    confidence: int
    #: by how many steps it is cheaper because it is done once
    once: int = 0
    #: on how many conditions the call depends: 1 for any tests that could not be decided, 2 where one asks for a setting
    conditions: int = 0


@dataclass(slots=True, eq=False)
class Choice:
    """One of several definitions may be called: which one is not known."""

    frames: list[Frame]


@dataclass(slots=True, eq=False)
class Frame:
    """A function with what is known of its receiver and arguments: a node of the call graph."""

    fn: FunctionDef
    receiver: Value | None
    params: dict[int, Values]
    closure: Frame | None
    number: int
    edges: list[Edge] = field(default_factory=list)
    linked: set[int] = field(default_factory=set)
    cache: dict[object, Values] = field(default_factory=dict)
    active: set[object] = field(default_factory=set)
    #: what calling, iterating or entering it gives, once known
    result: Values | None = None
    startup: bool = False

    def __repr__(self) -> str:
        return f"<frame {self.fn.qualified_name} {self.receiver} {self.params}>"


#: the types of literals
LITERAL_TYPES: dict[type, str] = {str: "builtins.str", int: "builtins.int", float: "builtins.float", bool: "builtins.bool"}
#: containers and partials nest at most so deep; what lies deeper is unknown
NESTING = 4


def depth(value: Value) -> int:
    """How deep other values nest inside a value."""
    match value:
        case Collection():
            return 1 + max((depth(v) for group in (*value.items, value.keys) for v in group), default=0)
        case Partial():
            return 1 + max((depth(v) for group in (value.function, *(values for _, values in value.args)) for v in group), default=0)
        case Later():
            return 1 + max((depth(v) for v in value.function), default=0)
        case Lazy():
            return max((depth(v) for v in value.result), default=0)
        case Coroutine():
            return 1 + max((depth(v) for v in value.result), default=0)
        case Instance() if value.args or value.fields:
            return 1 + max((depth(v) for group in (*value.args, *(values for _, values in value.fields)) for v in group), default=0)
        case FunctionValue() | External() if value.receiver is not None:
            return 1 + depth(value.receiver)
    return 0


def unite(*groups: Values) -> Values:
    """All values of the groups, each once, at most eight. Constants decide nothing where another alternative is unknown."""
    found: dict[Value, None] = {}
    for group in groups:
        for value in group:
            if depth(value) <= NESTING:
                found[value] = None
    if not all(groups) and all(isinstance(value, Literal) for value in found):
        return UNKNOWN
    return tuple(found)[:8]


def without_none(values: Values) -> Values:
    return tuple(v for v in values if not (isinstance(v, Literal) and v.value is None)) or values


def is_plain(value: Value) -> bool:
    """Numbers, text and the like: nothing to call."""
    return isinstance(value, Literal) or (
        isinstance(value, Instance) and value.cls in ("builtins.str", "builtins.int", "builtins.bytes", "builtins.bool", "builtins.float")
    )


def informative(value: Value) -> bool:
    """Whether binding it to a parameter can decide something."""
    if isinstance(value, Instance):
        return value.exact or isinstance(value.cls, str)
    return isinstance(value, (Literal, FunctionValue, Partial, ClassValue, External, Generator, Lazy))
