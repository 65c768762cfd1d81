"""`asynclint [check] [PATH…]`: analyse and report."""

from __future__ import annotations

import io
import os
import sys
import tokenize
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

import asynclint
from asynclint.catalog import CatalogError, load_rules
from asynclint.changes import ChangesError, changes_since
from asynclint.check.baseline import baseline_text, new_findings
from asynclint.check.changed import of_change
from asynclint.check.noqa import with_noqa
from asynclint.check.select import check_codes
from asynclint.cli import FAILURE, FINDINGS, OK
from asynclint.cli.output import is_colored, write_bytes, write_file, write_out
from asynclint.cli.progress import Progress
from asynclint.config import FORMATS, Config, ConfigError, load_config, normal_version
from asynclint.discover import DiscoverError, default_paths
from asynclint.model import Confidence, Cost, Finding, Report
from asynclint.report import FOR_PEOPLE, Rendering, render
from asynclint.report.escape import printable
from asynclint.report.source import SourceLines

F = TypeVar("F", bound=Callable[..., Any])


# --- options ---------------------------------------------------------------------------------------------------------------------


def _separated(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...] | None:
    """`A,B` and repeated options as one tuple; None where the option is not given."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip()) if values else None


def _version(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    try:
        return normal_version(value) if value else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _list(name: str, metavar: str, text: str) -> Callable[[F], F]:
    return click.option(name, multiple=True, metavar=metavar, callback=_separated, help=text)


def _word(name: str, words: type[Confidence] | type[Cost], text: str) -> Callable[[F], F]:
    choice = click.Choice([word.word for word in words])
    return click.option(
        name, type=choice, default=None, callback=lambda context, parameter, value: words[value.upper()] if value else None, help=text
    )


@click.command("check", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("paths", nargs=-1, metavar="[PATH]…", type=click.Path(path_type=str))
@_list("--select", "CODES", "Codes that are on, instead of the default ones (ALL, ASL1, ASL104, blocking-file-io, …).")
@_list("--ignore", "CODES", "Codes that are off.")
@_list("--extend-select", "CODES", "Codes that are on besides those selected.")
@_list("--extend-ignore", "CODES", "Codes that are off besides those ignored.")
@_word("--min-confidence", Confidence, "Report what is at least so sure.  [default: likely]")
@_word("--min-cost", Cost, "Report what costs the loop at least so much.  [default: slow]")
@click.option("--transitive/--no-transitive", default=None, help="Look through the functions that a coroutine calls.  [default: yes]")
@click.option("--third-party/--no-third-party", default=None, help="Look into installed packages.  [default: yes]")
@click.option("--python", metavar="PATH", help="The environment whose packages are looked into (an interpreter or its folder).")
@click.option("--search-path", metavar="DIR", multiple=True, help="A folder laid out like site-packages, looked into first (repeatable).")
@click.option("--target-version", metavar="VERSION", callback=_version, help="The oldest Python the code is for, such as 3.12.")
@click.option("--output-format", type=click.Choice(FORMATS), default=None, help="How the report is written.  [default: full]")
@click.option("-o", "--output-file", metavar="FILE", help="Write the report to a file.")
@click.option("--statistics/--no-statistics", default=None, help="Add how many findings each rule has.")
@click.option("--baseline", metavar="FILE", help="Leave out the findings that this file accepts.")
@click.option("--write-baseline", metavar="FILE", help="Accept the present findings in this file, and end.")
@click.option("--add-noqa", is_flag=True, help="Write a `# noqa` for each finding into the sources, and end.")
@click.option("--diff-base", metavar="REF", help="Report only what has to do with lines that have changed since this git revision.")
@_list("--exclude", "PATTERNS", "Folders and files to leave out, instead of the default ones.")
@_list("--extend-exclude", "PATTERNS", "Folders and files to leave out besides.")
@click.option("--respect-gitignore/--no-respect-gitignore", default=None, help="Leave out what .gitignore names.  [default: yes]")
@click.option("-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="How many processes work.")
@click.option("--cache/--no-cache", default=None, help="Remember what was read for the next run.  [default: yes]")
@click.option("--cache-dir", metavar="DIR", help="Where that is kept.")
@click.option("--clear-cache", is_flag=True, help="Forget what was remembered before this run.")
@click.option("--exit-zero", is_flag=True, default=None, help="End with 0 though there are findings.")
@click.option("--stdin-filename", metavar="PATH", help="The name of what comes on standard input (path `-`).")
@click.option("--config", "config_file", metavar="FILE", help="Use this configuration instead of the nearest.")
@click.option("--isolated", is_flag=True, help="Use no configuration file.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default=None, help="Colours.  [default: auto]")
@click.option("-q", "--quiet", is_flag=True, default=None, help="Findings only.")
@click.option("-v", "--verbose", is_flag=True, default=None, help="Tell on standard error what was done.")
def command(
    paths: tuple[str, ...],
    config_file: str | None,
    isolated: bool,
    stdin_filename: str | None,
    clear_cache: bool,
    write_baseline: str | None,
    diff_base: str | None,
    add_noqa: bool,
    **options: Any,
) -> int:
    """Find the calls that hold the event loop in the files at PATH… (default: the configuration's `src`, else the current folder).

    `-` reads one file from standard input. The exit status is 0 if nothing is to be reported, 1 if there are findings, 2 if something went
    wrong.
    """
    if config_file and isolated:
        raise click.UsageError("--config and --isolated contradict each other")
    stdin = _stdin(paths, stdin_filename)
    if add_noqa and (stdin or write_baseline):
        raise click.UsageError(f"--add-noqa does not go with {'standard input' if stdin else '--write-baseline'}")
    if diff_base and (stdin or write_baseline):
        raise click.UsageError(f"--diff-base does not go with {'standard input' if stdin else '--write-baseline'}")
    try:
        config = _config(paths, stdin, config_file, isolated, {name: value for name, value in options.items() if value not in (None, ())})
        rules = load_rules()
        check_codes(config, rules)
        lines = SourceLines(dict([stdin]) if stdin else None)
        chosen = () if stdin else paths or default_paths(config)
        changes = changes_since(diff_base, str(_common_folder(list(chosen)))) if diff_base else None
        report = _analysed(chosen, config, stdin, clear_cache)
        if write_baseline:
            return _accept(report, lines, write_baseline)
        if config.baseline:
            left = new_findings(report.findings, lines, Path(config.baseline))
            report = msgspec.structs.replace(report, findings=tuple(left))
        if changes:
            report = msgspec.structs.replace(report, findings=tuple(of_change(report.findings, changes.touches)))
        if add_noqa:
            return _silence(report)
    except (ConfigError, CatalogError, DiscoverError, ChangesError) as error:
        raise click.ClickException(str(error)) from error
    _tell(report, config, Rendering(report, lines, rules, asynclint.__version__, _colored(config), bool(config.quiet)))
    return _status(report, config)


def _config(paths: tuple[str, ...], stdin: tuple[str, bytes] | None, file: str | None, isolated: bool, overrides: dict[str, Any]) -> Config:
    """The configuration that is nearest to all that is checked; each file's own is looked up when it is reported on."""
    places = [stdin[0]] if stdin else list(paths)
    start = _common_folder(places) if places else Path.cwd()
    return load_config(start, isolated=isolated, explicit=Path(file) if file else None, overrides=overrides)


def _common_folder(paths: list[str]) -> Path:
    absolute = [os.path.abspath(path) for path in paths]
    try:
        common = Path(os.path.commonpath(absolute))
    except ValueError:  # on several drives
        common = Path(absolute[0])
    return common if common.is_dir() else common.parent


def _stdin(paths: tuple[str, ...], name: str | None) -> tuple[str, bytes] | None:
    """The name and content of standard input, where it is asked for."""
    if "-" not in paths and (name is None or paths):
        if name is not None:
            raise click.UsageError("--stdin-filename goes with the path `-` alone")
        return None
    if len(paths) > 1:
        raise click.UsageError("the path `-` stands alone")
    return (name or "-").replace(os.sep, "/"), sys.stdin.buffer.read()


# --- the run ---------------------------------------------------------------------------------------------------------------------


def _analysed(paths: tuple[str, ...], config: Config, stdin: tuple[str, bytes] | None, clear_cache: bool) -> Report:
    from asynclint import api  # the engine is not needed for usage errors and --help

    progress = Progress(sys.stderr.isatty() and not config.quiet)
    try:
        report: Report = api.check(paths, config, stdin=stdin, progress=progress, cache=config.cache, clear_cache=clear_cache)
        return report
    finally:
        progress.clear()


def _accept(report: Report, lines: SourceLines, file: str) -> int:
    """Writes the baseline. Failures still count: a file that was not analysed has nothing accepted."""
    write_file(file, [baseline_text(report.findings, lines, Path(file))])
    _warn(report)
    click.echo(f"{file}: {len(report.findings)} findings are accepted.", err=True)
    return FAILURE if report.failures else OK


def _silence(report: Report) -> int:
    """Writes the comments. Notes about files and comments (ASL0xx) get none: they say what to mend."""
    by_path: dict[str, list[Finding]] = {}
    for finding in report.findings:
        if not finding.code.startswith("ASL0"):
            by_path.setdefault(finding.path, []).append(finding)
    for path, findings in by_path.items():
        with open(path, "rb") as file:
            data = file.read()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        write_bytes(path, [with_noqa(data.decode(encoding), findings).encode(encoding)])
    _warn(report)
    click.echo(f"Silenced: {sum(map(len, by_path.values()))} (files: {len(by_path)}).", err=True)
    return FAILURE if report.failures else OK


def _colored(config: Config) -> bool:
    return config.output_format in FOR_PEOPLE and not config.output_file and is_colored(config.color, sys.stdout)


def _tell(report: Report, config: Config, rendering: Rendering) -> None:
    """The report to its place, everything else to standard error."""
    for_people = config.output_format in FOR_PEOPLE
    table = list(render("statistics", rendering)) if config.statistics else []
    pieces = [*render(config.output_format, rendering), *(table if for_people else ())]
    if config.output_file:
        write_file(config.output_file, pieces)
    else:
        write_out(pieces, utf8=not for_people)
    if table and not for_people:
        click.echo("".join(table), err=True, nl=False)
    _warn(report)
    if config.verbose:
        click.echo(_figures(report), err=True)


def _warn(report: Report) -> None:
    for failure in report.failures:
        click.echo(f"asynclint: {printable(failure.path)}: {printable(failure.message)}", err=True)


def _figures(report: Report) -> str:
    """What `--verbose` tells of a run."""
    figures = report.statistics
    source = " (from the cache)" if figures.from_cache else ""
    return "\n".join(
        (
            f"files       {figures.files:,}, {figures.lines:,} lines",
            f"parsed      {figures.lines_parsed:,} lines, {_share(figures.lines_parsed, figures.lines)}{source}",
            f"on the loop {figures.functions_on_loop:,} functions",
            f"calls       {figures.calls:,}, {figures.calls_unresolved:,} unresolved, {_share(figures.calls_unresolved, figures.calls)}",
            f"time        {figures.seconds:.2f} s",
        )
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "0.0%"


def _status(report: Report, config: Config) -> int:
    if report.failures:
        return FAILURE
    return FINDINGS if report.findings and not config.exit_zero else OK
