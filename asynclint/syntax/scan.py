"""One file, from its path to its index, with a check of its syntax. Runs in worker processes; everything in and out is plain data."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence

import msgspec

from asynclint.facts import Unit
from asynclint.syntax.index import FileIndex, IndexedUnit, index, unit_text
from asynclint.syntax.read import Unreadable, read_source

EMPTY = FileIndex(0, (), (), ())


class Scan(msgspec.Struct, frozen=True, array_like=True):
    """The index of a file; `unreadable` or `error` (message, 1-based line and column) say why there is none."""

    index: FileIndex
    unreadable: str = ""
    error: tuple[str, int, int] | None = None


def scan_text(text: str) -> Scan:
    """The index of a text, or its syntax error."""
    error = syntax_error(text)
    return Scan(EMPTY, error=error) if error else Scan(index(text))


def scan_files(paths: Sequence[str]) -> list[bytes]:
    """The encoded scans of files, in order."""
    found = []
    for path in paths:
        try:
            found.append(scan_text(read_source(path)))
        except Unreadable as error:
            found.append(Scan(EMPTY, unreadable=str(error)))
    return [msgspec.msgpack.encode(scan) for scan in found]


def syntax_error(text: str) -> tuple[str, int, int] | None:
    """The message, 1-based line and column of a syntax error. LibCST decides; what the running Python accepts need not be parsed for that."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<source>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        return None
    except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError):
        pass
    import libcst

    try:
        libcst.parse_module(text)
    except libcst.ParserSyntaxError as error:
        return (error.message.splitlines()[0] if error.message else "invalid syntax", max(error.raw_line, 1), error.raw_column + 1)
    except RecursionError:
        return ("too deeply nested to be read", 1, 1)
    return None


def summarize_units(path: str, units: Sequence[IndexedUnit], positions: bool = False) -> list[bytes]:
    """The encoded facts of some units of a file, in order."""
    return encoded_facts(read_source(path), units, positions)


def encoded_facts(text: str, units: Sequence[IndexedUnit], positions: bool) -> list[bytes]:
    """The same from the text. Whatever goes wrong in a unit becomes the `error` of that unit."""
    from asynclint.syntax.summarize import summarize

    found = []
    for unit in units:
        try:
            found.append(msgspec.msgpack.encode(summarize(unit_text(text, unit), positions)))
        except Exception as error:
            found.append(msgspec.msgpack.encode(Unit((), error=(f"{FAILED}{type(error).__name__}: {error}", unit.line, 1))))
    return found


#: how the error of a unit begins that asynclint itself is to blame for
FAILED = "internal failure: "
