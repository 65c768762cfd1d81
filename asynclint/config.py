"""`[tool.asynclint]` of pyproject.toml, or asynclint.toml → Config.

The nearest file upward from a source decides about it (`Configs`). Keys are the long options of the command line in kebab-case, and the
tables below. A mistake is a ConfigError that names the file, the key and the nearest valid name.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from asynclint.model import Confidence, Cost

Format = Literal["full", "concise", "json", "jsonlines", "sarif", "github", "gitlab", "junit", "markdown"]
Color = Literal["auto", "always", "never"]
OffloadStyle = Literal["auto", "asyncio.to_thread", "run_in_executor", "anyio", "trio", "starlette", "asgiref"]

FORMATS: tuple[Format, ...] = get_args(Format)

#: Folders that hold no sources of the project, as other linters have them.
DEFAULT_EXCLUDE = (
    ".asynclint_cache",
    ".bzr",
    ".direnv",
    ".eggs",
    ".git",
    ".hg",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".nox",
    ".pants.d",
    ".pytest_cache",
    ".pytype",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    "__pycache__",
    "__pypackages__",
    "_build",
    "buck-out",
    "build",
    "dist",
    "node_modules",
    "site-packages",
    "venv",
)

CONFIG_FILES = ("asynclint.toml", "pyproject.toml")


class ConfigError(Exception):
    """A configuration that cannot be used; the text says which file, which key and why."""


class BlockingEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of `[tool.asynclint.blocking]`: what a call of the user's own costs and what to use instead."""

    code: str = "ASL108"
    reason: str = ""
    replacement: str = ""
    cost: Literal["brief", "slow", "unbounded"] = "unbounded"


class Origin(msgspec.Struct, frozen=True):
    """Where a configuration comes from, and what still has to be laid over another file's.

    `overrides` are the options of the command line; `nearest` says that each source asks for the file nearest to it.
    """

    file: str = ""
    root: str = ""
    overrides: dict[str, Any] = {}
    nearest: bool = False


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a run, or of the sources below one configuration file. Paths are absolute; patterns with a slash are too."""

    # What is on, and what is worth a report.
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    extend_ignore: tuple[str, ...] = ()
    per_file_ignores: dict[str, tuple[str, ...]] = {}
    min_confidence: Confidence = Confidence.LIKELY
    min_cost: Cost = Cost.SLOW

    # What is looked at.
    transitive: bool = True
    third_party: bool = True
    python: str | None = None
    search_path: tuple[str, ...] = ()
    target_version: str | None = None
    src: tuple[str, ...] = ()
    exclude: tuple[str, ...] = DEFAULT_EXCLUDE
    extend_exclude: tuple[str, ...] = ()
    respect_gitignore: bool = True

    # What the project knows about its own functions and libraries.
    blocking: dict[str, BlockingEntry] = {}
    nonblocking: tuple[str, ...] = ()
    offloaders: tuple[str, ...] = ()
    loop_callbacks: tuple[str, ...] = ()
    catalogs: tuple[str, ...] = ()
    #: pattern of a called name → what to use instead, as flake8-async has it
    async200_blocking_calls: dict[str, str] = {}
    offload: OffloadStyle = "auto"

    # How it is told.
    output_format: Format = "full"
    output_file: str | None = None
    statistics: bool = False
    baseline: str | None = None
    exit_zero: bool = False
    color: Color = "auto"
    quiet: bool = False
    verbose: bool = False

    # How it is run.
    jobs: int | None = None
    cache: bool = True
    cache_dir: str | None = None

    origin: Origin = Origin()


_FIELDS = {field.encode_name.replace("_", "-"): field for field in msgspec.structs.fields(Config) if field.name != "origin"}
_WORDS: dict[str, type[Confidence] | type[Cost]] = {"min-confidence": Confidence, "min-cost": Cost}
_PATHS = ("cache_dir", "baseline", "output_file")
_PATH_LISTS = ("search_path", "src", "catalogs")
_PATTERN_LISTS = ("exclude", "extend_exclude")
#: Options that the command line adds to those of the file, unless it says `--select` and so starts anew.
_ADDED = ("ignore", "extend_select", "extend_ignore")


# --- from files to values --------------------------------------------------------------------------------------------------------


def load_config(start: Path, *, isolated: bool = False, explicit: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Config:
    """The configuration for what lies at `start`: of `explicit`, else of the nearest file upward; `overrides` are laid over it.

    `overrides` are fields of Config as the command line gives them. Raises ConfigError.
    """
    laid_over = dict(overrides or {})
    if isolated:
        return _lay_over(Config(), laid_over)
    file = explicit if explicit is not None else find_config(start)
    config = _lay_over(read_config(file) if file else Config(), laid_over)
    origin = msgspec.structs.replace(config.origin, overrides=laid_over, nearest=explicit is None)
    return msgspec.structs.replace(config, origin=origin)


def find_config(start: Path) -> Path | None:
    """The nearest configuration file at or above `start`. Raises ConfigError where one on the way cannot be read."""
    folder = start.absolute()
    return next((file for place in (folder, *folder.parents) if (file := config_in(place))), None)


def config_in(folder: Path) -> Path | None:
    """The configuration file of a folder; asynclint.toml wins. Raises ConfigError where it cannot be read."""
    for name in CONFIG_FILES:
        # plain strings: most folders have neither, and there are thousands
        if os.path.isfile(os.path.join(folder, name)) and _table(folder / name) is not None:
            return folder / name
    return None


def read_config(file: Path) -> Config:
    """One configuration file as a value. Raises ConfigError."""
    try:
        table = _table(file)
    except FileNotFoundError as error:
        raise ConfigError(f"{file}: there is no such file") from error
    if table is None and file.name == "asynclint.toml":
        raise ConfigError(f"{file}: this is a catalog of a library, not a configuration")
    file = file.absolute()
    values = dict(_value(file, key, value) for key, value in (table or {}).items())
    anchored = {name: _anchored(name, value, file.parent) for name, value in values.items()}
    return Config(**anchored, origin=Origin(file=str(file), root=str(file.parent)))


def _table(file: Path) -> dict[str, Any] | None:
    """asynclint's part of a TOML file; None where it has none. A package's catalog bears the configuration's name but has a `library`."""
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        if file.name == "pyproject.toml" and b"asynclint" not in file.read_bytes():
            return None
        raise ConfigError(f"{file}: is not valid TOML: {error}") from error
    if file.name != "pyproject.toml":
        return None if "library" in content else content
    tools = content.get("tool")
    table = tools.get("asynclint") if isinstance(tools, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{file}: [tool.asynclint] is not a table")
    return table


def _value(file: Path, key: str, value: Any) -> tuple[str, Any]:
    """The field of Config that a key stands for, and the value in the field's type."""
    if key.startswith("no-") and key.removeprefix("no-") in _FIELDS and isinstance(value, bool):
        key, value = key.removeprefix("no-"), not value
    field = _FIELDS.get(key)
    if field is None:
        raise ConfigError(f"{file}: unknown key `{key}`{_nearest(key, _FIELDS)}")
    try:
        if key in _WORDS:
            return field.name, _word(_WORDS[key], value)
        if key == "async200-blocking-calls":
            return field.name, _arrows(value)
        converted = msgspec.convert(value, type=field.type)
        _check(key, converted)
        return field.name, converted
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigError(f"{file}: key `{key}`: {_explained(str(error), value, field.type)}") from error


def _word(words: type[Confidence] | type[Cost], value: object) -> Confidence | Cost:
    if isinstance(value, str) and value.upper() in words.__members__ and value.islower():
        return words[value.upper()]
    raise ValueError(f"expected one of {', '.join(repr(word.word) for word in words)}, got {value!r}{_nearest(str(value), _names(words))}")


def _names(words: type[Confidence] | type[Cost]) -> list[str]:
    return [word.word for word in words]


def _arrows(value: object) -> dict[str, str]:
    """`name -> advice` patterns: a list, or text with one in a line (commas separate too, as in flake8-async)."""
    if isinstance(value, dict):
        return msgspec.convert(value, type=dict[str, str])
    lines = re.split(r"[\n,]", value) if isinstance(value, str) else msgspec.convert(value, type=list[str])
    pairs = [line.partition("->") for line in lines if line.strip()]
    if wrong := next((pattern for pattern, arrow, advice in pairs if not (arrow and pattern.strip() and advice.strip())), None):
        raise ValueError(f"expected 'name -> advice', got {wrong.strip()!r}")
    return {pattern.strip(): advice.strip() for pattern, _, advice in pairs}


def _check(key: str, value: object) -> None:
    """What types do not say."""
    if key == "jobs" and isinstance(value, int) and value < 1:
        raise ValueError(f"expected a number from 1, got {value}")
    if key == "target-version" and isinstance(value, str):
        normal_version(value)


def normal_version(text: str) -> str:
    """`py312`, `3.12` → `3.12`. Raises ValueError."""
    found = re.fullmatch(r"(?:py)?3\.?(\d{1,2})", text)
    if not found:
        raise ValueError(f"expected a version such as '3.12' or 'py312', got {text!r}")
    return f"3.{found[1]}"


def _explained(message: str, value: object, form: object) -> str:
    """msgspec's words in ours: the value, the nearest valid name."""
    message = re.sub(r" - at `\$?(.*)`", lambda place: f" at `{place[1].lstrip('.')}`" if place[1] else "", message)
    message = message.replace(" | null`", "`")  # TOML has no null
    message = message[:1].lower() + message[1:] if message.startswith(("Expected", "Object", "Invalid")) else message
    choices = [choice for part in (form, *get_args(form)) for choice in get_args(part) if isinstance(choice, str)]
    if isinstance(value, str) and choices and value not in choices:
        return f"expected one of {', '.join(map(repr, choices))}, got {value!r}{_nearest(value, choices)}"
    unknown = re.search(r"unknown field `(.+?)`", message)
    if unknown:
        return message + _nearest(unknown[1], BlockingEntry.__struct_fields__)
    return message


def _nearest(name: str, valid: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(valid), n=1, cutoff=0.5)
    return f"; did you mean `{near[0]}`?" if near else ""


# --- anchoring and laying over ---------------------------------------------------------------------------------------------------


def _anchored(name: str, value: Any, root: Path) -> Any:
    """Relative paths and patterns with a slash are meant from the folder of the file that has them."""
    if name in _PATHS and value is not None:
        return _at(root, value)
    if name in _PATH_LISTS:
        return tuple(_at(root, item) for item in value)
    if name in _PATTERN_LISTS:
        return tuple(_anchored_pattern(item, root) for item in value)
    if name == "per_file_ignores":
        return {_anchored_pattern(pattern, root): codes for pattern, codes in value.items()}
    if name == "target_version" and value is not None:
        return normal_version(value)
    if name == "python" and value is not None and re.search(r"[/\\]", value):
        return _at(root, value)
    return value


def _at(root: Path, path: str) -> str:
    return os.path.normpath(os.path.join(root, os.path.expanduser(path)))


def _anchored_pattern(pattern: str, root: Path) -> str:
    """A pattern that is matched against names stays; one with a slash becomes absolute, `!` before it stays before it."""
    sign, pattern = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
    pattern = pattern.rstrip("/").replace("\\", "/")
    if "/" not in pattern:
        return sign + pattern
    if os.path.isabs(pattern):
        return sign + pattern
    base = re.sub(r"([*?[])", r"[\1]", root.as_posix().rstrip("/"))
    return f"{sign}{base}/{pattern.removeprefix('./')}"


def _lay_over(config: Config, overrides: Mapping[str, Any]) -> Config:
    """`config` with the command line's options: `--select` starts anew, the others of its kind are added to the file's."""
    if not overrides:
        return config
    here = Path.cwd()
    values = {name: _anchored(name, value, here) for name, value in overrides.items()}
    fresh = dict.fromkeys(_ADDED, ()) if "select" in values else {name: getattr(config, name) for name in _ADDED}
    added = {name: (*fresh[name], *values.get(name, ())) for name in _ADDED}
    added["extend_exclude"] = (*config.extend_exclude, *values.get("extend_exclude", ()))
    return msgspec.structs.replace(config, **(values | added))


class Configs:
    """The configuration of each folder: the nearest file's where the run goes by that, else the run's own."""

    def __init__(self, run: Config) -> None:
        self.run = run
        self._of_folder: dict[str, Config] = {}
        self._of_file: dict[Path, Config] = {}

    def of_folder(self, folder: str) -> Config:
        """Raises ConfigError where the nearest file cannot be used."""
        if not self.run.origin.nearest:
            return self.run
        return self._nearest(os.path.abspath(folder))

    def of_source(self, path: str) -> Config:
        """The configuration of a source file."""
        return self.of_folder(os.path.dirname(path) or ".")

    def _nearest(self, folder: str) -> Config:
        """Climbs to the first folder that is known or has a file, and remembers the answer for all on the way."""
        known = self._of_folder
        way: list[str] = []
        while folder not in known:
            way.append(folder)
            file = config_in(Path(folder))
            if file is not None:
                known[folder] = self._loaded(file)
            elif (parent := os.path.dirname(folder)) != folder:
                folder = parent
            else:
                known[folder] = self._loaded(None)
        known.update(dict.fromkeys(way, known[folder]))
        return known[folder]

    def _loaded(self, file: Path | None) -> Config:
        if str(file or "") == self.run.origin.file:
            return self.run
        config = read_config(file) if file else Config()
        return _lay_over(config, self.run.origin.overrides)
