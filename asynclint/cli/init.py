"""`asynclint init`: a first configuration, after a look at the project."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import click

from asynclint.cli.output import write_file

_TESTS = ("tests", "test")


@click.command("init")
def command() -> None:
    """Write a configuration for the project in the current folder, into pyproject.toml if there is one, else asynclint.toml.

    Where ruff is configured there, it is told that the codes ASL… are not its own: it would remove their `# noqa`.
    """
    file = Path("pyproject.toml")
    try:
        text = file.read_bytes().decode("utf-8") if file.is_file() else None
        content = tomllib.loads(text or "")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.ClickException(f"{file}: cannot be read: {error}") from error
    if Path("asynclint.toml").exists() or "asynclint" in content.get("tool", {}):
        raise click.ClickException("asynclint is configured here already")
    lines = _settings(Path())
    if text is None:
        write_file("asynclint.toml", [_joined(lines, "\n")])
        click.echo("asynclint.toml: written")
        return
    end = "\r\n" if "\r\n" in text else "\n"
    with_ruff, remark = _with_external(text, content, end)
    write_file(str(file), [with_ruff.rstrip(), end * 2 if with_ruff.strip() else "", _joined(["[tool.asynclint]", *lines], end)])
    click.echo(f"{file}: [tool.asynclint] is added{remark}")


def _joined(lines: list[str], end: str) -> str:
    return "".join(line + end for line in lines)


def _settings(folder: Path) -> list[str]:
    """The keys that differ from the defaults here: where the sources are, that tests do not count."""
    packages = [package.parent.name for package in sorted(folder.glob("*/__init__.py")) if package.parent.name not in _TESTS]
    src = ["src"] if (folder / "src").is_dir() else packages
    tests = [name for name in _TESTS if (folder / name).is_dir()]
    settings = [f"src = {json.dumps(src)}"] if src else []
    if tests:
        settings.append(f"extend-exclude = {json.dumps(tests)}")
    return settings or ["# All as it is by default."]


def _with_external(text: str, content: dict[str, Any], end: str) -> tuple[str, str]:
    """The text in which ruff knows our codes as another tool's, and what to tell about it."""
    ruff = content.get("tool", {}).get("ruff")
    if ruff is None or "ASL" in ruff.get("lint", {}).get("external", []):
        return text, ""
    header = re.search(r"^\[tool\.ruff\.lint\][^\r\n]*(\r\n|\n|$)", text, re.MULTILINE)
    if header is None and "lint" not in ruff:
        changed = f'{text.rstrip()}{end * 2}[tool.ruff.lint]{end}external = ["ASL"]{end}'
    elif header is not None:
        head = text[: header.end()]
        changed = f'{head}{"" if head.endswith(end) else end}external = ["ASL"]{end}{text[header.end() :]}'
    else:
        changed = ""
    if changed and _is_added(changed, ruff):
        return changed, ", and ruff leaves the codes ASL… alone"
    return text, '; add "ASL" to `external` of [tool.ruff.lint] yourself, or ruff removes `# noqa: ASL…`'


def _is_added(text: str, ruff: dict[str, Any]) -> bool:
    """Whether the text says what it said before, and `external`."""
    try:
        wanted = {**ruff, "lint": {**ruff.get("lint", {}), "external": ["ASL"]}}
        return bool(tomllib.loads(text)["tool"]["ruff"] == wanted)
    except tomllib.TOMLDecodeError:
        return False
