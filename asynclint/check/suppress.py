"""Suppression comments → the findings that remain, and ASL003 for asynclint's own comments that suppress nothing.

    # noqa   # noqa: ASL104, ASYNC230 reason   # flake8: noqa   # ruff: noqa: ASYNC230
    # asynclint: ignore[ASL104]: reason   # asynclint: ignore-file[ASL104]
    # asynclint: disable[ASL104]  …  # asynclint: enable[ASL104]

Only comments count, not such words in strings. Files without one of the two words are never scanned.
"""

from __future__ import annotations

import bisect
import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from asynclint.catalog import Rule
from asynclint.check.select import ALWAYS, UNUSED
from asynclint.model import Confidence, Cost, Finding, Span
from asynclint.syntax.scan import mentions, mentions_codes

#: Strings are matched only to be passed over. A raw string ends where one with escapes would.
_COMMENT_OR_STRING = re.compile(
    r"""(?P<comment>\#[^\r\n]*)
      | "{3}(?:[^"\\]|\\.|"(?!""))*"{3}
      | '{3}(?:[^'\\]|\\.|'(?!''))*'{3}
      | "(?:[^"\\\r\n]|\\\r\n|\\.)*"
      | '(?:[^'\\\r\n]|\\\r\n|\\.)*'
    """,
    re.VERBOSE | re.DOTALL,
)
LINE_END = re.compile(r"\r\n|\r|\n")
_CODES = r"(?:[A-Za-z]+[0-9]+|ASL\b)"
_NOQA = re.compile(rf"\#\s*(?P<tool>(?:flake8|ruff):\s*)?noqa\b(?!-)(?:\s*:\s*(?P<codes>{_CODES}(?:[\s,]+{_CODES})*))?", re.IGNORECASE)
_OWN = re.compile(r"\#\s*asynclint:\s*(?P<word>[a-z]+(?:-[a-z]+)*)\s*(?P<brackets>\[(?P<codes>[^\]]*)\])?", re.IGNORECASE)
_FIRST_DEFINITION = re.compile(r"^(?:def|class|async\s+def|@)", re.MULTILINE)

_SUPPRESSING = ("ignore", "ignore-file", "disable", "enable")
#: Words that tell the analysis about a function; it reads them itself.
_TELLING = ("off-loop", "on-loop", "blocking", "nonblocking")


class Comment(msgspec.Struct, frozen=True):
    """A comment, where it stands, and whether it has its line to itself."""

    text: str
    span: Span
    alone: bool


class Directive(msgspec.Struct, frozen=True):
    """What a comment suppresses: `selectors` (empty: everything) on the lines `first` to `last`.

    `own` are the selectors that asynclint says to be unused where they are, "" standing for everything.
    """

    selectors: tuple[str, ...]
    span: Span
    first: int
    last: int
    own: tuple[str, ...] = ()


def suppress(
    findings: Iterable[Finding],
    text_of: Callable[[str], str | None],
    paths: Iterable[str],
    rules: Mapping[str, Rule],
    is_on: Callable[[str, str], bool] = lambda path, code: True,
) -> list[Finding]:
    """The findings that no comment suppresses, and ASL003 for comments in `paths` without effect.

    `findings` should be all of the analysis, cheap and unsure ones too, or comments would look unused that are needed at other settings.
    `paths` may leave out files that do not mention a suppression. `is_on(path, code)` says which codes are looked for in a file: no
    comment about another one is called unused.
    """
    by_path: dict[str, list[Finding]] = {}
    for finding in findings:
        by_path.setdefault(finding.path, []).append(finding)
    kept: list[Finding] = []
    for path in {**dict.fromkeys(by_path), **dict.fromkeys(paths)}:
        of_file = by_path.get(path, [])
        text = text_of(path) or ""
        if mentions(text) and (of_file or mentions_codes(text)):
            kept.extend(_in_file(path, of_file, text, rules, is_on))
        else:
            kept.extend(of_file)
    return kept


def _in_file(
    path: str, findings: list[Finding], text: str, rules: Mapping[str, Rule], is_on: Callable[[str, str], bool]
) -> Iterator[Finding]:
    """The findings of one file that remain, then the notes about its comments."""
    directives, notes = _read(text, rules)
    used: set[tuple[int, str]] = set()
    for finding in findings:
        hit = [
            (number, selector)
            for number, directive in enumerate(directives)
            if _covers(directive, finding)
            for selector in directive.selectors or ("",)
            if _means(selector, finding.code, rules)
        ]
        if finding.code in ALWAYS:
            hit = [(number, selector) for number, selector in hit if selector]
        used.update(hit)
        if not hit:
            yield finding
    if any(finding.code in ALWAYS for finding in findings) or not is_on(path, UNUSED):
        return
    for number, directive in enumerate(directives):
        idle = [selector for selector in directive.own if (number, selector) not in used and _is_idle(selector, path, rules, is_on)]
        if idle:
            notes.append((directive.span, f"unused suppression: no {' or '.join(idle).strip() or 'finding'} here"))
    for span, message in notes:
        note = _note(path, span, message)
        # A comment about a place does not hide the note about itself unless it names ASL003.
        if not any(_covers(each, note) and _hides_note(each, span) for each in directives):
            yield note


def _hides_note(directive: Directive, span: Span) -> bool:
    return UNUSED in directive.selectors or (not directive.selectors and directive.span != span)


def _note(path: str, span: Span, message: str) -> Finding:
    return Finding(
        code=UNUSED,
        name="unused-suppression",
        message=message,
        path=path,
        span=span,
        confidence=Confidence.CERTAIN,
        cost=Cost.BRIEF,
        statement=(span.line, span.line),
    )


def _covers(directive: Directive, finding: Finding) -> bool:
    """Whether the finding's statement reaches into the directive's lines."""
    first, last = finding.statement if finding.statement[0] else (finding.span.line, finding.span.end_line)
    return directive.first <= max(last, finding.span.line) and min(first, finding.span.line) <= directive.last


def _means(selector: str, code: str, rules: Mapping[str, Rule]) -> bool:
    """Whether a selector (a code or its beginning, a rule's name, an alias in another linter, "" for all) means `code`."""
    if not selector or code.startswith(selector.upper()):
        return True
    rule = rules.get(code)
    return rule is not None and (selector.lower() == rule.name or any(alias.startswith(selector.upper()) for alias in rule.aliases))


def _is_idle(selector: str, path: str, rules: Mapping[str, Rule], is_on: Callable[[str, str], bool]) -> bool:
    """Whether what the selector means is looked for in this file, so that its absence says something."""
    if not selector:
        return all(is_on(path, code) for code, rule in rules.items() if rule.default)
    meant = [code for code in rules if _means(selector, code, rules)]
    return UNUSED not in meant and bool(meant) and all(is_on(path, code) for code in meant)


# --- reading comments ------------------------------------------------------------------------------------------------------------


def comments(text: str) -> Iterator[Comment]:
    """The comments of a source text that mention a suppression, in order."""
    starts = [0, *(end.end() for end in LINE_END.finditer(text))]
    for token in _COMMENT_OR_STRING.finditer(text):
        comment = token["comment"]
        if comment and mentions(comment):
            line = bisect.bisect_right(starts, token.start())
            start = starts[line - 1]
            # a mark of the byte order is no column
            column = token.start() - start + 1 - text.startswith("\ufeff", start)
            alone = not text[start : token.start()].strip("\ufeff \t\f")
            yield Comment(comment, Span(line, column, line, column + len(comment)), alone)


def closed_lines(text: str) -> set[int]:
    """The lines (from 1) that cannot take a comment: they end inside a string, or in a backslash."""
    starts = [0, *(end.end() for end in LINE_END.finditer(text))]
    closed: set[int] = set()
    comment_ends: set[int] = set()
    for token in _COMMENT_OR_STRING.finditer(text):
        first, last = (bisect.bisect_right(starts, place) for place in (token.start(), token.end()))
        closed.update(range(first, last))
        if token["comment"]:
            comment_ends.add(token.end())
    return closed | {
        bisect.bisect_right(starts, found.start()) for found in re.finditer(r"\\(?=\r|\n)", text) if found.end() not in comment_ends
    }


def noqa_of(line: str) -> int | None:
    """Where in a line the codes of its `# noqa: …` end; None where it has none."""
    for token in _COMMENT_OR_STRING.finditer(line):
        found = _NOQA.search(token["comment"] or "")
        if found and found["codes"] and not found["tool"]:
            return token.start() + found.end("codes")
    return None


def _read(text: str, rules: Mapping[str, Rule]) -> tuple[list[Directive], list[tuple[Span, str]]]:
    """The directives of a file, and notes about comments that cannot work."""
    directives: list[Directive] = []
    notes: list[tuple[Span, str]] = []
    open_ranges: list[Directive] = []
    end = text.count("\n") + text.count("\r") + 1
    definition = _FIRST_DEFINITION.search(text)
    body = text.count("\n", 0, definition.start()) + 1 if definition else end + 1
    for comment in comments(text):
        if noqa := _NOQA.search(comment.text):
            directives.extend(_noqa(noqa, comment, end))
        if not (own := _OWN.search(comment.text)):
            continue
        word, line = own["word"].lower(), comment.span.line
        span = _part(comment, own)
        selectors = tuple(part.strip() for part in (own["codes"] or "").split(",") if part.strip())
        if word not in _SUPPRESSING:
            near = difflib.get_close_matches(word, (*_SUPPRESSING, *_TELLING), n=1)
            if word not in _TELLING and near:
                notes.append((span, f"unknown directive `{word}`; did you mean `{near[0]}`?"))
            continue
        notes.extend((span, f"unknown code {name!r}") for name in selectors if not _is_known(name, rules))
        directive = Directive(selectors, span, line, line, own=selectors or ("",))
        if word == "ignore":
            directives.append(directive)
        elif word == "ignore-file" and line < body:
            directives.append(msgspec.structs.replace(directive, first=1, last=end))
        elif word == "ignore-file":
            notes.append((span, "`ignore-file` counts only near the top of the file, before the first definition"))
        elif word == "disable":
            open_ranges.append(msgspec.structs.replace(directive, last=end))
        elif not (closed := [each for each in open_ranges if _closes(selectors, each)]):
            notes.append((span, "`enable` without a `disable` above it"))
        else:
            for each in closed:
                open_ranges.remove(each)
                done, rest = _split(each, selectors, line, rules)
                directives.append(done)
                open_ranges.extend(rest)
    return directives + open_ranges, notes


def _noqa(found: re.Match[str], comment: Comment, end: int) -> Iterator[Directive]:
    """`# noqa` of flake8's and ruff's form; those for a whole file count on lines of their own."""
    selectors = tuple(re.split(r"[\s,]+", found["codes"].upper())) if found["codes"] else ()
    own = tuple(selector for selector in selectors if selector.startswith("ASL"))
    directive = Directive(selectors, _part(comment, found), comment.span.line, comment.span.line, own=own)
    if not found["tool"]:
        yield directive
    elif comment.alone:
        yield msgspec.structs.replace(directive, first=1, last=end)


def _part(comment: Comment, found: re.Match[str]) -> Span:
    """The span of a directive inside its comment."""
    line, column = comment.span.line, comment.span.column
    return Span(line, column + found.start(), line, column + found.end())


def _is_known(selector: str, rules: Mapping[str, Rule]) -> bool:
    return any(_means(selector, code, rules) for code in rules)


def _closes(selectors: tuple[str, ...], opened: Directive) -> bool:
    return not selectors or not opened.selectors or bool(set(selectors) & set(opened.selectors))


def _split(opened: Directive, selectors: tuple[str, ...], line: int, rules: Mapping[str, Rule]) -> tuple[Directive, list[Directive]]:
    """A range that ends at `line` for `selectors`, and what of it goes on."""
    ended = msgspec.structs.replace(opened, last=line)
    if not selectors:
        return ended, []
    if not opened.selectors:
        others = tuple(code for code in rules if not any(_means(selector, code, rules) for selector in selectors))
        return ended, [msgspec.structs.replace(opened, selectors=others, own=(), first=line)]
    rest = tuple(selector for selector in opened.selectors if selector not in selectors)
    closed = tuple(selector for selector in opened.selectors if selector in selectors)
    ended = msgspec.structs.replace(ended, selectors=closed, own=closed)
    return ended, [msgspec.structs.replace(opened, selectors=rest, own=rest)] if rest else []
