"""Paths → source files: those to report on, and those of the projects around them that may be read.

Folders are listed with `os.scandir` and kept as strings: projects have thousands of files, and this runs before anything else.
"""

from __future__ import annotations

import fnmatch
import functools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from asynclint.config import DEFAULT_EXCLUDE, Config, ConfigError, Configs, config_in
from asynclint.model import Failure

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SUFFIXES = (".py", ".pyw")
_VERSION_CONTROL = (".git", ".hg", ".svn", ".bzr")
_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")


class DiscoverError(Exception):
    """A path that was asked for and cannot be taken; the text names it."""


class Discovery(msgspec.Struct, frozen=True):
    """The files to report on, as given and in order, with forward slashes, and what could not be listed."""

    files: tuple[str, ...]
    failures: tuple[Failure, ...] = ()


def discover(paths: Sequence[str], config: Config) -> Discovery:
    """The Python files that `paths` stand for. Raises DiscoverError for a path that is not there, ConfigError for a configuration below it.

    A file that is named is taken whatever its name is; a folder gives what excludes and ignore files leave of it.
    """
    configs = Configs(config)
    failures: list[Failure] = []
    found: dict[str, str] = {}
    for path in paths:
        if os.path.isdir(path):
            files: Iterable[str] = _Walk(configs.of_folder, config.respect_gitignore, failures).files(path)
        elif os.path.exists(path):
            files = [path]
        else:
            raise DiscoverError(f"{path}: no such file or folder")
        for file in files:
            found.setdefault(os.path.abspath(file), _shown(file))
    return Discovery(tuple(sorted(found.values(), key=_order)), tuple(failures))


def default_paths(config: Config) -> tuple[str, ...]:
    """What a run without paths checks: `src` of the configuration as seen from here, else the current folder."""
    here = os.getcwd()
    return tuple(os.path.relpath(path, here) if _inside(path, here) else path for path in config.src) or (".",)


def project_root(path: str) -> str:
    """The folder of the project that `path` (a file or folder) belongs to.

    Upward through the packages, then to the folder with asynclint's configuration or version control; without such to the nearest one
    that is laid out as a project, else it is the parent of the topmost package. The home folder and the root of a disk are no projects.
    """
    folder = os.path.abspath(path)
    if not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    while os.path.isfile(os.path.join(folder, "__init__.py")) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    above = list(_upward(folder))
    for marked in (_has_configuration, _has_project_file):
        if root := next((place for place in above if marked(place)), None):
            return root
    return folder


def project_files(roots: Iterable[str], config: Config) -> list[str]:
    """All Python files below `roots` that may be read, absolute and in order.

    What the user excludes is not reported on but may be read; what version control ignores, environments and build output may not.
    """
    everything = Config(exclude=DEFAULT_EXCLUDE, respect_gitignore=config.respect_gitignore)
    found: set[str] = set()
    for root in _outermost(roots):
        found.update(_Walk(lambda _: everything, config.respect_gitignore, []).files(root))
    return sorted(found, key=_order)


def _upward(folder: str) -> Iterator[str]:
    """The folder and those above it that can be a project."""
    home = os.path.expanduser("~")
    while folder != home and os.path.dirname(folder) != folder:
        yield folder
        folder = os.path.dirname(folder)


def _has_configuration(folder: str) -> bool:
    if any(os.path.exists(os.path.join(folder, name)) for name in _VERSION_CONTROL):
        return True
    try:
        return config_in(Path(folder)) is not None
    except ConfigError:
        return True


def _has_project_file(folder: str) -> bool:
    return any(os.path.isfile(os.path.join(folder, name)) for name in _PROJECT_FILES)


def _outermost(roots: Iterable[str]) -> list[str]:
    """The roots that lie in no other one."""
    kept: list[str] = []
    for root in sorted({os.path.abspath(root) for root in roots}):
        if not (kept and _inside(root, kept[-1])):
            kept.append(root)
    return kept


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _shown(path: str) -> str:
    """The path as it is given, without a leading `./`, with forward slashes."""
    path = path.replace(os.sep, "/")
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return path


def _order(path: str) -> list[str]:
    """Folders stay together: `a/b.py` comes before `a-b.py`."""
    return path.split("/")


# --- walking ---------------------------------------------------------------------------------------------------------------------


class _Walk:
    """One walk below a folder: excludes of the nearest configuration, ignore files on the way, each symlinked folder once."""

    def __init__(self, config_of: Callable[[str], Config], gitignore: bool, failures: list[Failure]) -> None:
        self._config_of = config_of
        self._gitignore = gitignore
        self._failures = failures
        self._linked: set[str] = set()
        self._top = ""

    def files(self, top: str) -> Iterator[str]:
        """The Python files at and below `top`, spelled from it."""
        self._top = os.path.realpath(top)
        absolute = os.path.abspath(top)
        ignored = _ignore_above(absolute) if self._gitignore else ()
        if any(rules.ignores(absolute, folder=True) for rules in ignored):
            ignored = ()  # who names an ignored folder means it
        yield from self._below(top, absolute, ignored)

    def _below(self, folder: str, absolute: str, ignored: tuple[_IgnoreFile, ...]) -> Iterator[str]:
        config = self._config_of(absolute)
        excluded = _excluded((*config.exclude, *config.extend_exclude))
        try:
            with os.scandir(folder) as entries:
                listed = list(entries)
        except OSError as error:
            self._failures.append(Failure(_shown(folder), f"the folder cannot be listed: {error.strerror or error}"))
            return
        if self._gitignore and any(entry.name == ".gitignore" for entry in listed):
            ignored = (*ignored, *_ignore_file(absolute, ".gitignore"))
        base = "" if folder == "." else folder if folder.endswith(os.sep) else folder + os.sep
        for entry in listed:
            name = entry.name
            try:
                is_folder = entry.is_dir()
                if not (is_folder or (name.endswith(SUFFIXES) and entry.is_file())):
                    continue
            except OSError:  # a link that leads in a circle
                continue
            path = absolute.rstrip(os.sep) + os.sep + name
            if excluded(name, path) or _is_ignored(path, ignored, is_folder):
                continue
            if not is_folder:
                yield base + name
            elif not (entry.is_symlink() and self._seen(path)) and not os.path.exists(os.path.join(path, "pyvenv.cfg")):
                yield from self._below(base + name, path, ignored)

    def _seen(self, path: str) -> bool:
        """Whether a symlinked folder is, or leads around, what this walk meets anyway."""
        real = os.path.realpath(path)
        if real in self._linked or _inside(real, self._top) or _inside(self._top, real):
            return True
        self._linked.add(real)
        return False


@functools.cache
def _excluded(patterns: tuple[str, ...]) -> Callable[[str, str], bool]:
    """The test of (name, absolute path) that the patterns make."""
    names = frozenset(pattern for pattern in patterns if not re.search(r"[/*?\[]", pattern))
    globs = [pattern for pattern in patterns if pattern not in names]
    by_name = _any_of([pattern for pattern in globs if "/" not in pattern])
    by_path = _any_of([pattern for pattern in globs if "/" in pattern])
    return lambda name, path: name in names or by_name(name) or by_path(path.replace(os.sep, "/"))


def _any_of(globs: list[str]) -> Callable[[str], bool]:
    if not globs:
        return lambda _: False
    expression = re.compile("|".join(fnmatch.translate(glob) for glob in globs))
    return lambda text: expression.match(text) is not None


# --- ignore files ----------------------------------------------------------------------------------------------------------------


class _IgnoreFile:
    """A .gitignore: its patterns, and the folder they are relative to."""

    def __init__(self, folder: str, spec: GitIgnoreSpec) -> None:
        self._spec = spec
        self._cut = len(folder.rstrip(os.sep)) + 1
        # One expression for all patterns: most entries match none, and the patterns one by one are slow.
        expressions = [pattern.regex.pattern for pattern in spec.patterns if pattern.regex is not None]
        self._matches = re.compile("|".join(re.sub(r"\(\?P<\w+>", "(?:", expression) for expression in expressions)).match

    def decides(self, path: str, folder: bool) -> bool | None:
        """True: ignored; False: taken back (`!pattern`); None: says nothing."""
        relative = path[self._cut :].replace(os.sep, "/") + ("/" if folder else "")
        return self._spec.check_file(relative).include if self._matches(relative) else None

    def ignores(self, path: str, folder: bool) -> bool:
        return self.decides(path, folder) is True


def _is_ignored(path: str, files: tuple[_IgnoreFile, ...], folder: bool) -> bool:
    """The ignore file nearest to the entry decides."""
    for rules in reversed(files):
        decision = rules.decides(path, folder)
        if decision is not None:
            return decision
    return False


def _ignore_above(folder: str) -> tuple[_IgnoreFile, ...]:
    """The ignore files that hold in `folder` from above it, outermost first: from the top of the repository it lies in."""
    above: list[str] = []
    place = folder
    while not os.path.exists(os.path.join(place, ".git")):
        parent = os.path.dirname(place)
        if parent == place:
            return ()
        above.append(parent)
        place = parent
    exclude = _ignore_file(place, ".git/info/exclude")
    return (*exclude, *(rules for parent in reversed(above) for rules in _ignore_file(parent, ".gitignore")))


def _ignore_file(folder: str, name: str) -> tuple[_IgnoreFile, ...]:
    """The rules of an ignore file; nothing where it is missing, empty or unreadable."""
    try:
        with open(os.path.join(folder, name), encoding="utf-8", errors="surrogateescape") as file:
            lines = [line for line in file.read().splitlines() if line.strip() and not line.startswith("#")]
    except OSError:
        return ()
    return (_IgnoreFile(folder, spec),) if (spec := _spec(lines)) else ()


def _spec(lines: list[str]) -> GitIgnoreSpec | None:
    """The patterns of `lines`; like git, without those that are not valid."""
    if not lines:
        return None
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:
        return None if len(lines) == 1 else _spec([line for line in lines if _spec([line])])
