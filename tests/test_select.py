"""Selection: codes on and off, files, price and doubt, order."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Write, make_finding

from asynclint.catalog import Rule
from asynclint.check.select import Selection, check_codes, select
from asynclint.config import BlockingEntry, Config, ConfigError, Configs, load_config
from asynclint.model import Confidence, Cost


def on(rules: dict[str, Rule], config: Config, path: str = "app.py") -> set[str]:
    selection = Selection(Configs(config), rules)
    return {code for code in rules if selection.is_on(path, code)}


def test_defaults_come_from_the_rules(rules: dict[str, Rule]) -> None:
    assert on(rules, Config()) == {code for code, rule in rules.items() if rule.default}


def test_select_is_by_beginning_name_or_all(rules: dict[str, Rule]) -> None:
    always = {"ASL001", "ASL002"}
    assert on(rules, Config(select=("ASL104",))) == {"ASL104"} | always
    assert on(rules, Config(select=("blocking-sleep",))) == {"ASL101"} | always
    assert on(rules, Config(select=("ASL1",))) == {code for code in rules if code.startswith("ASL1")} | always
    assert on(rules, Config(select=("ALL",))) == set(rules)


def test_the_longer_selector_wins_and_ignore_among_equals(rules: dict[str, Rule]) -> None:
    assert "ASL104" in on(rules, Config(select=("ASL104",), ignore=("ASL1",)))
    assert "ASL104" not in on(rules, Config(select=("ASL1",), ignore=("ASL104",)))
    assert "ASL104" not in on(rules, Config(select=("ASL104",), ignore=("ASL104",)))
    assert "ASL101" not in on(rules, Config(extend_ignore=("ASL101",)))
    assert "ASL001" not in on(rules, Config(ignore=("ASL001",)))


def test_what_is_off_by_default_can_be_added(rules: dict[str, Rule]) -> None:
    shy = Rule("ASL999", "shy", "", "", "", "", "", default=False)
    more = {**rules, "ASL999": shy}
    assert "ASL999" not in on(more, Config())
    assert on(more, Config(extend_select=("ASL999",))) == on(more, Config()) | {"ASL999"}


@pytest.mark.parametrize(("code", "meant"), [("ASL14", "ASL104"), ("blocking-slep", "blocking-sleep"), ("asl1044", "ASL104")])
def test_an_unknown_code_is_refused_with_the_nearest(rules: dict[str, Rule], code: str, meant: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_codes(Config(extend_ignore=(code,)), rules)
    assert repr(code) in str(caught.value)
    assert "`extend-ignore`" in str(caught.value)
    if meant != "ASL104":
        assert f"did you mean `{meant}`?" in str(caught.value)
    else:
        assert "did you mean `ASL1" in str(caught.value)


def test_codes_of_other_linters_stand_for_their_counterparts(rules: dict[str, Rule]) -> None:
    assert on(rules, Config(select=("ASYNC251",))) == on(rules, Config(select=("ASL101",)))
    assert on(rules, Config(select=("ASYNC22",))) == on(rules, Config(select=("ASL106",)))
    assert "ASL104" not in on(rules, Config(select=("ASL104",), ignore=("ASYNC230",)))
    assert "ASL104" in on(rules, Config(select=("ASL104",), ignore=("ASYNC2",)))
    assert "ASL104" in on(rules, Config(select=("ASYNC230",), ignore=("ASL1",)))
    with pytest.raises(ConfigError, match="unknown code 'ASYNC999'"):
        check_codes(Config(select=("ASYNC999",)), rules)


@pytest.mark.parametrize("code", ["ASYNC251", "ASL1", "blocking-sleep"])
def test_a_row_of_the_users_own_has_one_code(rules: dict[str, Rule], code: str) -> None:
    with pytest.raises(ConfigError, match=f"`blocking.shop.wait`: unknown code '{code}'"):
        check_codes(Config(blocking={"shop.wait": BlockingEntry(code=code)}), rules)


def test_comments_are_not_called_unused_by_a_run_that_looks_for_less(rules: dict[str, Rule]) -> None:
    assert "ASL003" in on(rules, Config())
    assert "ASL003" not in on(rules, Config(transitive=False))
    assert "ASL003" not in on(rules, Config(third_party=False))


def test_per_file_ignores_by_name_by_path_and_turned_round(write: Write, rules: dict[str, Rule]) -> None:
    project = write(
        {
            "asynclint.toml": """
[per-file-ignores]
"test_*.py" = ["ASL104"]
"scripts/*" = ["ASL1"]
"!app/**" = ["ASL101"]
"""
        }
    )
    selection = Selection(Configs(load_config(project)), rules)
    assert not selection.is_on("app/test_x.py", "ASL104")
    assert selection.is_on("app/x.py", "ASL104")
    assert not selection.is_on("scripts/deep/x.py", "ASL107")
    assert selection.is_on("app/x.py", "ASL101")
    assert not selection.is_on("lib/x.py", "ASL101")
    assert not selection.is_on(str(project / "scripts/x.py"), "ASL107")


def test_each_file_follows_its_own_configuration(write: Write, project: Path, rules: dict[str, Rule]) -> None:
    write({"asynclint.toml": 'ignore = ["ASL104"]', "sub/asynclint.toml": 'min-cost = "unbounded"'})
    findings = [make_finding(path="x.py"), make_finding(path="sub/x.py"), make_finding(path="sub/x.py", cost=Cost.UNBOUNDED, line=2)]
    kept = select(findings, Selection(Configs(load_config(project)), rules))
    assert [(finding.path, finding.span.line) for finding in kept] == [("sub/x.py", 2)]


def test_price_and_doubt(rules: dict[str, Rule]) -> None:
    findings = [make_finding(cost=cost, confidence=confidence) for cost in Cost for confidence in Confidence]
    notes = [make_finding("ASL001", cost=Cost.BRIEF), make_finding("ASL003", cost=Cost.BRIEF, confidence=Confidence.POSSIBLE)]
    shown = select([*findings, *notes], Selection(Configs(Config()), rules))
    assert len([finding for finding in shown if finding.code == "ASL104"]) == 4
    assert len(shown) == 6
    everything = Selection(Configs(Config(min_cost=Cost.BRIEF, min_confidence=Confidence.POSSIBLE)), rules)
    assert len(select(findings, everything)) == 9


def test_dearest_first_then_surest_then_by_place(rules: dict[str, Rule]) -> None:
    expected = [
        make_finding(cost=Cost.UNBOUNDED, confidence=Confidence.LIKELY, path="z.py"),
        make_finding(cost=Cost.SLOW, confidence=Confidence.CERTAIN, path="a/b.py", line=9),
        make_finding(cost=Cost.SLOW, confidence=Confidence.CERTAIN, path="a.py", line=2, column=7),
        make_finding(cost=Cost.SLOW, confidence=Confidence.CERTAIN, path="a.py", line=10),
        make_finding(cost=Cost.SLOW, confidence=Confidence.LIKELY, path="a.py", line=1),
    ]
    assert select(reversed(expected), Selection(Configs(Config()), rules)) == expected
