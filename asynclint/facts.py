"""What a piece of source says, as plain data: expressions, events, functions, classes. Knows no rule and no library.

A *unit* is what is parsed at once: a function, a method, a class without its methods, or a top-level statement. Its facts are small,
serialisable, and depend on the text of the unit alone, so they are cached by content. Lines count from 1 within the unit.
"""

from __future__ import annotations

import msgspec


class _Expr(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """An expression, reduced to what decides which value it may have."""


class Name(_Expr, frozen=True, gc=False, tag="n"):
    """A name that this function does not bind: an enclosing function's, the module's, or a builtin."""

    id: str


class Local(_Expr, frozen=True, gc=False, tag="l"):
    """A name bound in this function, by the definitions (indices into `Function.defs`) that may reach this place."""

    id: str
    defs: tuple[int, ...]


class Attr(_Expr, frozen=True, gc=False, tag="a"):
    base: Expr
    name: str


class CallOf(_Expr, frozen=True, gc=False, tag="c"):
    """The result of the call event with this index."""

    event: int


class Const(_Expr, frozen=True, gc=False, tag="k"):
    """A literal: text is cut at 200 characters. `boolean` keeps True and False apart from 1 and 0, which Python holds for equal."""

    value: str | int | float | bool | None
    boolean: bool = False


class Sub(_Expr, frozen=True, gc=False, tag="s"):
    base: Expr
    index: Expr


class Op(_Expr, frozen=True, gc=False, tag="o"):
    """An operator with its operands; `and`, `or`, `not`, `if` (three operands: then, else, test), `==`, `is`, `in`, `/`, `|` …

    `isinstance` (object, class) is the test of a class pattern in a `match` statement.
    `returned` (call) is false where an `except` block runs.
    """

    op: str
    items: tuple[Expr, ...]


class Seq(_Expr, frozen=True, gc=False, tag="q"):
    """A display or comprehension: list, tuple, set, dict (values, then keys in `keys`), generator."""

    kind: str
    items: tuple[Expr, ...]
    keys: tuple[Expr, ...] = ()
    #: items are one element expression of a comprehension; for a generator expression: the function that is its body
    comprehension: bool = False


class Fn(_Expr, frozen=True, gc=False, tag="f"):
    """A function, lambda or generator expression of this unit (index into `Unit.functions`)."""

    index: int


class Cls(_Expr, frozen=True, gc=False, tag="t"):
    """A class of this unit (index into `Unit.classes`)."""

    index: int


class Awaited(_Expr, frozen=True, gc=False, tag="w"):
    value: Expr


class Item(_Expr, frozen=True, gc=False, tag="i"):
    """Part `index` of an unpacked value; -1 for a starred part."""

    value: Expr
    index: int


class Elem(_Expr, frozen=True, gc=False, tag="e"):
    """What iterating the value gives."""

    value: Expr


class Entered(_Expr, frozen=True, gc=False, tag="x"):
    """What `with value as …` binds (`asynchronous`: `async with`)."""

    value: Expr
    asynchronous: bool = False


class Param(_Expr, frozen=True, gc=False, tag="p"):
    index: int


class Typed(_Expr, frozen=True, gc=False, tag="y"):
    """Some value of a builtin type."""

    name: str


class Annotated(_Expr, frozen=True, gc=False, tag="z"):
    """A value that was bound with an annotation."""

    annotation: Expr
    value: Expr | None = None


class Import(_Expr, frozen=True, gc=False, tag="m"):
    """What an import binds: a module (`attr` empty), or a member of it. `level` counts the leading dots."""

    module: str
    attr: str = ""
    level: int = 0


class Opaque(_Expr, frozen=True, gc=False, tag="u"):
    """Anything else."""


Expr = (
    Name
    | Local
    | Attr
    | CallOf
    | Const
    | Sub
    | Op
    | Seq
    | Fn
    | Cls
    | Awaited
    | Item
    | Elem
    | Entered
    | Param
    | Typed
    | Annotated
    | Import
    | Opaque
)

# kinds of events
CALL = 0
ENTER = 1  # `with value`
ITER = 2  # a synchronous iteration over value
GET = 3  # reading an attribute that is not called at once
SUB = 4  # reading a subscript
IMPORT = 5
CONTAINS = 6  # `item in value`; the item is the argument
SET = 7  # assigning to an attribute: `value` is the attribute, what is assigned is the argument
SETITEM = 8  # assigning to a subscript, likewise
DELETE = 9  # `del` of an attribute
DELITEM = 10  # `del` of a subscript
RUN = 11  # the body of a class that stands in a function: it runs at once


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Something a function does that may run other code."""

    kind: int
    #: callee, context manager, iterable, attribute, subscript, or import
    value: Expr
    #: (keyword, value); the keyword is "" for positional arguments, "*" and "**" for starred ones
    args: tuple[tuple[str, Expr], ...] = ()
    #: index into `Function.guards`, -1 where it always runs
    guard: int = -1
    #: `await f()`; not `async with f()` or `async for … in f()`, where the call itself runs at once
    awaited: bool = False
    #: it stands in a loop that gives the event loop no turn
    loop: bool = False
    #: in an `except` block
    handler: bool = False
    #: 1-based, within the unit; only when positions are asked for: line, column, end line, end column, statement's first and last line
    span: tuple[int, int, int, int, int, int] | None = None
    #: the callee and the whole call as written; filled with the span
    text: str = ""
    args_text: str = ""
    #: index into `Function.loops` of the innermost loop that it stands in, -1
    within: int = -1
    #: of a `with`: there is an `await` in its body
    across: bool = False
    #: in the body of a `try` that has handlers
    tried: bool = False


class Loop(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A loop of a function, or one `for` of a comprehension."""

    #: for, while, async for, comprehension
    kind: str
    #: the iterable, or the test
    subject: Expr
    guard: int = -1
    #: the loop around it (index into `Function.loops`), -1
    parent: int = -1
    #: there is an `await`, or a `yield`, in it
    gives_way: bool = False
    #: it is left by `break`, `return` or `raise` as well
    exits: bool = False
    #: in the body of a `try` that has handlers
    tried: bool = False
    #: index of the awaited call that is all its body does, -1
    sole: int = -1
    #: how many expressions are evaluated in each round, those of inner loops and of branches left out
    work: int = 0
    #: names that its body binds
    binds: tuple[str, ...] = ()
    #: as in `Event`; of a loop, its header
    span: tuple[int, int, int, int, int, int] | None = None
    #: the header as written; filled with the span
    text: str = ""


class Parameter(msgspec.Struct, frozen=True, array_like=True, gc=False):
    name: str
    #: "" positional or keyword, "*" variadic, "k" keyword only, "**" keywords
    kind: str = ""
    annotation: Expr | None = None
    default: Expr | None = None


class Function(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One function, lambda, generator expression, class body or module-level statement."""

    name: str
    #: def, async, lambda, genexp, class, module
    kind: str
    line: int
    #: index of the enclosing function in the unit, -1 for the outermost
    parent: int
    #: index of the class (in the unit) whose body it stands in, -1
    owner: int = -1
    params: tuple[Parameter, ...] = ()
    decorators: tuple[Expr, ...] = ()
    annotation: Expr | None = None
    generator: bool = False
    #: its body does nothing: `...`, `pass`, a docstring, `raise NotImplementedError`
    stub: bool = False
    marker: str = ""
    defs: tuple[Expr, ...] = ()
    bindings: dict[str, tuple[int, ...]] = {}
    #: names declared `global` or `nonlocal`: what the function assigns to them is in `bindings` all the same
    outer: tuple[str, ...] = ()
    #: (parent guard, test, whether the test held)
    guards: tuple[tuple[int, Expr, bool], ...] = ()
    events: tuple[Event, ...] = ()
    returns: tuple[tuple[Expr, int], ...] = ()
    yields: tuple[Expr, ...] = ()
    #: (object, attribute, value, annotation, guard) of assignments to attributes
    attributes: tuple[tuple[Expr, str, Expr, Expr | None, int], ...] = ()
    #: the guard under which each definition is made
    def_guards: tuple[int, ...] = ()
    loops: tuple[Loop, ...] = ()
    #: calls (indices into `events`) whose value nobody looks at: statements of their own, or bound to a name that is never read
    dropped: tuple[int, ...] = ()


class Class(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A class statement: its body is the function `body` of the unit; methods inside the unit are definitions of that body."""

    name: str
    line: int
    body: int
    bases: tuple[Expr, ...] = ()
    keywords: tuple[tuple[str, Expr], ...] = ()
    decorators: tuple[Expr, ...] = ()


class Unit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The facts of one unit; `functions[0]` is the unit itself (for a class: its body)."""

    functions: tuple[Function, ...]
    classes: tuple[Class, ...] = ()
    #: the message, 1-based line and column of a syntax error; then there are no functions
    error: tuple[str, int, int] | None = None
    #: how many lines were parsed
    lines: int = 0
