"""Markdown for a job's summary or a comment on a change: the count, and a table of findings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from asynclint.model import Finding
from asynclint.report import Rendering
from asynclint.report.escape import printable

#: Code hosts refuse a summary of more than a megabyte, and nobody reads so many rows.
MOST = 500
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~@&])")


def render(rendering: Rendering) -> Iterator[str]:
    report = rendering.report
    yield f"## asynclint: {_count(len(report.findings), 'finding')} in {_count(report.statistics.files, 'file')}\n"
    if report.findings:
        yield "\n| code | where | what | instead |\n| --- | --- | --- | --- |\n"
    for finding in report.findings[:MOST]:
        yield _row(finding)
    if len(report.findings) > MOST:
        yield f"\nAnd {len(report.findings) - MOST} more.\n"
    if report.failures:
        yield "\n### Failures\n\n"
    for failure in report.failures:
        yield f"- {_code(failure.path)}: {_text(failure.message)}\n"


def _row(finding: Finding) -> str:
    what = "<br>".join(
        [_text(finding.message), *(f"via {_code(f'{step.path}:{step.line}')} {_code(step.call)}" for step in finding.trace[1:])]
    )
    instead = _code(finding.suggestion) if finding.suggestion else _text(finding.advice)
    return f"| {finding.code} | {_code(f'{finding.path}:{finding.span.line}')} | {what} | {instead} |\n"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _code(text: str) -> str:
    """Text as code: in more backticks than it has; a bar would end the cell even there."""
    text = printable(text).replace("|", "\\|")
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _text(text: str) -> str:
    """Prose in which nothing but paired backticks means anything to Markdown."""
    parts = re.split(r"`([^`]+)`", printable(text))
    return "".join(_code(part) if number % 2 else _SPECIAL.sub(r"\\\1", part) for number, part in enumerate(parts))
