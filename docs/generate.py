"""rules/ → docs/rules/*.md and docs/libraries.md; the tour's output → its sample in README.md.

`python docs/generate.py` writes them, `--check` says whether they are current.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from asynclint.catalog import LibraryFile, Rule, decode_file, load_rules, rules_folder

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = re.compile(r"(?<=<!-- tour: begin -->\n).*(?=<!-- tour: end -->)", re.DOTALL)
#: how many findings of the tour the sample shows
SHOWN = 3
NOTE = "<!-- Written by docs/generate.py from rules/: edit there. -->"


def main(arguments: list[str]) -> int:
    """Writes the pages, or with `--check` names those that are not current. The exit status is 1 where there are such."""
    if arguments not in ([], ["--check"]):
        print("usage: python docs/generate.py [--check]", file=sys.stderr)
        return 2
    wanted = pages()
    if not arguments:
        write(ROOT, wanted)
        return 0
    stale = stale_pages(ROOT, wanted)
    for page in stale:
        print(f"not current: {page} (run python docs/generate.py)")
    return 1 if stale else 0


def stale_pages(folder: Path, wanted: dict[str, str]) -> list[str]:
    """The pages in `folder` that differ from the wanted ones, are missing, or are left over."""
    there = {page: (folder / page).read_text("utf-8") for page in _existing(folder)}
    return sorted(page for page in {*wanted, *there} if wanted.get(page) != there.get(page))


def write(folder: Path, wanted: dict[str, str]) -> None:
    """Writes the wanted pages and removes what is left over of earlier ones."""
    (folder / "docs/rules").mkdir(parents=True, exist_ok=True)
    for page in _existing(folder):
        if page not in wanted:
            (folder / page).unlink()
    for page, text in wanted.items():
        (folder / page).write_text(text, "utf-8", newline="\n")


def _existing(folder: Path) -> list[str]:
    """The generated pages in `folder`."""
    return [
        path.relative_to(folder).as_posix()
        for path in (*folder.glob("docs/rules/*.md"), *folder.glob("docs/libraries.md"), *folder.glob("README.md"))
    ]


# --- pages -----------------------------------------------------------------------------------------------------------------------


def pages() -> dict[str, str]:
    """All pages that are generated in whole or in part: path below the root → text."""
    rules = load_rules()
    files = [decode_file(path, LibraryFile) for path in sorted((rules_folder() / "libraries").glob("*.toml"))]
    files.sort(key=lambda file: (bool(file.library.distribution), file.library.name.lower()))
    return {
        "docs/rules/index.md": rules_index(rules.values()),
        **{f"docs/rules/{rule.name}.md": rule_page(rule, files) for rule in rules.values()},
        "docs/libraries.md": libraries_page(rules.values(), files),
        "README.md": SAMPLE.sub(lambda _: f"```text\n{tour()}\n```\n", (ROOT / "README.md").read_text("utf-8")),
    }


def rules_index(rules: Iterable[Rule]) -> str:
    """The table of all rules."""
    rows = (
        (f"[{rule.code}]({rule.name}.md)", rule.name, rule.summary, ", ".join(rule.aliases), "on" if rule.default else "off")
        for rule in rules
    )
    return _page(
        "Rules",
        "A finding bears the code of what finally holds the loop, however long the way to it. `asynclint explain CODE` shows the same "
        "words in the terminal, and `asynclint rules` the list.",
        _table(("code", "name", "what it finds", "in ruff and flake8-async", "by default"), rows),
        "```{toctree}\n:hidden:\n:glob:\n\n*\n```",
    )


def rule_page(rule: Rule, files: Iterable[LibraryFile]) -> str:
    """The page of one rule; its headings are always the same."""
    state = "This rule is on by default." if rule.default else "This rule is off by default."
    sections = {
        "What it finds": f"{rule.summary} {state}",
        "Why it is bad": rule.why,
        "How it shows": rule.symptom,
        "How to mend it": rule.mend,
        "When to ignore it": rule.ignore,
        "Examples": "\n\n".join(_examples(rule)),
        "What it knows": _knowledge(rule, files),
        "In other linters": _counterparts(rule),
    }
    body = [f"## {heading}\n\n{text if heading == 'Examples' else _wrap(text)}" for heading, text in sections.items()]
    return _page(f"{rule.name} ({rule.code})", *body)


def _examples(rule: Rule) -> Iterator[str]:
    for example in rule.examples:
        yield f"Instead of\n\n```python\n{example.bad.strip()}\n```"
        yield f"write\n\n```python\n{example.good.strip()}\n```"


def _knowledge(rule: Rule, files: Iterable[LibraryFile]) -> str:
    names = [file.library.name for file in files if any(row.code == rule.code for row in file.blocking)]
    if not names:
        return "This rule needs no knowledge about libraries."
    return f"Calls of {', '.join(f'`{name}`' for name in names)}. Their numbers are on the page of [libraries](../libraries.md)."


def _counterparts(rule: Rule) -> str:
    if not rule.aliases:
        return "ruff and flake8-async have no counterpart."
    return (
        f"ruff and flake8-async report direct calls of this kind as {', '.join(rule.aliases)}. A `# noqa` with such a code suppresses "
        "this rule too; see [coming from ruff](../coming-from-ruff.md)."
    )


def libraries_page(rules: Iterable[Rule], files: list[LibraryFile]) -> str:
    """The tables of all libraries, and how many names each rule knows."""
    known = Counter(code for code, _ in {(row.code, name) for file in files for row in file.blocking for name in row.names})
    per_rule = ((f"[{rule.code}](rules/{rule.name}.md)", rule.name, str(known[rule.code])) for rule in rules if known[rule.code])
    return _page(
        "Libraries",
        "What asynclint knows about libraries lies in `rules/libraries/`, one file a library; [catalogs](catalogs.md) explains the form. "
        "`asynclint explain NAME` shows what is known about one of the names, with the evidence.",
        f"In all, {known.total():,} blocking names of {len(files)} libraries:",
        _table(("code", "rule", "names"), per_rule),
        "## The standard library",
        _libraries(file for file in files if not file.library.distribution),
        "## Other libraries",
        _libraries(file for file in files if file.library.distribution),
    )


def _libraries(files: Iterable[LibraryFile]) -> str:
    """Counts of names: what blocks, what does not although it looks so, what leaves the loop or comes back to it."""
    rows = [
        (
            f"[{file.library.name}]({file.library.docs})",
            ", ".join(f"`{module}`" for module in file.library.modules),
            str(_names(file.blocking)),
            str(_names(file.nonblocking)),
            str(_names(file.offloader)),
            str(_names(file.on_loop)),
            ", ".join(sorted({row.code for row in file.blocking})),
        )
        for file in files
    ]
    return _table(("library", "modules", "blocking", "harmless", "offloaders", "on the loop", "rules"), rows) if rows else "None yet."


def _names(entries: Iterable[object]) -> int:
    return sum(len(getattr(entry, "names", ())) for entry in entries)


def tour() -> str:
    """The first findings of the tour, as the command of README.md prints them."""
    command = [sys.executable, "-m", "asynclint", "fixtures/tour", "--no-cache", "--color", "never"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    return "\n\n".join(printed.stdout.split("\n\n")[:SHOWN])


# --- Markdown --------------------------------------------------------------------------------------------------------------------


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", NOTE, *parts]) + "\n"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _wrap(text: str) -> str:
    return textwrap.fill(text.strip(), 120, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
