"""Where reports go: standard output or a file, in the right encoding, coloured or not."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import click

from asynclint.config import Color


def is_colored(choice: Color, stream: IO[str]) -> bool:
    """`--color` decides, then NO_COLOR and FORCE_COLOR, then whether a terminal listens."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def write_out(pieces: Iterable[str], *, utf8: bool) -> None:
    """Writes to standard output; what its encoding lacks is written as escapes. `utf8` is for what programs read."""
    encoding = "utf-8" if utf8 else sys.stdout.encoding or "utf-8"
    try:
        for piece in pieces:
            sys.stdout.buffer.write(piece.encode(encoding, errors="backslashreplace"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        forget_output()


def forget_output() -> None:
    """Whoever read our output has gone: nothing that is still buffered may complain when Python ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_file(path: str, pieces: Iterable[str]) -> None:
    """Writes UTF-8 as `write_bytes` does; what cannot be encoded is written as escapes."""
    write_bytes(path, (piece.encode(errors="backslashreplace") for piece in pieces))


def write_bytes(path: str, pieces: Iterable[bytes]) -> None:
    """Writes a file as a whole or not at all; a device or a pipe is simply written to. Raises ClickException naming the file."""
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():
            with open(target, "wb") as device:
                device.writelines(pieces)
        else:
            _replace(target, pieces)
    except OSError as error:
        raise click.ClickException(f"{path}: cannot be written: {error.strerror or error}") from error


def _replace(target: Path, pieces: Iterable[bytes]) -> None:
    """Writes beside the target and renames, with the permissions of the file before, or of any new file."""
    handle, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with open(handle, "wb") as file:
            file.writelines(pieces)
        os.chmod(beside, _mode(target))
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def _mode(target: Path) -> int:
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
