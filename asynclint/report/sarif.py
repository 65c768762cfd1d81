"""SARIF 2.1.0: the chain as a code flow, the fix as a fix, columns in code points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from asynclint.catalog import Rule
from asynclint.check.fingerprint import fingerprints
from asynclint.model import Cost, Edit, Failure, Finding, Fix, Span, Step
from asynclint.report import Rendering
from asynclint.report.escape import encodable
from asynclint.report.uri import uri

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Cost.UNBOUNDED: "error", Cost.SLOW: "warning", Cost.BRIEF: "note"}


def render(rendering: Rendering) -> Iterator[str]:
    report = rendering.report
    used = sorted({finding.code for finding in report.findings} | set(rendering.rules))
    index = {code: number for number, code in enumerate(used)}
    prints = fingerprints(report.findings, rendering.line_of)
    driver = {
        "name": "asynclint",
        "version": rendering.version,
        "rules": [_rule(code, rendering.rules.get(code)) for code in used],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not report.failures,
                "toolExecutionNotifications": [_notification(failure) for failure in report.failures],
            }
        ],
        "results": [_result(finding, index[finding.code], mark) for finding, mark in zip(report.findings, prints, strict=True)],
    }
    yield msgspec.json.format(msgspec.json.encode({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}), indent=2).decode() + "\n"


def _rule(code: str, rule: Rule | None) -> dict[str, Any]:
    if rule is None:
        return {"id": code}
    return {
        "id": code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.mend},
        "defaultConfiguration": {"enabled": rule.default, "level": "warning"},
        "properties": {"tags": list(rule.aliases)},
    }


def _result(finding: Finding, rule_index: int, mark: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.cost],
        "message": {"text": _text(finding)},
        "locations": [_location(finding.path, _region(finding.span), finding.function)],
        "partialFingerprints": {"asynclint/v1": mark},
        "properties": {
            "confidence": finding.confidence.word,
            "cost": finding.cost.word,
            "once": finding.once,
            "sink": finding.sink,
            "wait": finding.wait,
        },
    }
    if finding.trace:
        result["codeFlows"] = [{"threadFlows": [{"locations": [_flow(step) for step in finding.trace]}]}]
    if finding.fix and finding.fix.edits:
        result["fixes"] = [_fix(finding.fix)]
    return result


def _text(finding: Finding) -> str:
    remedy = finding.suggestion or finding.advice
    return encodable(f"{finding.message}\nInstead: {remedy}" if remedy else finding.message)


def _location(path: str, region: dict[str, int], function: str) -> dict[str, Any]:
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": uri(path)}, "region": region}}
    if function:
        location["logicalLocations"] = [{"fullyQualifiedName": function, "kind": "function"}]
    return location


def _flow(step: Step) -> dict[str, Any]:
    location = _location(step.path, {"startLine": step.line, "startColumn": step.column}, step.function)
    return {"location": location | {"message": {"text": encodable(f"{step.function} calls {step.call}")}}}


def _region(span: Span) -> dict[str, int]:
    return {"startLine": span.line, "startColumn": span.column, "endLine": span.end_line, "endColumn": span.end_column}


def _fix(fix: Fix) -> dict[str, Any]:
    by_path: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        by_path.setdefault(edit.path, []).append(edit)
    changes = [
        {
            "artifactLocation": {"uri": uri(path)},
            "replacements": [
                {"deletedRegion": _region(Span(*edit.start, *edit.end)), "insertedContent": {"text": encodable(edit.content)}}
                for edit in edits
            ],
        }
        for path, edits in by_path.items()
    ]
    return {"description": {"text": encodable(fix.message)}, "artifactChanges": changes}


def _notification(failure: Failure) -> dict[str, Any]:
    location = {"physicalLocation": {"artifactLocation": {"uri": uri(failure.path)}}}
    return {"level": "error", "message": {"text": encodable(failure.message)}, "locations": [location]}
