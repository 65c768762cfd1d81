"""For reading: each cause once, with its source line, the way to what blocks, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from asynclint.model import Confidence, Finding, Step
from asynclint.report import Rendering
from asynclint.report.concise import heading
from asynclint.report.escape import printable
from asynclint.report.excerpt import excerpt
from asynclint.report.style import Style

#: The places of a cause that are named after the first.
PLACES = 3


def render(rendering: Rendering) -> Iterator[str]:
    style = Style(rendering.color)
    groups = causes(rendering.report.findings)
    for group in groups:
        yield "\n".join(_entry(group, rendering, style)) + "\n\n"
    if not rendering.quiet:
        yield _summary(rendering, len(groups)) + "\n"


def causes(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Findings that share the last call of their chains are one cause; each stands where its first finding does."""
    groups: dict[object, list[Finding]] = {}
    for number, finding in enumerate(findings):
        last = finding.trace[-1] if len(finding.trace) > 1 else None
        key = (finding.code, finding.sink, last.path, last.line, last.call) if last else number
        groups.setdefault(key, []).append(finding)
    return list(groups.values())


def _entry(group: list[Finding], rendering: Rendering, style: Style) -> Iterator[str]:
    first, *others = group
    doubt = "" if first.confidence == Confidence.CERTAIN else style("frame", f" ({first.confidence.word})")
    yield heading(first, style) + doubt
    yield from excerpt(rendering.line_of(first.path, first.span.line), first.span, style)
    indent = "  "
    for step in first.trace[1:]:
        sink = first.sink if step is first.trace[-1] else ""
        yield style("chain", indent + _via(step, sink))
        indent += "  "
    if remedy := first.suggestion or first.advice:
        yield f"  {style('advice', 'instead:')} {printable(remedy)}"
    yield from _others(others, style)


def _via(step: Step, sink: str) -> str:
    """`via app/store.py:12 load > requests.get`; the sink is named too where the call is written otherwise."""
    function = step.function.rpartition(".")[2]
    named = f" ({sink})" if sink and sink != step.call else ""
    return printable(f"via {step.path}:{step.line} {function} > {step.call}{named}")


def _others(others: list[Finding], style: Style) -> Iterator[str]:
    """The first few of the places that end in the same call."""
    if not others:
        return
    yield f"  the same call is reached from {len(others)} other {'place' if len(others) == 1 else 'places'}:"
    for other in others[:PLACES]:
        yield f"    {style('path', printable(other.path))}:{other.span.line}:{other.span.column} {printable(other.function)}".rstrip()
    if len(others) > PLACES:
        yield f"    … and {len(others) - PLACES} more"


def _summary(rendering: Rendering, number_of_causes: int) -> str:
    findings, files = rendering.report.findings, rendering.report.statistics.files
    if not findings:
        return f"No findings in {_count(files, 'file')}."
    grouped = f" ({_count(number_of_causes, 'cause')})" if number_of_causes < len(findings) else ""
    concerned = len({finding.path for finding in findings})
    return f"Found {_count(len(findings), 'finding')}{grouped} in {concerned} of {_count(max(files, concerned), 'file')}."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
