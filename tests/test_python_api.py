"""The public API: the example of its page does what the page says, and the page has all names."""

from __future__ import annotations

import re
import types
from pathlib import Path

import msgspec
import pytest
from conftest import Write

import asynclint

PAGE = (Path(__file__).resolve().parent.parent / "docs/python-api.md").read_text("utf-8")
FILES = {
    "app/__init__.py": "",
    "app/store.py": "import requests\n\n\ndef load(url):\n    return requests.get(url)\n",
    "app/views.py": "from app.store import load\n\n\nasync def view(url):\n    load(url)\n",
}


def test_the_example_of_the_page(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write(FILES)
    example = re.search(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert example
    exec(example[1], {})
    assert capsys.readouterr().out == "app/views.py:5 ASL102 unbounded requests.get\n  via app/store.py:5 requests.get\n"


def test_unsaved_text_and_values_that_can_be_written(write: Write) -> None:
    write(FILES)
    unsaved = b"import time\n\n\nasync def view(url):\n    time.sleep(1)\n"
    report = asynclint.check_paths([], asynclint.Config(cache=False), stdin=("app/views.py", unsaved), cache=False)
    assert [finding.code for finding in report.findings] == ["ASL101"]
    assert msgspec.json.decode(msgspec.json.encode(report), type=asynclint.Report) == report


def test_the_page_has_all_public_names() -> None:
    names = {name for name in asynclint.__all__ if not isinstance(getattr(asynclint, name), types.ModuleType)}
    told = set(re.findall(r"\w+", PAGE))
    assert names - told <= {"Failure", "Statistics", "__version__"}
