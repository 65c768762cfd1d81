"""Which findings are reported: codes that are on, per-file-ignores, what is sure and dear enough; and their order."""

from __future__ import annotations

import difflib
import fnmatch
import os
import re
from collections.abc import Iterable, Mapping

from asynclint.catalog import Rule
from asynclint.config import Config, ConfigError, Configs
from asynclint.model import Finding

#: What keeps a file from being analysed is told even if `--select` names something else.
ALWAYS = ("ASL001", "ASL002")
#: A suppression comment without effect.
UNUSED = "ASL003"


def check_codes(config: Config, rules: Mapping[str, Rule]) -> None:
    """Raises ConfigError for a code, or a beginning of codes, that no rule has."""
    lists = {
        "select": config.select or (),
        "ignore": config.ignore,
        "extend-select": config.extend_select,
        "extend-ignore": config.extend_ignore,
        **{f"per-file-ignores.{pattern}": codes for pattern, codes in config.per_file_ignores.items()},
    }
    unknown = [(key, code) for key, codes in lists.items() for code in codes if not _expanded(code, rules)]
    # a row of the user's own has one code, not several
    unknown += [(f"blocking.{name}", entry.code) for name, entry in config.blocking.items() if entry.code not in rules]
    for key, code in unknown:
        where = f"{config.origin.file}: key `{key}`" if config.origin.file else f"`{key}`"
        raise ConfigError(f"{where}: unknown code {code!r}{nearest_code(code, rules)}")


def nearest_code(code: str, rules: Mapping[str, Rule]) -> str:
    """`; did you mean …?` for what is nearly a code, a rule's name, or its alias in another linter."""
    counterpart = next((rule.code for rule in rules.values() if code.upper() in rule.aliases), None)
    if counterpart:
        return f"; did you mean `{counterpart}`?"
    near = difflib.get_close_matches(code.upper(), [*rules, "ALL"], n=1) or difflib.get_close_matches(
        code.lower(), [rule.name for rule in rules.values()], n=1
    )
    return f"; did you mean `{near[0]}`?" if near else ""


class Selection:
    """The codes that are on for each file, and what is worth a report there."""

    def __init__(self, configs: Configs, rules: Mapping[str, Rule]) -> None:
        self._configs = configs
        self._rules = rules
        self._of_folder: dict[str, _Choice] = {}

    def is_on(self, path: str, code: str) -> bool:
        """Whether `code` is reported in the file at `path` at all. Raises ConfigError for unknown codes in its configuration."""
        choice = self._choice(path)
        return code in choice.on and code not in choice.ignored_in(path)

    def reports(self, finding: Finding) -> bool:
        """Whether the finding is on, sure and dear enough. Notes about the files themselves (ASL0xx) have no price."""
        if not self.is_on(finding.path, finding.code):
            return False
        config = self._choice(finding.path).config
        priced = not finding.code.startswith("ASL0")
        return not priced or (finding.cost >= config.min_cost and finding.confidence >= config.min_confidence)

    def _choice(self, path: str) -> _Choice:
        folder = os.path.dirname(path)
        if folder not in self._of_folder:
            self._of_folder[folder] = _Choice(self._configs.of_source(path), self._rules)
        return self._of_folder[folder]


def select(findings: Iterable[Finding], selection: Selection) -> list[Finding]:
    """The findings to report, in report order."""
    return sorted(filter(selection.reports, findings), key=report_order)


def report_order(finding: Finding) -> tuple[object, ...]:
    """Dearest first, then surest, then by place."""
    return (-finding.cost, -finding.confidence, finding.path.split("/"), finding.span.line, finding.span.column, finding.code, finding.sink)


class _Choice:
    """What one configuration turns on and off."""

    def __init__(self, config: Config, rules: Mapping[str, Rule]) -> None:
        check_codes(config, rules)
        self.config = config
        self.on = frozenset(code for code in rules if _is_on(code, config, rules))
        if not (config.transitive and config.third_party):
            self.on -= {UNUSED}  # a comment may be needed for what this run does not look for
        self._per_file = [(_matcher(pattern), _union(codes, rules)) for pattern, codes in config.per_file_ignores.items()]

    def ignored_in(self, path: str) -> set[str]:
        if not self._per_file:
            return set()
        absolute = os.path.abspath(path).replace(os.sep, "/")
        return {code for matches, codes in self._per_file if matches(absolute) for code in codes}


def _is_on(code: str, config: Config, rules: Mapping[str, Rule]) -> bool:
    """The longest selector decides, and of equally long ones `ignore`."""
    selected = config.select is not None
    base = 0 if (code in ALWAYS or (rules[code].default and not selected)) else -1
    chosen = [*(config.select or ()), *config.extend_select]
    turned_on = max((_weight(item) for item in chosen if code in _expanded(item, rules)), default=base)
    turned_off = max((_weight(item) for item in (*config.ignore, *config.extend_ignore) if code in _expanded(item, rules)), default=-1)
    return turned_on > turned_off


def _weight(selector: str) -> int:
    """How particular a selector is; a rule's name, and its code in another linter, are as particular as its code."""
    if selector.upper() == "ALL":
        return 0
    if "-" in selector:
        return 6
    return len(selector) - (2 if selector.upper().startswith("ASYNC") else 0)


def _expanded(selector: str, rules: Mapping[str, Rule]) -> frozenset[str]:
    """The codes that `ALL`, a code, the beginning of codes, a rule's name, or its code in another linter stands for."""
    if selector.upper() == "ALL":
        return frozenset(rules)
    if not selector:
        return frozenset()
    return frozenset(code for code, rule in rules.items() if _is_meant(selector, code, rule))


def _is_meant(selector: str, code: str, rule: Rule) -> bool:
    names = (code, *rule.aliases)
    return any(name.startswith(selector.upper()) for name in names) or rule.name == selector.lower()


def _union(selectors: Iterable[str], rules: Mapping[str, Rule]) -> frozenset[str]:
    return frozenset(code for selector in selectors for code in _expanded(selector, rules))


class _matcher:
    """A pattern of per-file-ignores: against the name, or with a slash against the whole path; `!` turns it round."""

    def __init__(self, pattern: str) -> None:
        self._negated = pattern.startswith("!")
        pattern = pattern.removeprefix("!")
        self._whole = "/" in pattern
        self._expression = re.compile(fnmatch.translate(pattern))

    def __call__(self, absolute: str) -> bool:
        text = absolute if self._whole else absolute.rpartition("/")[2]
        return (self._expression.match(text) is not None) != self._negated
