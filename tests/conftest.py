"""What the tests share: folders written from text, and findings made by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from asynclint.catalog import Rule, load_rules
from asynclint.model import Confidence, Cost, Finding, Span, Step

Write = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one, with nothing of the user's above or around it."""
    for name in ("NO_COLOR", "FORCE_COLOR", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


@pytest.fixture
def write(project: Path) -> Write:
    """Writes files given as path → text into the project."""

    def write_files(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            path = project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        return project

    return write_files


@pytest.fixture(scope="session")
def rules() -> dict[str, Rule]:
    return load_rules()


def make_finding(code: str = "ASL104", path: str = "app.py", line: int = 1, column: int = 1, **fields: Any) -> Finding:
    """A finding with what a test does not care about filled in."""
    width = fields.pop("width", 4)
    values: dict[str, Any] = {
        "name": "blocking-file-io",
        "message": "`open` holds the event loop",
        "span": Span(line, column, line, column + width),
        "function": "app.main",
        "confidence": Confidence.CERTAIN,
        "cost": Cost.SLOW,
        "sink": "builtins.open",
        "wait": "file",
        "trace": (Step(path, line, column, "app.main", "open"),),
        "statement": (line, line),
    }
    return Finding(code=code, path=path, **(values | fields))
