"""The standard library's part of the catalog, held against the modules themselves: every name exists, every argument is one.

What this Python does not have must stand in one of the lists below, with the reason; and what stands there must really be missing.
"""

from __future__ import annotations

import filecmp
import functools
import importlib
import inspect
import io
import re
import select
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Iterator, Set
from multiprocessing import queues, synchronize
from typing import NamedTuple

import pytest

from asynclint.catalog import Catalog, LibraryFile, decode_file, parse_argument, parse_condition, rules_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the lists below are those of the POSIX systems")

# --- what may be missing; an entry covers its members too ------------------------------------------------------------------------

#: names that came with a later version than 3.11 and have no row with `since`
NEWER = {
    "compression": (3, 14),
    "glob.translate": (3, 13),
    "itertools.batched": (3, 12),
    "os.path.splitroot": (3, 12),
    "os.readinto": (3, 14),
    "pathlib.Path.from_uri": (3, 13),
    "pathlib.Path.with_segments": (3, 12),
    "pathlib.PurePath.full_match": (3, 13),
    "pathlib.PurePath.with_segments": (3, 12),
    "zipfile._path": (3, 12),
}

#: names that a later version took out
REMOVED = {
    "aifc": (3, 13),
    "asyncore": (3, 12),
    "cgi": (3, 13),
    "configparser.RawConfigParser.readfp": (3, 12),
    "configparser.SafeConfigParser": (3, 12),
    "imghdr": (3, 13),
    "imp": (3, 12),
    "importlib.abc.Traversable": (3, 14),
    "importlib.find_loader": (3, 12),
    "locale.resetlocale": (3, 13),
    "mailcap": (3, 13),
    "nntplib": (3, 13),
    "ossaudiodev": (3, 13),
    "pathlib.Path.__enter__": (3, 13),
    "pathlib.Path.__exit__": (3, 13),
    "pathlib.Path.link_to": (3, 12),
    "pkgutil.find_loader": (3, 14),
    "pkgutil.get_loader": (3, 14),
    "sndhdr": (3, 13),
    "spwd": (3, 13),
    "ssl.wrap_socket": (3, 12),
    "sunau": (3, 13),
    "telnetlib": (3, 13),
    "urllib.request.FancyURLopener": (3, 14),
    "urllib.request.URLopener": (3, 14),
    "uu": (3, 13),
}

#: names that only some systems have
PLATFORM = {
    "ctypes.OleDLL": {"win32"},
    "ctypes.WinDLL": {"win32"},
    "ctypes.oledll": {"win32"},
    "ctypes.windll": {"win32"},
    "msvcrt": {"win32"},
    "nt": {"win32"},
    "os.chflags": {"darwin"},
    "os.lchflags": {"darwin"},
    "os.lchmod": {"darwin"},
    "os.listdrives": {"win32"},
    "os.listmounts": {"win32"},
    "os.listvolumes": {"win32"},
    "os.path.isreserved": {"win32"},
    "winreg": {"win32"},
    "winsound": {"win32"},
}

#: what an interpreter may be built without, or what setuptools brings back where it is installed
OPTIONAL = {
    "bz2", "ctypes", "curses", "dbm.gnu", "dbm.ndbm", "dbm.sqlite3", "distutils", "lzma", "readline", "sqlite3",
    "sqlite3.Connection.load_extension", "tkinter", "turtle",
}  # fmt: skip

#: attributes that objects get when they are made, or that only subclasses have
INSTANCE = {
    *(f"filecmp.dircmp.{name}" for name in filecmp.dircmp.methodmap),
    "asyncio.Condition.acquire",
    *(f"asyncio.subprocess.Process.{stream}" for stream in ("stderr", "stdin", "stdout")),
    "http.client.HTTPConnection.sock",
    "importlib.abc.Loader.exec_module",
    "importlib.machinery.ModuleSpec.loader",
    "multiprocessing.Condition.acquire",
    "multiprocessing.Lock.acquire",
    "multiprocessing.Queue._reader",
    "multiprocessing.RLock.acquire",
    "multiprocessing.Semaphore.acquire",
    "multiprocessing.context.BaseContext.Process",
    "socketserver.TCPServer.socket",
    "tempfile.TemporaryDirectory.name",
    "tempfile._TemporaryFileWrapper.name",
    "threading.Condition.acquire",
    "threading.Condition.release",
}

#: modules that one version moved to, and the next one left
PASSING = {"pathlib._local": {(3, 13)}}

#: classes that have all methods of their "base" without being below it
KIN = {"contextlib.AsyncExitStack", "io.BufferedRandom", "tempfile._TemporaryFileWrapper"}

#: whose members a name has: functions that are documented as classes, attributes that only objects have, what pytest replaces
STAND_INS: dict[str, object] = {
    **{
        f"multiprocessing.{kind}": getattr(synchronize, kind)
        for kind in ("Barrier", "BoundedSemaphore", "Condition", "Event", "Lock", "RLock", "Semaphore")
    },
    **{f"multiprocessing.{kind}": getattr(queues, kind) for kind in ("JoinableQueue", "Queue", "SimpleQueue")},
    **{f"sys.{name}": io.TextIOWrapper(io.BytesIO()) for name in ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__")},
    "select.poll": type(select.poll()) if hasattr(select, "poll") else None,
    "subprocess.Popen.stderr": io.BufferedReader,
    "subprocess.Popen.stdin": io.BufferedWriter,
    "subprocess.Popen.stdout": io.BufferedReader,
    "threading.Lock": type(threading.Lock()),
    "threading.RLock": type(threading.RLock()),
}

# --- names of the catalog --------------------------------------------------------------------------------------------------------


class Name(NamedTuple):
    """A name of the catalog and the place it stands in."""

    source: str
    table: str
    name: str


class Argument(NamedTuple):
    """An argument that a row of the catalog names."""

    source: str
    callee: str
    name: str
    position: int


@functools.cache
def library_files() -> dict[str, LibraryFile]:
    """The files of the standard library, by file name."""
    files = {path.name: decode_file(path, LibraryFile) for path in sorted((rules_folder() / "libraries").glob("*.toml"))}
    return {name: file for name, file in files.items() if not file.library.distribution}


def types_in(text: str) -> Iterator[str]:
    """The dotted names of a type such as `iterator[tuple[pathlib.Path, builtins.str]] | None`."""
    yield from re.findall(r"\w+(?:\.\w+)+", text)


@functools.cache
def names() -> tuple[Name, ...]:
    """All names in all tables."""
    return tuple(Name(source, table, name) for source, file in library_files().items() for table, name in names_in(file))


def names_in(file: LibraryFile) -> Iterator[tuple[str, str]]:
    """(table, name) for all names of a file."""
    for table in ("blocking", "nonblocking", "offloader", "on_loop", "uses", "quiets", "decorator", "startup"):
        for row in getattr(file, table):
            yield from ((table, name) for name in row.names)
    for listener in file.on_loop:
        yield from (("on_loop", f"{name}.{method}") for name in listener.names for method in listener.methods)
    for quiet in file.quiets:
        yield from (("quiets", name) for name in (*quiet.after, *quiet.guard))
    for entry in file.type:
        yield from (("type", name) for name in (entry.name, *entry.bases))
    for name, given in file.returns.items():
        yield from (("returns", part) for part in (name, *types_in(given)))
    for spelling, name in file.aliases.items():
        yield from (("aliases", part) for part in (spelling, name))
    for row in file.blocking:
        for text in (*row.unless, *row.when):
            condition = parse_condition(text)
            if condition.constant or condition.test in ("is", "is not"):
                yield from (("blocking", part) for part in types_in(condition.value))


def arguments() -> Iterator[Argument]:
    """The arguments that conditions and rows name."""
    for source, file in library_files().items():
        conditions = [(row.names, (*row.unless, *row.when)) for row in file.blocking]
        conditions += [(quiet.after, quiet.when) for quiet in file.quiets]
        conditions += [(row.names, row.when) for row in file.startup]
        for callees, texts in conditions:
            for condition in map(parse_condition, texts):
                yield from (Argument(source, callee, condition.name, condition.position) for callee in callees)
        takers: list[tuple[tuple[str, ...], str]] = [(row.names, row.argument) for row in file.uses]
        takers += [(row.names, row.argument) for row in file.offloader]
        takers += [(row.names, row.argument) for row in file.on_loop]
        takers += [(row.names, row.argument) for row in file.startup]
        for callees, argument in takers:
            if argument:
                yield from (Argument(source, callee, *parse_argument(argument)) for callee in callees)


# --- the modules themselves ------------------------------------------------------------------------------------------------------


class Missing(Exception):
    """This Python has no such name."""


@functools.cache
def resolve(name: str) -> object:
    """What a dotted name stands for. Raises Missing."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        found = STAND_INS[prefix] if prefix in STAND_INS else import_or_none(prefix)
        if found is not None:
            return functools.reduce(member, parts[length:], found)
    raise Missing(name)


@functools.cache
def import_or_none(module: str) -> object | None:
    """A module, or None if there is none of this name here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the ones of modules that will be taken out
        try:
            return importlib.import_module(module)
        except ImportError:
            return None


def member(owner: object, name: str) -> object:
    """An attribute; that a class cannot be told from its instances' properties does no harm."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return getattr(owner, name)
        except AttributeError as error:
            raise Missing(name) from error


def exists(name: str) -> bool:
    """Whether this Python has the name."""
    try:
        resolve(name)
    except Missing:
        return False
    return True


def covered(name: str, entries: Set[str]) -> bool:
    """Whether the name or something it is a member of stands among `entries`."""
    parts = name.split(".")
    return any(".".join(parts[:length]) in entries for length in range(1, len(parts) + 1))


@functools.cache
def absent_here() -> frozenset[str]:
    """The entries of the lists above, and of `since`, that tell what this very Python must lack."""
    running = sys.version_info[:2]
    since = {
        name: tuple(map(int, row.since.split(".")))
        for file in library_files().values()
        for row in file.blocking
        if row.since
        for name in row.names
    }
    absent = {name for name, version in (since | NEWER).items() if running < version}
    absent |= {name for name, version in REMOVED.items() if running >= version}
    absent |= {name for name, platforms in PLATFORM.items() if sys.platform not in platforms}
    absent |= {name for name in OPTIONAL if not exists(name) or resolve(name) is None}
    absent |= {name for name, versions in PASSING.items() if running not in versions}
    return frozenset(absent | INSTANCE)


# --- tests -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", library_files())
def test_every_name_exists_or_is_known_to_be_absent(source: str) -> None:
    """Every name of the file exists, but those that this Python is known to lack."""
    own = {(entry.table, entry.name) for entry in names() if entry.source == source}
    unknown = sorted(entry for entry in own if not exists(entry[1]) and not covered(entry[1], absent_here()))
    assert unknown == []


def test_what_is_listed_as_absent_is_absent() -> None:
    """No entry of the lists excuses a name that is there: it would hide the day when the name goes."""
    present = sorted({entry.name for entry in names() if covered(entry.name, absent_here()) and exists(entry.name)})
    assert present == []


def test_no_entry_of_the_lists_is_idle() -> None:
    """Each entry of the lists excuses a name that the catalog has."""
    listed = {*NEWER, *REMOVED, *PLATFORM, *OPTIONAL, *INSTANCE, *PASSING}
    used = {entry for entry in listed if any(covered(name.name, {entry}) for name in names())}
    assert sorted(listed - used) == []


def test_names_are_canonical() -> None:
    """A name that an alias leads away from would never be looked up."""
    catalog = Catalog(library_files().items())
    aliased = sorted({entry for entry in names() if entry.table != "aliases" and catalog.canonical(entry.name) != entry.name})
    assert aliased == []


def test_nothing_is_blocking_and_nonblocking() -> None:
    """A name has one verdict."""
    catalog = Catalog(library_files().items())
    assert sorted(set(catalog.blocking) & set(catalog.nonblocking)) == []


def test_no_call_has_two_rows() -> None:
    """Two rows for one name must differ in their conditions."""
    rows = Counter((name, row.unless, row.when) for file in library_files().values() for row in file.blocking for name in row.names)
    assert sorted(name for (name, *_), count in rows.items() if count > 1) == []


def test_types_are_classes_with_these_bases() -> None:
    """A [[type]] is a class, and its bases are bases of it."""
    wrong = [
        (entry.name, base)
        for file in library_files().values()
        for entry in file.type
        if exists(entry.name) and entry.name not in KIN
        for base in entry.bases or ("builtins.object",)
        if not is_subclass(resolve(entry.name), resolve(base))
    ]
    assert wrong == []


def is_subclass(child: object, base: object) -> bool:
    """Whether both are classes, one below the other."""
    return isinstance(child, type) and isinstance(base, type) and issubclass(child, base)


@pytest.mark.parametrize("source", library_files())
def test_arguments_are_where_the_catalog_says(source: str) -> None:
    """The signature has the argument that a condition or row names, at that position."""
    wrong = sorted({argument for argument in arguments() if argument.source == source and contradicts_signature(argument)})
    assert wrong == []


def contradicts_signature(argument: Argument) -> bool:
    """Whether the callee has a signature, and one in which the argument is not where the catalog says."""
    parameters = parameters_of(argument.callee)
    if parameters is None:
        return False
    kinds = {parameter.kind for parameter in parameters}
    positional = [parameter for parameter in parameters if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)]
    if argument.position >= len(positional):
        return inspect.Parameter.VAR_POSITIONAL not in kinds
    if argument.name in ("", "*"):
        return False
    if argument.position >= 0:
        found = positional[argument.position]
        return found.name != argument.name and found.kind is not inspect.Parameter.POSITIONAL_ONLY
    return argument.name not in {parameter.name for parameter in parameters} and inspect.Parameter.VAR_KEYWORD not in kinds


def parameters_of(name: str) -> list[inspect.Parameter] | None:
    """The parameters without `self`; None where this Python cannot tell."""
    try:
        parameters = list(inspect.signature(resolve(name)).parameters.values())  # type: ignore[arg-type]
        owner, _, attribute = name.rpartition(".")
        held_by = resolve(owner) if owner else None
    except (Missing, TypeError, ValueError):
        return None
    if isinstance(held_by, type) and takes_self(held_by, attribute):
        return parameters[1:]
    return parameters


def takes_self(owner: type, attribute: str) -> bool:
    """Whether the signature of the class's attribute begins with `self`."""
    held = inspect.getattr_static(owner, attribute)
    return not isinstance(held, (staticmethod, classmethod, type)) and type(held).__name__ != "classmethod_descriptor"
