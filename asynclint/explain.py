"""A rule or a catalogued name → the text of `asynclint explain`."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from asynclint.catalog import Blocking, Catalog, Rule, load_catalog, load_rules, parse_argument, parse_condition

WIDTH = 100
LABEL = 13

COSTS = {
    "brief": "one quick question to the local system",
    "slow": "grows with data, or reads it",
    "unbounded": "waits for others",
}

ANSWERS = {
    "true": "true on the loop's thread",
    "false": "false on the loop's thread",
    "coroutine-function": "whether the argument is a coroutine function",
    "awaitable": "whether the argument can be awaited",
}

Row = tuple[str, str]
T = TypeVar("T")


class UnknownName(KeyError):
    """Neither a rule nor a name of the catalog; `suggestions` are the nearest ones."""

    def __init__(self, name: str, suggestions: tuple[str, ...]) -> None:
        super().__init__(name)
        self.name = name
        self.suggestions = suggestions

    def __str__(self) -> str:
        hint = f" Did you mean {' or '.join(f'`{near}`' for near in self.suggestions)}?" if self.suggestions else ""
        return f"`{self.name}` is neither a rule nor a name that the catalog knows.{hint}"


def explain(name: str, catalog: Catalog | None = None) -> str:
    """The text for a code, a rule's name, another linter's code or a qualified name. Raises UnknownName and CatalogError."""
    rules = load_rules()
    meant = [rule for rule in rules.values() if name.lower() in {rule.code.lower(), rule.name} or name.upper() in rule.aliases]
    if meant:
        return "\n\n".join(explain_rule(rule) for rule in meant)
    catalog = catalog or load_catalog()
    text = explain_name(name, catalog, rules)
    if not text:
        raise UnknownName(name, nearest(name, catalog, rules))
    return text


def nearest(name: str, catalog: Catalog, rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """The names that were most likely meant: those that end so, else those spelt alike."""
    names = {*catalog.blocking, *catalog.types, *catalog.offloaders, *catalog.on_loop, *catalog.nonblocking}
    endings = sorted(known for known in names if known.endswith(f".{name}"))
    spellings = sorted({*names, *catalog.aliases, *rules, *(rule.name for rule in rules.values())})
    return tuple(dict.fromkeys([*endings, *difflib.get_close_matches(name, spellings, n=3)]))[:3]


# --- a rule ----------------------------------------------------------------------------------------------------------------------


def explain_rule(rule: Rule) -> str:
    """The words of a rule, with its examples."""
    parts = [f"{rule.code} {rule.name}", _wrap(rule.summary)]
    sections = {"Why it is bad": rule.why, "How it shows": rule.symptom, "How to mend it": rule.mend, "When to ignore it": rule.ignore}
    parts += [f"{heading}\n{_wrap(text, '  ')}" for heading, text in sections.items()]
    for example in rule.examples:
        parts += [f"Instead of\n{_code(example.bad)}", f"Write\n{_code(example.good)}"]
    if rule.aliases:
        parts.append(f"In ruff and flake8-async: {', '.join(rule.aliases)}")
    return "\n\n".join(parts)


def _code(snippet: str) -> str:
    return textwrap.indent(snippet.strip(), "    ")


# --- a name ----------------------------------------------------------------------------------------------------------------------


def explain_name(name: str, catalog: Catalog, rules: Mapping[str, Rule]) -> str:
    """What the catalog says about a function, method, class, module or library; empty if it says nothing."""
    canonical = _canonical(name, catalog)
    tables: list[Iterable[Row]] = [
        *_entries(canonical, catalog, rules),
        _class(canonical, catalog),
        _library(name, catalog),
        _members(canonical, catalog),
    ]
    known = [_table(rows) for rows in map(list, tables) if rows]
    if not known:
        return ""
    title = name if name == canonical else f"{name}, that is {canonical}"
    return "\n\n".join([title, *known])


def _canonical(name: str, catalog: Catalog) -> str:
    """The catalog's spelling; a bare name that only the builtins have is theirs."""
    canonical = catalog.canonical(name)
    builtin = f"builtins.{canonical}"
    return builtin if "." not in name and builtin in {*catalog.blocking, *catalog.types, *catalog.nonblocking, *catalog.uses} else canonical


def _entries(name: str, catalog: Catalog, rules: Mapping[str, Rule]) -> Iterator[list[Row]]:
    """One table of rows for each entry about the name itself, its own or inherited from a base class."""
    for blocking in _inherited(catalog.blocking, name, catalog, ()):
        yield list(_blocking(name, blocking, rules))
    for quiets in _inherited(catalog.quiets, name, catalog, ()):
        condition = f" where {' and '.join(map(_condition, quiets.when))}" if quiets.when else ""
        yield list(_when("harmless", "after", tuple(f"{name}{condition}" for name in quiets.after)))
        yield list(_when("harmless", "where the code has tested", quiets.guard))
    if nonblocking := _inherited(catalog.nonblocking, name, catalog, None):
        yield [("harmless", f"does not block: {nonblocking.why}")]
    for offloader in _inherited(catalog.offloaders, name, catalog, ()):
        what = "the function under this decorator" if offloader.decorator else _argument(offloader.argument)
        yield [("offloads", f"{what} runs off the loop's thread"), *_evidence(offloader.evidence)]
    for on_loop in _inherited(catalog.on_loop, name, catalog, ()):
        what = "the function under this decorator" if on_loop.decorator else _argument(on_loop.argument)
        what = f"the methods {', '.join(on_loop.methods)} of subclasses" if on_loop.methods else what
        yield [("calls back", f"the loop runs {what}"), *_evidence(on_loop.evidence)]
    for uses in _inherited(catalog.uses, name, catalog, ()):
        verb = {"call": "called", "iterate": "iterated", "enter": "entered as a context manager", "measure": "asked for its length"}[
            uses.how
        ]
        yield [("uses", f"{_argument(uses.argument)} is {verb} on the calling thread{', when the result is iterated' * uses.later}")]
    for startup in _inherited(catalog.startup, name, catalog, ()):
        what = "the function under this decorator" if startup.decorator else _argument(startup.argument)
        yield [
            ("start-up", f"{what} runs while the loop serves nobody: one step cheaper"),
            *_when("only", "if", tuple(map(_condition, startup.when))),
        ]
    if answer := catalog.answers.get(name):
        yield [("answers", ANSWERS[answer])]
    if decorator := catalog.decorators.get(name):
        yield [("decorator", decorator.kind)]
    if gives := _inherited(catalog.returns, name, catalog, None):
        yield [("gives", gives)]


def _inherited(table: Mapping[str, T], name: str, catalog: Catalog, default: T) -> T:
    """The entry of a name, or of the same member in the nearest base class that has one."""
    owner, _, member = name.rpartition(".")
    spellings = [name, *(f"{base}.{member}" for base in catalog.mro(owner))]
    return next((table[spelling] for spelling in spellings if spelling in table), default)


def _blocking(name: str, row: Blocking, rules: Mapping[str, Rule]) -> Iterator[Row]:
    yield "blocks", f"because {row.why}"
    yield "rule", f"{row.code} {rules[row.code].name}" if row.code in rules else row.code
    yield "cost", f"{row.cost}: {COSTS[row.cost]}"
    yield "waits for", row.wait
    yield from _when("harmless", "if", tuple(map(_condition, row.unless)))
    yield from _when("only", "if", tuple(map(_condition, row.when)))
    if row.lazy:
        yield "when", "not at the call, but when the result is iterated"
    if row.remembered:
        yield "less", "one step cheaper in a helper: what was done for one argument is not done again for it"
    if row.once:
        yield "when", "the first time only"
    if row.since:
        yield "since", row.since
    yield "use", row.use
    if row.rewrite:
        yield "rewrite", row.rewrite.replace("{args}", "…").replace("{func}", name)
    yield from _evidence(row.evidence)


def _when(label: str, word: str, texts: tuple[str, ...]) -> Iterator[Row]:
    if texts:
        yield label, f"{word} {' or '.join(texts)}"


def _evidence(text: str) -> Iterator[Row]:
    if text:
        yield "evidence", text


def _condition(text: str) -> str:
    """A condition of the catalog in words."""
    condition = parse_condition(text)
    argument = _place(condition.name, condition.position)
    match condition.test:
        case "given":
            return f"{argument} is given"
        case "missing":
            return f"{argument} is left out"
        case "equals":
            return f"{argument} is {condition.value if condition.constant else repr(condition.value)}"
        case "below":
            return f"{argument} is below {condition.value:,}"
        case test:
            return f"{argument} {test} of type {condition.value}"


def _argument(text: str) -> str:
    """`"func@0"` in words."""
    name, position = parse_argument(text)
    return f"each argument from the {_ordinal(position)} on" if name == "*" else _place(name, position)


def _place(name: str, position: int) -> str:
    """A parameter by its name, its position or both; a position of -1 says that there is none."""
    place = "" if position < 0 else f"the {_ordinal(position)} argument"
    return f"`{name}` ({place})" if name and place else f"`{name}`" if name else place


def _ordinal(position: int) -> str:
    words = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
    return words[position] if position < len(words) else f"{position + 1}th"


# --- classes, modules, libraries -------------------------------------------------------------------------------------------------


def _class(name: str, catalog: Catalog) -> Iterator[Row]:
    if entry := catalog.types.get(name):
        yield "class", f"with the bases {', '.join(entry.bases)}" if entry.bases else "without bases that the catalog knows"
        if entry.thread_bound:
            yield "thread-bound", "its objects may be used only in the thread that made them"


def _library(name: str, catalog: Catalog) -> Iterator[Row]:
    for library in catalog.libraries:
        if name in {library.name, library.distribution, *library.modules}:
            yield "library", library.summary or library.name
            yield "modules", ", ".join(library.modules)
            yield "docs", library.docs


def _members(name: str, catalog: Catalog) -> list[Row]:
    """What lies in a class (with its bases) or a module, by code and cost, and what of it does not block or offloads."""
    groups: dict[str, list[str]] = {}
    seen: set[str] = set()
    for owner in catalog.mro(name):
        for label, member in _labelled(owner, catalog):
            if member not in seen:
                groups.setdefault(label, []).append(member)
        seen.update(member for members in groups.values() for member in members)
    return [(label, ", ".join(sorted(set(members)))) for label, members in sorted(groups.items())]


def _labelled(owner: str, catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Each catalogued name inside `owner`, without the owner, under the label of its group."""
    inside = f"{owner}."
    for known, rows in catalog.blocking.items():
        if known.startswith(inside):
            yield from ((f"{row.code} {row.cost}", known.removeprefix(inside)) for row in rows)
    for label, table in (("harmless", catalog.nonblocking), ("offloads", catalog.offloaders), ("calls back", catalog.on_loop)):
        yield from ((label, known.removeprefix(inside)) for known in table if known.startswith(inside))


# --- text ------------------------------------------------------------------------------------------------------------------------


def _wrap(text: str, indent: str = "") -> str:
    lines = textwrap.wrap(text.strip(), WIDTH - len(indent), break_long_words=False, break_on_hyphens=False)
    return textwrap.indent("\n".join(lines), indent)


def _table(rows: list[Row]) -> str:
    """Rows of a label and a text, the texts in one column."""
    column = max(LABEL, *(len(label) + 1 for label, _ in rows))
    return "\n".join(f"  {label:<{column}}{_wrap(text, ' ' * (column + 2)).lstrip()}" for label, text in rows)
