"""Every blocking row of the catalog is found: for each of its names a call is generated in a coroutine, and the run must report it.

A function or class is called, a method is called on a parameter annotated with its class, a property is read, and a dunder method is
reached by the syntax that runs it. The arguments make one condition of `when` true and none of `unless`.
"""

from __future__ import annotations

import importlib
import inspect
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest

from asynclint.api import check
from asynclint.catalog import Blocking, Catalog, Condition, LibraryFile, decode_file, load_catalog, parse_condition, rules_folder
from asynclint.config import Config
from asynclint.model import Confidence, Cost

#: Names that no generated line can reach, each with its reason.
UNREACHABLE: dict[str, str] = {
    "builtins.__import__": "import statements reach it; a call by that name is not looked for",
    "sys.stdin.__iter__": "iterating the module's attribute itself is not seen yet",
    "sys.stdin.__next__": "iterating the module's attribute itself is not seen yet",
    "sys.stdin.buffer.__iter__": "iterating the module's attribute itself is not seen yet",
    "shelve.Shelf.__len__": "`len` is not followed into the object yet",
    "mailbox.Mailbox.__len__": "`len` is not followed into the object yet",
}

#: What runs a dunder method of `x`. Properties and plain methods are not listed.
SYNTAX = {
    "__enter__": "with {x}: pass",
    "__exit__": "with {x}: pass",
    "__iter__": "for _ in {x}: pass",
    "__next__": "for _ in {x}: pass",
    "__getitem__": '{x}["key"]',
    "__setitem__": '{x}["key"] = 1',
    "__delitem__": 'del {x}["key"]',
    "__contains__": '"key" in {x}',
    "__len__": "len({x})",
    "__call__": "{x}({arguments})",
    "__str__": "str({x})",
    "__fspath__": "os.fspath({x})",
    "__getattr__": "{x}.anything()",
}


class Probe(msgspec.Struct, frozen=True):
    """One generated coroutine: what it is about, and its lines."""

    name: str
    code: str
    lines: tuple[str, ...]


class Arguments:
    """Arguments that make a row's call block, written down."""

    def __init__(self, row: Blocking) -> None:
        self.positional: dict[int, str] = {}
        self.keywords: dict[str, str] = {}
        self.parameters: list[str] = []
        self.imports: set[str] = set()
        if row.when:
            self._satisfy(parse_condition(row.when[0]))
        for condition in map(parse_condition, row.unless):
            if condition.test == "missing":
                self._give(condition, "anything")
            elif condition.test == "is not":
                self._give(condition, self._of_type(str(condition.value)))

    def _satisfy(self, condition: Condition) -> None:
        if condition.test == "given":
            self._give(condition, "anything")
        elif condition.test == "equals":
            self._give(condition, self._dotted(condition.value) if condition.constant else repr(condition.value))
        elif condition.test == "is":
            self._give(condition, self._of_type(str(condition.value)))

    def _give(self, condition: Condition, text: str) -> None:
        if condition.name:
            self.keywords[condition.name] = text
        else:
            self.positional[condition.position] = text

    def _dotted(self, name: str) -> str:
        self.imports.add(name.rpartition(".")[0])
        return name

    def _of_type(self, name: str) -> str:
        parameter = f"typed_{len(self.parameters)}"
        self.parameters.append(f"{parameter}: {self._dotted(name)}")
        return parameter

    def __str__(self) -> str:
        first = [self.positional.get(position, "anything") for position in range(max(self.positional, default=-1) + 1)]
        return ", ".join([*first, *(f"{name}={text}" for name, text in self.keywords.items())])


def probes(catalog: Catalog, row: Blocking) -> Iterator[Probe]:
    """A coroutine for each name of the row."""
    for name in row.names:
        if name in UNREACHABLE:
            continue
        arguments = Arguments(row)
        owner, _, member = name.rpartition(".")
        if owner in catalog.types or inspect.isclass(_real(owner)):
            call, parameters = _member_call("x", owner, member, row, arguments), [f"x: {owner}"]
            imports = arguments.imports | {owner.rpartition(".")[0]}
        elif member in SYNTAX:
            call, parameters = _member_call(owner, owner, member, row, arguments), []
            imports = arguments.imports | {owner.partition(".")[0]}
        else:
            call, parameters = f"{name.removeprefix('builtins.')}({arguments})", []
            imports = arguments.imports | {owner}
        if row.lazy and not call.startswith("for "):
            call = f"for _ in {call}: pass"
        lines = [f"async def probe({', '.join([*parameters, *arguments.parameters, 'anything'])}):", f"    {call}"]
        yield Probe(name, row.code, (*(f"import {module}" for module in sorted(imports)), *lines))


def _member_call(receiver: str, owner: str, member: str, row: Blocking, arguments: Arguments) -> str:
    if member in SYNTAX:
        return SYNTAX[member].format(x=receiver, arguments=arguments)
    if member == "*":
        return f"{receiver}.any_method({arguments})"
    return f"{receiver}.{member}" if row.property or _is_property(owner, member) else f"{receiver}.{member}({arguments})"


def _is_property(owner: str, member: str) -> bool:
    """Whether the real class, where it is installed, has it as a property."""
    try:
        found = inspect.getattr_static(_real(owner), member)
    except AttributeError:
        return False
    return not callable(found) and not isinstance(found, (classmethod, staticmethod))


def _real(name: str) -> object:
    """The real class or object of this name where it is installed, else nothing."""
    module, _, attribute = name.rpartition(".")
    try:
        with warnings.catch_warnings(action="ignore"):
            return getattr(importlib.import_module(module), attribute, None)
    except (ImportError, ValueError):
        return None


def library_files() -> list[tuple[str, LibraryFile]]:
    return [(path.stem, decode_file(path, LibraryFile)) for path in sorted((rules_folder() / "libraries").glob("*.toml"))]


LIBRARIES = library_files()


@pytest.fixture(scope="module")
def missing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """By library, the names whose generated call was not reported with the row's code."""
    catalog = load_catalog()
    root = tmp_path_factory.mktemp("coverage")
    (root / "asynclint.toml").touch()
    expected: dict[tuple[str, int], Probe] = {}
    for stem, library in LIBRARIES:
        file = f"uses_{re.sub(r'[^a-z0-9]', '_', stem.lower())}.py"
        text, places = _module(probe for row in library.blocking for probe in probes(catalog, row))
        (root / file).write_text(text, encoding="utf-8")
        expected.update({(file, line): probe for line, probe in places.items()})
    report = check([str(root)], Config(min_cost=Cost.BRIEF, min_confidence=Confidence.LIKELY, jobs=1), cache=False)
    assert not report.failures
    found = {(Path(finding.path).name, finding.span.line, finding.code) for finding in report.findings}
    missed = defaultdict(list)
    for (file, line), probe in expected.items():
        if (file, line, probe.code) not in found:
            missed[file].append(f"{probe.code} {probe.name}: {probe.lines[-1].strip()}")
    return missed


def _module(all_probes: Iterable[Probe]) -> tuple[str, dict[int, Probe]]:
    """The probes as one module, and the line of each probe's call."""
    lines: list[str] = ["import os"]
    places: dict[int, Probe] = {}
    given = list(all_probes)
    lines += sorted({line for probe in given for line in probe.lines[:-2]} - {"import os", "import builtins"})
    for number, probe in enumerate(given):
        lines += [probe.lines[-2].replace("probe(", f"probe_{number}("), probe.lines[-1]]
        places[len(lines)] = probe
    return "\n".join(lines) + "\n", places


@pytest.mark.parametrize("stem", [stem for stem, library in LIBRARIES if library.blocking])
def test_each_row_is_found(stem: str, missing: dict[str, list[str]]) -> None:
    missed = missing[f"uses_{re.sub(r'[^a-z0-9]', '_', stem.lower())}.py"]
    assert not missed, "\n" + "\n".join(missed)


def test_what_is_unreachable_is_in_the_catalog() -> None:
    assert not set(UNREACHABLE) - set(load_catalog().blocking)
