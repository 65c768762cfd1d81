"""One line a finding: `path:line:column: CODE message`."""

from __future__ import annotations

from collections.abc import Iterator

from asynclint.model import Finding
from asynclint.report import Rendering
from asynclint.report.escape import printable
from asynclint.report.style import Style


def render(rendering: Rendering) -> Iterator[str]:
    style = Style(rendering.color)
    for finding in rendering.report.findings:
        yield heading(finding, style) + "\n"


def heading(finding: Finding, style: Style) -> str:
    """The line that names a finding."""
    place = f":{finding.span.line}:{finding.span.column}:"
    return f"{style('path', printable(finding.path))}{place} {style('code', finding.code)} {printable(finding.message)}"
