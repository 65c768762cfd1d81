"""One file, from its path to its index, with a check of its syntax. Runs in worker processes; everything in and out is plain data."""

from __future__ import annotations

import re
import symtable
import sys
import warnings
from collections.abc import Sequence

import msgspec

from asynclint.cache import digest
from asynclint.facts import Unit
from asynclint.syntax.index import METHOD, FileIndex, IndexedUnit, index, unit_text
from asynclint.syntax.read import Unreadable, read_source

EMPTY = FileIndex(0, (), (), ())
TOO_DEEP = "too deeply nested to be read"
#: the recursion limit under which Python must be able to read a file, whatever the limit of this run
NESTING = 1000
_OWN_MENTION = re.compile(r"asynclint:|noqa.*\bASL", re.IGNORECASE)
_MENTION = re.compile(r"noqa|asynclint:", re.IGNORECASE)
#: a message, and the 1-based line and column it is about
Place = tuple[str, int, int]


class Scan(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The index of a file; `unreadable` or `error` (message, 1-based line and column) say why there is none."""

    index: FileIndex
    unreadable: str = ""
    error: Place | None = None
    #: the key of the content
    digest: bytes = b""
    #: whether there may be comments that suppress findings, and such that name asynclint's codes
    comments: bool = False
    own_comments: bool = False


def mentions(text: str) -> bool:
    """Whether a file can have comments that suppress findings."""
    return _MENTION.search(text) is not None


def mentions_codes(text: str) -> bool:
    """Whether a file can have comments that suppress asynclint's findings by name: those may turn out to be needless."""
    return _OWN_MENTION.search(text) is not None


def scan_files(paths: Sequence[str]) -> list[bytes]:
    """The encoded scans of files, in order."""
    found = []
    for path in paths:
        try:
            text = read_source(path)
            found.append(msgspec.structs.replace(scan_text(text), digest=digest(text)))
        except Unreadable as error:
            found.append(Scan(EMPTY, unreadable=str(error)))
        except Exception as error:  # one file must not cost the results of all others
            found.append(Scan(EMPTY, unreadable=f"{FAILED}{type(error).__name__}: {error}"))
    return [msgspec.msgpack.encode(scan) for scan in found]


def scan_text(text: str) -> Scan:
    """The index of a text, or its syntax error."""
    null = text.find("\0")
    if null >= 0:
        return Scan(EMPTY, error=("source code cannot contain null bytes", text.count("\n", 0, null) + 1, null - text.rfind("\n", 0, null)))
    refused = _refused(text)
    if refused is None:
        return _scan(text, index(text))
    found = index(text)
    error = _confirmed(text, found, refused)
    return Scan(EMPTY, error=error) if error else _scan(text, found)


def _scan(text: str, found: FileIndex) -> Scan:
    comments = mentions(text)
    return Scan(found, comments=comments, own_comments=comments and mentions_codes(text))


def _refused(text: str) -> Place | None:
    """Why the running Python does not accept a text: message, 1-based line and column."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(min(limit, NESTING))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            symtable.symtable(text, "<source>", "exec")  # parses, and makes no tree of Python objects
        return None
    except SyntaxError as error:
        return (error.msg, error.lineno or 1, error.offset or 1)
    except (MemoryError, RecursionError):
        return (TOO_DEEP, 1, 1)
    except (ValueError, OverflowError):  # a number too long to convert
        return ("invalid syntax", 1, 1)
    finally:
        sys.setrecursionlimit(limit)


def _confirmed(text: str, found: FileIndex, refused: Place) -> Place | None:
    """The syntax error, if LibCST, which knows newer Python too, finds one as well. It parses only the statements that were refused."""
    statements = [unit for unit in found.units if unit.kind != METHOD]
    if refused[0] == TOO_DEEP:  # LibCST's parser would run out of stack, and take the process with it
        return (TOO_DEEP, next((unit.line for unit in statements if _refused(text[unit.start : unit.end]) == refused), 1), 1)
    pieces = [text[: statements[0].start], *(text[unit.start : unit.end] for unit in statements)] if statements else [text]
    if all(_refused(piece) is None or _is_valid(piece) for piece in pieces):
        return None
    return None if _is_valid(text) else refused


def _is_valid(text: str) -> bool:
    import libcst

    try:
        libcst.parse_module(text)
    except (libcst.ParserSyntaxError, UnicodeEncodeError):
        return False
    return True


def summarize_units(path: str, units: Sequence[IndexedUnit], positions: bool = False) -> list[bytes]:
    """The encoded facts of some units of a file, in order."""
    return encoded_facts(read_source(path), units, positions)


def encoded_facts(text: str, units: Sequence[IndexedUnit], positions: bool) -> list[bytes]:
    """The same from the text. Whatever goes wrong in a unit becomes the `error` of that unit."""
    from asynclint.syntax.summarize import summarize

    found = []
    for unit in units:
        try:
            facts = summarize(unit_text(text, unit, lines=positions), positions)
            if facts.error and not positions:  # its line counts in the whole unit
                facts = summarize(unit_text(text, unit, lines=True))
            found.append(msgspec.msgpack.encode(facts))
        except Exception as error:
            found.append(msgspec.msgpack.encode(Unit((), error=(f"{FAILED}{type(error).__name__}: {error}", unit.line, 1))))
    return found


#: how the error of a unit begins that asynclint itself is to blame for
FAILED = "internal failure: "
