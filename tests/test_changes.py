"""`--diff-base`: which lines git says have changed, and which findings have to do with them."""

from __future__ import annotations

import io
import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import Write, make_finding

from asynclint.changes import added_lines
from asynclint.check.changed import of_change
from asynclint.cli import run
from asynclint.model import Step

STORE = "import requests\n\n\ndef load(url):\n    return requests.get(url)\n\n\ndef look(url):\n    return url\n"
VIEWS = "import time\n\nfrom app.store import load, look\n\n\nasync def view(url):\n    time.sleep(1)\n    load(url)\n    look(url)\n"


@pytest.fixture
def repository(write: Write, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the application committed on `main`."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "somebody")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "somebody@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    folder = write({"app/__init__.py": "", "app/store.py": STORE, "app/views.py": VIEWS, ".gitignore": ".asynclint_cache\n"})
    git("init", "--initial-branch", "main")
    commit()
    return folder


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)


def commit() -> None:
    git("add", "--all")
    git("commit", "--message", "a step")


def found(capsys: pytest.CaptureFixture[str], *options: str) -> list[tuple[str, str, int]]:
    assert run([*options, "--output-format", "json"]) in (0, 1)
    return [(item["code"], item["path"], item["line"]) for item in json.loads(capsys.readouterr().out)["findings"]]


def test_nothing_changed(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert found(capsys, "--diff-base", "main") == []
    assert len(found(capsys)) == 2


def test_a_changed_line_brings_its_finding(repository: Path, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write({"app/views.py": VIEWS.replace("sleep(1)", "sleep(2)")})
    assert found(capsys, "--diff-base", "main") == [("ASL101", "app/views.py", 7)]


def test_a_helper_that_now_blocks_brings_the_finding_of_an_old_line(
    repository: Path, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write({"app/store.py": STORE.replace("return url", "return requests.get(url)")})
    assert found(capsys, "--diff-base", "main") == [("ASL102", "app/views.py", 9)]


def test_a_new_file_is_a_change_and_a_renamed_one_is_none(repository: Path, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    git("mv", "app/views.py", "app/pages.py")
    write({"new ä.py": "import time\n\n\nasync def main():\n    time.sleep(1)\n"})
    assert found(capsys, "--diff-base", "main") == [("ASL101", "new ä.py", 5)]
    commit()
    assert found(capsys, "--diff-base", "HEAD~1") == [("ASL101", "new ä.py", 5)]


def test_what_the_base_has_got_meanwhile_is_no_change(repository: Path, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    git("switch", "--create", "topic")
    git("switch", "main")
    write({"app/views.py": VIEWS.replace("sleep(1)", "sleep(9)")})
    commit()
    git("switch", "topic")
    assert found(capsys, "--diff-base", "main") == []


@pytest.mark.parametrize("revision", ["nowhere", "--output=pwned"])
def test_no_such_revision(repository: Path, capsys: pytest.CaptureFixture[str], revision: str) -> None:
    assert run([f"--diff-base={revision}"]) == 2
    assert f"there is no revision {revision!r}" in capsys.readouterr().err
    assert not (repository / "pwned").exists()


def test_no_common_history(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git("switch", "--orphan", "other")
    git("commit", "--allow-empty", "--message", "alone")
    assert run(["--diff-base", "main"]) == 2
    assert "no common history" in capsys.readouterr().err


def test_no_repository(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write({"app.py": ""})
    assert run(["--diff-base", "main"]) == 2
    assert "not a git repository" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["-"], ["--write-baseline", "base.json"]])
def test_what_it_does_not_go_with(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, option: list[str]
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO()))
    assert run(["--diff-base", "main", *option]) == 2
    assert "--diff-base does not go with" in capsys.readouterr().err


def test_content_of_a_patch_that_looks_like_a_heading() -> None:
    patch = "--- a/x.py\n+++ b/x.py\n@@ -1,0 +2,2 @@\n+++ b/other.py\n+@@ -9 +9 @@\n@@ -7 +9,0 @@\n-gone\n@@ -8 +10 @@\n-a\n+b\n"
    assert list(added_lines(patch)) == [("x.py", [range(2, 4), range(10, 11)])]


def test_any_line_of_the_statement_and_any_step_count() -> None:
    finding = make_finding(path="a.py", line=5, statement=(4, 6), trace=(Step("a.py", 5, 1, "f", "g"), Step("b.py", 9, 1, "g", "open")))

    def by(path: str, line: int) -> bool:
        return bool(of_change([finding], lambda p, first, last: p == path and first <= line <= last))

    assert by("a.py", 4)
    assert by("a.py", 6)
    assert by("b.py", 9)
    assert not by("a.py", 7)
    assert not by("b.py", 5)
