"""A file's text → where its units stand, which words they hold, what the module imports. Regular expressions only; nothing is parsed.

Text in docstrings and other multi-line strings is blanked first, so that it is never taken for code. A line that continues an open bracket
or follows a backslash begins no unit, wherever it stands. Neighbouring imports are one unit without words: what they bind is in `imports`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import msgspec

CODE, DEF, CLASS, METHOD = "code", "def", "class", "method"
#: the word for `.get("key")`: every dictionary has that, and few of the things that block
LOOKUP = '.get("'
SPINS, POLLS, COUNTS = "spins", "polls", "counts"


class ImportedName(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`bound` is the name in the module ("*" for a star import); `attr` is "" where a module itself is bound. `level` counts dots."""

    bound: str
    module: str
    attr: str
    level: int


class IndexedUnit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A stretch of a file that is parsed at once."""

    kind: str
    #: the function's, method's or class's name; "" for other statements
    name: str
    #: the class of a method
    owner: str
    #: offsets in the text, and the 1-based line of the start
    start: int
    end: int
    line: int
    asynchronous: bool
    #: identifiers in it as they are used, `name`, `name(`, `.name` or `.name(`, and LOOKUP; of a class without its methods'
    words: tuple[str, ...]
    #: names that the statements bind at module or class level (a superset)
    binds: tuple[str, ...] = ()
    #: for a class: what stands in the parentheses
    bases: str = ""
    #: for a class: the stretches (offsets) of its methods
    methods: tuple[tuple[int, int], ...] = ()
    #: names that functions in it declare `global`: they may bind these at module level
    outer: tuple[str, ...] = ()
    #: attributes that it may assign to (a superset)
    assigned: tuple[str, ...] = ()
    #: last names of calls with which a statement or its test begins: of some of them nobody takes the value
    stated: tuple[str, ...] = ()
    #: last names of calls whose value it may return
    returned: tuple[str, ...] = ()
    #: there may be a `while` in it whose body gives no way (SPINS) or does nothing but wait (POLLS), or a loop of many rounds (COUNTS)
    loops: tuple[str, ...] = ()


class FileIndex(msgspec.Struct, frozen=True, array_like=True, gc=False):
    lines: int
    units: tuple[IndexedUnit, ...]
    imports: tuple[ImportedName, ...]
    #: modules imported inside functions too, as (module, level)
    imported: tuple[tuple[str, int], ...]
    #: functions that their author marked as blocking
    marked: tuple[str, ...] = ()
    #: texts that something is compared with, and texts that `startswith` and `endswith` ask for
    compared: tuple[str, ...] = ()
    edges: tuple[str, ...] = ()


_STRINGS = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"""|\'\'\'(?:[^\'\\]|\\.|\'(?!\'\'))*\'\'\'|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|#[^\n]*', re.DOTALL
)
_MARKED = re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+(\w+)[^\n]*#[ \t]*asynclint:[ \t]*blocking\b", re.MULTILINE)
_LITERALS = r"""[\[({]?\s*(?:["'][^"'\n]*["']\s*[,|]?\s*)+"""
_COMPARED = re.compile(rf"""(?:[=!]=|\bin\b|\bcase\b)\s*({_LITERALS})|(["'][^"'\n]*["'])\s*[=!]=""")
_EDGES = re.compile(rf"""(?:starts|ends)with\(\s*({_LITERALS})""")
_TEXT = re.compile(r"""["']([^"'\n]*)["']""")
_WORD = re.compile(r"[^\W\d]\w*")
_USE = re.compile(r"\.?[^\W\d]\w*\(?")
_TOP = re.compile(r"^(?=[^\s#)\]}])", re.MULTILINE)
_GOES_ON = re.compile(r"(?:else|elif|except|finally)\b")
_DEFINITION = re.compile(r"(async\s+def|def|class)\s+(\w+)")
_DECORATED = re.compile(r"^[ \t]*(?=(?:async\s+def|def|class)\s)", re.MULTILINE)
_IMPORT = re.compile(
    r"^([ \t]*)(?:from[ \t]+(\.*)[ \t]*([\w.]*)[ \t]+import[ \t]*(\([^)]*\)|(?:[^\n\\#;]|\\\n)*)"
    r"|import[ \t]+((?:[^\n\\#;]|\\\n)*))",
    re.MULTILINE,
)
_BINDS = re.compile(
    r"^[ \t]*(?:(\w+(?:[ \t]*,[ \t]*\w+)*)[ \t]*(?::[^=\n]+)?=(?!=)|type[ \t]+(\w+)[^=\n]*=|(\w+)[ \t]*:"
    r"|(?:async[ \t]+)?(?:def|class)[ \t]+(\w+))",
    re.MULTILINE,
)
_CHAINED = re.compile(r"=[ \t]*(\w+)[ \t]*=(?!=)")
_AS = re.compile(r"\b(?:as|for)[ \t]+(\w+)")
_GLOBAL = re.compile(r"\bglobal[ \t]+([^\n;]+)")
_HEADER = re.compile(r"class\s+\w+\s*(?:\[((?:[^\[\]]|\[[^\]]*\])*)\]\s*)?(?:\((.*?)\)\s*:|:)", re.DOTALL)
_TYPE_PARAMETER = re.compile(r"(?:^|,)[ \t\n]*\**(\w+)")
_FIRST_LINE = re.compile(r"[ \t]*\n(?:[ \t]*\n)*([ \t]+)(?=\S)")
_BLANK = re.compile(r"[^\n]")
#: what in a text may name a type: `"Client"`, `"net.client"`, `"list[int]"`
_TYPE_TEXT = re.compile(r"""["'][\w.]*[A-Z.\[][\w.,|\[\] ]*["']""")
#: a text that may be a key; the others are told from it by what they are blanked with
_PLAIN = re.compile(r"""["'][\w.\- ]*["']""")
_LOOKUPS = re.compile(r"""\.get\(\s*"[\s\w.]*"|\.get\(\s*'[\w.]*'""")
#: what stands before a text that names an attribute
_NAMING = re.compile(r"(?:attr|methodcaller)\([^\n]*$|->[ \t]*$")
_ASSIGNED = re.compile(r"\.(\w+)[ \t]*(?:[-+*/|&@%^]|//|\*\*|<<|>>)?(?:=(?!=)|:|,[^=\n]*=(?!=)|[)\]][^=\n]*=(?!=)|[ \t]in[ \t])")
_RECEIVING = re.compile(r"\b(?:as|for)[ \t(\[]+([^=:\n]*\.[^=:\n]*)")
#: what stands before the last dot of a callee: names, and calls and subscripts with simple arguments
_RECEIVER = r"(?:\w+(?:\([^()\n]*\)|\[[^\[\]\n]*\])*\.)*"
_STATED = re.compile(  # not where the line before ends in `(`, `,` or `{`: that is an argument
    rf"(?<![(,{{]\n)^[ \t]*(?:(?:if|elif|while|assert)[ \t]+(?:not[ \t]+)?|\w+[ \t]*(?::[^=\n]+)?=[ \t]*|\[[ \t]*)?{_RECEIVER}(\w+)\(",
    re.MULTILINE,
)
_RETURNED = re.compile(rf"^[ \t]*return[ \t]+{_RECEIVER}(\w+)\(", re.MULTILINE)
_WHILE = re.compile(r"^([ \t]+)while\b.*\n((?:(?:\1[ \t]+.*|[ \t]*)\n)*)", re.MULTILINE)
_COUNTS = re.compile(
    r"\brange\([^)\n]*(?:\d{3}|\d_\d{3}|\*\*|<<|\b[A-Z][A-Z_]{2})|\((?:[^()\n]*,)?[ \t]*(?:\d{5,}|\d{1,3}(?:_\d{3})+|\d+[ \t]*\*\*)"
)
_GIVES_WAY = re.compile(r"\b(?:await|yield|async)\b")
_REPLACED = re.compile(r"(?<!\{)\{([^{}]+)\}")


def index(text: str) -> FileIndex:
    """The index of a file's text (line ends are `\\n`)."""
    masked = _STRINGS.sub(_blank, text)
    units = tuple(_units(masked))
    bodies = [(u.start, u.end) for u in units if u.kind in (DEF, METHOD)]
    starts = [start for start, _ in bodies]
    imports: list[ImportedName] = []
    imported: set[tuple[str, int]] = set()
    for found in _IMPORT.finditer(masked):
        place = bisect_right(starts, found.start()) - 1
        inside = place >= 0 and found.start() < bodies[place][1]
        for name in _names(found):
            imported.add((name.module, name.level))
            if name.attr not in ("", "*"):
                imported.add((f"{name.module}.{name.attr}".lstrip("."), name.level))
            if not inside:
                imports.append(name)
    lines = text.count("\n") + (not text.endswith("\n") and text != "")
    marked = tuple(_MARKED.findall(text)) if "asynclint:" in text else ()
    tested = (_texts(_COMPARED, text), _texts(_EDGES, text))
    return FileIndex(lines, units, tuple(imports), tuple(sorted(imported)), marked, *tested)


def _texts(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    """The literals that stand where the pattern looks for them."""
    return tuple({literal for found in pattern.finditer(text) for group in found.groups() if group for literal in _TEXT.findall(group)})


def _blank(found: re.Match[str]) -> str:
    """Comments and texts vanish, but for their line ends, the code in f-strings, and what names a type or an attribute."""
    text, start = found[0], found.start()
    if text[0] == "#":
        return " " * len(text)
    if (
        len(text) == 2
        or _TYPE_TEXT.fullmatch(text)
        or (text[1:-1].isidentifier() and _NAMING.search(found.string, max(start - 60, 0), start))
    ):
        return text
    blank = _BLANK.sub(" ", text) if "\n" in text else (" " if _PLAIN.fullmatch(text) else "-") * len(text)
    blank = f'"{blank[1:-1]}"'
    if "{" in text and found.string[max(start - 2, 0) : start].lower().strip("r")[-1:] == "f":
        for part in _REPLACED.finditer(text):
            if "\n" not in part[1]:
                blank = blank[: part.start(1)] + part[1] + blank[part.end(1) :]
    return blank


def _names(found: re.Match[str]) -> Iterator[ImportedName]:
    """The names that one import statement binds."""
    listed = found[4] if found[4] is not None else found[5]
    parts = [part.split() for part in listed.replace("\\\n", " ").strip(" ()\t\n").split(",") if part.strip()]
    for part in parts:
        name, bound = part[0], part[2] if len(part) == 3 and part[1] == "as" else ""
        if found[4] is not None:
            yield ImportedName(bound or name, found[3], name, len(found[2]))
        else:
            yield ImportedName(bound or name.partition(".")[0], name if bound else name.partition(".")[0], "", 0)
            if not bound and "." in name:
                yield ImportedName("", name, "", 0)


def _units(text: str) -> Iterator[IndexedUnit]:
    lines = _LineCounter(text)
    imports = -1  # where a run of imports began
    for start, end in _pieces(text, [m.start() for m in _TOP.finditer(text)], len(text)):
        if text.startswith(("import ", "from "), start) and text.find(";", start, end) < 0:
            imports = start if imports < 0 else imports
            continue
        if imports >= 0:
            yield _imports(imports, start, lines)
            imports = -1
        piece = text[start:end]
        found = _definition(piece)
        if found is None:
            yield _unit(CODE, "", (start, end, lines.at(start)), piece, _bound(piece))
        elif found[1] != "class":
            yield _unit(DEF, found[2], (start, end, lines.at(start)), piece, (found[2],), asynchronous=found[1] != "def")
        else:
            yield from _class_units(text, start, end, found, lines)
    if imports >= 0:
        yield _imports(imports, len(text), lines)


def _imports(start: int, end: int, lines: _LineCounter) -> IndexedUnit:
    return IndexedUnit(CODE, "", "", start, end, lines.at(start), False, ())


class _LineCounter:
    """The 1-based lines of offsets that are asked for in ascending order."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._line = text, 0, 1

    def at(self, offset: int) -> int:
        self._line += self._text.count("\n", self._at, offset)
        self._at = offset
        return self._line


def _class_units(text: str, start: int, end: int, found: re.Match[str], lines: _LineCounter) -> Iterator[IndexedUnit]:
    """The class without its methods, then the methods."""
    name, line = found[2], lines.at(start)
    header = _HEADER.match(text, start + found.start(), end)
    body = header.end() if header else start + found.end()
    first = _FIRST_LINE.match(text, body, end)
    methods: list[IndexedUnit] = []
    rest = [text[start:end]]
    if first is not None:
        indent = first[1]
        borders = [m.start() for m in _at_indent(indent).finditer(text, body, end)]
        rest = [text[start : borders[0]]]
        for begin, stop in _pieces(text, borders, end, len(indent)):
            piece = text[begin:stop]
            inner = _definition(piece[len(indent) :])
            if inner is None or inner[1] == "class":
                rest.append(piece)
                continue
            place = (begin, stop, lines.at(begin))
            methods.append(_unit(METHOD, inner[2], place, piece, (inner[2],), name, inner[1] != "def"))
    skeleton = "".join(rest)
    parameters = _TYPE_PARAMETER.findall(header[1]) if header and header[1] else ()
    bases = (header[2] or "").strip() if header else ""
    spans = tuple((m.start, m.end) for m in methods)
    yield _unit(CLASS, name, (start, end, line), skeleton, (name, *parameters), bases=bases, methods=spans)
    yield from methods


@cache
def _at_indent(indent: str) -> re.Pattern[str]:
    """The beginnings of statements at this very indentation."""
    return re.compile(rf"^{indent}(?=[^\s#)\]}}])", re.MULTILINE)


def _pieces(text: str, borders: list[int], end: int, indent: int = 0) -> Iterator[tuple[int, int]]:
    """Statements between borders: decorators go with their definition, `else` and its kin with what they continue."""
    kept: list[int] = []
    decorated = False
    for border in _statements(text, borders, end):
        at = border + indent
        if decorated or (kept and _GOES_ON.match(text, at)):
            decorated = text[at] == "@"
            continue
        decorated = text[at] == "@"
        kept.append(border)
    return pairwise([*kept, end])


def _statements(text: str, borders: list[int], end: int) -> Iterator[int]:
    """The borders at which a statement begins: no bracket is open, and no backslash stands before."""
    depth = 0
    for border, next_border in pairwise([*borders, end]):
        if depth <= 0 and text[border - 2 : border] != "\\\n":
            depth = 0
            yield border
        depth += _open_brackets(text, border, next_border)


def _open_brackets(text: str, start: int, end: int) -> int:
    """How many brackets more are opened than closed."""
    if all(text.count(first, start, end) == text.count(last, start, end) for first, last in ("()", "[]", "{}")):
        return 0
    piece = _STRINGS.sub("", text[start:end])
    return sum(map(piece.count, "([{")) - sum(map(piece.count, ")]}"))


def _definition(piece: str) -> re.Match[str] | None:
    """The `def` or `class` that a statement is, behind its decorators."""
    if piece[0] == "@":
        indent = _DECORATED.search(piece)
        return _DEFINITION.match(piece, indent.end()) if indent else None
    return _DEFINITION.match(piece)


def _unit(
    kind: str,
    name: str,
    place: tuple[int, int, int],
    text: str,
    binds: tuple[str, ...],
    owner: str = "",
    asynchronous: bool = False,
    bases: str = "",
    methods: tuple[tuple[int, int], ...] = (),
) -> IndexedUnit:
    """A unit at `place` (start, end, line), with what its text says."""
    words = set(_USE.findall(text))
    if ".get(" in words and (lookups := _LOOKUPS.subn("", text))[1]:
        words.add(LOOKUP)
        if ".get(" not in lookups[0]:
            words.remove(".get(")
    stated = tuple(set(_STATED.findall(text)))
    returned = tuple(set(_RETURNED.findall(text))) if kind in (DEF, METHOD) and not asynchronous else ()
    loops = tuple(_loops(text)) if "while" in words and "async" in words else ()
    if kind in (DEF, METHOD) and _COUNTS.search(text):
        loops = (*loops, COUNTS)
    return IndexedUnit(
        kind, name, owner, *place, asynchronous, tuple(words), binds, bases, methods, _outer(text), _assigned(text), stated, returned, loops
    )


def _loops(text: str) -> set[str]:
    """What the `while` loops of a text may be."""
    found, at = set(), 0
    while loop := _WHILE.search(text, at):
        at = loop.start(2)
        if not _GIVES_WAY.search(loop[0]):
            found.add(SPINS)
        elif loop[2].lstrip().startswith("await") and loop[2].count("await") == 1:
            found.add(POLLS)
    return found


def _assigned(piece: str) -> tuple[str, ...]:
    if "." not in piece:
        return ()
    found = set(_ASSIGNED.findall(piece))
    for target in _RECEIVING.findall(piece):
        found.update(_WORD.findall(target))
    return tuple(found)


def _bound(piece: str) -> tuple[str, ...]:
    found: set[str] = set()
    for match in _BINDS.finditer(piece):
        found.update(_WORD.findall(match[1] or match[2] or match[3] or match[4]))
    found.update(_CHAINED.findall(piece))
    found.update(_AS.findall(piece))
    return tuple(sorted(found))


def _outer(piece: str) -> tuple[str, ...]:
    if "global " not in piece:
        return ()
    return tuple(sorted({name for names in _GLOBAL.findall(piece) for name in _WORD.findall(names)}))


def unit_text(text: str, unit: IndexedUnit, lines: bool = False) -> str:
    """The text to parse for a unit; of a class, each method becomes a `pass`, with empty lines where `lines` are to stay where they are."""
    if unit.kind != CLASS or not unit.methods:
        return text[unit.start : unit.end]
    parts, at = [], unit.start
    for start, end in unit.methods:
        indent = re.match(r"[ \t]*", text[start:end])
        parts += [text[at:start], (indent[0] if indent else "") + "pass" + "\n" * (text.count("\n", start, end) if lines else 1)]
        at = end
    parts.append(text[at : unit.end])
    return "".join(parts)
