"""The pipeline end to end: paths and configuration in, a report out."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from asynclint.cache import Cache, digest, stamps
from asynclint.catalog import (
    Blocking,
    Catalog,
    Library,
    LibraryFile,
    NonBlocking,
    Offloader,
    OnLoop,
    load_catalog,
    load_rules,
    rules_folder,
)
from asynclint.check.blocking import candidates, finding
from asynclint.check.select import Selection, check_codes, select
from asynclint.check.suppress import mentions, suppress
from asynclint.config import Config, Configs
from asynclint.discover import discover, project_files, project_root
from asynclint.facts import Event, Unit
from asynclint.model import Confidence, Cost, Failure, Finding, Report, Span, Statistics
from asynclint.program.explore import Exploration
from asynclint.program.infer import Inference
from asynclint.program.project import FunctionDef, Module, Project
from asynclint.program.relevance import Relevance
from asynclint.syntax.batch import batch, summarize_batch
from asynclint.syntax.index import IndexedUnit, unit_text
from asynclint.syntax.read import Unreadable, decode, read_source
from asynclint.syntax.scan import FAILED, Scan, encoded_facts, scan_files, scan_text

Progress = Callable[[str, int, int], None]
#: below so many files, or units, one process is faster
MANY_FILES = 250
#: so many files are handed to a worker process at once
BATCH = 24
#: evaluation nests some twelve calls for each level of the program's own nesting
RECURSION = 8000
MANY_UNITS = 250


def check(
    paths: Sequence[str],
    config: Config,
    *,
    stdin: tuple[str, bytes] | None = None,
    progress: Progress | None = None,
    cache: bool = True,
    clear_cache: bool = False,
) -> Report:
    """Analyses the projects around `paths` and reports on the files that `paths` stand for.

    `stdin` is (file name, bytes) of a source that replaces what lies on disk. Raises DiscoverError, ConfigError, CatalogError.
    """
    return Run(config, stdin, progress or (lambda stage, done, total: None)).report(paths, cache, clear_cache)


class Run:
    """One run of the pipeline."""

    def __init__(self, config: Config, stdin: tuple[str, bytes] | None, progress: Progress) -> None:
        self.config = config
        self.stdin = stdin
        self.progress = progress
        self.rules = load_rules()
        check_codes(config, self.rules)
        self.configs = Configs(config)
        self.selection = Selection(self.configs, self.rules)
        self.failures: list[Failure] = []
        self.started = time.perf_counter()
        self._texts: dict[str, str] = {}
        self._pool: ProcessPoolExecutor | None = None

    def report(self, paths: Sequence[str], use_cache: bool, clear_cache: bool) -> Report:
        shown = self._reported(paths)
        roots = sorted({project_root(path) for path in shown})
        files = project_files(roots, self.config)
        everything = list(dict.fromkeys([*files, *shown]))
        cache = (
            Cache(Path(self.config.cache_dir or os.path.join(roots[0] if roots else ".", ".asynclint_cache")))
            if use_cache or clear_cache
            else None
        )
        if clear_cache and cache is not None:
            cache.clear()
        if not use_cache:
            cache = None
        stamp = _stamps(everything)
        key = self._key(paths, shown, stamp)
        known = cache.load(f"report-{key}") if cache is not None else None
        if known is not None:
            report = msgspec.msgpack.decode(known, type=Report)
            return msgspec.structs.replace(
                report, statistics=msgspec.structs.replace(report.statistics, seconds=time.perf_counter() - self.started, from_cache=True)
            )
        limit, threshold = sys.getrecursionlimit(), gc.get_threshold()
        gc.set_threshold(200_000, 20, 100)  # nearly all that is made here stays until the end
        sys.setrecursionlimit(max(limit, RECURSION))
        try:
            report = self._analyse(everything, shown, os.path.commonpath(roots) if roots else ".", cache, stamp)
        finally:
            sys.setrecursionlimit(limit)
            gc.set_threshold(*threshold)
            if self._pool is not None:
                self._pool.shutdown(cancel_futures=True)
        if cache is not None and not report.failures:
            cache.store_report(key, msgspec.msgpack.encode(report))
        return report

    def _reported(self, paths: Sequence[str]) -> dict[str, str]:
        """The files to report on: absolute path → path as shown."""
        found = discover(list(paths), self.config)
        self.failures.extend(found.failures)
        shown = {_absolute(path): path for path in found.files}
        if self.stdin is not None:
            shown[_absolute(self.stdin[0])] = self.stdin[0].replace(os.sep, "/")
        return shown

    def _key(self, paths: Sequence[str], shown: dict[str, str], stamp: dict[str, tuple[int, int]]) -> str:
        """Everything that decides the report."""
        return digest(
            msgspec.msgpack.encode([list(paths), sorted(shown.items()), sorted(stamp.items()), os.getcwd(), self.stdin or ()]),
            msgspec.json.encode(self.config, enc_hook=str),
            stamps(rules_folder(), "*.toml"),
            *(
                msgspec.json.encode(self.configs.of_source(path), enc_hook=str)
                for path in sorted({os.path.dirname(p) + "/x" for p in shown})
            ),
        ).hex()

    # --- the stages

    def _analyse(
        self, files: list[str], shown: dict[str, str], root: str, cache: Cache | None, stamp: dict[str, tuple[int, int]]
    ) -> Report:
        scans = self._index(files, cache, stamp)
        notes = list(self._file_findings(scans, shown))
        catalog = self._catalog()
        store = FactsStore(self, cache)
        project = Project(((path, scan.index) for path, scan in scans.items()), _absolute(root), store.facts)
        inference = Inference(project, catalog)
        exploration = Exploration(project, inference, Relevance(project, catalog), store.prepare, self.fail, self._floor(shown))
        exploration.run(lambda count: self.progress("analysing", count, 0))
        findings = [*notes, *self._findings(exploration, shown, store)]
        store.save()
        shown_paths = {path: absolute for absolute, path in shown.items()}
        remaining = suppress(
            findings,
            lambda path: self._text_or_nothing(shown_paths.get(path, path)),
            [path for absolute, path in shown.items() if mentions(self._text_or_nothing(absolute))],
            self.rules,
            self.selection.is_on,
        )
        statistics = Statistics(
            files=len(shown),
            lines=sum(scan.index.lines for scan in scans.values()),
            lines_parsed=store.lines,
            functions_on_loop=len(exploration.roots),
            calls=exploration.linker.calls,
            calls_unresolved=exploration.linker.unresolved,
            seconds=time.perf_counter() - self.started,
        )
        return Report(tuple(select(remaining, self.selection)), tuple(self.failures), statistics)

    def _index(self, files: list[str], cache: Cache | None, stamp: dict[str, tuple[int, int]]) -> dict[str, Scan]:
        """The scans of all files, from the cache where the file has not changed."""
        stored: dict[str, tuple[tuple[int, int], msgspec.Raw]] = {}
        if cache is not None and (data := cache.load("index")) is not None:
            try:
                stored = msgspec.msgpack.decode(data, type=dict[str, tuple[tuple[int, int], msgspec.Raw]])
            except msgspec.DecodeError:
                stored = {}
        standard_input = _absolute(self.stdin[0]) if self.stdin is not None else ""
        encoded: dict[str, bytes] = {}
        for path in files:
            known = stored.get(path)
            if known is not None and known[0] == stamp.get(path) and path != standard_input:
                encoded[path] = bytes(known[1])
        missing = [path for path in files if path not in encoded and path != standard_input]
        for (part,), results in self.in_parallel(scan_files, [(p,) for p in _parts(missing, 64)], len(missing) > MANY_FILES, "indexing"):
            encoded.update(zip(part, results, strict=True))
        if cache is not None and missing:
            kept = {path: (stamp[path], msgspec.Raw(data)) for path, data in encoded.items() if path in stamp}
            cache.store("index", msgspec.msgpack.encode({**{p: v for p, v in stored.items() if p not in encoded}, **kept}))
        decoder = msgspec.msgpack.Decoder(Scan)
        scans = {path: decoder.decode(encoded[path]) for path in files if path in encoded}
        if self.stdin is not None:
            try:
                self._texts[standard_input] = decode(self.stdin[1])
                scans[standard_input] = scan_text(self._texts[standard_input])
            except Unreadable as error:
                scans[standard_input] = Scan(scan_text("").index, unreadable=str(error))
        return scans

    def _file_findings(self, scans: dict[str, Scan], shown: dict[str, str]) -> Iterable[Finding]:
        """Files that cannot be read or parsed."""
        for absolute, path in shown.items():
            scan = scans.get(absolute)
            if scan is None:
                continue
            if scan.unreadable:
                yield _note("ASL002", self.rules["ASL002"].name, path, f"cannot be read: {scan.unreadable}", 1, 1)
            elif scan.error:
                reason, line, column = scan.error
                yield _note("ASL001", self.rules["ASL001"].name, path, f"cannot be parsed: {reason}", line, column)

    def _floor(self, shown: dict[str, str]) -> int:
        """The least cost that any configuration of this run asks for."""
        return min(
            (int(self.configs.of_source(path).min_cost) for path in {os.path.dirname(p) + "/x" for p in shown.values()}),
            default=int(Cost.SLOW),
        )

    def _catalog(self) -> Catalog:
        """The catalog with the user's own entries after it."""
        catalog = load_catalog([Path(path) for path in self.config.catalogs])
        own = LibraryFile(
            library=Library(name="configuration", modules=(), docs=""),
            blocking=tuple(
                Blocking(
                    names=(name,), code=entry.code, cost=entry.cost, wait="service", why=entry.reason or "the configuration says so",
                    use=entry.replacement or "its asynchronous counterpart, or a thread", evidence="configuration",
                )
                for name, entry in self.config.blocking.items()
            ),
            nonblocking=(NonBlocking(names=self.config.nonblocking, why="the configuration says so"),),
            offloader=(Offloader(names=self.config.offloaders, argument="func@0", decorator=True),),
            on_loop=(OnLoop(names=self.config.loop_callbacks, argument="*", decorator=True),),
        )  # fmt: skip
        catalog.add("configuration", own)
        return catalog

    def _findings(self, exploration: Exploration, shown: dict[str, str], store: FactsStore) -> Iterable[Finding]:
        """What is dear and sure enough; in files with suppressions all of it, so that needed comments do not look unused."""
        with_comments: dict[str, bool] = {}

        def worth(cost: int, confidence: int, absolute: str) -> bool:
            config = self.configs.of_source(shown[absolute])
            if cost >= config.min_cost and confidence >= config.min_confidence:
                return True
            if absolute not in with_comments:
                with_comments[absolute] = mentions(self._text_or_nothing(absolute))
            return with_comments[absolute]

        found = candidates(
            exploration.roots, exploration.effects, lambda fn: shown.get(fn.module.path), exploration.project.inside, self.config.transitive
        )
        found = [c for c in found if worth(c.cost, c.effect.confidence, c.root.fn.module.path)]
        functions = [effect.frame.fn for c in found for effect in c.chain()]
        store.locate(functions)
        root = os.getcwd().replace(os.sep, "/")

        def shown_path(fn: FunctionDef) -> str:
            path = fn.module.path
            return shown.get(path) or (path[len(root) + 1 :] if path.startswith(root + "/") else path)

        return [finding(c, store.located, shown_path, self.rules) for c in found]

    # --- texts and processes

    def text(self, path: str) -> str:
        """The text of a file. Raises Unreadable."""
        known = self._texts.get(path)
        if known is None:
            if len(self._texts) > 500:
                keep = _absolute(self.stdin[0]) if self.stdin is not None else ""
                self._texts = {p: t for p, t in self._texts.items() if p == keep}
            known = self._texts[path] = read_source(path)
        return known

    def _text_or_nothing(self, path: str) -> str:
        try:
            return self.text(path)
        except Unreadable:
            return ""

    def fail(self, path: str, reason: str) -> None:
        """Something went wrong that is asynclint's own fault; the run goes on."""
        self.failures.append(Failure(path, reason))

    def is_replaced(self, path: str) -> bool:
        """Whether standard input stands for this file."""
        return self.stdin is not None and path == _absolute(self.stdin[0])

    def in_parallel(
        self, function: Callable[..., list[bytes]], parts: Sequence[tuple[Any, ...]], many: bool, stage: str
    ) -> Iterator[tuple[tuple[Any, ...], list[bytes]]]:
        """(arguments, result) of each call, in order: in worker processes if there is much to do."""
        jobs = self.config.jobs or os.cpu_count() or 1
        if not many or jobs < 2:
            for number, part in enumerate(parts):
                self.progress(stage, number, len(parts))
                yield part, function(*part)
            return
        if self._pool is None:
            self._pool = ProcessPoolExecutor(jobs, initializer=gc.disable)
        futures = [self._pool.submit(function, *part) for part in parts]
        for number, (part, future) in enumerate(zip(parts, futures, strict=True)):
            self.progress(stage, number, len(parts))
            yield part, future.result()


class FactsStore:
    """The facts of units: from the cache by content, else parsed here or in worker processes."""

    def __init__(self, run: Run, cache: Cache | None) -> None:
        self._run = run
        self._cache = cache
        self._facts: dict[tuple[int, int], Unit] = {}
        self._located: dict[tuple[int, int], Unit] = {}
        self._new: dict[bytes, bytes] = {}
        self._decoder = msgspec.msgpack.Decoder(Unit)
        #: lines that were parsed or taken from the cache
        self.lines = 0

    def facts(self, module: Module, unit: IndexedUnit) -> Unit:
        key = (module.number, unit.start)
        found = self._facts.get(key)
        if found is None:
            self.prepare([(module, unit)])
            found = self._facts[key]
        return found

    def prepare(self, wanted: Sequence[tuple[Module, IndexedUnit]]) -> None:
        """Makes the facts of many units ready."""
        missing = [(module, unit) for module, unit in wanted if (module.number, unit.start) not in self._facts]
        texts = {(module.number, unit.start): unit_text(self._run.text(module.path), unit) for module, unit in missing}
        self.lines += sum(text.count("\n") for text in texts.values())
        stored: dict[bytes, bytes] = {}
        keys: dict[tuple[int, int], bytes] = {}
        if self._cache is not None and len(missing) > 20:
            keys = {key: digest(text) for key, text in texts.items()}
            stored = self._cache.facts(keys.values())
        left: list[tuple[Module, IndexedUnit]] = []
        for module, unit in missing:
            key = (module.number, unit.start)
            data = stored.get(keys[key]) if key in keys else None
            if data is not None:
                self._facts[key] = self._decoder.decode(data)
            else:
                left.append((module, unit))
        self._parse(left, keys)

    def _parse(self, left: list[tuple[Module, IndexedUnit]], keys: dict[tuple[int, int], bytes]) -> None:
        many = len(left) > MANY_UNITS
        for (module, units), results in self._summaries(left, False, many):
            for unit, data in zip(units, results, strict=True):
                key = (module.number, unit.start)
                facts = self._facts[key] = self._decoder.decode(data)
                if facts.error is not None and facts.error[0].startswith(FAILED):
                    self._run.fail(module.path, facts.error[0])
                elif key in keys:
                    self._new[keys[key]] = data

    def _summaries(
        self, wanted: Iterable[tuple[Module, IndexedUnit]], positions: bool, many: bool
    ) -> Iterator[tuple[tuple[Module, list[IndexedUnit]], list[bytes]]]:
        """The encoded facts of units, by module."""
        by_module: dict[Module, list[IndexedUnit]] = {}
        for module, unit in wanted:
            by_module.setdefault(module, []).append(unit)
        here = [(m, u) for m, u in by_module.items() if not many or self._run.is_replaced(m.path)]
        for module, units in here:
            yield (module, units), encoded_facts(self._run.text(module.path), units, positions)
        away = [(m, u) for m, u in by_module.items() if many and not self._run.is_replaced(m.path)]
        groups = [away[start : start + BATCH] for start in range(0, len(away), BATCH)]
        orders = [(batch([(m.path, u) for m, u in group]), positions) for group in groups]
        for group, (_, results) in zip(groups, self._run.in_parallel(summarize_batch, orders, many, "parsing"), strict=True):
            position = 0
            for module, units in group:
                yield (module, units), results[position : position + len(units)]
                position += len(units)

    def locate(self, functions: Iterable[FunctionDef]) -> None:
        """Makes the positions of these functions ready."""
        wanted = {(fn.module.number, fn.unit.start): (fn.module, fn.unit) for fn in functions}
        for (module, units), results in self._summaries(wanted.values(), True, len(wanted) > MANY_UNITS):
            for unit, data in zip(units, results, strict=True):
                self._located[module.number, unit.start] = self._decoder.decode(data)

    def located(self, fn: FunctionDef, event: int) -> Event:
        """An event with its position in the file."""
        unit = self._located[fn.module.number, fn.unit.start]
        found = unit.functions[fn.index].events[event]
        assert found.span is not None
        shift = fn.unit.line - 1
        line, column, end_line, end_column, first, last = found.span
        return msgspec.structs.replace(found, span=(line + shift, column, end_line + shift, end_column, first + shift, last + shift))

    def save(self) -> None:
        if self._cache is not None:
            self._cache.store_facts(self._new)


def _note(code: str, name: str, path: str, message: str, line: int, column: int) -> Finding:
    return Finding(
        code,
        name,
        message,
        path,
        Span(line, column, line, column + 1),
        confidence=Confidence.CERTAIN,
        cost=Cost.UNBOUNDED,
        statement=(line, line),
    )


def _absolute(path: str) -> str:
    return os.path.abspath(path).replace(os.sep, "/")


def _stamps(files: Iterable[str]) -> dict[str, tuple[int, int]]:
    """What tells that a file has changed: its modification time in nanoseconds and its size."""
    found: dict[str, tuple[int, int]] = {}
    for path in files:
        try:
            state = os.stat(path)
        except OSError:
            continue
        found[path] = (state.st_mtime_ns, state.st_size)
    return found


def _parts(items: list[str], size: int) -> list[list[str]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
