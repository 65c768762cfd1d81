"""Suppression comments, and the report of those that suppress nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import make_finding
from hypothesis import given
from hypothesis import strategies as st

from asynclint.catalog import Rule, load_rules
from asynclint.check.suppress import comments, suppress
from asynclint.model import Finding
from asynclint.syntax.scan import mentions

Kept = Callable[..., list[str]]


def remaining(text: str, *findings: Finding, off: tuple[str, ...] = ()) -> list[str]:
    """`CODE@line` of what remains in app.py with this text, ASL003 with its message."""
    kept = suppress(findings, {"app.py": text}.get, ["app.py"], load_rules(), lambda path, code: code not in off)
    return [f"ASL003@{each.span.line} {each.message}" if each.code == "ASL003" else f"{each.code}@{each.span.line}" for each in kept]


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "#noqa",
        "# NOQA",
        "# noqa: ASL104",
        "# noqa:ASL101,ASL104",
        "# noqa: E501, ASL104 because it is small",
        "# noqa : asl104",
        "# noqa: ASL1",
        "# noqa: ASL",
        "# noqa: ASYNC230",
        "# noqa: ASYNC231 the old code",
        "# type: ignore # noqa: ASL104",
        "# pragma: no cover  # asynclint: ignore[ASL104]",
        "# asynclint: ignore[ASL104]",
        "# asynclint:ignore[ASL104]: it is small",
        "# asynclint: ignore[blocking-file-io] - it is small",
        "# asynclint: ignore[ASYNC230]",
        "# asynclint: ignore",
        "# asynclint: disable[ASL104]",
    ],
)
def test_forms_that_suppress(comment: str) -> None:
    assert not [kept for kept in remaining(f"open(p)  {comment}\n", make_finding("ASL104")) if kept.startswith("ASL104")]


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa: E501",
        "# noqa: ASL101",
        "# noqa: ASYNC251",
        "# noqa-not",
        "# noqatastic",
        "# flake8: noqa",  # not on a line of its own
        "# asynclint: ignore[ASL101]",
        "# asynclint: enable[ASL104]",
        "# asynclint: off-loop",
        "# see asynclint's manual",
        "+ '# noqa'",
        '+ """# asynclint: ignore"""',
    ],
)
def test_forms_that_do_not(comment: str) -> None:
    assert "ASL104@1" in remaining(f"open(p)  {comment}\n", make_finding("ASL104"))


def test_any_line_of_the_statement_counts_and_no_other() -> None:
    text = "x = open(\n    p,\n)  # noqa: ASL104\nopen(p)\n"
    assert remaining(text, make_finding(line=1, statement=(1, 3))) == []
    assert remaining(text, make_finding(line=4, statement=(4, 4))) == ["ASL104@4", "ASL003@3 unused suppression: no ASL104 here"]


def test_words_in_strings_are_no_comments() -> None:
    text = '"""\n# noqa\n# asynclint: ignore-file\n"""\nopen(p)\nx = f"# noqa {y!r:#>3}" \'\\\' # noqa\'\n'
    assert remaining(text, make_finding(line=5), make_finding(line=6)) == ["ASL104@5", "ASL104@6"]


def test_whole_files() -> None:
    for comment in ("# asynclint: ignore-file[ASL104]: generated", "# flake8: noqa", "# ruff: noqa: ASYNC230", "# asynclint: ignore-file"):
        assert remaining(f'"""Doc."""\n{comment}\nimport x\n\nopen(p)\n', make_finding(line=5)) == []
    text = "# asynclint: ignore-file[ASL101]\nopen(p)\n"
    assert remaining(text, make_finding(line=2)) == ["ASL104@2", "ASL003@1 unused suppression: no ASL101 here"]


def test_ignore_file_below_the_first_definition_counts_for_nothing_and_says_so() -> None:
    kept = remaining("async def f():\n    open(p)\n# asynclint: ignore-file\n", make_finding(line=2))
    assert kept[0] == "ASL104@2"
    assert "near the top" in kept[1]


def test_ranges() -> None:
    text = "a\n# asynclint: disable[ASL104, ASL101]\nb\n# asynclint: enable[ASL104]\nc\n# asynclint: enable\nd\n"
    files = [make_finding("ASL104", line=line) for line in (1, 3, 5, 7)]
    sleeps = [make_finding("ASL101", line=line) for line in (1, 3, 5, 7)]
    assert remaining(text, *files) == ["ASL104@1", "ASL104@5", "ASL104@7", "ASL003@2 unused suppression: no ASL101 here"]
    assert remaining(text, *files, *sleeps) == ["ASL104@1", "ASL104@5", "ASL104@7", "ASL101@1", "ASL101@7"]


def test_a_range_of_everything_can_end_for_one_code() -> None:
    text = "# asynclint: disable\na\n# asynclint: enable[ASL104]\nb\n"
    findings = [make_finding(code, line=line) for code in ("ASL104", "ASL101") for line in (2, 4)]
    assert remaining(text, *findings) == ["ASL104@4"]


def test_an_open_range_reaches_to_the_end_and_a_lone_end_is_told() -> None:
    assert remaining("a\n# asynclint: disable[ASL104]\nb\n", make_finding(line=3)) == []
    assert "ASL003@1 `enable` without a `disable` above it" in remaining("# asynclint: enable[ASL104]\n")


class TestUnused:
    def test_own_comments_and_own_codes_only(self) -> None:
        assert remaining("x = 1  # noqa\ny = 1  # noqa: E501, ASYNC230\nz = 1  # flake8: noqa\n") == []
        assert remaining("x = 1  # noqa: E501, ASL104\n") == ["ASL003@1 unused suppression: no ASL104 here"]
        assert remaining("x = 1  # asynclint: ignore\n") == ["ASL003@1 unused suppression: no finding here"]

    def test_only_the_idle_code_of_several_is_named(self) -> None:
        kept = remaining("open(p)  # asynclint: ignore[ASL104, ASL101, ASL102]\n", make_finding())
        assert kept == ["ASL003@1 unused suppression: no ASL101 or ASL102 here"]

    def test_not_for_codes_that_are_off(self) -> None:
        assert remaining("x  # asynclint: ignore[ASL104]\n", off=("ASL104",)) == []
        assert remaining("x  # asynclint: ignore\n", off=("ASL104",)) == []
        assert remaining("x  # asynclint: ignore[ASL104]\n", off=("ASL003",)) == []

    def test_two_comments_for_one_finding_are_both_in_use(self) -> None:
        assert remaining("# asynclint: ignore-file[ASL104]\nopen(p)  # asynclint: ignore[ASL104]\n", make_finding(line=2)) == []

    def test_its_own_code_hides_it(self) -> None:
        assert remaining("x  # asynclint: ignore[ASL104, ASL003]\n") == []
        assert remaining("# asynclint: ignore-file[ASL003]\nx  # asynclint: ignore[ASL104]\n") == []

    def test_unknown_codes_and_words(self) -> None:
        assert remaining("x  # asynclint: ignore[ASL999]\n") == ["ASL003@1 unknown code 'ASL999'"]
        assert remaining("x  # asynclint: ingore[ASL104]\n") == ["ASL003@1 unknown directive `ingore`; did you mean `ignore`?"]
        assert remaining("x  # asynclint: nonblocking\n") == []

    def test_not_in_a_file_that_was_not_analysed(self) -> None:
        assert remaining("x  # asynclint: ignore[ASL104]\n)", make_finding("ASL001", line=2)) == ["ASL001@2"]

    def test_its_span_is_the_directive(self) -> None:
        (note,) = suppress([], {"app.py": "\ufeffx = 'ä'  # why  # asynclint: ignore[ASL104]: r\n"}.get, ["app.py"], load_rules())
        assert (note.span.column, note.span.end_column) == (17, 44)


def test_a_syntax_error_needs_its_code() -> None:
    assert remaining("(  # noqa\n", make_finding("ASL001")) == ["ASL001@1"]
    assert remaining("(  # noqa: ASL001\n", make_finding("ASL001")) == []


def test_line_ends_of_all_kinds() -> None:
    for end in ("\n", "\r\n", "\r"):
        assert remaining(f"a{end}open(p)  # noqa: ASL104{end}b{end}", make_finding(line=2)) == []


def test_files_without_a_mention_are_not_scanned_and_text_may_be_missing(rules: dict[str, Rule]) -> None:
    finding = make_finding()
    assert not mentions("x = 1  # type: ignore\n")
    assert suppress([finding], lambda path: None, ["app.py"], rules) == [finding]


def test_an_unclosed_string_does_not_hide_what_follows() -> None:
    assert [comment.text for comment in comments("x = 'open\ny = 1  # noqa\n")] == ["# noqa"]


@given(st.text(alphabet="'\"#\\\n\r abcf{}noqa:", max_size=60))
def test_any_text_can_be_scanned(text: str) -> None:
    for comment in comments(text):
        assert comment.text in text
