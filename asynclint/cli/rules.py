"""`asynclint rules`: the rules that asynclint has."""

from __future__ import annotations

from collections.abc import Iterator

import click
import msgspec

from asynclint.catalog import CatalogError, Rule, load_rules
from asynclint.cli.output import write_out


@click.command("rules")
@click.option("--output-format", type=click.Choice(["full", "json"]), default="full", show_default=True, help="How the list is written.")
def command(output_format: str) -> None:
    """List the rules, with their codes in other linters."""
    try:
        rules = list(load_rules().values())
    except CatalogError as error:
        raise click.ClickException(str(error)) from error
    if output_format == "json":
        fields = ("code", "name", "summary", "aliases", "default")
        rows = [{field: getattr(rule, field) for field in fields} for rule in rules]
        write_out([msgspec.json.format(msgspec.json.encode(rows), indent=2).decode(), "\n"], utf8=True)
    else:
        write_out(_table(rules), utf8=False)


def _table(rules: list[Rule]) -> Iterator[str]:
    width = max((len(rule.name) for rule in rules), default=0)
    for rule in rules:
        notes = [*(["off by default"] if not rule.default else []), *([f"also {', '.join(rule.aliases)}"] if rule.aliases else [])]
        remark = f" ({'; '.join(notes)})" if notes else ""
        yield f"{rule.code}  {rule.name:<{width}}  {rule.summary}{remark}\n"
