"""Units of many files at once, for worker processes: what goes in and out is bytes, and no more of a unit than where it stands."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from asynclint.syntax.index import IndexedUnit
from asynclint.syntax.scan import summarize_units

_FORM = list[tuple[str, list[IndexedUnit]]]


def batch(files: Sequence[tuple[str, Sequence[IndexedUnit]]]) -> bytes:
    """The order for `summarize_batch`: paths with their units."""
    bare = [
        (
            path,
            [msgspec.structs.replace(unit, words=(), binds=(), bases="", assigned=(), stated=(), returned=(), loops=()) for unit in units],
        )
        for path, units in files
    ]
    return msgspec.msgpack.encode(bare)


def summarize_batch(order: bytes) -> list[bytes]:
    """The encoded facts of the units, one list entry a unit, in order."""
    return _summaries(order, False)


def locate_batch(order: bytes) -> list[bytes]:
    """The same with positions."""
    return _summaries(order, True)


def _summaries(order: bytes, positions: bool) -> list[bytes]:
    found: list[bytes] = []
    for path, units in msgspec.msgpack.decode(order, type=_FORM):
        found += summarize_units(path, units, positions)
    return found
