"""The command line: `asynclint [COMMAND] …`. Sub-commands are loaded when they are called."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from contextlib import suppress
from typing import NoReturn

import click

import asynclint

OK, FINDINGS, FAILURE, INTERRUPTED = 0, 1, 2, 130

_COMMANDS = {
    "check": "Find the calls that hold the event loop (the default command).",
    "explain": "Say what a rule means, or why a call blocks and what to use instead.",
    "init": "Write a first configuration for the project in the current folder.",
    "rules": "List the rules, with their codes in other linters.",
}


class _Commands(click.Group):
    """A first argument that names no sub-command belongs to `check`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in {*_COMMANDS, "--version", "--help", "-h"}:
            args = ["check", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"asynclint.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar="[COMMAND] [PATH]…",
    epilog="`asynclint PATH…` is `asynclint check PATH…`; `asynclint check --help` lists its options.",
)
@click.version_option(asynclint.__version__, prog_name="asynclint", message="%(prog)s %(version)s")
def group() -> None:
    """Find the calls that hold asyncio's event loop, across the modules of a project."""


def main(args: list[str] | None = None) -> NoReturn:
    """Runs a command and ends the process: 0 nothing to report, 1 findings, 2 wrong usage or an internal failure."""
    status = run(args)
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)  # giving millions of objects back one by one would take seconds


def run(args: list[str] | None = None) -> int:
    """Runs a command; gives the exit status."""
    try:
        status = group.main(args=args, prog_name="asynclint", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else OK
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show()
        return FAILURE
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        from asynclint.cli.output import forget_output

        forget_output()
        return OK
    except Exception as error:
        # Python's own status for an exception is 1, which says "findings"
        traceback.print_exc()
        click.echo(f"asynclint: internal failure: {type(error).__name__}: {error}", err=True)
        return FAILURE
