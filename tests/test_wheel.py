"""The wheel: built, unpacked and run far from the repository, it finds its rules and leaves no package called `rules`."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs. Needs no network: the backend is one of the test requirements."""
    folder = tmp_path_factory.mktemp("wheel")
    code = f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    built = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)
    assert built.returncode == 0, built.stderr
    site = folder / "site"
    with zipfile.ZipFile(folder / built.stdout.split()[-1]) as wheel:
        wheel.extractall(site)
    return site


def python(site: Path, folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in `folder` with the wheel's files and the libraries of this environment, but nothing of this repository."""
    # A path entry runs no .pth files, so an editable install of this repository is not seen through it.
    path = os.pathsep.join([str(site), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        [sys.executable, "-S", *args], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_it_runs_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    listed = python(installed, tmp_path, "-m", "asynclint", "rules")
    assert listed.returncode == 0, listed.stderr
    assert "ASL101  blocking-sleep" in listed.stdout
    explained = python(installed, tmp_path, "-m", "asynclint", "explain", "time.sleep")
    assert explained.returncode == 0, explained.stderr


def test_its_rules_are_its_own(installed: Path, tmp_path: Path) -> None:
    where = python(installed, tmp_path, "-c", "from asynclint.catalog import rules_folder; print(rules_folder())")
    assert Path(where.stdout.strip()) == installed / "asynclint" / "rules"


def test_no_package_called_rules_can_be_imported(installed: Path, tmp_path: Path) -> None:
    assert sorted(path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")) == ["asynclint"]
    assert "ModuleNotFoundError" in python(installed, tmp_path, "-c", "import rules").stderr


def test_all_of_the_knowledge_is_in_it(installed: Path) -> None:
    packed = {path.relative_to(installed / "asynclint" / "rules") for path in installed.rglob("*.toml")}
    assert packed == {path.relative_to(REPOSITORY / "rules") for path in (REPOSITORY / "rules").rglob("*.toml")}
    assert (installed / "asynclint" / "py.typed").exists()


def test_its_command_and_licence(installed: Path) -> None:
    (information,) = installed.glob("*.dist-info")
    assert "asynclint = asynclint.cli:main" in (information / "entry_points.txt").read_text()
    assert list(information.rglob("LICENSE"))


def test_a_bare_checkout_runs_too(tmp_path: Path) -> None:
    listed = python(REPOSITORY, tmp_path, "-m", "asynclint", "rules")
    assert listed.returncode == 0, listed.stderr
    assert "ASL101" in listed.stdout
