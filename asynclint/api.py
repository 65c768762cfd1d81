"""The pipeline end to end: paths and configuration in, a report out."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

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
from asynclint.check.audience import Audience
from asynclint.check.blocking import candidates, finding
from asynclint.check.misuse.report import misuse
from asynclint.check.misuse.search import CODES, Search
from asynclint.check.select import Selection, check_codes, select
from asynclint.check.suppress import suppress
from asynclint.config import Config, Configs
from asynclint.discover import discover, project_files, project_root
from asynclint.model import Confidence, Cost, Failure, Finding, Report, Span, Statistics
from asynclint.program.explore import Exploration
from asynclint.program.infer import Inference
from asynclint.program.project import FunctionDef, Project
from asynclint.program.relevance import Relevance
from asynclint.program.store import FactsStore
from asynclint.syntax.read import Unreadable, decode, read_source
from asynclint.syntax.scan import FAILED, Scan, scan_files, scan_text
from asynclint.workers import Workers

Progress = Callable[[str, int, int], None]
#: below so many files, one process is faster
MANY_FILES = 250
#: evaluation nests some twelve calls for each level of the program's own nesting
RECURSION = 8000


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
        self.workers = Workers(config.jobs or 0)

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
        limit, collecting = sys.getrecursionlimit(), gc.isenabled()
        gc.disable()  # nearly all that is made here stays until the end
        sys.setrecursionlimit(max(limit, RECURSION))
        try:
            report = self._analyse(everything, shown, os.path.commonpath(roots) if roots else ".", cache, stamp)
        finally:
            sys.setrecursionlimit(limit)
            if collecting:
                gc.enable()
            self.workers.close()
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
        replaced = self._replaced()
        digests = {path: scan.digest if path != replaced else b"" for path, scan in scans.items()}
        store = FactsStore(self.workers, cache, self.text, digests, self.fail)
        project = Project(((path, scan.index) for path, scan in scans.items()), _absolute(root), store.facts)
        catalog = self._catalog(project.roots())
        inference = Inference(project, catalog)
        exploration = Exploration(project, inference, Relevance(project, catalog), store.prepare, self.fail, self._floor(shown))
        exploration.run(lambda count: self.progress("analysing", count, 0))
        misuses = self._misuses(exploration, shown, store)
        never_ends = {(f.path, f.span) for f in misuses if f.code == "ASL304"}
        blocking = self._findings(exploration, shown, store, scans)
        findings = [*notes, *misuses, *(f for f in blocking if (f.path, f.span) not in never_ends)]
        store.save()
        shown_paths = {path: absolute for absolute, path in shown.items()}
        remaining = suppress(
            findings,
            lambda path: self._text_or_nothing(shown_paths.get(path, path)),
            [path for absolute, path in shown.items() if absolute in scans and scans[absolute].comments],
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
        standard_input = self._replaced()
        encoded: dict[str, bytes] = {}
        for path in files:
            known = stored.get(path)
            if known is not None and known[0] == stamp.get(path) and path != standard_input:
                encoded[path] = bytes(known[1])
        missing = [path for path in files if path not in encoded and path != standard_input]
        parts = _parts(missing, 64)
        scanned = self.workers.map if len(missing) > MANY_FILES else map
        for number, (part, results) in enumerate(zip(parts, scanned(scan_files, parts), strict=True)):
            self.progress("indexing", number, len(parts))
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
            if scan.unreadable.startswith(FAILED):
                self.fail(path, scan.unreadable)
            elif scan.unreadable:
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

    def _catalog(self, roots: set[str]) -> Catalog:
        """The catalog of what the program can meet, with the user's own entries after it."""
        catalog = load_catalog([Path(path) for path in self.config.catalogs], roots)
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

    def _findings(self, exploration: Exploration, shown: dict[str, str], store: FactsStore, scans: Mapping[str, Scan]) -> Iterable[Finding]:
        """What is dear and sure enough; in files with own suppressions all of it, so that needed ones do not look unused."""

        def worth(cost: int, confidence: int, absolute: str) -> bool:
            config = self.configs.of_source(shown[absolute])
            if cost >= config.min_cost and confidence >= config.min_confidence:
                return True
            return scans[absolute].own_comments

        audience = Audience(exploration.project.inside, exploration.relevance.users)
        found = candidates(exploration.roots, exploration.effects, lambda fn: shown.get(fn.module.path), audience, self.config.transitive)
        found = [c for c in found if worth(c.cost, c.confidence, c.root.fn.module.path)]
        functions = [effect.frame.fn for c in found for effect in c.chain()]
        store.locate(functions)
        root = os.getcwd().replace(os.sep, "/")

        def shown_path(fn: FunctionDef) -> str:
            path = fn.module.path
            return shown.get(path) or (path[len(root) + 1 :] if path.startswith(root + "/") else path)

        return [finding(c, store.located, shown_path, self.rules) for c in found]

    def _misuses(self, exploration: Exploration, shown: dict[str, str], store: FactsStore) -> list[Finding]:
        """Where the loop itself is misused, in the files that are reported on."""
        folders = {os.path.dirname(path) + "/x" for path in shown.values()}
        codes = [code for code in CODES if any(self.selection.is_on(path, code) for path in folders)]
        search = Search(exploration.inference, exploration.linker, exploration.relevance, codes, self.fail)
        modules = [module for module in exploration.project.modules if module.path in shown]
        candidates = search.candidates(modules) if codes else []
        store.prepare(candidates)
        spots = list(search.spots(candidates))
        store.locate([spot.frame.fn for spot in spots])
        audience = Audience(exploration.project.inside, exploration.relevance.users)
        return [
            misuse(spot, shown[(fn := spot.frame.fn).module.path], audience.steps_down(fn), store.located, store.located_loop, self.rules)
            for spot in spots
        ]

    # --- texts

    def _replaced(self) -> str:
        """The file that standard input stands for, or ""."""
        return _absolute(self.stdin[0]) if self.stdin is not None else ""

    def text(self, path: str) -> str:
        """The text of a file. Raises Unreadable."""
        known = self._texts.get(path)
        if known is None:
            if len(self._texts) > 500:
                keep = self._replaced()
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
