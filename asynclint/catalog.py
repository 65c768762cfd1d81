"""rules/ → Catalog: what blocks, what leaves the loop, what calls back, what returns what. Data in, lookups out.

A catalog is a TOML file whose form is the structs below; `docs/catalogs.md` explains it to contributors. A mistake is refused with
the file, the key and the nearest valid name.
"""

from __future__ import annotations

import ast
import difflib
import functools
import re
from collections.abc import Iterable, Iterator, Set
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from asynclint.model import Cost

CostWord = Literal["brief", "slow", "unbounded"]
Wait = Literal[
    "sleep", "http", "network", "dns", "file", "filesystem", "process", "database", "service", "lock", "thread", "queue", "future",
    "input", "import", "tls", "loop", "cpu",
]  # fmt: skip


T = TypeVar("T", bound=msgspec.Struct)


class CatalogError(Exception):
    """A catalog that cannot be used; the text says which file, which entry and why."""


class Form(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What all entries share: unknown keys are refused, keys are written in kebab-case."""


class Blocking(Form, frozen=True):
    """Calls that hold the calling thread.

    `names` are canonical names: functions, classes (the constructor), methods, properties (reading them blocks) and dunder methods for
    what the language calls (`__enter__`, `__exit__`, `__iter__`, `__next__`, `__getitem__`, …).
    """

    names: tuple[str, ...]
    code: str
    cost: CostWord
    wait: Wait
    #: why it blocks, one clause that follows "because"
    why: str
    #: what a practitioner uses instead
    use: str
    #: a documentation address, or how it was observed
    evidence: str
    #: conditions on the arguments; one that holds makes the call harmless
    unless: tuple[str, ...] = ()
    #: conditions on the arguments; without one that holds the call is harmless
    when: tuple[str, ...] = ()
    #: the call returns at once; what blocks is iterating the result
    lazy: bool = False
    #: the names are properties: reading them blocks
    property: bool = False
    #: it takes a plain text first, as a mapping does: `get("name")`, and not an address, a number or nothing
    keyed: bool = False
    #: it blocks the first time only (a cache or a module-level value is filled)
    once: bool = False
    #: it blocks the first time for each argument only, so one step less in a helper: that is called over and over
    remembered: bool = False
    #: the rewrite of the call, with {args} and {func}; default: `await asyncio.to_thread({func}, {args})`
    rewrite: str = ""
    since: str = ""


class TypeEntry(Form, frozen=True):
    """A class of the library: its bases (canonical names) and whether its objects belong to the thread that made them."""

    name: str
    bases: tuple[str, ...] = ()
    thread_bound: bool = False


class Offloader(Form, frozen=True):
    """Functions that run an argument off the loop's thread (`argument`), or decorators that make the function do so."""

    names: tuple[str, ...]
    argument: str = ""
    decorator: bool = False
    #: the name of the offloading style for rewrites, where it is one
    style: str = ""
    evidence: str = ""


class OnLoop(Form, frozen=True):
    """Functions whose `argument` runs on the loop, decorators that mark such a function, or a class whose `methods` the loop calls."""

    names: tuple[str, ...]
    argument: str = ""
    decorator: bool = False
    methods: tuple[str, ...] = ()
    evidence: str = ""


class Uses(Form, frozen=True):
    """Functions that use an argument on the calling thread: call it, iterate it, enter it as a context manager, ask for its length.

    `later` says that this happens when the result is iterated (`map`, `filter`).
    """

    names: tuple[str, ...]
    argument: str
    how: Literal["call", "iterate", "enter", "measure"]
    later: bool = False


class NonBlocking(Form, frozen=True):
    """Names that look as if they blocked and do not; neither their own body nor what they are made of is looked into."""

    names: tuple[str, ...]
    why: str


class Quiets(Form, frozen=True):
    """What makes a method harmless on the same receiver: an earlier call (`after`), or a test that was true (`guard`).

    `after` names methods of the receiver (subject to `when`) or functions that were handed the receiver.
    """

    names: tuple[str, ...]
    after: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    guard: tuple[str, ...] = ()


class Decorator(Form, frozen=True):
    """What a decorator makes of a function. Unknown decorators are taken to keep it."""

    names: tuple[str, ...]
    kind: Literal[
        "keep", "property", "cached-property", "cached", "contextmanager", "asynccontextmanager", "abstract", "overload", "replaces"
    ]


class Answer(Form, frozen=True):
    """Tests whose outcome is known: `true` or `false` wherever the loop's thread runs them, a question about the argument itself
    (`coroutine-function`, `awaitable`), or the identity of the running thread (`this-thread`), which compares equal."""

    names: tuple[str, ...]
    answer: Literal["true", "false", "coroutine-function", "awaitable", "this-thread"]


class Startup(Form, frozen=True):
    """Functions (by `argument`, or as a decorator) that run once before the loop serves anyone, or after it stopped."""

    names: tuple[str, ...]
    argument: str = ""
    decorator: bool = False
    when: tuple[str, ...] = ()


class Misuse(Form, frozen=True):
    """Calls that are a mistake by the way they are used, which `how` tells:

    `dropped` (nobody keeps the result), `no-loop` (made where no loop runs), `run` (the loop is started for this argument), `called` (at
    all), `called-to-run` (on the result, `run_until_complete` or `run_forever` is called), `polling` (awaited in a loop that does nothing
    else), `question` (asked over and over), `own-loop` (told to the loop that it runs on), `held` (a lock that is held across an
    `await`), `fan-out` (given as many awaitables as there are items).
    """

    names: tuple[str, ...]
    code: str
    how: Literal["dropped", "no-loop", "run", "called", "called-to-run", "polling", "question", "own-loop", "held", "fan-out"]
    #: what goes wrong, one clause
    why: str
    #: what a practitioner writes instead
    use: str
    evidence: str
    #: conditions on the arguments, as in `Blocking`
    unless: tuple[str, ...] = ()
    when: tuple[str, ...] = ()


class Library(Form, frozen=True):
    """Who this is about."""

    name: str
    #: the import packages or modules this file describes
    modules: tuple[str, ...]
    docs: str
    #: the name on PyPI; empty for the standard library
    distribution: str = ""
    summary: str = ""


class LibraryFile(Form, frozen=True):
    """One file of rules/libraries, or a user's own catalog."""

    library: Library
    blocking: tuple[Blocking, ...] = ()
    type: tuple[TypeEntry, ...] = ()
    #: other spelling → canonical name; covers the members of a class and of a module too
    aliases: dict[str, str] = {}
    #: callable, property or attribute → the type of what it gives
    returns: dict[str, str] = {}
    offloader: tuple[Offloader, ...] = ()
    on_loop: tuple[OnLoop, ...] = ()
    uses: tuple[Uses, ...] = ()
    nonblocking: tuple[NonBlocking, ...] = ()
    quiets: tuple[Quiets, ...] = ()
    decorator: tuple[Decorator, ...] = ()
    startup: tuple[Startup, ...] = ()
    answer: tuple[Answer, ...] = ()
    misuse: tuple[Misuse, ...] = ()


class Example(Form, frozen=True):
    """Code with a finding of the rule, and the same code mended."""

    bad: str
    good: str


class Rule(Form, frozen=True):
    """One file of rules/codes: the words of a rule."""

    code: str
    name: str
    #: one sentence: what it finds
    summary: str
    #: why it is bad, in a few sentences
    why: str
    #: how it shows in production
    symptom: str
    #: how to mend it
    mend: str
    #: when to ignore it
    ignore: str
    aliases: tuple[str, ...] = ()
    default: bool = True
    examples: tuple[Example, ...] = ()


# --- conditions on arguments -----------------------------------------------------------------------------------------------------

_CONDITION = re.compile(r"(?P<name>\w+)?(?:@(?P<position>\d+))?\s*(?:(?P<word>given|missing)|(?P<op>=|<|is not|is)\s*(?P<value>.+))$")


class Condition(msgspec.Struct, frozen=True):
    """A test of one argument: `given`, `missing`, `equals` a literal or a dotted constant, `below` a number, `is` or `is not` of a type.

    Written `name@position = literal`, `name@3 < 1000`, `name@0 is io.BytesIO`, `@0 given`, …; positions count from 0 and leave `self` out.
    """

    name: str
    position: int  # -1: by keyword only
    #: given, missing, equals, below, is, is not
    test: str
    value: Any = None
    #: the value is the dotted name of a constant
    constant: bool = False


@functools.cache
def parse_condition(text: str) -> Condition:
    """Reads one condition; raises ValueError with the reason."""
    found = _CONDITION.match(text.strip())
    if not found or not (found["name"] or found["position"]):
        raise ValueError(f"{text!r} is not a condition: expected 'name@0 = literal', 'name is type', 'name given' or 'name missing'")
    name, position = found["name"] or "", int(found["position"]) if found["position"] else -1
    if found["word"]:
        return Condition(name, position, found["word"])
    if found["op"] == "<":
        if not found["value"].strip().isdigit():
            raise ValueError(f"{text!r} is not a condition: what stands behind '<' is a whole number")
        return Condition(name, position, "below", int(found["value"]))
    if found["op"] != "=":
        return Condition(name, position, found["op"], found["value"].strip())
    try:
        return Condition(name, position, "equals", ast.literal_eval(found["value"]))
    except (ValueError, SyntaxError):
        return Condition(name, position, "equals", found["value"].strip(), constant=True)


@functools.cache
def parse_argument(text: str) -> tuple[str, int]:
    """`"func@0"` → ("func", 0); a part that is not given is "" or -1; `"*@1"` means every argument from position 1."""
    name, _, position = text.partition("@")
    return name, int(position) if position else -1


# --- loading ---------------------------------------------------------------------------------------------------------------------


def rules_folder() -> Path:
    """The folder of the knowledge: inside the installed package, else beside it in a checkout. Raises CatalogError if there is none."""
    packaged = resources.files("asynclint") / "rules"
    for folder in (Path(str(packaged)), Path(__file__).resolve().parent.parent / "rules"):
        if (folder / "libraries").is_dir():
            return folder
    raise CatalogError(f"asynclint's own rules are missing (looked for {packaged}): install it again")


def decode_file(path: Path, form: type[T]) -> T:
    """Reads one TOML file as `form`; raises CatalogError naming the file, the key and the nearest valid name."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=form)
    except OSError as error:
        raise CatalogError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CatalogError(f"{path}: {explain_mistake(str(error), form)}") from error


def explain_mistake(message: str, form: type[msgspec.Struct]) -> str:
    """msgspec's words about a mistake, with the nearest valid key added where a key is unknown."""
    unknown = re.search(r"unknown field `(.+?)`", message)
    if not unknown:
        return message
    near = difflib.get_close_matches(unknown[1], sorted(_keys(form)), n=1)
    return f"{message}; did you mean `{near[0]}`?" if near else message


def _keys(form: type[msgspec.Struct]) -> Iterator[str]:
    """All keys of a form and of the forms inside it."""
    for field in msgspec.structs.fields(form):
        yield field.encode_name
        for inner in getattr(field.type, "__args__", (field.type,)):
            if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
                yield from _keys(inner)


@functools.cache
def load_rules() -> dict[str, Rule]:
    """The rules by code, in the order of their codes. Raises CatalogError."""
    rules = [decode_file(path, Rule) for path in sorted((rules_folder() / "codes").glob("*.toml"))]
    return {rule.code: rule for rule in sorted(rules, key=lambda rule: rule.code)}


def load_catalog(further: Iterable[Path] = (), roots: Set[str] | None = None) -> Catalog:
    """The catalog of asynclint with `further` files after it (a later file adds rows, and its `nonblocking` wins). Raises CatalogError.

    With `roots`, the top-level names that a program imports or has, only the libraries that it can meet: those of these names, those that
    they give objects of, and the standard library. The others would cost time, and their words attention.
    """
    waiting = {path: _roots_of(path) for path in sorted((rules_folder() / "libraries").glob("*.toml"))}
    last = [(path, decode_file(path, LibraryFile)) for path in further]
    wanted = {*(roots or ()), *(root for _, file in last for root in _roots_spoken_of(file))}
    found: dict[Path, LibraryFile] = {}
    while met := [path for path, own in waiting.items() if roots is None or not own or not own.isdisjoint(wanted)]:
        for path in met:
            del waiting[path]
            found[path] = decode_file(path, LibraryFile)
            wanted.update(_roots_spoken_of(found[path]))
    return Catalog((path.name, file) for path, file in [*sorted(found.items(), key=lambda item: item[0]), *last])


_ROOT = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\.")
_HEADER = re.compile(r'^(modules|distribution) = (\[[^\]]*\]|".*")', re.MULTILINE)


def _roots_spoken_of(file: LibraryFile) -> Iterator[str]:
    """The top-level names of the types that a library's objects have and give."""
    bases = (base for entry in file.type for base in entry.bases)
    for name in (*file.returns.values(), *bases):
        yield from _ROOT.findall(name)


def _roots_of(path: Path) -> set[str]:
    """The top-level names of a library, read from its first lines; nothing for the standard library."""
    try:
        header = dict(_HEADER.findall(path.read_text(encoding="utf-8")[:2000]))
    except (OSError, UnicodeDecodeError):
        return set()  # whoever decodes it says what is wrong
    return {name.partition(".")[0] for name in re.findall(r'"([^"]+)"', header.get("modules", ""))} if "distribution" in header else set()


class Catalog:
    """All library files, indexed by canonical name. Raises CatalogError for entries that contradict the form of a name or condition."""

    def __init__(self, files: Iterable[tuple[str, LibraryFile]]) -> None:
        self.libraries: list[Library] = []
        self.aliases: dict[str, str] = {}
        self.blocking: dict[str, list[Blocking]] = {}
        self.types: dict[str, TypeEntry] = {}
        self.properties: set[str] = set()
        self.returns: dict[str, str] = {}
        self.offloaders: dict[str, list[Offloader]] = {}
        self.on_loop: dict[str, list[OnLoop]] = {}
        self.uses: dict[str, list[Uses]] = {}
        self.nonblocking: dict[str, NonBlocking] = {}
        self.quiets: dict[str, list[Quiets]] = {}
        self.decorators: dict[str, Decorator] = {}
        self.startup: dict[str, list[Startup]] = {}
        self.answers: dict[str, str] = {}
        self.misuses: dict[str, list[Misuse]] = {}
        for source, file in files:
            self.add(source, file)

    def add(self, source: str, file: LibraryFile) -> None:
        """Adds the rows of a file after those that are there."""
        self.libraries.append(file.library)
        self.aliases.update(file.aliases)
        self.returns.update(file.returns)
        for entry in file.type:
            self.types[entry.name] = entry
        for row in file.blocking:
            _check_conditions(source, row.names, (*row.unless, *row.when))
            for name in row.names:
                self.blocking.setdefault(name, []).append(row)
                if row.property:
                    self.properties.add(name)
        tables: list[tuple[tuple[Any, ...], dict[str, list[Any]]]] = [
            (file.offloader, self.offloaders),
            (file.on_loop, self.on_loop),
            (file.uses, self.uses),
            (file.quiets, self.quiets),
            (file.startup, self.startup),
            (file.misuse, self.misuses),
        ]
        for entries, table in tables:
            for entry in entries:
                _check_conditions(source, entry.names, getattr(entry, "when", ()))
                for name in entry.names:
                    table.setdefault(name, []).append(entry)
        for quiet in file.nonblocking:
            self.nonblocking.update(dict.fromkeys(quiet.names, quiet))
        for answer in file.answer:
            self.answers.update(dict.fromkeys(answer.names, answer.answer))
        for decorator in file.decorator:
            self.decorators.update(dict.fromkeys(decorator.names, decorator))

    def canonical(self, name: str) -> str:
        """The canonical spelling of a dotted name: the longest aliased prefix is replaced, until nothing changes."""
        for _ in range(8):
            head, tail = name, ""
            while head not in self.aliases:
                head, dot, last = head.rpartition(".")
                if not dot:
                    return name
                tail = f".{last}{tail}"
            name = self.aliases[head] + tail
        return name

    def mro(self, name: str) -> Iterator[str]:
        """The class and its bases, nearest first, as far as the catalog knows them."""
        seen: set[str] = set()
        queue = [self.canonical(name)]
        while queue:
            current = queue.pop(0)
            if current not in seen:
                seen.add(current)
                yield current
                entry = self.types.get(current)
                queue.extend(self.canonical(base) for base in entry.bases) if entry else None


def _check_conditions(source: str, names: tuple[str, ...], conditions: Iterable[str]) -> None:
    for text in conditions:
        try:
            parse_condition(text)
        except ValueError as error:
            raise CatalogError(f"{source}: entry {names[0]!r}: {error}") from error


def library_cost(row: Blocking) -> Cost:
    """The cost of a row as the enum."""
    return Cost[row.cost.upper()]
