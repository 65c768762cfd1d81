"""Discovery: which files are reported on, which may be read, what is refused."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from conftest import Write

from asynclint.config import Config, load_config
from asynclint.discover import DiscoverError, default_paths, discover, project_files, project_root


def found(*paths: str, config: Config | None = None) -> list[str]:
    return list(discover(paths or (".",), config or load_config(Path.cwd())).files)


def test_python_files_in_order_and_as_given(write: Write, project: Path) -> None:
    write(dict.fromkeys(("b.py", "a/z.py", "a/x.pyw", "a-b.py", "a/stub.pyi", "a/n.ipynb", "a/data.txt"), ""))
    assert found() == ["a/x.pyw", "a/z.py", "a-b.py", "b.py"]
    assert found("./a/") == ["a/x.pyw", "a/z.py"]
    assert found(str(project / "a")) == [(project / "a/x.pyw").as_posix(), (project / "a/z.py").as_posix()]


def test_a_file_is_taken_once_however_often_it_is_named(write: Write) -> None:
    write({"a/x.py": ""})
    assert found("a/x.py", ".", "./a/../a/x.py") == ["a/x.py"]


def test_a_missing_path_is_refused_by_name(project: Path) -> None:
    with pytest.raises(DiscoverError, match="nowhere"):
        found("nowhere")


def test_excluded_folders_are_left_out_unless_they_are_named(write: Write) -> None:
    write(dict.fromkeys(("app/x.py", "build/y.py", ".venv/lib/z.py", "env/pyvenv.cfg", "env/u.py", "node_modules/m.py"), ""))
    assert found() == ["app/x.py"]
    assert found("build") == ["build/y.py"]
    assert found("app", "node_modules/m.py") == ["app/x.py", "node_modules/m.py"]


def test_exclude_patterns_by_name_and_by_path(write: Write) -> None:
    write(dict.fromkeys(("app/x.py", "app/x_pb2.py", "app/gen/y.py", "lib/gen/y.py", "old/z.py"), ""))
    write({"asynclint.toml": 'exclude = ["old"]\nextend-exclude = ["*_pb2.py", "app/gen"]'})
    assert found() == ["app/x.py", "lib/gen/y.py"]
    write({"lib/asynclint.toml": 'exclude = ["gen"]'})
    assert found() == ["app/x.py"]


def test_ignore_files_at_every_level(write: Write, project: Path) -> None:
    (project / ".git").mkdir()
    write(dict.fromkeys(("a.py", "gen/b.py", "sub/c.py", "sub/keep.py", "sub/only/d.py", "sub/deep/gen/e.py", "f_ig.py"), ""))
    write({".gitignore": "gen/\n*_ig.py\n/a.py\nkeep.py\n\n# c\n!\n", "sub/.gitignore": "only/*\n!keep.py\nc.py\n"})
    assert found() == ["sub/keep.py"]
    assert found("sub") == ["sub/keep.py"]
    assert found("gen", "sub/c.py") == ["gen/b.py", "sub/c.py"]
    everything = load_config(project, overrides={"respect_gitignore": False})
    assert len(found(config=everything)) == 7


def test_ignore_files_above_count_up_to_the_repository_only(write: Write, project: Path) -> None:
    write({".gitignore": "*.py\n", "repository/.git/HEAD": "", "repository/x.py": ""})
    assert found("repository") == ["repository/x.py"]


def test_private_excludes_of_the_repository(write: Write) -> None:
    write({".git/info/exclude": "mine.py\n", "mine.py": "", "ours.py": ""})
    assert found() == ["ours.py"]


@pytest.mark.skipif(sys.platform == "win32", reason="symlinks need rights there")
def test_links_lead_nowhere_twice(write: Write, project: Path) -> None:
    write({"app/x.py": "", "app/sub/y.py": ""})
    outside = project.parent / "outside"
    outside.mkdir()
    (outside / "o.py").touch()
    (project / "app/loop").symlink_to("..")
    (project / "again").symlink_to("app/sub")
    (project / "self").symlink_to("self")
    (project / "broken.py").symlink_to("nowhere")
    (project / "first").symlink_to(outside)
    (project / "second").symlink_to(outside)
    files = found()
    assert [file for file in files if not file.endswith("o.py")] == ["app/sub/y.py", "app/x.py"]
    assert len(files) == 3


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may list everything")
def test_a_folder_that_cannot_be_listed_is_told(write: Write, project: Path) -> None:
    write({"shut/x.py": "", "y.py": ""})
    (project / "shut").chmod(0)
    try:
        discovery = discover(["."], Config())
    finally:
        (project / "shut").chmod(0o700)
    assert discovery.files == ("y.py",)
    assert [failure.path for failure in discovery.failures] == ["shut"]


def test_without_paths_src_is_checked(write: Write, project: Path) -> None:
    assert default_paths(load_config(project)) == (".",)
    write({"asynclint.toml": 'src = ["app", "lib"]'})
    assert default_paths(load_config(project)) == ("app", "lib")


class TestProjectRoot:
    def test_climbs_packages_to_the_configuration(self, write: Write, project: Path) -> None:
        write({"src/app/__init__.py": "", "src/app/sub/__init__.py": "", "src/app/sub/x.py": "", "asynclint.toml": ""})
        assert project_root("src/app/sub/x.py") == str(project)

    def test_a_configuration_inside_a_package_is_not_the_root(self, write: Write, project: Path) -> None:
        write({"app/__init__.py": "", "app/tests/__init__.py": "", "app/tests/asynclint.toml": "", ".git/HEAD": ""})
        assert project_root("app/tests") == str(project)

    def test_version_control_comes_before_a_bare_pyproject(self, write: Write, project: Path) -> None:
        write({".git/HEAD": "", "packages/a/pyproject.toml": "", "packages/a/x.py": ""})
        assert project_root("packages/a/x.py") == str(project)

    def test_a_release_without_either_starts_at_its_pyproject(self, write: Write, project: Path) -> None:
        write({"release/pyproject.toml": "[project]", "release/scripts/x.py": ""})
        assert project_root("release/scripts/x.py") == str(project / "release")

    def test_else_it_is_the_parent_of_the_topmost_package(self, write: Write, project: Path) -> None:
        write({"lib/app/__init__.py": "", "lib/app/x.py": ""})
        assert project_root("lib/app/x.py") == str(project / "lib")

    def test_the_home_folder_is_no_project(self, write: Write, project: Path) -> None:
        (project.parent / ".git").mkdir()
        write({"x.py": ""})
        assert project_root("x.py") == str(project)


def test_what_may_be_read_is_more_than_what_is_reported(write: Write, project: Path) -> None:
    write(dict.fromkeys(("app/x.py", "legacy/y.py", ".venv/z.py", "gen/g.py"), ""))
    write({"asynclint.toml": 'extend-exclude = ["legacy"]', ".gitignore": "gen/", ".git/HEAD": ""})
    config = load_config(project)
    assert found(config=config) == ["app/x.py"]
    files = project_files([str(project), str(project / "app")], config)
    assert files == [str(project / "app/x.py"), str(project / "legacy/y.py")]
