"""GitLab's code quality report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from asynclint.check.fingerprint import fingerprints
from asynclint.model import Cost, Finding
from asynclint.report import Rendering
from asynclint.report.escape import encodable

_SEVERITIES = {Cost.UNBOUNDED: "critical", Cost.SLOW: "major", Cost.BRIEF: "minor"}


def render(rendering: Rendering) -> Iterator[str]:
    findings = rendering.report.findings
    issues = [_issue(finding, mark) for finding, mark in zip(findings, fingerprints(findings, rendering.line_of), strict=True)]
    yield msgspec.json.format(msgspec.json.encode(issues), indent=2).decode() + "\n"


def _issue(finding: Finding, mark: str) -> dict[str, Any]:
    span = finding.span
    return {
        "description": encodable(f"{finding.code} {finding.message}"),
        "check_name": finding.code,
        "fingerprint": mark,
        "severity": _SEVERITIES[finding.cost],
        "location": {
            "path": encodable(finding.path),
            "positions": {
                "begin": {"line": span.line, "column": span.column},
                "end": {"line": span.end_line, "column": span.end_column},
            },
        },
    }
