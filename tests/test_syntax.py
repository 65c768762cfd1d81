"""What the summariser reads out of source: guards, reaching definitions, loops, events, positions, markers."""

from __future__ import annotations

import textwrap

import msgspec
import pytest

from asynclint.facts import (
    CALL,
    CONTAINS,
    DELETE,
    DELITEM,
    ENTER,
    GET,
    IMPORT,
    ITER,
    RUN,
    SET,
    SETITEM,
    SUB,
    Annotated,
    Attr,
    CallOf,
    Const,
    Event,
    Expr,
    Fn,
    Function,
    Item,
    Local,
    Name,
    Op,
    Typed,
    Unit,
)
from asynclint.syntax.summarize import summarize


def unit(text: str, positions: bool = False) -> Unit:
    found = summarize(textwrap.dedent(text), positions)
    assert found.error is None
    return found


def body(text: str, head: str = "async def f(a, b, c):") -> Function:
    """The facts of a function with these statements as its body."""
    return unit(head + "\n" + textwrap.indent(textwrap.dedent(text), "    ")).functions[1]


def call(fn: Function, name: str) -> Event:
    """The one call of a function of that name."""
    found = [e for e in fn.events if e.kind == CALL and e.value == Name(name)]
    assert len(found) == 1, f"{len(found)} calls of {name}"
    return found[0]


def called(fn: Function) -> list[str]:
    return [e.value.id for e in fn.events if e.kind == CALL and isinstance(e.value, Name)]


def guards(fn: Function, name: str) -> list[tuple[Expr, bool]]:
    """The tests that a call stands under, outermost first, with local names by name alone."""
    found: list[tuple[Expr, bool]] = []
    guard = call(fn, name).guard
    while guard >= 0:
        guard, test, held = fn.guards[guard]
        found.append((plain(test), held))
    return found[::-1]


def plain(expr: Expr) -> Expr:
    """An expression with names in place of local definitions."""
    match expr:
        case Local(name, _):
            return Name(name)
        case Op(op, items):
            return Op(op, tuple(map(plain, items)))
        case Attr(base, name):
            return Attr(plain(base), name)
        case Item(value, index):
            return Item(plain(value), index)
        case Annotated(annotation, value):
            return Annotated(plain(annotation), plain(value) if value is not None else None)
    return expr


def reaching(fn: Function, name: str) -> set[object]:
    """The values of the definitions that reach the first argument of a call."""
    argument = call(fn, name).args[0][1]
    if not isinstance(argument, Local):
        return {argument}
    return {d.value if isinstance(d, Const) else d for d in values(fn, argument, set())}


def values(fn: Function, local: Local, seen: set[int]) -> list[Expr]:
    found: list[Expr] = []
    for index in local.defs:
        if index not in seen:
            seen.add(index)
            value = fn.defs[index]
            found += values(fn, value, seen) if isinstance(value, Local) and value.id == local.id else [value]
    return found


A, B = Name("a"), Name("b")


# --- guards


def test_branches_are_guarded_by_their_tests() -> None:
    fn = body("""
        if a:
            one()
        elif b:
            two()
        else:
            three()
        four()
    """)
    assert guards(fn, "one") == [(A, True)]
    assert guards(fn, "two") == [(A, False), (B, True)]
    assert guards(fn, "three") == [(A, False), (B, False)]
    assert guards(fn, "four") == []


def test_what_follows_an_early_return_runs_only_where_it_did_not_happen() -> None:
    fn = body("""
        if a:
            return
        one()
        if not b:
            two()
        else:
            raise ValueError
        three()
    """)
    assert guards(fn, "one") == [(A, False)]
    assert guards(fn, "three") == [(A, False), (Op("not", (B,)), True)]


def test_an_early_return_in_a_branch_guards_only_the_rest_of_that_branch() -> None:
    fn = body("""
        if a:
            if b:
                return
            one()
        two()
    """)
    assert guards(fn, "one") == [(A, True), (B, False)]
    assert guards(fn, "two") == []


def test_boolean_operators_conditional_expressions_and_assertions_guard() -> None:
    fn = body("a and one()\na or two()\nx = three() if a else four()\nassert b, five()\nsix()")
    assert guards(fn, "one") == [(A, True)]
    assert guards(fn, "two") == [(A, False)]
    assert guards(fn, "three") == [(A, True)]
    assert guards(fn, "four") == [(A, False)]
    assert guards(fn, "five") == [(B, False)]
    assert guards(fn, "six") == [(B, True)]


def test_conditions_of_comprehensions_and_loops_guard() -> None:
    fn = body("[one(x) for x in a if x]\nwhile b:\n    two()\nthree()")
    assert guards(fn, "one") == [(Name("x"), True)]
    assert guards(fn, "two") == [(B, True)]
    assert guards(fn, "three") == []


@pytest.mark.parametrize("end", ["return", "raise X", "while True: pass", "while 1:\n    one()"])
def test_nothing_is_read_behind_the_end(end: str) -> None:
    assert "never" not in called(body(f"{end}\nnever()"))


def test_a_try_ends_only_if_all_its_ways_end() -> None:
    assert "after" in called(body("try:\n    return a()\nexcept E:\n    pass\nafter()"))
    assert "after" not in called(body("try:\n    return a()\nexcept E:\n    raise\nafter()"))
    assert "after" not in called(body("try:\n    b()\nfinally:\n    return\nafter()"))
    assert "after" in called(body("try:\n    return a()\nfinally:\n    after()"))


def test_calls_in_a_handler_are_marked() -> None:
    fn = body("try:\n    one()\nexcept E:\n    two()\nelse:\n    three()\nfinally:\n    four()")
    assert [call(fn, name).handler for name in ("one", "two", "three", "four")] == [False, True, False, False]


# --- match


def test_cases_are_guarded_by_their_pattern_and_by_those_before() -> None:
    fn = body("""
        match a:
            case "x":
                one()
            case None:
                two()
            case A() | B():
                three()
            case _:
                four()
        five()
    """)
    first, second = Op("==", (A, Const("x"))), Op("is", (A, Const(None)))
    third = Op("or", (Op("isinstance", (A, Name("A"))), Op("isinstance", (A, Name("B")))))
    assert guards(fn, "one") == [(first, True)]
    assert guards(fn, "two") == [(first, False), (second, True)]
    assert guards(fn, "three") == [(first, False), (second, False), (third, True)]
    assert guards(fn, "four") == [(first, False), (second, False), (third, False)]
    assert guards(fn, "five") == []


def test_what_a_pattern_only_needs_says_nothing_of_later_cases() -> None:
    fn = body("""
        match a:
            case A(x=1):
                one()
            case [1, y]:
                two()
            case {"k": B() as z}:
                three()
            case other:
                four()
    """)
    ((test, held),) = guards(fn, "one")
    assert held
    assert isinstance(test, Op)
    assert test.items[0] == Op("isinstance", (A, Name("A")))
    assert guards(fn, "two") == [(Op("==", (Item(A, 0), Const(1))), True)]
    assert guards(fn, "four") == []


def test_the_guard_of_a_case_counts() -> None:
    fn = body("match a:\n    case 1 if b:\n        one()\n    case _:\n        two()")
    equal = Op("==", (A, Const(1)))
    assert guards(fn, "one") == [(equal, True), (B, True)]
    assert guards(fn, "two") == [(Op("and", (equal, B)), False)]


def test_names_of_patterns_stand_for_what_they_match() -> None:
    fn = body("match a:\n    case A() as x:\n        one(x)\n    case str(s):\n        two(s)\n    case y:\n        three(y)")
    assert {plain(v) for v in reaching(fn, "one")} == {Annotated(Name("A"), A)}  # type: ignore[arg-type]
    assert {plain(v) for v in reaching(fn, "two")} == {Annotated(Name("str"), A)}  # type: ignore[arg-type]
    (local,) = reaching(fn, "three")
    assert isinstance(local, Local)
    assert local.id == "a"


def test_a_display_is_matched_part_by_part() -> None:
    fn = body("match a, b:\n    case 1, x:\n        one(x)\n    case _:\n        two()")
    assert guards(fn, "one") == [(Op("==", (A, Const(1))), True)]
    assert guards(fn, "two") == [(Op("==", (A, Const(1))), False)]


def test_a_match_whose_cases_all_end_ends() -> None:
    assert "after" not in called(body("match a:\n    case 1:\n        return\n    case _:\n        raise X\nafter()"))
    fn = body("match a:\n    case 1:\n        return\nafter()")
    assert guards(fn, "after") == [(Op("==", (A, Const(1))), False)]


# --- reaching definitions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\nx = 2\nuse(x)", {2}),
        ("x = 1\nif a: x = 2\nuse(x)", {1, 2}),
        ("if a: x = 1\nelse: x = 2\nuse(x)", {1, 2}),
        ("x = 1\nif a:\n    x = 2\n    return\nuse(x)", {1}),
        ("x = 1\nfor i in a:\n    use(x)\n    x = 2", {1, 2}),
        ("x = 1\nfor i in a:\n    x = 2\nuse(x)", {1, 2}),
        ("x = 1\nfor i in a:\n    x = 2\nelse:\n    x = 3\nuse(x)", {3}),
        ("x = 1\nfor i in a:\n    x = 2\n    break\nelse:\n    x = 3\nuse(x)", {2, 3}),
        ("x = 1\nwhile True:\n    if a:\n        x = 2\n        break\nuse(x)", {2}),
        ("x = 1\nfor i in a:\n    use(x)\n    if b:\n        x = 2\n        continue\n    x = 3", {1, 2, 3}),
        ("x = 1\nfor i in a:\n    if b:\n        x = 2\n        return\nuse(x)", {1}),
        ("x = 1\nfor i in a:\n    use(x)\n    with b as c:\n        try:\n            pass\n        finally:\n            x = 2", {1, 2}),
        ("x = 1\nfor i in ():\n    x = 2\nuse(x)", {1}),
        ("x = 1\ntry:\n    x = 2\nexcept E:\n    x = 3\nuse(x)", {2, 3}),
        ("x = 1\ntry:\n    x = 2\nexcept E:\n    return\nuse(x)", {2}),
        ("x = 1\nmatch a:\n    case 1:\n        x = 2\nuse(x)", {1, 2}),
        ("x = 1\nmatch a:\n    case 1:\n        x = 2\n    case _:\n        x = 3\nuse(x)", {2, 3}),
        ("x, y = 1, 2\nuse(y)", {2}),
        ("if (x := 1): pass\nuse(x)", {1}),
        ("[(x := 1) for y in a]\nuse(x)", {1}),
        ("x = 1\n[x for x in a]\nuse(x)", {1}),
        ("x = 1\ndel y\nuse(x)", {1}),
    ],
)
def test_definitions_that_reach_a_place(text: str, expected: set[object]) -> None:
    assert reaching(body(text), "use") == expected


def test_names_that_are_not_bound_here_are_left_to_others() -> None:
    fn = body("use(x)\ndef g():\n    use(a)")
    assert reaching(fn, "use") == {Name("x")}
    nested = unit("def f(a):\n    def g():\n        use(a)\n").functions[2]
    assert reaching(nested, "use") == {A}


def test_global_names_are_bound_for_the_module_to_find() -> None:
    fn = unit("def f():\n    global x\n    x = 1\n    use(x)\n").functions[1]
    assert fn.outer == ("x",)
    assert [fn.defs[i] for i in fn.bindings["x"]] == [Const(1)]
    assert reaching(fn, "use") == {Name("x")}


def test_a_walrus_in_a_generator_expression_binds_outside_of_it() -> None:
    fn = body("any((x := g(y)) for y in a)\nuse(x)")
    assert "x" in fn.bindings
    assert isinstance(call(fn, "use").args[0][1], Local)


# --- loops


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        ("use()", False),
        ("for x in a: use()", True),
        ("while a: use()", True),
        ("[use() for x in a]", True),
        ("for x in a:\n    use()\n    await b", False),
        ("async for x in a: use()", False),
        ("[use() async for x in a]", False),
        ("for x in a:\n    async with b: pass\n    use()", False),
        ("for x in (1, 2): use()", False),
        ("for x in a:\n    for y in b: use()\n    await c", True),
        ("for x in a: pass\nelse: use()", False),
        ("while a: pass\nelse: use()", False),
        ("for x in a:\n    def g():\n        await b\n    use()", True),
    ],
)
def test_a_call_stands_in_a_loop_that_gives_no_turn(text: str, loops: bool) -> None:
    assert call(body(text), "use").loop is loops


@pytest.mark.parametrize(
    ("text", "dropped"),
    [
        ("use()", ["use"]),
        ("await use()", []),
        ("x = use()", ["use"]),
        ("x = use()\nreturn x", []),
        ("x = use()\nother(x)", ["other"]),
        ("x = use()\nreturn lambda: x", []),
        ("x = use()\nreturn locals()", []),
        ("x = None\nfor y in a:\n    if x: other(x)\n    x = use()", ["other"]),
        ("global x\nx = use()", []),
        ("self.x = use()", []),
        ("a and use()", ["use"]),
        ("[use() for y in a]", ["use"]),
        ("return [use() for y in a]", []),
    ],
)
def test_a_call_whose_value_nobody_looks_at_is_dropped(text: str, dropped: list[str]) -> None:
    function = body(text)
    assert [name for name in called(function) if call(function, name) in [function.events[i] for i in function.dropped]] == dropped


@pytest.mark.parametrize(
    ("text", "gives_way", "exits"),
    [
        ("while True: use()", False, False),
        ("while True: await use()", True, False),
        ("while True: yield use()", True, False),
        ("while True:\n    for x in a: await x", True, False),
        ("while True:\n    if a: break", False, True),
        ("while True:\n    if a: return", False, True),
        ("while True:\n    for x in a: break", False, False),
        ("while True:\n    for x in a: raise KeyError", False, True),
        ("while True:\n    def g():\n        return 1", False, False),
    ],
)
def test_a_loop_tells_whether_it_gives_way_and_how_it_ends(text: str, gives_way: bool, exits: bool) -> None:
    loop = body(text).loops[0]
    assert (loop.gives_way, loop.exits) == (gives_way, exits)


def test_a_with_tells_whether_its_body_awaits() -> None:
    assert [e.across for e in body("with a: await b\nwith c: d()").events if e.kind == ENTER] == [True, False]


@pytest.mark.parametrize("display", ["()", "[]", "{}"])
def test_a_loop_over_nothing_has_no_rounds(display: str) -> None:
    assert called(body(f"for x in {display}:\n    never()\nelse:\n    other()\nafter()")) == ["other", "after"]


# --- events


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a()", [CALL]),
        ("with a: pass", [ENTER]),
        ("async with a: pass", []),
        ("for x in a: pass", [ITER]),
        ("async for x in a: pass", []),
        ("a.x", [GET]),
        ("a.x()", [CALL]),
        ("a[b]", [SUB]),
        ("import x", [IMPORT]),
        ("b in a", [CONTAINS]),
        ("b not in a", [CONTAINS]),
        ("b in (1, 2)", []),
        ("a < b in c", [CONTAINS]),
        ("a.x = b", [SET]),
        ("a.x += b", [GET, SET]),
        ("a[b] = c", [SETITEM]),
        ("a[b] += c", [SUB, SETITEM]),
        ("del a.x, a[b], a", [DELETE, DELITEM]),
        ("for a.x in b: pass", [ITER, SET]),
        ("f'{a():{b()}}'", [CALL, CALL]),
        ("{a(): b() for x in c}", [ITER, CALL, CALL]),
        ("raise a() from b()", [CALL, CALL]),
        ("x = yield from a", [ITER]),
    ],
)
def test_what_the_language_calls_is_an_event(text: str, kinds: list[int]) -> None:
    assert [e.kind for e in body(text).events] == kinds


def test_events_tell_what_is_assigned_and_looked_for() -> None:
    fn = body("a.x = 1\na[0] = 2\n3 in a")
    assert [e.args for e in fn.events] == [(("", Const(1)),), (("", Const(2)),), (("", Const(3)),)]


@pytest.mark.parametrize(
    ("text", "awaited"),
    [
        ("await use()", True),
        ("await (use() if a else b())", True),
        ("use()", False),
        ("async with use() as x: pass", False),
        ("async for x in use(): pass", False),
        ("await use().x()", False),
        ("await g(use())", False),
    ],
)
def test_only_await_awaits_a_call(text: str, awaited: bool) -> None:
    assert call(body(text), "use").awaited is awaited


def test_decorators_and_defaults_run_where_the_definition_stands() -> None:
    fn = body("@one(1)\n@two\ndef g(x=three(), *, y=four()) -> five():\n    six()")
    assert called(fn) == ["one", "three", "four", "two"]
    assert call(fn, "two").args == (("", Fn(2)),)
    applied = [e for e in fn.events if isinstance(e.value, CallOf)]
    assert [e.args for e in applied] == [(("", Fn(2)),)]


def test_a_class_in_a_function_runs_at_once() -> None:
    found = unit("def f():\n    class A:\n        x = one()\n        def m(self): two()\n")
    (run,) = [e for e in found.functions[1].events if e.kind == RUN]
    assert isinstance(run.value, Fn)
    assert called(found.functions[run.value.index]) == ["one"]


def test_a_generator_expression_evaluates_its_first_iterable_at_once() -> None:
    found = unit("def f():\n    return (one(x) for x in two())\n")
    assert called(found.functions[1]) == ["two"]
    assert called(found.functions[2]) == ["one"]
    assert found.functions[2].generator
    assert [e.kind for e in found.functions[1].events] == [CALL]


def test_a_lambda_is_a_function_of_its_own() -> None:
    found = unit("def f():\n    g = lambda x=one(): two(x)\n")
    assert called(found.functions[1]) == ["one"]
    assert called(found.functions[2]) == ["two"]


# --- expressions


def test_true_is_not_one_and_false_is_not_zero() -> None:
    fn = body("use(True, 1, False, 0)")
    one, two, three, four = (value for _, value in call(fn, "use").args)
    assert len({one, two, three, four}) == 4
    assert (one.value, two.value) == (True, 1)  # type: ignore[union-attr]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(one), type=Const) == one


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'a' 'b'", Const("ab")),
        ("b'a'", Typed("builtins.bytes")),
        ("b'a' b'b'", Typed("builtins.bytes")),
        ("f'{a}'", Typed("builtins.str")),
        ("'a' f'{a}'", Typed("builtins.str")),
        ("None", Const(None)),
        ("-1", Const(-1)),
        ("0x10", Const(16)),
        ("1_000", Const(1000)),
        ("12345678901234567890", Typed("builtins.int")),
    ],
)
def test_literals(text: str, expected: Expr) -> None:
    assert call(body(f"use({text})"), "use").args[0][1] == expected


def test_a_lone_surrogate_can_be_stored() -> None:
    msgspec.msgpack.encode(unit("x = '\\ud800'\n"))


def test_type_parameters_stand_for_their_bounds() -> None:
    found = unit("def f[T: Path, S](x: T) -> S: pass\n")
    outside = found.functions[0]
    assert [outside.defs[i] for i in outside.bindings["T"]] == [Name("Path")]
    assert "S" in outside.bindings
    assert found.functions[1].params[0].annotation == Name("T")


def test_a_type_alias_binds_the_type() -> None:
    outside = unit("type X = Path | None\n").functions[0]
    assert [outside.defs[i] for i in outside.bindings["X"]] == [Op("|", (Name("Path"), Const(None)))]


def test_annotations_in_quotes_are_read() -> None:
    fn = unit("def f(x: 'a.B | None'): pass\n").functions[1]
    assert fn.params[0].annotation == Op("|", (Attr(Name("a"), "B"), Const(None)))


# --- positions, markers, errors


def test_positions_count_from_one_within_the_unit() -> None:
    text = "    async def f(self):\n        x = [\n            g(1,\n              k=2),\n        ]\n"
    (event,) = [e for e in summarize(text, positions=True).functions[1].events if e.kind == CALL]
    assert event.span == (3, 13, 4, 19, 2, 5)
    assert (event.text, event.args_text) == ("g", "1, k=2")


def test_positions_change_nothing_else() -> None:
    text = "def f(a):\n    with open(a) as b:\n        return [c for c in b if c]\n"
    bare, placed = summarize(text), summarize(text, positions=True)
    stripped = [
        msgspec.structs.replace(
            f,
            line=0,
            events=tuple(msgspec.structs.replace(e, span=None, text="", args_text="") for e in f.events),
            loops=tuple(msgspec.structs.replace(loop, span=None, text="") for loop in f.loops),
        )
        for f in placed.functions
    ]
    assert stripped == [msgspec.structs.replace(f, line=0) for f in bare.functions]


@pytest.mark.parametrize("word", ["off-loop", "on-loop", "blocking", "nonblocking"])
def test_markers_stand_on_the_def_line(word: str) -> None:
    assert unit(f"def f():  # asynclint: {word}\n    pass\n").functions[1].marker == word
    assert unit(f"def f(): pass  # asynclint: {word}\n").functions[1].marker == word
    assert unit(f"def f():\n    pass  # asynclint: {word}\n").functions[1].marker == ""


@pytest.mark.parametrize(
    ("text", "stub"), [("...", True), ("'''text'''", True), ("raise NotImplementedError('x')", True), ("pass", True), ("return 1", False)]
)
def test_stubs(text: str, stub: bool) -> None:
    assert body(text).stub is stub


def test_facts_survive_storage() -> None:
    found = unit("class A[T](B, k=1):\n    @p\n    def f(self, *a: int, **k) -> None:\n        self.x: int = [y async for y in a]\n")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Unit) == found


def test_a_unit_that_does_not_parse_says_so() -> None:
    found = summarize("    def f(:\n        pass\n")
    assert found.error is not None
    assert found.functions == ()
