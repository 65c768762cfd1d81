"""Runs the cases of fixtures/ and compares what is found with what their lines expect.

A case is a file, or a folder that is a project of its own. On a line stand

    # expect: ASL104                            this is found here; further words are checked against confidence, cost and `once`
    # expect: ASL102 via load > requests.get    … through these functions, to this sink
    # ok: reason                                nothing is found here (which holds for every line without a marker as well)
    # missed: ASL101                            a known missed alarm: fails once it is found, so that the marker is promoted
    # false alarm: ASL101                       a known false alarm: fails once the line is silent
    # later: ASL201                             for a detector that does not exist yet: ignored
"""

from __future__ import annotations

import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from asynclint.api import check
from asynclint.catalog import load_rules
from asynclint.config import Config
from asynclint.model import Confidence, Cost, Finding

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"

#: A file of this name makes a group's folder itself the case.
PROJECT = "pyproject.toml"

_MARKER = re.compile(r"#\s*(?P<kind>expect|ok|missed|false alarm|later)\b:?\s*(?P<text>.*?)\s*(?=\s#\s|$)")
_SETTINGS = re.compile(r"^# settings:\s*(?P<text>.+)$", re.MULTILINE)


class Marker(msgspec.Struct, frozen=True):
    """What one line of a case says about itself."""

    kind: str
    codes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    via: tuple[str, ...] = ()

    def fits(self, finding: Finding) -> bool:
        """Whether the finding has the words and the chain (its code was compared before)."""
        known = {finding.confidence.word, finding.cost.word, *(("once",) if finding.once else ())}
        return known.issuperset(self.words) and (not self.via or _same_way(self.via, way(finding)))

    def __str__(self) -> str:
        chain = f" via {' > '.join(self.via)}" if self.via else ""
        return " ".join([", ".join(self.codes), *self.words]) + chain


Lines = dict[tuple[str, int], list[Marker]]


def cases() -> Iterator[Path]:
    """The files and folders of fixtures/ that are cases."""
    for group in sorted(path for path in FIXTURES.iterdir() if path.is_dir()):
        if (group / PROJECT).exists():
            yield group
            continue
        for case in sorted(group.iterdir()):
            if case.name != "__pycache__" and (case.is_dir() or (case.suffix == ".py" and not case.name.endswith(".fixed.py"))):
                yield case


def sources(case: Path) -> list[Path]:
    return sorted(case.rglob("*.py")) if case.is_dir() else [case]


def markers(case: Path) -> Lines:
    """The markers of a case by file (relative to its root) and line."""
    root = case if case.is_dir() else case.parent
    lines: Lines = defaultdict(list)
    for source in sources(case):
        for number, text in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
            for found in _MARKER.finditer(text):
                lines[source.relative_to(root).as_posix(), number].append(_marker(found["kind"], found["text"]))
    return lines


def _marker(kind: str, text: str) -> Marker:
    if kind in ("ok", "later"):
        return Marker(kind)
    head, _, chain = text.partition(" via ")
    words = head.replace(",", " ").split()
    codes = tuple(word for word in words if re.fullmatch(r"ASL\d{3}", word))
    via = tuple(part.strip() for part in chain.split(">")) if chain else ()
    return Marker(kind, codes, tuple(word for word in words if word not in codes), via)


def settings(case: Path) -> Config:
    """Everything that is at least likely, unless the case says otherwise on a `# settings:` line; rules that it expects are on."""
    chosen = {"min-cost": "brief", "min-confidence": "likely"}
    for source in sources(case):
        for found in _SETTINGS.finditer(source.read_text(encoding="utf-8")):
            for pair in found["text"].split():
                name, _, value = pair.partition("=")
                chosen[name] = value
    return Config(
        min_cost=Cost[chosen["min-cost"].upper()],
        min_confidence=Confidence[chosen["min-confidence"].upper()],
        jobs=1,
        extend_select=tuple({code for there in markers(case).values() for marker in there for code in marker.codes}),
    )


def way(finding: Finding) -> tuple[str, ...]:
    """The chain as markers write it: the functions behind the first, then the sink."""
    return (*(step.function.replace(".<locals>", "") for step in finding.trace[1:]), finding.sink.removeprefix("builtins."))


def described(finding: Finding) -> str:
    """The finding in the words of a marker."""
    once = " once" if finding.once else ""
    return f"{finding.code} {finding.confidence.word} {finding.cost.word}{once} via {' > '.join(way(finding))}"


def _same_way(expected: tuple[str, ...], found: tuple[str, ...]) -> bool:
    """The same links; a link may be written by the end of its dotted name."""
    return len(expected) == len(found) and all(f".{long}".endswith(f".{short}") for short, long in zip(expected, found, strict=True))


def run(case: Path, folder: Path) -> dict[tuple[str, int], list[Finding]]:
    """Checks a copy of the case, so that it is a project of its own; the findings by file and line."""
    root = folder / "project"
    if case.is_dir():
        shutil.copytree(case, root, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        root.mkdir()
        shutil.copy(case, root)
    (root / "asynclint.toml").touch()
    report = check([str(root)], settings(case), cache=False)
    assert not report.failures, report.failures
    found = defaultdict(list)
    for finding in report.findings:
        path = Path(finding.path).resolve().relative_to(root.resolve()).as_posix()
        found[path, finding.span.line].append(finding)
    return found


def problems(lines: Lines, found: dict[tuple[str, int], list[Finding]]) -> Iterator[str]:
    """What a reader has to look at, a line each."""
    for path, line in sorted({*lines, *found}):
        here = found.get((path, line), [])
        seen = "; ".join(map(described, here))
        place = f"{path}:{line}"
        allowed: set[str] = set()
        for marker in lines.get((path, line), []):
            allowed.update(marker.codes)
            for code in marker.codes:
                same = [finding for finding in here if finding.code == code]
                if marker.kind == "missed" and same:
                    yield f"{place}: found at last, turn `missed` into `expect`: {seen}"
                elif marker.kind == "false alarm" and not same:
                    yield f"{place}: silent at last, turn `false alarm` into `ok`"
                elif marker.kind == "expect" and not same:
                    yield f"{place}: missing {marker}" + (f" (there is {seen})" if seen else "")
                elif marker.kind == "expect" and not any(marker.fits(finding) for finding in same):
                    yield f"{place}: expected {marker}, found {seen}"
        if any(finding.code not in allowed for finding in here):
            yield f"{place}: unexpected: {seen}"


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.relative_to(FIXTURES).as_posix())
def test_case(case: Path, tmp_path: Path) -> None:
    wrong = list(problems(markers(case), run(case, tmp_path)))
    assert not wrong, "\n" + "\n".join(wrong)


def all_markers() -> Iterator[tuple[Path, Marker]]:
    """Each marker with its case."""
    for case in cases():
        for there in markers(case).values():
            yield from ((case, marker) for marker in there)


def test_there_are_enough_cases() -> None:
    kinds = Counter(marker.kind for _, marker in all_markers())
    assert kinds["expect"] + kinds["missed"] >= 250
    assert kinds["ok"] >= 200


def test_markers_speak_of_rules_that_exist() -> None:
    assert not {code for _, marker in all_markers() for code in marker.codes} - set(load_rules())


def test_markers_that_need_a_code_have_one() -> None:
    assert not [case for case, marker in all_markers() if marker.kind in ("expect", "missed", "false alarm") and not marker.codes]


def test_words_of_markers_are_known() -> None:
    known = {*(cost.word for cost in Cost), *(confidence.word for confidence in Confidence), "once"}
    assert not {word for _, marker in all_markers() for word in marker.words} - known


def test_every_rule_about_blocking_is_expected_in_its_folder() -> None:
    expected = {(case.parent.name, code) for case, marker in all_markers() for code in marker.codes}
    rules = {(rule.name, code) for code, rule in load_rules().items() if not code.startswith("ASL0")}
    assert not rules - expected
