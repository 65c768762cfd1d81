"""The table of `--statistics`: how many findings each rule has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from asynclint.report import Rendering


def render(rendering: Rendering) -> Iterator[str]:
    counts = Counter((finding.code, finding.name) for finding in rendering.report.findings)
    width = max((len(str(count)) for count in counts.values()), default=0)
    for (code, name), count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        yield f"{count:>{width}}  {code}  {name}\n"
