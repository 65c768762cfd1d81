"""One JSON object a finding, a line each."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from asynclint.report import Rendering
from asynclint.report.json import as_object


def render(rendering: Rendering) -> Iterator[str]:
    for finding in rendering.report.findings:
        yield msgspec.json.encode(as_object(finding)).decode() + "\n"
