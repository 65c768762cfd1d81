"""Findings → the source with a `# noqa` for each: how a project accepts what it has, visibly and line by line."""

from __future__ import annotations

import re
from collections.abc import Iterable

from asynclint.check.suppress import LINE_END, closed_lines, noqa_of
from asynclint.model import Finding


def with_noqa(text: str, findings: Iterable[Finding]) -> str:
    """The text with comments that suppress the findings; line ends stay. A finding without a line that can take one is left."""
    lines = re.split(rf"({LINE_END.pattern})", text)  # texts and ends by turns
    usable = set(range(1, len(lines) // 2 + 2)) - closed_lines(text)
    codes: dict[int, set[str]] = {}
    for finding in findings:
        line = next((number for number in _candidates(finding) if number in usable), None)
        if line is not None:
            codes.setdefault(line, set()).add(finding.code)
    for number, wanted in codes.items():
        lines[2 * (number - 1)] = _with_codes(lines[2 * (number - 1)], sorted(wanted))
    return "".join(lines)


def _candidates(finding: Finding) -> list[int]:
    """The lines where a comment would do, best first: the call's own, those after it in the statement, those before it."""
    line = finding.span.line
    first, last = finding.statement if finding.statement[0] else (line, finding.span.end_line)
    return [*range(line, max(last, line) + 1), *range(line - 1, first - 1, -1)]


def _with_codes(line: str, codes: list[str]) -> str:
    """The line with the codes in the `# noqa` that it has, or in a new one."""
    end = noqa_of(line)
    if end is not None:
        return f"{line[:end]}, {', '.join(codes)}{line[end:]}"
    return f"{line.rstrip()}  # noqa: {', '.join(codes)}"
