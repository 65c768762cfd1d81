"""One JSON object for the whole report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from asynclint.model import Finding, Fix, Step
from asynclint.report import Rendering
from asynclint.report.escape import encodable


def render(rendering: Rendering) -> Iterator[str]:
    report = rendering.report
    content = {
        "version": rendering.version,
        "files": report.statistics.files,
        "findings": [as_object(finding) for finding in report.findings],
        "errors": [{"path": encodable(failure.path), "message": encodable(failure.message)} for failure in report.failures],
        "statistics": dict(sorted(Counter(finding.code for finding in report.findings).items())),
    }
    yield msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"


def as_object(finding: Finding) -> dict[str, Any]:
    """A finding in the form of the contract."""
    return {
        "code": finding.code,
        "name": finding.name,
        "message": encodable(finding.message),
        "path": encodable(finding.path),
        "line": finding.span.line,
        "column": finding.span.column,
        "end_line": finding.span.end_line,
        "end_column": finding.span.end_column,
        "function": finding.function,
        "confidence": finding.confidence.word,
        "cost": finding.cost.word,
        "once": finding.once,
        "sink": finding.sink,
        "wait": finding.wait,
        "trace": [_step(step) for step in finding.trace],
        "suggestion": encodable(finding.suggestion),
        "fix": _fix(finding.fix) if finding.fix else None,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "path": encodable(step.path),
        "line": step.line,
        "column": step.column,
        "function": step.function,
        "call": encodable(step.call),
    }


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "applicability": fix.applicability,
        "message": encodable(fix.message),
        "edits": [
            {"path": encodable(edit.path), "start": edit.start, "end": edit.end, "content": encodable(edit.content)} for edit in fix.edits
        ],
    }
