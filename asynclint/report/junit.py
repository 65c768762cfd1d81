"""JUnit's XML: a suite a file, a failed case a finding."""

from __future__ import annotations

from collections.abc import Iterator

from asynclint.model import Failure, Finding
from asynclint.report import Rendering
from asynclint.report.escape import xml


def render(rendering: Rendering) -> Iterator[str]:
    report = rendering.report
    by_path: dict[str, list[Finding]] = {}
    for finding in report.findings:
        by_path.setdefault(finding.path, []).append(finding)
    cases = max(len(report.findings) + len(report.failures), 1)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites name="asynclint" tests="{cases}" failures="{len(report.findings)}" errors="{len(report.failures)}">\n'
    for path, findings in by_path.items():
        yield f'  <testsuite name="{xml(path)}" tests="{len(findings)}" failures="{len(findings)}" errors="0">\n'
        for finding in findings:
            yield _case(finding)
        yield "  </testsuite>\n"
    for failure in report.failures:
        yield _error(failure)
    if not (report.findings or report.failures):
        yield '  <testsuite name="asynclint" tests="1" failures="0" errors="0">\n'
        yield '    <testcase name="no findings" classname="asynclint"/>\n  </testsuite>\n'
    yield "</testsuites>\n"


def _case(finding: Finding) -> str:
    place = f"{finding.path}:{finding.span.line}:{finding.span.column}"
    lines = [f"{place}: {finding.code} {finding.message}"]
    lines += [f"via {step.path}:{step.line} {step.function} > {step.call}" for step in finding.trace[1:]]
    return (
        f'    <testcase name="{xml(finding.code)}" classname="{xml(finding.path)}" file="{xml(finding.path)}" line="{finding.span.line}">\n'
        f'      <failure type="{xml(finding.name)}" message="{xml(finding.message)}">{xml(chr(10).join(lines))}</failure>\n'
        "    </testcase>\n"
    )


def _error(failure: Failure) -> str:
    return (
        f'  <testsuite name="{xml(failure.path)}" tests="1" failures="0" errors="1">\n'
        f'    <testcase name="internal failure" classname="{xml(failure.path)}">\n'
        f'      <error message="{xml(failure.message)}"/>\n'
        "    </testcase>\n"
        "  </testsuite>\n"
    )
