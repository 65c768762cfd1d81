"""A progress bar on standard error, for runs that take a while."""

from __future__ import annotations

import sys
import time

_PATIENCE = 1.0  # seconds before it shows
_PAUSE = 0.1  # seconds between two pictures
_WIDTH = 30


class Progress:
    """What the pipeline calls with (stage, done, total). Shows nothing before a second has passed, or where nobody looks."""

    def __init__(self, shown: bool) -> None:
        self._shown = shown
        self._next = time.monotonic() + _PATIENCE
        self._drawn = False

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if not self._shown or now < self._next:
            return
        self._next = now + _PAUSE
        self._drawn = True
        sys.stderr.write(f"\r\x1b[K{stage} {_picture(done, total)}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Takes the bar away."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._drawn = False


def _picture(done: int, total: int) -> str:
    """A bar, or the bare number where nobody knows how much there is (total 0)."""
    if total <= 0:
        return f"{done:,}"
    filled = min(_WIDTH * done // total, _WIDTH)
    return f"[{'#' * filled}{' ' * (_WIDTH - filled)}] {done:,}/{total:,}"
