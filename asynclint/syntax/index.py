"""A file's text → where its units stand, which words they hold, what the module imports. Regular expressions only; nothing is parsed.

Text in docstrings and other multi-line strings is blanked first, so that it is never taken for code. A unit that was cut wrongly does not
parse by itself; then the whole file is its unit.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

import msgspec

CODE, DEF, CLASS, METHOD = "code", "def", "class", "method"


class ImportedName(msgspec.Struct, frozen=True, array_like=True):
    """`bound` is the name in the module ("*" for a star import); `attr` is "" where a module itself is bound. `level` counts dots."""

    bound: str
    module: str
    attr: str
    level: int


class IndexedUnit(msgspec.Struct, frozen=True, array_like=True):
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
    #: identifiers in it as they are used, `name`, `name(`, `.name` or `.name(`; of a class without its methods'
    words: tuple[str, ...]
    #: names that the statements bind at module or class level (a superset)
    binds: tuple[str, ...] = ()
    #: for a class: what stands in the parentheses
    bases: str = ""
    #: for a class: the stretches (offsets) of its methods
    methods: tuple[tuple[int, int], ...] = ()


class FileIndex(msgspec.Struct, frozen=True, array_like=True):
    lines: int
    units: tuple[IndexedUnit, ...]
    imports: tuple[ImportedName, ...]
    #: modules imported inside functions too, as (module, level)
    imported: tuple[tuple[str, int], ...]


_STRINGS = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"""|\'\'\'(?:[^\'\\]|\\.|\'(?!\'\'))*\'\'\'|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|#[^\n]*', re.DOTALL
)
_WORD = re.compile(r"[^\W\d]\w*")
_USE = re.compile(r"\.?[^\W\d]\w*\(?")
_TOP = re.compile(r"^(?=[^\s#)\]}])", re.MULTILINE)
_GOES_ON = re.compile(r"(?:else|elif|except|finally)\b")
_DEFINITION = re.compile(r"(async\s+def|def|class)\s+(\w+)")
_INNER = re.compile(r"^([ \t]+)(?=@|def\b|async\b|class\b)", re.MULTILINE)
_IMPORT = re.compile(
    r"^([ \t]*)(?:from[ \t]+(\.*)[ \t]*([\w.]*)[ \t]+import[ \t]*(\([^)]*\)|(?:[^\n\\#;]|\\\n)*)|import[ \t]+((?:[^\n\\#;]|\\\n)*))", re.MULTILINE
)
_BINDS = re.compile(r"^[ \t]*(?:(?:type[ \t]+)?(\w+(?:[ \t]*,[ \t]*\w+)*)[ \t]*(?::[^=\n]+)?=(?!=)|(\w+)[ \t]*:|(?:async[ \t]+)?(?:def|class)[ \t]+(\w+))", re.MULTILINE)
_CHAINED = re.compile(r"=[ \t]*(\w+)[ \t]*=(?!=)")
_AS = re.compile(r"\b(?:as|for)[ \t]+(\w+)")
_HEADER = re.compile(r"class\s+\w+\s*(?:\[[^\]]*\]\s*)?(?:\((.*?)\)\s*:|:)", re.DOTALL)
_COMMENT = re.compile(r"#[^\n]*")


def index(text: str) -> FileIndex:
    """The index of a file's text (line ends are `\\n`)."""
    masked = _STRINGS.sub(_blank, text)
    newlines = [m.start() for m in re.finditer("\n", text)]
    units = tuple(_units(masked, newlines))
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
    return FileIndex(len(newlines) + (not text.endswith("\n")), units, tuple(imports), tuple(sorted(imported)))


def _blank(found: re.Match[str]) -> str:
    """Comments vanish, strings over several lines keep only their line ends."""
    text = found[0]
    if text[0] == "#":
        return " " * len(text)
    if "\n" not in text:
        return text
    return '"' + "".join(c if c == "\n" else " " for c in text[1:-1]) + '"'


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


def _units(text: str, newlines: list[int]) -> Iterator[IndexedUnit]:
    for start, end in _pieces(text, [m.start() for m in _TOP.finditer(text)], len(text)):
        piece = text[start:end]
        found = _definition(piece)
        line = bisect_right(newlines, start - 1) + 1
        if found is None:
            yield IndexedUnit(CODE, "", "", start, end, line, False, _words(piece), _bound(piece))
        elif found[1] != "class":
            yield IndexedUnit(DEF, found[2], "", start, end, line, found[1] != "def", _words(piece), (found[2],))
        else:
            yield from _class_units(text, start, end, found, newlines)


def _class_units(text: str, start: int, end: int, found: re.Match[str], newlines: list[int]) -> Iterator[IndexedUnit]:
    """The class without its methods, then the methods."""
    name = found[2]
    header = _HEADER.match(text, start + found.start(), end)
    body = header.end() if header else start + found.end()
    indent = min((m[1] for m in _INNER.finditer(text, body, end)), key=len, default="")
    methods: list[IndexedUnit] = []
    rest = [text[start:end]]
    if indent:
        borders = [m.start() for m in re.compile(rf"^{indent}(?=[^\s#)\]}}])", re.MULTILINE).finditer(text, body, end)]
        rest = [text[start : borders[0] if borders else end]]
        for first, last in _pieces(text, borders, end, len(indent)):
            piece = text[first:last]
            inner = _definition(piece[len(indent) :])
            if inner is None or inner[1] == "class":
                rest.append(piece)
                continue
            line = bisect_right(newlines, first - 1) + 1
            methods.append(IndexedUnit(METHOD, inner[2], name, first, last, line, inner[1] != "def", _words(piece), (inner[2],)))
    skeleton = "".join(rest)
    line = bisect_right(newlines, start - 1) + 1
    bases = (header[1] or "").strip() if header else ""
    spans = tuple((m.start, m.end) for m in methods)
    yield IndexedUnit(CLASS, name, "", start, end, line, False, _words(skeleton), (name,), bases, spans)
    yield from methods


def _pieces(text: str, borders: list[int], end: int, indent: int = 0) -> Iterator[tuple[int, int]]:
    """Statements between borders: decorators go with their definition, `else` and its kin with what they continue; imports stay together."""
    kept: list[int] = []
    decorated = False
    for border in borders:
        at = border + indent
        if decorated or (kept and _GOES_ON.match(text, at)):
            decorated = text[at] == "@"
            continue
        decorated = text[at] == "@"
        kept.append(border)
    for number, start in enumerate(kept):
        yield start, kept[number + 1] if number + 1 < len(kept) else end


def _definition(piece: str) -> re.Match[str] | None:
    """The `def` or `class` that a statement is, behind its decorators."""
    if piece[0] == "@":
        indent = re.compile(r"^[ \t]*(?=(?:async\s+def|def|class)\s)", re.MULTILINE).search(piece)
        return _DEFINITION.match(piece, indent.end()) if indent else None
    return _DEFINITION.match(piece)


def _words(piece: str) -> tuple[str, ...]:
    return tuple(set(_USE.findall(piece)))


def _bound(piece: str) -> tuple[str, ...]:
    found: set[str] = set()
    for match in _BINDS.finditer(piece):
        found.update(_WORD.findall(match[1] or match[2] or match[3]))
    found.update(_CHAINED.findall(piece))
    found.update(_AS.findall(piece))
    return tuple(sorted(found))


def unit_text(text: str, unit: IndexedUnit) -> str:
    """The text to parse for a unit; of a class, methods become empty lines and a `pass` keeps the body whole."""
    if unit.kind != CLASS or not unit.methods:
        return text[unit.start : unit.end]
    parts, at = [], unit.start
    for start, end in unit.methods:
        indent = re.match(r"[ \t]*", text[start:end])
        parts += [text[at:start], (indent[0] if indent else "") + "pass" + "\n" * max(text.count("\n", start, end), 1)]
        at = end
    parts.append(text[at : unit.end])
    return "".join(parts)
