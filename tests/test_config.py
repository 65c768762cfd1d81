"""Configuration: where it is found, what it says, how mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Write

from asynclint.config import Config, ConfigError, Configs, find_config, load_config
from asynclint.model import Confidence, Cost


def error_of(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(folder)
    return str(caught.value)


def test_without_a_file_the_defaults_hold(project: Path) -> None:
    config = load_config(project)
    assert config.min_confidence is Confidence.LIKELY
    assert config.min_cost is Cost.SLOW
    assert config.transitive
    assert config.third_party
    assert config.select is None
    assert "node_modules" in config.exclude


def test_pyproject_keys_are_the_long_options(write: Write) -> None:
    project = write(
        {
            "pyproject.toml": """
[tool.asynclint]
select = ["ASL1"]
extend-ignore = ["ASL105"]
min-confidence = "possible"
min-cost = "brief"
no-transitive = true
third-party = false
output-format = "concise"
target-version = "py312"
jobs = 2
cache = false
nonblocking = ["app.quick"]
offloaders = ["app.in_thread"]
loop-callbacks = ["app.on_event"]

[tool.asynclint.per-file-ignores]
"tests/*" = ["ASL1"]

[tool.asynclint.blocking]
"app.store.load" = { code = "ASL107", reason = "it queries", replacement = "`aload`" }
"""
        }
    )
    config = load_config(project)
    assert config.select == ("ASL1",)
    assert config.extend_ignore == ("ASL105",)
    assert (config.min_confidence, config.min_cost) == (Confidence.POSSIBLE, Cost.BRIEF)
    assert not config.transitive
    assert not config.third_party
    assert (config.output_format, config.target_version, config.jobs, config.cache) == ("concise", "3.12", 2, False)
    assert (config.nonblocking, config.offloaders, config.loop_callbacks) == (("app.quick",), ("app.in_thread",), ("app.on_event",))
    assert config.blocking["app.store.load"].replacement == "`aload`"
    assert config.per_file_ignores == {f"{project.as_posix()}/tests/*": ("ASL1",)}


def test_asynclint_toml_has_the_keys_at_its_top_and_wins(write: Write) -> None:
    project = write({"asynclint.toml": 'min-cost = "brief"\n', "pyproject.toml": '[tool.asynclint]\nmin-cost = "unbounded"\n'})
    assert load_config(project).min_cost is Cost.BRIEF


def test_a_pyproject_of_other_tools_is_passed_over(write: Write) -> None:
    project = write({"pyproject.toml": '[tool.asynclint]\nmin-cost = "brief"\n', "sub/pyproject.toml": "[tool.ruff]\n"})
    assert find_config(project / "sub") == project / "pyproject.toml"


def test_the_catalog_of_a_package_is_not_its_configuration(write: Write) -> None:
    project = write({"package/asynclint.toml": '[library]\nname = "x"\nmodules = ["x"]\ndocs = ""\n'})
    assert find_config(project / "package") is None
    with pytest.raises(ConfigError, match="catalog"):
        load_config(project, explicit=project / "package" / "asynclint.toml")


def test_relative_paths_are_meant_from_the_file(write: Write) -> None:
    project = write(
        {"asynclint.toml": 'src = ["app"]\nsearch-path = ["../libs"]\ncache-dir = ".c"\nextend-exclude = ["gen/*", "x_pb2.py"]'}
    )
    config = load_config(project / "deep" / "below")
    assert config.src == (str(project / "app"),)
    assert config.search_path == (str(project.parent / "libs"),)
    assert config.cache_dir == str(project / ".c")
    assert config.extend_exclude == (f"{project.as_posix()}/gen/*", "x_pb2.py")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('min-confidense = "likely"', ["`min-confidense`", "did you mean `min-confidence`?"]),
        ('min-cost = "slwo"', ["`min-cost`", "did you mean `slow`?"]),
        ("min-cost = 2", ["`min-cost`", "'brief', 'slow', 'unbounded'"]),
        ('select = "ASL1"', ["`select`", "expected `array`, got `str`"]),
        ("select = [1]", ["`select`", "got `int`"]),
        ('transitive = "yes"', ["`transitive`", "expected `bool`"]),
        ("jobs = 0", ["`jobs`", "from 1"]),
        ('target-version = "4"', ["`target-version`", "'3.12'"]),
        ('output-format = "jsn"', ["`output-format`", "did you mean `json`?"]),
        ('async200-blocking-calls = ["lonely"]', ["`async200-blocking-calls`", "'lonely'"]),
        ('[blocking]\n"a.b" = { reson = "x" }', ["`blocking`", "`reson`", "did you mean `reason`?"]),
        ('[blocking]\n"a.b" = { cost = "huge" }', ["`blocking`", "huge"]),
        ("origin = {}", ["unknown key `origin`"]),
        ("a = [", ["is not valid TOML"]),
    ],
)
def test_a_mistake_names_file_key_and_the_nearest_valid_name(write: Write, text: str, words: list[str]) -> None:
    project = write({"asynclint.toml": text})
    message = error_of(project)
    for word in [str(project / "asynclint.toml"), *words]:
        assert word in message


def test_a_broken_pyproject_counts_only_if_it_speaks_of_asynclint(write: Write) -> None:
    project = write({"pyproject.toml": "broken ["})
    assert load_config(project).origin.file == ""
    write({"pyproject.toml": "[tool.asynclint]\nbroken ["})
    assert "not valid TOML" in error_of(project)


def test_flake8_async_patterns_as_text_and_as_list(write: Write) -> None:
    expected = {"my.sync_get": "my.get", "*.execute": "await it"}
    project = write({"asynclint.toml": 'async200-blocking-calls = """\n  my.sync_get -> my.get,\n  *.execute->await it\n"""'})
    assert load_config(project).async200_blocking_calls == expected
    write({"asynclint.toml": 'async200-blocking-calls = ["my.sync_get -> my.get", "*.execute -> await it"]'})
    assert load_config(project).async200_blocking_calls == expected


def test_the_command_line_adds_to_lists_and_replaces_values(write: Write) -> None:
    project = write({"asynclint.toml": 'ignore = ["ASL105"]\nmin-cost = "brief"\nextend-exclude = ["a"]'})
    config = load_config(project, overrides={"ignore": ("ASL104",), "min_cost": Cost.UNBOUNDED, "extend_exclude": ("b",)})
    assert config.ignore == ("ASL105", "ASL104")
    assert config.min_cost is Cost.UNBOUNDED
    assert config.extend_exclude == ("a", "b")


def test_select_on_the_command_line_starts_anew(write: Write) -> None:
    project = write({"asynclint.toml": 'select = ["ASL1"]\nignore = ["ASL105"]\nextend-select = ["ASL3"]'})
    config = load_config(project, overrides={"select": ("ASL105",)})
    assert (config.select, config.ignore, config.extend_select) == (("ASL105",), (), ())


def test_isolated_reads_no_file_and_explicit_reads_only_that_one(write: Write) -> None:
    project = write({"asynclint.toml": 'min-cost = "brief"', "other/mine.toml": 'min-cost = "unbounded"'})
    assert load_config(project, isolated=True).min_cost is Cost.SLOW
    explicit = load_config(project, explicit=project / "other" / "mine.toml")
    assert explicit.min_cost is Cost.UNBOUNDED
    assert Configs(explicit).of_source(str(project / "x.py")) is explicit
    with pytest.raises(ConfigError, match="no such file"):
        load_config(project, explicit=project / "missing.toml")


def test_the_nearest_file_decides_about_each_source(write: Write) -> None:
    project = write(
        {"asynclint.toml": 'min-cost = "brief"', "tests/deep/asynclint.toml": 'min-cost = "unbounded"', "tests/deep/er/x.py": ""}
    )
    configs = Configs(load_config(project, overrides={"ignore": ("ASL101",)}))
    assert configs.of_source("app/x.py").min_cost is Cost.BRIEF
    nested = configs.of_source("tests/deep/er/x.py")
    assert nested.min_cost is Cost.UNBOUNDED
    assert nested.ignore == ("ASL101",)


def test_a_config_made_by_hand_holds_everywhere(write: Write) -> None:
    write({"asynclint.toml": 'min-cost = "brief"'})
    config = Config()
    assert Configs(config).of_source("x.py") is config
