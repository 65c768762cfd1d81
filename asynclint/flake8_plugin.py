"""The flake8 plugin: asynclint's findings among flake8's.

flake8 gives a plugin one file at a time, in several processes. A finding needs the whole project: it is analysed once, when the options
are read and before flake8 starts its processes, which inherit the findings; where they start anew (macOS, Windows) the cache has them.
flake8 chooses the files, the codes and the suppressions; `[tool.asynclint]` and the options here say what is looked for.
"""

from __future__ import annotations

import ast
import io
import os
import sys
import tokenize
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from asynclint import __version__
from asynclint.config import Config, ConfigError, load_config
from asynclint.model import Confidence, Cost, Finding, Report

if TYPE_CHECKING:
    from flake8.options.manager import OptionManager

STDIN = "-"


class Plugin:
    """What flake8 makes for each file and asks for its findings."""

    name = "asynclint"
    version = __version__

    _config: ClassVar[Config] = Config()
    #: whether flake8 reports any of our codes
    _wanted: ClassVar[bool] = False
    #: absolute path → findings, for all files that flake8 announced
    _findings: ClassVar[dict[str, list[Finding]]] = {}

    def __init__(self, tree: ast.AST, filename: str, lines: Sequence[str]) -> None:
        self._filename = filename
        self._lines = lines

    @classmethod
    def add_options(cls, manager: OptionManager) -> None:
        """The options that flake8's command line and configuration take, all named `--asynclint-…`."""
        add = manager.add_option
        add("--asynclint-min-confidence", choices=_words(Confidence), parse_from_config=True, help="Report what is at least so sure.")
        add("--asynclint-min-cost", choices=_words(Cost), parse_from_config=True, help="Report what costs the loop at least so much.")
        add("--asynclint-no-transitive", action="store_true", parse_from_config=True, help="Report what a coroutine itself calls only.")
        add("--asynclint-config", metavar="FILE", parse_from_config=True, normalize_paths=True, help="Use this configuration of asynclint.")
        add("--asynclint-isolated", action="store_true", parse_from_config=True, help="Use no configuration of asynclint.")
        add("--asynclint-no-cache", action="store_true", parse_from_config=True, help="Do not remember what was read.")
        add("--asynclint-cache-dir", metavar="DIR", parse_from_config=True, normalize_paths=True, help="Where that is kept.")

    @classmethod
    def parse_options(cls, options: Namespace) -> None:
        """Analyses the project around all files that flake8 is going to ask about."""
        cls._findings = {}
        cls._wanted = _is_wanted(options)
        if not cls._wanted:
            return
        from flake8.exceptions import ExecutionError

        try:
            cls._config = _config(options)
            files = [path for path in _announced(options) if path != STDIN and os.path.exists(path)]
            cls._findings = {os.path.abspath(path): [] for path in files}
            _sort(_analysed(files, cls._config), cls._findings)
        except _bad_input() as error:
            raise ExecutionError(f"asynclint: {error}") from error

    def run(self) -> Iterator[tuple[int, int, str, type[Plugin]]]:
        """The findings as flake8 wants them: line from 1, column from 0, code and message, who says it."""
        for finding in self._of_file() if self._wanted else ():
            yield finding.span.line, finding.span.column - 1, f"{finding.code} {finding.message}", type(self)

    def _of_file(self) -> list[Finding]:
        """The findings of this file: known, or of a text that flake8 was given on standard input."""
        known = self._findings.get(os.path.abspath(self._filename))
        if known is not None:
            return known
        report = _analysed([], self._config, (self._filename, _encoded("".join(self._lines))))
        return [finding for finding in report.findings if finding.path == self._filename.replace(os.sep, "/")]


def _words(kind: type[Confidence] | type[Cost]) -> list[str]:
    return [word.word for word in kind]


def _is_wanted(options: Namespace) -> bool:
    """Whether flake8 reports any of our codes: without `--select` it does."""
    selected = [*(options.select or ()), *(options.extend_select or ())]
    return not options.select or any(code.startswith("ASL") or "ASL".startswith(code) for code in selected)


def _announced(options: Namespace) -> Iterable[str]:
    """The files that flake8 will ask about, chosen as flake8 does."""
    from flake8.discover_files import expand_paths

    files: Iterable[str] = expand_paths(
        paths=options.filenames,
        stdin_display_name=options.stdin_display_name,
        filename_patterns=options.filename,
        exclude=(*options.exclude, *options.extend_exclude),
    )
    return files


def _config(options: Namespace) -> Config:
    """asynclint's own configuration with flake8's options over it. Raises ConfigError."""
    overrides: dict[str, Any] = {}
    if options.asynclint_min_confidence:
        overrides["min_confidence"] = Confidence[options.asynclint_min_confidence.upper()]
    if options.asynclint_min_cost:
        overrides["min_cost"] = Cost[options.asynclint_min_cost.upper()]
    if options.asynclint_no_transitive:
        overrides["transitive"] = False
    if options.asynclint_no_cache:
        overrides["cache"] = False
    if options.asynclint_cache_dir:
        overrides["cache_dir"] = options.asynclint_cache_dir
    explicit = Path(options.asynclint_config) if options.asynclint_config else None
    return load_config(Path.cwd(), isolated=options.asynclint_isolated, explicit=explicit, overrides=overrides)


def _analysed(paths: Sequence[str], config: Config, stdin: tuple[str, bytes] | None = None) -> Report:
    """The report on `paths`; what failed inside asynclint is told on standard error, for flake8 has no place for it."""
    from asynclint.api import check

    report = check(paths, config, stdin=stdin, cache=config.cache)
    for failure in report.failures:
        print(f"asynclint: {failure.path}: {failure.message}", file=sys.stderr)
    return report


def _bad_input() -> tuple[type[Exception], ...]:
    """What is the user's to mend."""
    from asynclint.catalog import CatalogError
    from asynclint.discover import DiscoverError

    return ConfigError, CatalogError, DiscoverError


def _sort(report: Report, by_file: dict[str, list[Finding]]) -> None:
    for finding in report.findings:
        by_file.setdefault(os.path.abspath(finding.path), []).append(finding)


def _encoded(text: str) -> bytes:
    """The text as bytes in the encoding that it declares."""
    data = text.encode("utf-8", "surrogateescape")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return text.encode(encoding)
    except (SyntaxError, UnicodeEncodeError):
        return data
