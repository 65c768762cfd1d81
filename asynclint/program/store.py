"""The facts of units: from the cache by content, else parsed here or, many at once, in worker processes while the analysis goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future

import msgspec

from asynclint.cache import Cache
from asynclint.facts import Event, Loop, Unit
from asynclint.program.project import FunctionDef, Module
from asynclint.syntax.batch import batch, locate_batch, summarize_batch
from asynclint.syntax.index import IndexedUnit
from asynclint.syntax.scan import FAILED, encoded_facts
from asynclint.workers import Workers

_Key = tuple[int, int]
#: line, column, end line, end column, first and last line of the statement
Place = tuple[int, int, int, int, int, int]
_Wanted = tuple[Module, IndexedUnit]
_Job = tuple["Future[list[bytes]]", list[_Wanted]]
#: below so many units, one process is faster
MANY_UNITS = 250
#: so many units are handed to a worker process at once
BATCH = 48
#: so many new summaries are written to the cache at once
UNSAVED = 4000


class FactsStore:
    """Facts on demand.

    `text` gives the text of a file, `digests` the keys of their contents (empty where it must not be cached, and where no other process can
    read it); `fail` is told of units that asynclint itself could not cope with.
    """

    def __init__(
        self,
        workers: Workers,
        cache: Cache | None,
        text: Callable[[str], str],
        digests: Mapping[str, bytes],
        fail: Callable[[str, str], None],
    ) -> None:
        self._workers = workers
        self._cache = cache
        self._text = text
        self._digests = digests
        self._fail = fail
        self._facts: dict[_Key, Unit] = {}
        self._pending: dict[_Key, _Job] = {}
        self._located: dict[_Key, Unit] = {}
        self._new: dict[bytes, bytes] = {}
        self._decoder = msgspec.msgpack.Decoder(Unit)
        #: lines that were parsed or taken from the cache
        self.lines = 0

    def facts(self, module: Module, unit: IndexedUnit) -> Unit:
        """What a unit says; waits for it where a worker process is at it."""
        key = (module.number, unit.start)
        found = self._facts.get(key)
        if found is None:
            job = self._pending.get(key)
            if job is not None:
                self._finish(job)
            else:
                self.prepare([(module, unit)])
            found = self._facts[key]
        return found

    def prepare(self, wanted: Iterable[_Wanted]) -> None:
        """Makes many units ready, or begins to: the order is the one they will be asked for in."""
        missing = {
            key: (module, unit)
            for module, unit in wanted
            if (key := (module.number, unit.start)) not in self._facts and key not in self._pending
        }
        left = self._from_cache(list(missing.values()))
        away: list[_Wanted] = []
        if len(left) > MANY_UNITS and self._workers.several:
            away = [(module, unit) for module, unit in left if self._digests[module.path]]
        for part in _batches(away):
            job = self._workers.submit(summarize_batch, batch(_by_file(part))), part
            for module, unit in part:
                self._pending[module.number, unit.start] = job
        for module, unit in left:
            if (module.number, unit.start) not in self._pending:
                self._keep(module, unit, encoded_facts(self._text(module.path), [unit], False)[0])

    def _finish(self, job: _Job) -> None:
        future, part = job
        for (module, unit), data in zip(part, future.result(), strict=True):
            del self._pending[module.number, unit.start]
            self._keep(module, unit, data)

    def _keep(self, module: Module, unit: IndexedUnit, data: bytes) -> None:
        facts = self._facts[module.number, unit.start] = self._decoder.decode(data)
        self.lines += facts.lines
        if facts.error is not None and facts.error[0].startswith(FAILED):
            self._fail(module.path, facts.error[0])
        elif self._cache is not None and self._digests[module.path]:
            self._new[self._cache_key(module, unit)] = data
            if len(self._new) > UNSAVED:
                self.save()

    def _from_cache(self, wanted: Sequence[_Wanted]) -> Sequence[_Wanted]:
        """Takes what the cache has; gives what it has not."""
        if self._cache is None or len(wanted) < 2:
            return wanted
        keys = [self._cache_key(module, unit) for module, unit in wanted]
        stored = self._cache.facts(keys)
        for key, (module, unit) in zip(keys, wanted, strict=True):
            if key in stored:
                facts = self._facts[module.number, unit.start] = self._decoder.decode(stored[key])
                self.lines += facts.lines
        return [found for key, found in zip(keys, wanted, strict=True) if key not in stored]

    def _cache_key(self, module: Module, unit: IndexedUnit) -> bytes:
        return self._digests[module.path] + unit.start.to_bytes(8, "little")

    def save(self) -> None:
        """Writes new summaries to the cache."""
        if self._cache is not None:
            self._cache.store_facts(self._new)
            self._new.clear()

    # --- positions

    def locate(self, functions: Iterable[FunctionDef]) -> None:
        """Makes the positions of these functions ready."""
        wanted = list({(fn.module.number, fn.unit.start): (fn.module, fn.unit) for fn in functions}.values())
        here = [(module, unit) for module, unit in wanted if not self._digests[module.path]]
        away = [(module, unit) for module, unit in wanted if self._digests[module.path]]
        for module, unit in here:
            data = encoded_facts(self._text(module.path), [unit], True)[0]
            self._located[module.number, unit.start] = self._decoder.decode(data)
        parts = list(_batches(away))
        for part, results in zip(parts, self._workers.map(locate_batch, [batch(_by_file(part)) for part in parts]), strict=True):
            for (module, unit), data in zip(part, results, strict=True):
                self._located[module.number, unit.start] = self._decoder.decode(data)

    def located(self, fn: FunctionDef, event: int) -> Event:
        """An event with its position in the file."""
        found = self._located[fn.module.number, fn.unit.start].functions[fn.index].events[event]
        return msgspec.structs.replace(found, span=_shifted(found.span, fn))

    def located_loop(self, fn: FunctionDef, loop: int) -> Loop:
        """A loop with the position of its header in the file."""
        found = self._located[fn.module.number, fn.unit.start].functions[fn.index].loops[loop]
        return msgspec.structs.replace(found, span=_shifted(found.span, fn))


def _shifted(span: Place | None, fn: FunctionDef) -> Place:
    """A span within a unit as one within the file."""
    assert span is not None
    shift = fn.unit.line - 1
    line, column, end_line, end_column, first, last = span
    return line + shift, column, end_line + shift, end_column, first + shift, last + shift


def _batches(wanted: Sequence[_Wanted]) -> Iterator[list[_Wanted]]:
    return (list(wanted[start : start + BATCH]) for start in range(0, len(wanted), BATCH))


def _by_file(wanted: Sequence[_Wanted]) -> list[tuple[str, list[IndexedUnit]]]:
    """Neighbours of one file go together; the order stays."""
    found: list[tuple[str, list[IndexedUnit]]] = []
    for module, unit in wanted:
        if not found or found[-1][0] != module.path:
            found.append((module.path, []))
        found[-1][1].append(unit)
    return found
