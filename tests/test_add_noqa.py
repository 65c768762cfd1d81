"""`--add-noqa`: the comments it writes, and that nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Write, make_finding

from asynclint.check.noqa import with_noqa
from asynclint.check.suppress import suppress
from asynclint.cli import run


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("open(p)", "open(p)  # noqa: ASL104"),
        ("open(p)  # why", "open(p)  # why  # noqa: ASL104"),
        ("open(p)  # noqa: E501", "open(p)  # noqa: E501, ASL104"),
        ("open(p)  # noqa:E501,F401 too long", "open(p)  # noqa:E501,F401, ASL104 too long"),
        ("open(p, '# noqa: E501')", "open(p, '# noqa: E501')  # noqa: ASL104"),
        ("open(p)  # asynclint: ignore[ASL105]: small", "open(p)  # asynclint: ignore[ASL105]: small  # noqa: ASL104"),
        ("open(p)  # ends in \\", "open(p)  # ends in \\  # noqa: ASL104"),
        ("open('''\n''', p)", "open('''\n''', p)  # noqa: ASL104"),
        ("open( \\\n p)", "open( \\\n p)  # noqa: ASL104"),
        ("x = '''\n''', open('''\n''')\r\n", "x = '''\n''', open('''\n''')  # noqa: ASL104\r\n"),
    ],
)
def test_where_the_comment_goes(before: str, after: str) -> None:
    finding = make_finding(line=1, statement=(1, before.rstrip().count("\n") + 1))
    assert with_noqa(before, [finding]) == after


def test_a_statement_that_ends_in_a_string_is_silenced_at_an_earlier_line() -> None:
    text = "x = [\n    open(p), '''\n  ''']\n"
    finding = make_finding(line=2, statement=(1, 3))
    assert with_noqa(text, [finding]) == "x = [\n    open(p), '''\n  ''']  # noqa: ASL104\n"
    before = make_finding(line=2, statement=(1, 2))
    assert with_noqa(text, [before]) == "x = [  # noqa: ASL104\n    open(p), '''\n  ''']\n"


def test_several_findings_share_a_comment(rules: dict[str, object]) -> None:
    findings = [make_finding("ASL105"), make_finding("ASL104"), make_finding("ASL104")]
    text = with_noqa("f(open(p), stat(p))\r\ng()", findings)
    assert text == "f(open(p), stat(p))  # noqa: ASL104, ASL105\r\ng()"
    assert suppress(findings, lambda path: text, ["app.py"], rules) == []  # type: ignore[arg-type]


CODE = "import time\n\n\nasync def main():\n    name = '\u00e4'; time.sleep(1)\n\n\nasync def other():\n    time.sleep(2)\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_next_run_is_clean_and_the_file_is_otherwise_the_same(
    project: Path, capsys: pytest.CaptureFixture[str], encoding: str, end: str
) -> None:
    text = ("# coding: latin-1\n" if encoding == "latin-1" else "") + CODE
    file = project / "app.py"
    file.write_bytes(text.replace("\n", end).encode(encoding))
    assert run(["--add-noqa"]) == 0
    assert capsys.readouterr().err == "Silenced: 2 (files: 1).\n"
    wanted = text.replace("(1)", "(1)  # noqa: ASL101").replace("(2)", "(2)  # noqa: ASL101").replace("\n", end)
    assert file.read_bytes() == wanted.encode(encoding)
    assert run([]) == 0


def test_only_what_would_be_shown_is_silenced(write: Write) -> None:
    folder = write({"app.py": CODE, "broken.py": "def f(:\n"})
    assert run(["--add-noqa", "--ignore", "ASL101"]) == 0
    assert (folder / "app.py").read_text("utf-8") == CODE
    assert (folder / "broken.py").read_text("utf-8") == "def f(:\n"


def test_what_it_does_not_go_with(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write({"app.py": CODE})
    assert run(["--add-noqa", "--write-baseline", "base.json"]) == 2
    assert "--add-noqa does not go with --write-baseline" in capsys.readouterr().err
