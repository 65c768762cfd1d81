"""Reports: the form of each format, and that hostile content breaks none."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from typing import Any

import msgspec
import pytest
from conftest import Write, make_finding
from inline_snapshot import snapshot

from asynclint.catalog import load_rules
from asynclint.config import FORMATS
from asynclint.model import Confidence, Cost, Edit, Failure, Finding, Fix, Report, Span, Statistics, Step
from asynclint.report import Rendering, render
from asynclint.report.source import SourceLines

SOURCE = {
    "app/views.py": ["async def fetch(user):", "    data = load(user)", "    return data"],
    "app/wide.py": ["\tname = '日本', open(p)"],
}

CHAINED = make_finding(
    "ASL102",
    "app/views.py",
    2,
    12,
    width=10,
    name="blocking-http",
    message="`requests.get` waits for an HTTP answer",
    function="app.views.fetch",
    cost=Cost.UNBOUNDED,
    confidence=Confidence.LIKELY,
    sink="requests.Session.get",
    wait="http",
    trace=(
        Step("app/views.py", 2, 12, "app.views.fetch", "load"),
        Step("app/service.py", 30, 5, "app.service.load", "query"),
        Step("app/store.py", 12, 9, "app.store.Store.query", "session.get"),
    ),
    suggestion="await asyncio.to_thread(load, user)",
)
DIRECT = make_finding(path="app/wide.py", line=1, column=15, width=7, advice="`aiofiles`, or a thread")


def other(line: int) -> Finding:
    return make_finding("ASL102", f"app/other{line}.py", line, 1, sink=CHAINED.sink, trace=(CHAINED.trace[0], CHAINED.trace[-1]))


def line_of(path: str, line: int) -> str:
    lines = SOURCE.get(path, [])
    return lines[line - 1] if line <= len(lines) else ""


def rendered(format: Any, *findings: Finding, failures: tuple[Failure, ...] = (), **options: Any) -> str:
    report = Report(findings, failures, Statistics(files=7))
    return "".join(render(format, Rendering(report, line_of, load_rules(), "1.2.3", **options)))


def test_full() -> None:
    assert rendered("full", CHAINED, DIRECT) == snapshot("""\
app/views.py:2:12: ASL102 `requests.get` waits for an HTTP answer (likely)
  |
2 |     data = load(user)
  |            ^^^^^^^^^^
  via app/service.py:30 load > query
    via app/store.py:12 query > session.get (requests.Session.get)
  instead: await asyncio.to_thread(load, user)

app/wide.py:1:15: ASL104 `open` holds the event loop
  |
1 |     name = '日本', open(p)
  |                    ^^^^^^^
  instead: `aiofiles`, or a thread

Found 2 findings in 2 of 7 files.
""")


def test_full_groups_what_ends_in_the_same_call() -> None:
    assert rendered("full", CHAINED, *map(other, range(3, 9))) == snapshot("""\
app/views.py:2:12: ASL102 `requests.get` waits for an HTTP answer (likely)
  |
2 |     data = load(user)
  |            ^^^^^^^^^^
  via app/service.py:30 load > query
    via app/store.py:12 query > session.get (requests.Session.get)
  instead: await asyncio.to_thread(load, user)
  the same call is reached from 6 other places:
    app/other3.py:3:1 app.main
    app/other4.py:4:1 app.main
    app/other5.py:5:1 app.main
    … and 3 more

Found 7 findings (1 cause) in 7 of 7 files.
""")


def test_full_of_nothing_and_quiet() -> None:
    assert rendered("full") == "No findings in 7 files.\n"
    assert rendered("full", quiet=True) == ""
    assert "Found 1 finding in 1 of 7 files." in rendered("full", DIRECT)


def test_an_excerpt_of_a_span_over_several_lines_and_of_a_long_line() -> None:
    SOURCE["long.py"] = ["x" * 500 + "open(p)" + "y" * 500]
    long = rendered("full", make_finding(path="long.py", column=501, width=7))
    assert max(map(len, long.splitlines())) < 180
    assert "open(p)" in long
    several = rendered("full", make_finding(path="app/views.py", line=2, span=Span(2, 12, 3, 5)))
    assert "^^^^^^^^^^ …" in several


def test_concise() -> None:
    assert rendered("concise", CHAINED, DIRECT) == snapshot("""\
app/views.py:2:12: ASL102 `requests.get` waits for an HTTP answer
app/wide.py:1:15: ASL104 `open` holds the event loop
""")


def test_colour_is_all_that_differs() -> None:
    import re

    for format in ("full", "concise"):
        plain, colored = rendered(format, CHAINED, DIRECT), rendered(format, CHAINED, DIRECT, color=True)
        assert "\x1b[" in colored
        assert re.sub(r"\x1b\[[\d;]*m", "", colored) == plain


def test_json_has_the_form_of_the_contract() -> None:
    fix = Fix("safe", "use a thread", (Edit("app/views.py", (2, 12), (2, 22), "await x"),))
    mended = make_finding(path="a.py", fix=fix)
    assert json.loads(rendered("json", CHAINED, mended, failures=(Failure("b.py", "boom"),))) == snapshot(
        {
            "version": "1.2.3",
            "files": 7,
            "findings": [
                {
                    "code": "ASL102",
                    "name": "blocking-http",
                    "message": "`requests.get` waits for an HTTP answer",
                    "path": "app/views.py",
                    "line": 2,
                    "column": 12,
                    "end_line": 2,
                    "end_column": 22,
                    "function": "app.views.fetch",
                    "confidence": "likely",
                    "cost": "unbounded",
                    "once": False,
                    "sink": "requests.Session.get",
                    "wait": "http",
                    "trace": [
                        {"path": "app/views.py", "line": 2, "column": 12, "function": "app.views.fetch", "call": "load"},
                        {"path": "app/service.py", "line": 30, "column": 5, "function": "app.service.load", "call": "query"},
                        {"path": "app/store.py", "line": 12, "column": 9, "function": "app.store.Store.query", "call": "session.get"},
                    ],
                    "suggestion": "await asyncio.to_thread(load, user)",
                    "fix": None,
                },
                {
                    "code": "ASL104",
                    "name": "blocking-file-io",
                    "message": "`open` holds the event loop",
                    "path": "a.py",
                    "line": 1,
                    "column": 1,
                    "end_line": 1,
                    "end_column": 5,
                    "function": "app.main",
                    "confidence": "certain",
                    "cost": "slow",
                    "once": False,
                    "sink": "builtins.open",
                    "wait": "file",
                    "trace": [{"path": "a.py", "line": 1, "column": 1, "function": "app.main", "call": "open"}],
                    "suggestion": "",
                    "fix": {
                        "applicability": "safe",
                        "message": "use a thread",
                        "edits": [{"path": "app/views.py", "start": [2, 12], "end": [2, 22], "content": "await x"}],
                    },
                },
            ],
            "errors": [{"path": "b.py", "message": "boom"}],
            "statistics": {"ASL102": 1, "ASL104": 1},
        }
    )


def test_jsonlines_are_the_findings_of_json() -> None:
    lines = rendered("jsonlines", CHAINED, DIRECT).splitlines()
    assert [json.loads(line) for line in lines] == json.loads(rendered("json", CHAINED, DIRECT))["findings"]


def test_sarif() -> None:
    fix = Fix("safe", "use a thread", (Edit("app/views.py", (2, 12), (2, 22), "await x"),))
    document = json.loads(rendered("sarif", CHAINED, make_finding(path="a b.py", fix=fix), failures=(Failure("b.py", "boom"),)))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    rules = run["tool"]["driver"]["rules"]
    assert {rule["id"] for rule in rules} == set(load_rules())
    chained, mended = run["results"]
    assert rules[chained["ruleIndex"]]["id"] == chained["ruleId"] == "ASL102"
    assert (chained["level"], mended["level"]) == ("error", "warning")
    place = chained["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "app/views.py"
    assert place["region"] == {"startLine": 2, "startColumn": 12, "endLine": 2, "endColumn": 22}
    flow = chained["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["message"]["text"] for step in flow] == [
        "app.views.fetch calls load",
        "app.service.load calls query",
        "app.store.Store.query calls session.get",
    ]
    assert mended["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b.py"
    (change,) = mended["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [
        {"deletedRegion": {"startLine": 2, "startColumn": 12, "endLine": 2, "endColumn": 22}, "insertedContent": {"text": "await x"}}
    ]
    assert run["invocations"][0]["executionSuccessful"] is False
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"] == "boom"


def test_github() -> None:
    assert rendered("github", make_finding(path="a,b:c.py", message="100%\nlost")) == snapshot(
        "::warning title=asynclint (ASL104),file=a%2Cb%3Ac.py,line=1,endLine=1,col=1,endColumn=5::a,b:c.py:1:1: ASL104 100%25%0Alost\n"
    )
    assert "endColumn" not in rendered("github", make_finding(span=Span(1, 2, 3, 4)))


def test_gitlab() -> None:
    issues = json.loads(rendered("gitlab", CHAINED, DIRECT, DIRECT))
    assert len({issue["fingerprint"] for issue in issues}) == 3
    del issues[0]["fingerprint"]
    assert issues[0] == snapshot(
        {
            "description": "ASL102 `requests.get` waits for an HTTP answer",
            "check_name": "ASL102",
            "severity": "critical",
            "location": {"path": "app/views.py", "positions": {"begin": {"line": 2, "column": 12}, "end": {"line": 2, "column": 22}}},
        }
    )


def test_a_fingerprint_survives_a_move_but_not_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    def mark(*lines: str, line: int) -> str:
        monkeypatch.setitem(SOURCE, "m.py", list(lines))
        fingerprint: str = json.loads(rendered("gitlab", make_finding(path="m.py", line=line)))[0]["fingerprint"]
        return fingerprint

    assert mark("open(p)", line=1) == mark("", "   open(p)", line=2)
    assert mark("open(p)", line=1) != mark("open(q)", line=1)


def test_junit() -> None:
    document = ElementTree.fromstring(rendered("junit", CHAINED, DIRECT, failures=(Failure("b.py", "boom"),)))
    assert document.attrib == {"name": "asynclint", "tests": "3", "failures": "2", "errors": "1"}
    assert [suite.get("name") for suite in document] == ["app/views.py", "app/wide.py", "b.py"]
    failure = document.find("testsuite/testcase/failure")
    assert failure is not None
    assert failure.text == snapshot("""\
app/views.py:2:12: ASL102 `requests.get` waits for an HTTP answer
via app/service.py:30 app.service.load > query
via app/store.py:12 app.store.Store.query > session.get\
""")
    assert ElementTree.fromstring(rendered("junit")).get("failures") == "0"


def test_markdown() -> None:
    chained = msgspec.structs.replace(CHAINED, trace=CHAINED.trace[:2], suggestion="await load(user)")
    assert rendered("markdown", chained, DIRECT, failures=(Failure("b.py", "boom"),)) == snapshot("""\
## asynclint: 2 findings in 7 files

| code | where | what | instead |
| --- | --- | --- | --- |
| ASL102 | `app/views.py:2` | `requests.get` waits for an HTTP answer<br>via `app/service.py:30` `query` | `await load(user)` |
| ASL104 | `app/wide.py:1` | `open` holds the event loop | `aiofiles`, or a thread |

### Failures

- `b.py`: boom
""")
    assert rendered("markdown") == "## asynclint: 0 findings in 7 files\n"
    assert rendered("markdown", make_finding(message="a | b", suggestion="x | `y`")).splitlines()[-1] == (
        "| ASL104 | `app.py:1` | a \\| b | `` x \\| `y` `` |"
    )


def test_markdown_ends_before_a_code_host_refuses_it() -> None:
    text = rendered("markdown", *[DIRECT] * 600)
    assert text.count("| ASL104 |") == 500
    assert text.endswith("And 100 more.\n")


def test_statistics() -> None:
    assert rendered("statistics", CHAINED, DIRECT, *[DIRECT] * 9) == "10  ASL104  blocking-file-io\n 1  ASL102  blocking-http\n"


HOSTILE = "\x1b]0;owned\x07\x00\udcff\u202e\r\n::error::<&\"'>]]>\x85,%"


@pytest.mark.parametrize("format", FORMATS)
def test_hostile_content_breaks_no_format(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SOURCE, HOSTILE, [HOSTILE])
    trace = (Step(HOSTILE, 1, 1, "f", HOSTILE), Step(HOSTILE, 2, 1, "g", HOSTILE))
    nasty = make_finding(path=HOSTILE, message=HOSTILE, suggestion=HOSTILE, trace=trace, column=3, width=90)
    text = rendered(format, nasty, failures=(Failure(HOSTILE, HOSTILE),))
    text.encode("utf-8")
    assert "\x1b" not in text
    assert "\x00" not in text
    if format == "jsonlines":
        json.loads(text)
        assert text.count("\n") == 1
    elif format in ("json", "sarif", "gitlab"):
        json.loads(text)
    elif format == "junit":
        ElementTree.fromstring(text)
    elif format == "github":
        assert text.count("\n") == 1
        assert text.startswith("::warning title=")
    else:
        assert "\u202e" not in text
        assert "\r" not in text


def test_source_lines_follow_the_declared_encoding(write: Write, project: Any) -> None:
    write({"bom.py": "\ufeffx = 'ä'\r\ny = 2\x0cz\n"})
    (project / "latin.py").write_bytes(b"# coding: latin-1\nx = '\xe4'\n")
    (project / "odd.py").write_bytes(b"# coding: nonsense\nx = '\xe4'\n")
    lines = SourceLines({"-": b"a\nb\n"})
    assert (lines("bom.py", 1), lines("bom.py", 2)) == ("x = 'ä'", "y = 2\x0cz")
    assert lines("latin.py", 2) == "x = 'ä'"
    assert lines("odd.py", 2) == "x = '\ufffd'"
    assert lines("-", 2) == "b"
    assert (lines("bom.py", 99), lines("bom.py", 0), lines("missing.py", 1)) == ("", "", "")
