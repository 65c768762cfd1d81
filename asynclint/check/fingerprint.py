"""What makes a finding the same one after other lines have moved: its code, file, function, sink and source line."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable

from asynclint.model import Finding


def fingerprints(findings: Iterable[Finding], line_of: Callable[[str, int], str]) -> list[str]:
    """A mark for each finding, in order; findings that are alike in all this are told apart by their number."""
    seen: Counter[tuple[str, ...]] = Counter()
    marks = []
    for finding in findings:
        source = " ".join(line_of(finding.path, finding.span.line).split())
        key = (finding.code, finding.path, finding.function, finding.sink, source)
        seen[key] += 1
        text = "\0".join((*key, str(seen[key])))
        marks.append(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32])
    return marks
