"""Workflow commands of GitHub Actions: annotations on the lines of a change."""

from __future__ import annotations

from collections.abc import Iterator

from asynclint.model import Cost, Finding
from asynclint.report import Rendering
from asynclint.report.escape import printable

_COMMANDS = {Cost.UNBOUNDED: "error", Cost.SLOW: "warning", Cost.BRIEF: "notice"}


def render(rendering: Rendering) -> Iterator[str]:
    for finding in rendering.report.findings:
        yield f"::{_COMMANDS[finding.cost]} {_properties(finding)}::{_data(_text(finding))}\n"


def _properties(finding: Finding) -> str:
    span = finding.span
    properties = {"title": f"asynclint ({finding.code})", "file": finding.path, "line": span.line, "endLine": span.end_line}
    if span.line == span.end_line:  # columns of an annotation over several lines are refused
        properties |= {"col": span.column, "endColumn": span.end_column}
    return ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())


def _text(finding: Finding) -> str:
    lines = [f"{finding.path}:{finding.span.line}:{finding.span.column}: {finding.code} {finding.message}"]
    lines += [f"via {step.path}:{step.line} {step.function} > {step.call}" for step in finding.trace[1:]]
    if remedy := finding.suggestion or finding.advice:
        lines.append(f"instead: {remedy}")
    return "\n".join(lines)


def _data(text: str) -> str:
    """The escapes of workflow commands. The text goes to a log that people read: control characters are made harmless too."""
    return "%0A".join(printable(line).replace("%", "%25") for line in text.split("\n"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
