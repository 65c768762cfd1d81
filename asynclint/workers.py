"""Worker processes, started when there is first enough to do for them."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any


class Workers:
    """`jobs` processes (0: as many as there are processors); with one there are none, and all is done here."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs or os.cpu_count() or 1
        self._pool: ProcessPoolExecutor | None = None

    @property
    def several(self) -> bool:
        return self._jobs > 1

    def submit(self, function: Callable[..., list[bytes]], *arguments: Any) -> Future[list[bytes]]:
        """Starts a call in a worker process."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self._jobs, initializer=gc.disable)
        return self._pool.submit(function, *arguments)

    def map(self, function: Callable[[Any], list[bytes]], parts: Sequence[Any]) -> Iterator[list[bytes]]:
        """The results of calls with one argument, in order; the calls run at once."""
        if not self.several or len(parts) < 2:
            return map(function, parts)
        futures = [self.submit(function, part) for part in parts]
        return (future.result() for future in futures)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
