"""The findings that a change has to do with: their statement, or a call on the way to the sink, stands on a changed line."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from asynclint.model import Finding

#: whether one of the lines (first, last) of a file has changed
Touches = Callable[[str, int, int], bool]


def of_change(findings: Iterable[Finding], touches: Touches) -> list[Finding]:
    """The findings whose chain touches changed lines, in order."""
    return [finding for finding in findings if _is_touched(finding, touches)]


def _is_touched(finding: Finding, touches: Touches) -> bool:
    first, last = finding.statement if finding.statement[0] else (finding.span.line, finding.span.end_line)
    return touches(finding.path, first, last) or any(touches(step.path, step.line, step.line) for step in finding.trace)
