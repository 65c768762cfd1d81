"""Colours of a terminal, or none."""

from __future__ import annotations

_CODES = {"path": "1", "code": "1;31", "mark": "31", "frame": "2", "chain": "36", "advice": "32"}


class Style:
    """Paints text by what it is; without colour it stays as it is."""

    def __init__(self, color: bool) -> None:
        self._color = color

    def __call__(self, role: str, text: str) -> str:
        return f"\x1b[{_CODES[role]}m{text}\x1b[0m" if self._color and text else text
