"""The source line of a finding, with its span underlined."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from asynclint.model import Span
from asynclint.report.escape import printable
from asynclint.report.style import Style

#: Columns of source that are shown; a longer line is cut around the span.
WIDTH = 160


def excerpt(line: str, span: Span, style: Style) -> Iterator[str]:
    """The lines of the excerpt; none where there is no such source line."""
    line = line.rstrip()
    if not line:
        return
    start = min(max(span.column - 1, 0), len(line))
    end = span.end_column - 1 if span.end_line == span.line else len(line)
    end = min(max(end, start + 1), max(len(line), start + 1))
    before, inside, after = _cut(line[:start], line[start:end], line[end:])
    number = str(span.line)
    margin = " " * len(number)
    bar = style("frame", "|")
    more = style("mark", " …") if span.end_line > span.line else ""
    yield f"{margin} {bar}"
    yield f"{style('frame', number)} {bar} {before}{inside}{after}"
    yield f"{margin} {bar} {' ' * _columns(before)}{style('mark', '^' * max(_columns(inside), 1))}{more}"


def _cut(before: str, inside: str, after: str) -> tuple[str, str, str]:
    """The three parts made printable, and shortened where the line is too long to read."""
    before, inside, after = (_shown(part) for part in (before, inside, after))
    indent = len(before) - len(before.lstrip())
    before = before[indent:] if indent > WIDTH // 2 else before
    if len(before) > WIDTH // 2:
        before = "…" + before[-WIDTH // 2 :]
    if len(inside) > WIDTH:
        inside = inside[: WIDTH - 1] + "…"
    room = max(WIDTH - len(before) - len(inside), 0)
    return before, inside, after if len(after) <= room else after[:room] + "…"


def _shown(text: str) -> str:
    return printable(text.replace("\t", "    "))


def _columns(text: str) -> int:
    """The columns that text takes on a terminal."""
    return sum(_columns_of(character) for character in text)


def _columns_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
