"""Summaries by content, indexes by file stamp, whole reports by everything that went into them. Losing any of it costs only time."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path

import asynclint

#: how many whole reports are kept
REPORTS = 12


class Cache:
    """A folder of caches for one version of asynclint. Any trouble with it is the same as an empty cache."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / f"{asynclint.__version__}-{sys.version_info.major}.{sys.version_info.minor}-{_code_stamp()}"
        self._top = folder

    def load(self, name: str) -> bytes | None:
        """A blob, or None."""
        try:
            return (self.folder / name).read_bytes()
        except OSError:
            return None

    def store(self, name: str, data: bytes) -> None:
        """Writes a blob, whole or not at all."""
        with suppress(OSError):
            self._make()
            descriptor, temporary = tempfile.mkstemp(dir=self.folder, prefix=".new-")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                os.replace(temporary, self.folder / name)
            except OSError:
                os.unlink(temporary)
                raise

    def store_report(self, key: str, data: bytes) -> None:
        """Writes a report and forgets the oldest ones."""
        self.store(f"report-{key}", data)
        with suppress(OSError):
            reports = sorted(self.folder.glob("report-*"), key=lambda path: path.stat().st_mtime, reverse=True)
            for old in reports[REPORTS:]:
                old.unlink()

    def facts(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """The stored summaries of those keys."""
        wanted = list(keys)
        found: dict[bytes, bytes] = {}
        path = self.folder / "facts.sqlite"
        if not wanted or not path.exists():
            return found
        with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=5)) as connection:
            for start in range(0, len(wanted), 500):
                part = wanted[start : start + 500]
                marks = ",".join("?" * len(part))
                found.update(connection.execute(f"select key, data from facts where key in ({marks})", part))
        return found

    def store_facts(self, facts: Mapping[bytes, bytes]) -> None:
        """Adds summaries."""
        if not facts:
            return
        with suppress(OSError, sqlite3.Error):
            self._make()
            with closing(sqlite3.connect(self.folder / "facts.sqlite", timeout=5)) as connection, connection:
                connection.execute("create table if not exists facts (key blob primary key, data blob) without rowid")
                connection.executemany("insert or replace into facts values (?, ?)", facts.items())

    def clear(self) -> None:
        """Removes everything, other versions' too."""
        import shutil

        shutil.rmtree(self._top, ignore_errors=True)

    def _make(self) -> None:
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
            (self._top / ".gitignore").write_text("*\n")
            (self._top / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")


def digest(*parts: str | bytes) -> bytes:
    """A key for some content."""
    hasher = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        hasher.update(len(data).to_bytes(8, "little"))
        hasher.update(data)
    return hasher.digest()


def stamps(folder: Path, pattern: str) -> str:
    """What changes when one of the files changes."""
    return ";".join(f"{path.name}:{(s := path.stat()).st_mtime_ns}:{s.st_size}" for path in sorted(folder.rglob(pattern)))


def _code_stamp() -> str:
    """A checkout changes without a new version: its own sources count."""
    return digest(stamps(Path(__file__).parent, "*.py")).hex()[:12]
