"""Source lines for excerpts, read when they are asked for."""

from __future__ import annotations

import io
import re
import tokenize


class SourceLines:
    """Lines of files by path and 1-based number; `given` holds texts that are no files, such as standard input."""

    def __init__(self, given: dict[str, bytes] | None = None) -> None:
        self._given = given or {}
        self._lines: dict[str, list[str]] = {}

    def __call__(self, path: str, line: int) -> str:
        """The line without its end; empty where there is none."""
        if path not in self._lines:
            self._lines[path] = self._read(path)
        lines = self._lines[path]
        return lines[line - 1] if 0 < line <= len(lines) else ""

    def _read(self, path: str) -> list[str]:
        try:
            content = self._given[path] if path in self._given else _bytes(path)
        except OSError:
            return []
        return re.split(r"\r\n|\r|\n", _decoded(content))


def _bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _decoded(content: bytes) -> str:
    """The text in the encoding that it declares; what is wrong in it is replaced, for it is only shown."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    except SyntaxError:
        encoding = "utf-8-sig"
    return content.decode(encoding, errors="replace")
