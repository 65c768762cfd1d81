"""asynclint.explain: what is said about rules, names, classes, modules, and about names that nobody knows."""

from __future__ import annotations

import pytest

from asynclint.catalog import (
    Answer,
    Blocking,
    Catalog,
    Decorator,
    Library,
    LibraryFile,
    NonBlocking,
    Offloader,
    OnLoop,
    Quiets,
    Startup,
    TypeEntry,
    Uses,
    load_rules,
)
from asynclint.explain import UnknownName, explain

GET = Blocking(
    names=("shop.Client.get", "shop.Client.put"),
    code="ASL102",
    cost="unbounded",
    wait="http",
    why="the shop answers when it likes",
    use="`shop.AsyncClient`",
    evidence="https://shop.example/docs",
    unless=("timeout@1 = 0", "mode = shop.LAZY"),
    when=("reply is not io.BytesIO",),
    rewrite="await shop.get({args})",
    since="2.0",
)
WALK = Blocking(
    names=("shop.walk",),
    code="ASL105",
    cost="slow",
    wait="filesystem",
    why="it reads",
    use="a thread",
    evidence="observed: strace",
    lazy=True,
)
FIRST = Blocking(
    names=("shop.settings",), code="ASL104", cost="slow", wait="file", why="it reads", use="call it early", evidence="observed", once=True
)
CATALOG = Catalog(
    [
        (
            "shop.toml",
            LibraryFile(
                library=Library(name="shop", modules=("shop",), docs="https://shop.example", summary="a shop"),
                blocking=(GET, WALK, FIRST),
                type=(TypeEntry(name="shop.Client", thread_bound=True), TypeEntry(name="shop.Big", bases=("shop.Client",))),
                aliases={"shop.api": "shop"},
                returns={"shop.Client.open": "shop.Client"},
                offloader=(Offloader(names=("shop.in_thread",), argument="func@0"), Offloader(names=("shop.threaded",), decorator=True)),
                on_loop=(OnLoop(names=("shop.later",), argument="@1"), OnLoop(names=("shop.Protocol",), methods=("arrived", "gone"))),
                uses=(Uses(names=("shop.each",), argument="*@1", how="iterate", later=True),),
                nonblocking=(NonBlocking(names=("shop.Big.put",), why="it only queues"),),
                quiets=(Quiets(names=("shop.Client.get",), after=("setblocking",), when=("flag@0 = False",), guard=("done",)),),
                answer=(Answer(names=("shop.is_async",), answer="coroutine-function"),),
                decorator=(Decorator(names=("shop.cached",), kind="cached"),),
                startup=(Startup(names=("shop.boot",), argument="func@0"),),
            ),
        )
    ]
)


def rows(name: str) -> list[str]:
    """The lines of the explanation, without the indent and with single spaces."""
    return [" ".join(line.split()) for line in explain(name, CATALOG).splitlines()]


@pytest.mark.parametrize("code", load_rules())
def test_a_rule_is_explained_with_all_its_words(code: str) -> None:
    rule = load_rules()[code]
    text = explain(code)
    joined = " ".join(text.split())
    for words in (rule.code, rule.name, rule.summary, rule.why, rule.symptom, rule.mend, rule.ignore, *rule.aliases):
        assert " ".join(words.split()) in joined
    assert all(line.strip() in text for example in rule.examples for line in (example.bad + example.good).splitlines())


@pytest.mark.parametrize("spelling", ["asl101", "blocking-sleep", "ASYNC251", "async251"])
def test_a_rule_is_found_by_its_name_and_by_the_codes_of_others(spelling: str) -> None:
    assert explain(spelling) == explain("ASL101")


def test_a_blocking_name_is_explained_with_all_columns_of_its_row() -> None:
    found = rows("shop.Client.get")
    assert found[0] == "shop.Client.get"
    assert "blocks because the shop answers when it likes" in found
    assert "rule ASL102 blocking-http" in found
    assert "cost unbounded: waits for others" in found
    assert "waits for http" in found
    assert "harmless if `timeout` (the second argument) is 0 or `mode` is shop.LAZY" in found
    assert "only if `reply` is not of type io.BytesIO" in found
    assert "since 2.0" in found
    assert "use `shop.AsyncClient`" in found
    assert "rewrite await shop.get(…)" in found
    assert "evidence https://shop.example/docs" in found


def test_what_makes_a_method_harmless_belongs_to_it() -> None:
    found = rows("shop.Client.get")
    assert "harmless after setblocking where `flag` (the first argument) is False" in found
    assert "harmless where the code has tested done" in found


def test_laziness_and_first_times_are_told() -> None:
    assert "when not at the call, but when the result is iterated" in rows("shop.walk")
    assert "when the first time only" in rows("shop.settings")


def test_another_spelling_is_led_to_the_canonical_name() -> None:
    assert rows("shop.api.walk")[0] == "shop.api.walk, that is shop.walk"
    assert rows("shop.api.walk")[1:] == rows("shop.walk")[1:]


def test_a_bare_name_of_the_builtins_is_understood() -> None:
    assert explain("open").startswith("open, that is builtins.open\n")


def test_a_member_is_inherited_from_the_base_class() -> None:
    assert "rule ASL102 blocking-http" in rows("shop.Big.get")


def test_a_class_lists_its_members_and_those_of_its_bases() -> None:
    found = rows("shop.Big")
    assert "class with the bases shop.Client" in found
    assert "ASL102 unbounded get" in found, "put is overridden and does not block"
    assert "harmless put" in found
    assert "ASL102 unbounded get, put" in rows("shop.Client")
    assert "thread-bound its objects may be used only in the thread that made them" in rows("shop.Client")


def test_a_module_lists_all_that_lies_in_it() -> None:
    found = rows("shop")
    assert "library a shop" in found
    assert "docs https://shop.example" in found
    assert "ASL102 unbounded Client.get, Client.put" in found
    assert "ASL105 slow walk" in found
    assert "offloads in_thread, threaded" in found
    assert "calls back Protocol, later" in found


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("shop.in_thread", "offloads `func` (the first argument) runs off the loop's thread"),
        ("shop.threaded", "offloads the function under this decorator runs off the loop's thread"),
        ("shop.later", "calls back the loop runs the second argument"),
        ("shop.Protocol", "calls back the loop runs the methods arrived, gone of subclasses"),
        ("shop.each", "uses each argument from the second on is iterated on the calling thread, when the result is iterated"),
        ("shop.Big.put", "harmless does not block: it only queues"),
        ("shop.cached", "decorator cached"),
        ("shop.is_async", "answers whether the argument is a coroutine function"),
        ("shop.boot", "start-up `func` (the first argument) runs while the loop serves nobody: one step cheaper"),
        ("shop.Client.open", "gives shop.Client"),
    ],
)
def test_what_is_not_blocking_is_explained_too(name: str, row: str) -> None:
    assert row in " ".join(rows(name))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("shop.Client.gett", "shop.Client.get"),
        ("Client.get", "shop.Client.get"),
        ("ASL1131", "ASL113"),
        ("blocking-sleeps", "blocking-sleep"),
    ],
)
def test_a_miss_names_what_was_probably_meant(typed: str, meant: str) -> None:
    with pytest.raises(UnknownName) as caught:
        explain(typed, CATALOG)
    assert meant in caught.value.suggestions
    assert f"`{typed}`" in str(caught.value)
    assert f"`{meant}`" in str(caught.value)


def test_a_hopeless_miss_suggests_nothing() -> None:
    with pytest.raises(UnknownName) as caught:
        explain("%%%%%%%%", CATALOG)
    assert caught.value.suggestions == ()
    assert "Did you mean" not in str(caught.value)


def test_no_line_is_wider_than_a_terminal_unless_a_word_or_code_is() -> None:
    for name in ("ASL104", "time.sleep", "builtins.open"):
        for line in explain(name).splitlines():
            assert len(line) <= 110 or " " not in line.strip() or line.startswith("    ")
