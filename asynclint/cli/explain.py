"""`asynclint explain CODE|QUALIFIED.NAME`."""

from __future__ import annotations

import click

from asynclint.catalog import CatalogError
from asynclint.cli.output import write_out
from asynclint.explain import UnknownName, explain


@click.command("explain")
@click.argument("name", metavar="CODE|QUALIFIED.NAME")
def command(name: str) -> None:
    """Say what a rule means, or why a call blocks, what to use instead and how it is mended."""
    try:
        write_out([explain(name), "\n"], utf8=False)
    except (UnknownName, CatalogError) as error:
        raise click.ClickException(str(error)) from error
