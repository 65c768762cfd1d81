"""The words: generated pages are current, rules and pages are one set, examples are true, links lead somewhere, commands and keys exist."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import msgspec
import pytest
from click.testing import CliRunner

from asynclint import api
from asynclint.catalog import LibraryFile, load_catalog, load_rules, rules_folder
from asynclint.cli import group
from asynclint.config import Config, read_config
from asynclint.flake8_plugin import Plugin
from asynclint.model import Finding

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("rules/*.md"))]
GUIDES = [page for page in PAGES if page.parent != DOCS / "rules"]
RULES = load_rules()

BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [found["text"] for found in BLOCK.finditer(page.read_text("utf-8")) if found["language"] == language]


# --- generated pages -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_current(generate: ModuleType) -> None:
    assert generate.stale_pages(ROOT, generate.pages()) == [], "run python docs/generate.py"


def test_changed_missing_and_left_over_pages_are_noticed_and_mended(generate: ModuleType, tmp_path: Path) -> None:
    wanted = {"docs/libraries.md": "a\n", "docs/rules/one.md": "b\n", "docs/rules/two.md": "c\n"}
    (tmp_path / "docs/rules").mkdir(parents=True)
    (tmp_path / "docs/libraries.md").write_text("changed\n")
    (tmp_path / "docs/rules/two.md").write_text("c\n")
    (tmp_path / "docs/rules/old.md").write_text("d\n")
    assert generate.stale_pages(tmp_path, wanted) == ["docs/libraries.md", "docs/rules/old.md", "docs/rules/one.md"]
    generate.write(tmp_path, wanted)
    assert generate.stale_pages(tmp_path, wanted) == []
    assert not (tmp_path / "docs/rules/old.md").exists()


def test_rule_pages_have_the_same_headings() -> None:
    headings = {
        rule.name: re.findall(r"^## (.+)$", (DOCS / f"rules/{rule.name}.md").read_text("utf-8"), re.MULTILINE) for rule in RULES.values()
    }
    first = next(iter(headings.values()))
    assert len(first) == 8
    assert all(found == first for found in headings.values())


# --- one set ---------------------------------------------------------------------------------------------------------------------


def test_a_rule_is_in_the_file_of_its_name() -> None:
    assert {path.stem for path in (rules_folder() / "codes").glob("*.toml")} == {rule.name for rule in RULES.values()}


def test_each_rule_has_a_page_and_each_page_a_rule() -> None:
    assert {path.stem for path in (DOCS / "rules").glob("*.md")} - {"index"} == {rule.name for rule in RULES.values()}


def test_each_rule_is_in_the_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    told = set(re.findall(r"ASL\d{3}", text))
    for first, last in re.findall(r"ASL(\d{3}) to ASL(\d{3})", text):
        told |= {f"ASL{number}" for number in range(int(first), int(last) + 1)}
    assert set(RULES) <= told


def test_catalogs_name_only_rules_that_exist() -> None:
    catalog = load_catalog()
    assert {row.code for table in (catalog.blocking, catalog.misuses) for rows in table.values() for row in rows} <= set(RULES)


def test_pages_mention_only_rules_that_exist() -> None:
    for page in GUIDES:
        codes = set(re.findall(r"\bASL\d{3}\b", page.read_text("utf-8")))
        assert codes <= set(RULES), name_of(page)


# --- examples --------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Finding]]:
    """The findings of all examples at default settings, by `CODE-number-bad` or `-good`."""
    folder = tmp_path_factory.mktemp("examples")
    for code, rule in RULES.items():
        for number, example in enumerate(rule.examples):
            for kind in ("bad", "good"):
                (folder / f"{code}_{number}_{kind}.py").write_text(getattr(example, kind), "utf-8")
    off = tuple(code for code, rule in RULES.items() if not rule.default)
    result = api.check([str(folder)], Config(cache=False, extend_select=off))
    assert result.failures == ()
    findings: dict[str, list[Finding]] = {path.stem: [] for path in folder.iterdir()}
    for finding in result.findings:
        if RULES[finding.code].default or Path(finding.path).stem.startswith(finding.code):
            findings[Path(finding.path).stem].append(finding)
    return findings


EXAMPLES = [(code, number) for code, rule in RULES.items() for number in range(len(rule.examples))]


@pytest.mark.parametrize(("code", "number"), EXAMPLES)
def test_a_bad_example_has_findings_of_its_rule_only(code: str, number: int, found: dict[str, list[Finding]]) -> None:
    assert {finding.code for finding in found[f"{code}_{number}_bad"]} == {code}


@pytest.mark.parametrize(("code", "number"), EXAMPLES)
def test_a_good_example_is_silent(code: str, number: int, found: dict[str, list[Finding]]) -> None:
    assert found[f"{code}_{number}_good"] == []


def test_each_rule_has_an_example() -> None:
    assert {code for code, rule in RULES.items() if not rule.examples} == set()


# --- links, blocks, commands -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in (link["target"] for link in LINK.finditer(page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), target


def anchors(page: Path) -> set[str]:
    """The headings' names in addresses."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_configuration_in_pages_is_valid(page: Path, tmp_path: Path) -> None:
    for text in blocks(page, "toml"):
        if "asynclint" in text:
            (tmp_path / "pyproject.toml").write_text(text, "utf-8")
            assert read_config(tmp_path / "pyproject.toml") != Config()


def test_catalogs_in_pages_are_valid() -> None:
    parts = blocks(DOCS / "catalogs.md", "toml")
    assert len(parts) > 8
    head = '[library]\nname = "printers"\nmodules = ["printers"]\ndocs = "https://printers.example"\n'
    for text in parts:
        msgspec.toml.decode(text if "[library]" in text else f"{head}\n{text}", type=LibraryFile)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_and_json_in_pages_is_valid(page: Path) -> None:
    for text in blocks(page, "python"):
        if page.stem not in ("syntax-error",):
            ast.parse(text)
    for text in blocks(page, "json"):
        json.loads(text)


def test_all_keys_of_catalogs_are_explained() -> None:
    text = (DOCS / "catalogs.md").read_text("utf-8")
    tables = {field.encode_name: field for field in msgspec.structs.fields(LibraryFile)}
    for table, field in tables.items():
        assert re.search(rf"^## `\[+{table}\]+`$", text, re.MULTILINE), table
        for inner in getattr(field.type, "__args__", (field.type,)):
            for key in msgspec.structs.fields(inner) if isinstance(inner, type) and issubclass(inner, msgspec.Struct) else ():
                assert re.search(rf"`{key.encode_name}\b|^{key.encode_name} =", text, re.MULTILINE), f"{table}: {key.encode_name}"


def test_all_keys_of_the_configuration_are_explained() -> None:
    told = set(re.findall(r"^\| `([\w-]+)` \|", (DOCS / "configuration.md").read_text("utf-8"), re.MULTILINE))
    keys = {field.name.replace("_", "-") for field in msgspec.structs.fields(Config)} - {"origin"}
    assert told == keys


def options(*command: str) -> set[str]:
    """The long options of a sub-command."""
    shown = CliRunner().invoke(group, [*command, "--help"])
    assert shown.exit_code == 0, shown.output
    return set(re.findall(r"--[a-z][a-z-]+", shown.output))


def test_all_options_are_explained() -> None:
    text = (DOCS / "configuration.md").read_text("utf-8")
    told = set(re.findall(r"`(--[a-z][a-z-]+)", text)) | {f"--{key}" for key in re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE)}
    positive = {option for option in options("check") if not option.startswith("--no-")}
    assert positive - told == {"--help"}


def commands(page: Path) -> Iterator[str]:
    """What pages tell to type, and the options that they name."""
    text = page.read_text("utf-8")
    yield from re.findall(r"^(?:    |- run: | +- )?(?:python -m )?(asynclint .*)$", text, re.MULTILINE)
    yield from re.findall(r"&& (asynclint .*)$", text, re.MULTILINE)
    yield from re.findall(r"`((?:asynclint )?--[a-z].*?|asynclint [a-z].*?)`", text)


def flake8_options() -> set[str]:
    """The options that the plugin adds to flake8."""
    added: list[str] = []
    Plugin.add_options(SimpleNamespace(add_option=lambda name, **_: added.append(name)))
    return set(added)


def test_all_options_of_the_flake8_plugin_are_explained() -> None:
    told = re.findall(r"^\| `(--asynclint-[a-z-]+)", (DOCS / "flake8.md").read_text("utf-8"), re.MULTILINE)
    assert set(told) == flake8_options()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_name_only_options_that_exist(page: Path) -> None:
    for command in commands(page):
        words = command.removeprefix("asynclint ").split()
        known = options(words[0]) if words[0] in ("explain", "init", "rules") else options("check")
        assert set(re.findall(r"--[a-z][a-z0-9-]+", command)) <= known | flake8_options(), command


def test_the_commands_of_pages_are_seen() -> None:
    assert "asynclint src/ --min-cost brief --no-transitive" in set(commands(DOCS / "coming-from-ruff.md"))
    assert "--min-cost {brief,slow,unbounded}" in set(commands(DOCS / "configuration.md"))


def test_the_readme_begins_with_the_two_commands_and_a_sample() -> None:
    first, second = blocks(ROOT / "README.md", "sh")[:2]
    assert first == "python -m pip install . && asynclint fixtures/tour\n"
    assert second == 'python -m pip install -e ".[test]" && python -m pytest\n'
    sample = blocks(ROOT / "README.md", "text")[0]
    assert re.search(r"^fixtures/tour/\S+:\d+:\d+: ASL\d{3} ", sample)
    assert "\n  via fixtures/tour/" in sample
