"""A baseline: the findings that a project has accepted for now. New ones are reported, these are not.

A finding is known again by its code, file, function, sink and source line, so that it may move. Where its file is no longer there, one
that is alike in another file takes its place: files are renamed. Paths are relative to the baseline's folder.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from asynclint.config import ConfigError
from asynclint.model import Finding


class Accepted(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """Findings that are alike in all that does not move."""

    path: str
    function: str
    code: str
    sink: str
    source: str


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: str
    function: str
    code: str
    sink: str
    source: str
    count: int = 1


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    findings: list[_Entry]


LineOf = Callable[[str, int], str]


def read_baseline(file: Path) -> Counter[Accepted]:
    """How often each finding was accepted. Raises ConfigError naming the file."""
    try:
        content = msgspec.json.decode(file.read_bytes(), type=_File)
    except OSError as error:
        raise ConfigError(f"{file}: the baseline cannot be read: {error.strerror or error}") from error
    except msgspec.DecodeError as error:
        raise ConfigError(f"{file}: is not a baseline: {error}") from error
    if content.version != 1:
        raise ConfigError(f"{file}: a baseline of version {content.version} is not known here")
    accepted: Counter[Accepted] = Counter()
    for entry in content.findings:
        accepted[Accepted(entry.path, entry.function, entry.code, entry.sink, entry.source)] += entry.count
    return accepted


def baseline_text(findings: Iterable[Finding], line_of: LineOf, file: Path) -> str:
    """The content of a baseline file at `file` that accepts `findings`, in an order that keeps differences small."""
    counts = Counter(_key(finding, line_of, file) for finding in findings)
    entries = [_Entry(**msgspec.structs.asdict(key), count=count) for key, count in sorted(counts.items())]
    return msgspec.json.format(msgspec.json.encode(_File(1, entries)), indent=2).decode() + "\n"


def new_findings(findings: Iterable[Finding], line_of: LineOf, file: Path) -> list[Finding]:
    """The findings that the baseline at `file` does not cover. Raises ConfigError."""
    left = read_baseline(file)
    unknown = [(finding, key) for finding in findings if not _taken(left, key := _key(finding, line_of, file))]
    gone: Counter[Accepted] = Counter()
    for key, count in left.items():
        if count and not (file.absolute().parent / key.path).exists():
            gone[_placeless(key)] += count
    return [finding for finding, key in unknown if not _taken(gone, _placeless(key))]


def _taken(left: Counter[Accepted], key: Accepted) -> bool:
    """Whether one of these is left; it no longer is."""
    if left[key] < 1:
        return False
    left[key] -= 1
    return True


def _placeless(key: Accepted) -> Accepted:
    """What remains of a finding when its file is renamed, and its module with it."""
    return msgspec.structs.replace(key, path="", function=key.function.rpartition(".")[2])


def _key(finding: Finding, line_of: LineOf, file: Path) -> Accepted:
    path = os.path.relpath(finding.path, file.absolute().parent).replace(os.sep, "/").encode("utf-8", "backslashreplace").decode()
    source = " ".join(line_of(finding.path, finding.span.line).split())
    return Accepted(path, finding.function, finding.code, finding.sink, source)
