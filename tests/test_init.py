"""`asynclint init`: what it writes, and what it leaves alone."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from conftest import Write

from asynclint.cli import run
from asynclint.config import read_config


def tool(folder: Path) -> Any:
    return tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["tool"]


def test_a_project_with_sources_and_tests(write: Write) -> None:
    folder = write({"pyproject.toml": "[project]\nname = 'shop' # ours\n", "src/shop/__init__.py": "", "tests/test_shop.py": ""})
    assert run(["init"]) == 0
    assert tool(folder) == {"asynclint": {"src": ["src"], "extend-exclude": ["tests"]}}
    assert (folder / "pyproject.toml").read_text().startswith("[project]\nname = 'shop' # ours\n\n[tool.asynclint]\n")
    assert read_config(folder / "pyproject.toml").src == (str(folder / "src"),)


def test_packages_beside_the_project_file(write: Write) -> None:
    folder = write({"pyproject.toml": "", "shop/__init__.py": "", "tests/__init__.py": "", "docs/x.md": ""})
    assert run(["init"]) == 0
    assert tool(folder)["asynclint"] == {"src": ["shop"], "extend-exclude": ["tests"]}


def test_without_a_project_file(write: Write) -> None:
    folder = write({"app.py": ""})
    assert run(["init"]) == 0
    assert read_config(folder / "asynclint.toml").src == ()
    assert not (folder / "pyproject.toml").exists()


@pytest.mark.parametrize(
    "ruff",
    [
        "[tool.ruff]\nline-length = 99\n",
        '[tool.ruff.lint]\nselect = ["E"]\n[tool.ruff.lint.isort]\ncombine-as-imports = true\n',
        '[tool.ruff.lint] # how\r\nselect = ["E"]\r\n',
        "[tool.ruff.lint]",
    ],
)
def test_ruff_is_told_and_keeps_its_settings(write: Write, ruff: str) -> None:
    before = tomllib.loads(ruff)["tool"]["ruff"]
    folder = write({"app.py": ""})
    (folder / "pyproject.toml").write_bytes(ruff.encode())
    assert run(["init"]) == 0
    assert tool(folder)["ruff"] == {**before, "lint": {**before.get("lint", {}), "external": ["ASL"]}}
    assert "asynclint" in tool(folder)
    text = (folder / "pyproject.toml").read_bytes()
    assert text.count(b"\r\n") in (0, text.count(b"\n"))


@pytest.mark.parametrize(
    "ruff", ['[tool.ruff.lint]\nexternal = ["V"]\n', 'tool.ruff.lint.select = ["E"]\n', '[tool.ruff]\nlint.select = ["E"]\n']
)
def test_what_it_cannot_add_it_asks_for(write: Write, capsys: pytest.CaptureFixture[str], ruff: str) -> None:
    folder = write({"pyproject.toml": ruff})
    assert run(["init"]) == 0
    assert 'add "ASL" to `external`' in capsys.readouterr().out
    assert tool(folder)["ruff"] == tomllib.loads(ruff)["tool"]["ruff"]


def test_what_ruff_knows_already_stays(write: Write) -> None:
    folder = write({"pyproject.toml": '[tool.ruff.lint]\nexternal = ["ASL"]\n'})
    assert run(["init"]) == 0
    assert tool(folder)["ruff"] == {"lint": {"external": ["ASL"]}}


@pytest.mark.parametrize("files", [{"asynclint.toml": ""}, {"pyproject.toml": "[tool.asynclint]\n"}, {"pyproject.toml": "[tool\n"}])
def test_refused_and_nothing_written(write: Write, capsys: pytest.CaptureFixture[str], files: dict[str, str]) -> None:
    folder = write(files)
    assert run(["init"]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert {path.name: path.read_text() for path in folder.iterdir()} == files
