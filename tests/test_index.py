"""Files are cut into units without parsing: every statement lies in one, each parses by itself, and nothing is lost or moved."""

from __future__ import annotations

import ast
import random
import sys
import sysconfig
from pathlib import Path

import libcst
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asynclint.facts import Unit
from asynclint.syntax.index import CLASS, CODE, DEF, METHOD, FileIndex, IndexedUnit, index, unit_text
from asynclint.syntax.read import Unreadable, decode, read_source
from asynclint.syntax.scan import scan_text
from asynclint.syntax.summarize import summarize

STDLIB = Path(sysconfig.get_path("stdlib"))
#: small and middle-sized modules of all ages and styles
SAMPLE = [
    "abc.py", "ast.py", "asyncio/base_events.py", "asyncio/queues.py", "bdb.py", "bisect.py", "calendar.py", "cgitb.py", "codeop.py",
    "concurrent/futures/thread.py", "contextlib.py", "ctypes/util.py", "dataclasses.py", "difflib.py", "doctest.py", "email/header.py",
    "enum.py", "functools.py", "hashlib.py", "heapq.py", "http/client.py", "importlib/abc.py", "inspect.py", "json/decoder.py",
    "keyword.py", "locale.py", "logging/config.py", "lib2to3/tests/data/py3_test_grammar.py", "multiprocessing/pool.py", "ntpath.py",
    "nturl2path.py", "optparse.py", "os.py", "pathlib.py", "pdb.py", "pickle.py", "posixpath.py", "random.py", "re/_parser.py", "sched.py",
    "shlex.py", "socket.py", "sqlite3/dump.py", "ssl.py", "string.py", "subprocess.py", "tarfile.py", "tempfile.py", "textwrap.py",
    "threading.py", "tkinter/ttk.py", "tokenize.py", "traceback.py", "types.py", "typing.py", "unittest/mock.py", "urllib/request.py",
    "uuid.py", "warnings.py", "wsgiref/handlers.py", "xml/dom/minidom.py", "xmlrpc/client.py", "zipfile.py",
]  # fmt: skip


def functions_of(unit: Unit) -> list[tuple[str, str]]:
    return [(f.name, f.kind) for f in unit.functions if f.kind != "module"]


def check(text: str) -> FileIndex:
    """Asserts all that must hold for the index of a valid file."""
    found = index(text)
    top = [unit for unit in found.units if unit.kind != METHOD]
    starts = [unit.start for unit in top]
    assert starts == sorted(set(starts))
    assert [unit.end for unit in top] == [*starts[1:], len(text)][: len(top)], "a gap between units"
    before = text[: starts[0]] if starts else text
    assert not ast.parse(before).body, "a statement before the first unit"
    names: list[tuple[str, str]] = []
    for unit in found.units:
        assert unit.line == text.count("\n", 0, unit.start) + 1
        facts = summarize(unit_text(text, unit))
        assert facts.error is None, f"{unit.kind} {unit.name}, line {unit.line}: {facts.error}"
        if unit.kind in (DEF, METHOD):
            assert (facts.functions[1].name, facts.functions[1].kind) == (unit.name, "async" if unit.asynchronous else "def")
        if unit.kind == METHOD:
            assert any(c.kind == CLASS and c.name == unit.owner and c.start <= unit.start and unit.end <= c.end for c in found.units)
        if unit.kind == CLASS:
            assert unit_text(text, unit, lines=True).count("\n") == text.count("\n", unit.start, unit.end), "lines moved"
        names += functions_of(facts)
    assert sorted(names) == sorted(functions_of(summarize(text)))
    return found


def units(text: str) -> list[tuple[str, str, int]]:
    return [(unit.kind, unit.name, unit.line) for unit in check(text).units]


def unit_named(text: str, name: str) -> IndexedUnit:
    return next(unit for unit in check(text).units if unit.name == name)


# --- whole files


@pytest.mark.parametrize("name", random.Random(3).sample(SAMPLE, 18))
def test_a_module_of_the_standard_library_is_cut_into_whole_units(name: str) -> None:
    path = STDLIB / name
    if not path.exists():
        pytest.skip("not in this Python")
    check(read_source(str(path)))


STATEMENTS = st.sampled_from(
    [
        "import a, b.c as d",
        "from a import (\n    b,\n    c as d,\n)",
        "from . import x; y = 1",
        "x = 1",
        "x = (\n1,\n[2,\n]\n)",
        "x = 1 + \\\n2",
        "def f(): return 1",
        "async def g():\n    await x",
        "def h(\n    a,\nb=1,\n):\n    return a",
        "class A: pass",
        "class B(A, metaclass=M):\n    x = 1\n    def m(self):\n        return 1\n\n    # a comment\n    async def n(self): pass",
        "class C:\n  '''text\n  def not_code(self):\n'''\n  def m(self):\n    pass\n  class Inner:\n    def deep(self): pass",
        "class D:\n\tif x:\n\t\tdef m(self): pass\n\telse:\n\t\tdef m(self): return 1\n\tdef n(self): pass",
        "class E:\n    @a\n    # between\n    @b(\n1,\n    )\n    def m(self): pass",
        "@a\n# between\n@b(\nx,\n)\ndef f(): pass",
        "@a\nclass F:\n    def m(self): pass",
        "if x:\n    def f(): pass\nelif y:\n    class G: pass\nelse:\n    z = 1",
        "try:\n    import a\nexcept ImportError:\n    a = None\nelse:\n    def f(): pass\nfinally:\n    pass",
        "for x in y:\n    pass\nelse:\n    pass",
        's = """text\ndef f(): pass\nclass G:\n"""',
        "s = '''\n'''; t = 'def'",
        "s = 'a\\\nb'",
        "s = f\"{x}{'y'}\"",
        "# only a comment (",
        "",
        "\n\n    # indented comment",
        "match = 1",
        "async def f():\n    async with a as b: pass\n    async for c in d: pass",
        "é = lambda: [ö for ö in x]",
        "with a:\n    def f(): pass",
        "def f():\n    x = [\n1,\n]\n    return x",
        "def f():\n    class Local:\n        def m(self): pass\n    return Local",
        "x = {'(': ')'}",
        "class H(\n    A,\n):\n    def m(self): pass\n    x = (\n    1,\n    )\n    def n(self): pass",
        "global_ = 1; else_ = 2",
        "class I:\n    def m(self):\n        return '''\n    def x(self): pass\n'''",
    ]
)


@settings(max_examples=120, deadline=None)
@given(st.lists(STATEMENTS, max_size=7), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.booleans())
def test_any_mix_of_statements_is_cut_into_whole_units(parts: list[str], line_end: str, mark: bool, ends: bool) -> None:
    text = "\n".join(parts) + ("\n" if ends else "")
    data = (b"\xef\xbb\xbf" if mark else b"") + text.replace("\n", line_end).encode()
    read = decode(data)
    assert read == text
    assert scan_text(read).error is None
    check(read)


# --- single matters


def test_methods_are_units_and_the_class_keeps_the_rest() -> None:
    text = "class A(B):\n    x = 1\n\n    def f(self):\n        pass\n\n    y = 2\n"
    assert units(text) == [(CLASS, "A", 1), (METHOD, "f", 4)]
    skeleton = unit_text(text, check(text).units[0])
    assert "y = 2" in skeleton
    assert "def f" not in skeleton
    assert check(text).units[0].bases == "B"


def test_conditional_methods_stay_with_their_class() -> None:
    text = "class A:\n    if X:\n        def f(self): pass\n    else:\n        def f(self): return 1\n    def g(self): pass\n"
    assert units(text) == [(CLASS, "A", 1), (METHOD, "g", 6)]


@pytest.mark.parametrize(
    "text", ["x = f(\na,\ndef_,\n)\ny = 1\n", "x = 1 + \\\ny\ny = 1\n", "x = [\n'(',\n1]\ny = 1\n", "@f(\na\n)\ndef g(): pass\ny = 1\n"]
)
def test_a_line_at_the_margin_that_continues_a_statement_begins_no_unit(text: str) -> None:
    assert len(check(text).units) == 2


def test_imports_side_by_side_are_one_unit_that_names_nothing() -> None:
    found = check("import time\nfrom a.b import c as d\n\nx = time.sleep\n")
    assert [(unit.kind, unit.line) for unit in found.units] == [(CODE, 1), (CODE, 4)]
    assert found.units[0].words == ()
    assert [(name.bound, name.module, name.attr) for name in found.imports] == [("time", "time", ""), ("d", "a.b", "c")]


def test_code_in_text_is_no_code() -> None:
    found = check('def f():\n    """Call time.sleep(1).\nimport requests\n    """\n    # open()\n    return g()\n')
    assert "g(" in found.units[0].words
    assert not {"open(", ".sleep(", "import"} & set(found.units[0].words)
    assert found.imported == ()


def test_code_in_an_f_string_over_several_lines_is_code() -> None:
    text = 'def f():\n    return f"""\n    {load(x)} and {{not_this()}}\n    """\n'
    words = unit_named(text, "f").words
    assert "load(" in words
    assert "not_this(" not in words


def test_words_tell_how_a_name_is_used() -> None:
    words = unit_named("def f(a):\n    g(h, a.b, a.c())\n", "f").words
    assert {"g(", "h", ".b", ".c("} <= set(words)


def test_names_declared_global_are_noted() -> None:
    text = "x = None\ndef f():\n    global x, y\n    x = open('a')\nclass A:\n    def m(self):\n        global z\n        z = 1\n"
    assert unit_named(text, "f").outer == ("x", "y")
    assert unit_named(text, "m").outer == ("z",)


def test_type_aliases_and_type_parameters_bind() -> None:
    text = "type X[T] = list[T]\ntype Y = int\nclass Box[T: list[int], *Ts](Base[T]):\n    def m(self): pass\n"
    found = index(text)
    assert [unit.binds for unit in found.units[:3]] == [("X",), ("Y",), ("Box", "T", "Ts")]
    assert found.units[2].bases == "Base[T]"
    assert found.units[3].kind == METHOD


@pytest.mark.parametrize(("text", "lines"), [("", 0), ("\n", 1), ("# c", 1), ("x = 1\ny = 2", 2), ("x = 1\n\n", 2)])
def test_lines_are_counted(text: str, lines: int) -> None:
    assert check(text).lines == lines


# --- reading


def test_declared_encodings_are_obeyed() -> None:
    assert decode("# coding: latin-1\nx = 'é'\n".encode("latin-1")) == "# coding: latin-1\nx = 'é'\n"


@pytest.mark.parametrize(
    "data",
    [b"# coding: no-such-thing\nx = 1\n", b"x = '\xff'\n", b"# coding: unicode_escape\nx = '\\ud800'\n", b"# coding: rot13\nk = 1\n"],
)
def test_bytes_that_are_no_text_are_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(data)


def test_form_feeds_between_definitions_do_no_harm() -> None:
    assert units(decode(b"x = 1\n\x0c\ndef f(): pass\n\x0cdef g(): pass\n")) == [(CODE, "", 1), (DEF, "f", 3), (DEF, "g", 4)]


# --- syntax errors


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1\ndef f():\n    y = 1 +\n    return y\n", 3),
        ("x = 1\n\n\ndef f():\n    return )\n", 5),
        ("x = 1\nf(a,\n\ndef g(): pass\n", 2),
        ("if 1:\n\tx = 1\n        y = 2\n", 3),
        ("  x = 1\ny = 2\n", 1),
        ("x = 1\ns = '''abc\n", 2),
        ("x = 1\ny = '\0'\n", 2),
        ("x = 1\nprint 'a'\n", 2),
    ],
)
def test_a_syntax_error_is_placed_where_it_stands(text: str, line: int) -> None:
    error = scan_text(text).error
    assert error is not None
    assert error[0]
    assert error[1] == line
    assert error[2] >= 1


@pytest.mark.parametrize(
    "text",
    [
        "type X = int\n",
        "def f[T: int](x: T) -> T: return x\n",
        "class A[T]:\n    def m(self): pass\n",
        'x = f"{d["a"]}"\n',
        "return 1\n",
        "await x\n",
    ],
)
def test_syntax_that_this_python_may_not_know_is_no_error(text: str) -> None:
    libcst.parse_module(text)
    assert scan_text("x = 1\n" + text).error is None


@pytest.mark.parametrize("text", ["lambda: " * 20_000, "1 + " * 8_000, "not " * 8_000])
def test_nesting_beyond_all_measure_is_an_error_and_no_crash(text: str) -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(8_000)
    try:
        error = scan_text(f"import a\n\nx = {text}1\n").error
    finally:
        sys.setrecursionlimit(limit)
    assert error is not None
    assert "nested" in error[0]
    assert error[1] == 3
