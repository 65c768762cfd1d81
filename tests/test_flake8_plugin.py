"""The flake8 plugin, in flake8 itself: the same findings as the command line, with flake8's own choice of files, codes and suppressions."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Write

pytestmark = pytest.mark.skipif(importlib.util.find_spec("flake8") is None, reason="flake8 is not installed")

FILES = {
    "pyproject.toml": "[tool.asynclint]\n",
    "app/__init__.py": "",
    "app/store.py": "import requests\n\n\ndef load(url):\n    return requests.get(url)\n",
    "app/views.py": "import time\n\nfrom app.store import load\n\n\nasync def view(url):\n    time.sleep(1)\n    load(url)\n",
}
FINDINGS = [("app/views.py", 7, 5, "ASL101"), ("app/views.py", 8, 5, "ASL102")]


def run(folder: Path, *options: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flake8", *options]
    return subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True, check=False, timeout=120)


def found(folder: Path, *options: str, text: str | None = None) -> list[tuple[str, int, int, str]]:
    """(path, line, column, code) of what flake8 prints."""
    done = run(folder, *options, text=text)
    assert done.stderr == ""
    return [
        (path.removeprefix("./"), int(line), int(column), code)
        for path, line, column, code in re.findall(r"^(.+?):(\d+):(\d+): (ASL\d+|[A-Z]\d+)", done.stdout, re.MULTILINE)
        if path
    ]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_finds_what_the_command_line_finds(write: Write, jobs: str) -> None:
    folder = write(FILES)
    command = [sys.executable, "-m", "asynclint", "--output-format", "concise", "--no-cache"]
    lines = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout.splitlines()
    flake8 = run(folder, "--select", "ASL", "--jobs", jobs).stdout.replace("./", "").splitlines()
    assert sorted(flake8) == sorted(lines)
    assert found(folder, "--select", "ASL", "--jobs", jobs) == FINDINGS


def test_one_file_sees_the_whole_project(write: Write) -> None:
    assert found(write(FILES), "app/views.py") == FINDINGS


def test_stands_beside_flake8s_own_checks(write: Write) -> None:
    folder = write({"app.py": "import os\nimport time\n\n\nasync def main():\n    time.sleep( 1)\n"})
    assert found(folder) == [("app.py", 1, 1, "F401"), ("app.py", 6, 5, "ASL101"), ("app.py", 6, 16, "E201")]


def test_flake8_chooses_codes_and_files(write: Write) -> None:
    folder = write(FILES | {"other.py": "import time\n\n\nasync def other():\n    time.sleep(1)\n"})
    assert found(folder, "--extend-ignore", "ASL101") == [FINDINGS[1]]
    assert found(folder, "--exclude", "other.py") == FINDINGS
    assert found(folder, "--per-file-ignores", "app/*:ASL") == [("other.py", 5, 5, "ASL101")]
    assert found(folder, "--select", "E,F") == []


def test_noqa(write: Write) -> None:
    folder = write({"app.py": "import time\n\n\nasync def main():\n    time.sleep(1)  # noqa: ASL101\n    time.sleep(2)  # noqa: E501\n"})
    assert found(folder) == [("app.py", 6, 5, "ASL101")]


def test_standard_input_stands_for_a_file_of_the_project(write: Write) -> None:
    folder = write(FILES)
    text = "from app.store import load\n\n\nasync def view(url):\n    'é'; load(url)\n"
    assert ("app/views.py", 5, 10, "ASL102") in found(folder, "--stdin-display-name", "app/views.py", "-", text=text)


def test_options_of_its_own_from_both_places(write: Write) -> None:
    folder = write(FILES | {"files.py": "import os\n\n\nasync def main(path):\n    return os.path.exists(path)\n"})
    assert found(folder, "files.py") == []
    assert found(folder, "--asynclint-min-cost", "brief", "files.py") == [("files.py", 5, 12, "ASL105")]
    assert found(folder, "--asynclint-no-transitive") == [FINDINGS[0]]
    (folder / ".flake8").write_text("[flake8]\nasynclint-min-cost = brief\n")
    assert found(folder, "files.py") == [("files.py", 5, 12, "ASL105")]


def test_the_projects_configuration_counts(write: Write) -> None:
    folder = write(FILES | {"pyproject.toml": '[tool.asynclint]\nnonblocking = ["app.store.load"]\n'})
    assert found(folder) == [FINDINGS[0]]
    assert found(folder, "--asynclint-isolated") == FINDINGS


def test_bad_configuration_is_told(write: Write) -> None:
    done = run(write({"pyproject.toml": "[tool.asynclint]\nselekt = []\n", "app.py": ""}))
    assert done.returncode == 1
    assert "unknown key `selekt`; did you mean `select`?" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_files_that_are_broken_or_missing_are_flake8s_to_tell(write: Write) -> None:
    folder = write({"bad.py": "def f(:\n", "good.py": "import time\n\n\nasync def main():\n    time.sleep(1)\n"})
    codes = {code for _, _, _, code in found(folder, "bad.py", "good.py", "missing.py")}
    assert {"E999", "E902", "ASL101"} <= codes
