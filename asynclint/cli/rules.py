"""`asynclint rules`: the rules that asynclint has."""

from __future__ import annotations

import click
import msgspec

from asynclint.catalog import CatalogError, load_rules


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
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return
    width = max((len(rule.name) for rule in rules), default=0)
    for rule in rules:
        notes = [*(["off by default"] if not rule.default else []), *([f"also {', '.join(rule.aliases)}"] if rule.aliases else [])]
        remark = f" ({'; '.join(notes)})" if notes else ""
        click.echo(f"{rule.code}  {rule.name:<{width}}  {rule.summary}{remark}")
