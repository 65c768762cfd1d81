"""The command line: options, exit statuses, where output goes. The engine is a stand-in."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from conftest import Write, make_finding

import asynclint
from asynclint.cli import run
from asynclint.cli.progress import Progress
from asynclint.config import Config
from asynclint.discover import discover
from asynclint.model import Confidence, Cost, Failure, Report, Statistics

REPOSITORY = Path(asynclint.__file__).resolve().parent.parent


class Engine:
    """Takes the place of the pipeline: remembers how it was called and gives `report`, or raises it."""

    def __init__(self) -> None:
        self.report: Report | BaseException = Report(())

    def check(self, paths: Sequence[str], config: Config, **options: Any) -> Report:
        self.paths, self.config, self.options = tuple(paths), config, options
        discover(paths, config)
        if isinstance(self.report, BaseException):
            raise self.report
        return self.report


@pytest.fixture
def engine(project: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    stand_in = Engine()
    monkeypatch.setattr(asynclint, "api", SimpleNamespace(check=stand_in.check), raising=False)
    return stand_in


def found(*findings: Any, failures: tuple[Failure, ...] = ()) -> Report:
    return Report(findings, failures, Statistics(files=3, lines=200, lines_parsed=50, calls=10, calls_unresolved=1, seconds=0.5))


class TestStatus:
    def test_nothing_to_report(self, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
        assert run([]) == 0
        assert capsys.readouterr().out == "No findings in 0 files.\n"

    def test_findings(self, engine: Engine) -> None:
        engine.report = found(make_finding())
        assert run([]) == 1
        assert run(["--exit-zero"]) == 0

    def test_a_failure_does_not_hide_findings(self, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
        engine.report = found(make_finding(), failures=(Failure("b\x1b.py", "boom"),))
        assert run(["--exit-zero"]) == 2
        out, err = capsys.readouterr()
        assert "ASL104" in out
        assert err == "asynclint: b\\x1b.py: boom\n"

    def test_an_exception_is_an_internal_failure(self, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
        engine.report = RuntimeError("lost")
        assert run([]) == 2
        assert "asynclint: internal failure: RuntimeError: lost" in capsys.readouterr().err

    def test_interrupted(self, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
        engine.report = KeyboardInterrupt()
        assert run([]) == 130
        assert "Traceback" not in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            (["--fix"], "--fix"),
            (["--min-cost", "cheap"], "cheap"),
            (["--jobs", "0"], "0"),
            (["--target-version", "four"], "four"),
            (["nowhere/x.py"], "nowhere/x.py"),
            (["--select", "ASL14"], "did you mean `ASL1"),
            (["--ignore", "blocking-slep"], "did you mean `blocking-sleep`?"),
            (["--config", "missing.toml"], "missing.toml"),
            (["--config", "x.toml", "--isolated"], "contradict"),
            (["--stdin-filename", "x.py", "y.py"], "--stdin-filename"),
            (["-", "y.py"], "stands alone"),
            (["--baseline", "missing.json"], "missing.json"),
            (["explain", "ASL1o4"], "ASL104"),
            (["explain"], "CODE"),
            (["rules", "--output-format", "xml"], "xml"),
        ],
    )
    def test_wrong_usage(self, engine: Engine, args: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(args) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert words in err
        assert "Traceback" not in err

    def test_a_bad_configuration(self, engine: Engine, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
        write({"pyproject.toml": "[tool.asynclint]\nselct = []\n"})
        assert run([]) == 2
        err = capsys.readouterr().err
        assert "pyproject.toml" in err
        assert "did you mean `select`?" in err


class TestCommands:
    def test_check_is_the_default_but_not_for_names_of_commands(self, engine: Engine, write: Write) -> None:
        write({"app/x.py": "", "rules/y.py": ""})
        assert run(["app"]) == 0
        assert engine.paths == ("app",)
        assert run(["check", "rules"]) == 0
        assert engine.paths == ("rules",)
        assert run(["--quiet", "rules"]) == 0
        assert engine.paths == ("rules",)

    def test_rules(self, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["rules"]) == 0
        assert re.search(r"^ASL104  blocking-file-io .*ASYNC230", capsys.readouterr().out, re.MULTILINE)
        assert run(["rules", "--output-format", "json"]) == 0
        rows = {row["code"]: row for row in json.loads(capsys.readouterr().out)}
        assert rows["ASL101"]["name"] == "blocking-sleep"
        assert rows["ASL101"]["aliases"] == ["ASYNC251"]

    def test_explain(self, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["explain", "ASL101"]) == 0
        assert capsys.readouterr().out.startswith("ASL101 blocking-sleep\n")
        assert run(["explain", "time.sleep"]) == 0
        assert "asyncio.sleep" in capsys.readouterr().out

    def test_version_and_help(self, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["--version"]) == 0
        assert capsys.readouterr().out == f"asynclint {asynclint.__version__}\n"
        assert run(["--help"]) == 0
        assert "explain" in capsys.readouterr().out
        assert run(["check", "-h"]) == 0
        assert "--min-confidence" in capsys.readouterr().out


class TestOptions:
    def test_they_reach_the_engine(self, engine: Engine) -> None:
        args = "--select ASL1,ASL003 --select ASL104 --ignore ASL105 --min-confidence possible --min-cost brief --no-transitive"
        args += (
            " --no-third-party --python /env --search-path libs --search-path more --target-version 3.12 --jobs 3 --no-cache --clear-cache"
        )
        args += " --no-respect-gitignore --extend-exclude a,b --cache-dir cc"
        assert run(args.split()) == 0
        config = engine.config
        assert config.select == ("ASL1", "ASL003", "ASL104")
        assert config.ignore == ("ASL105",)
        assert (config.min_confidence, config.min_cost) == (Confidence.POSSIBLE, Cost.BRIEF)
        assert (config.transitive, config.third_party, config.respect_gitignore) == (False, False, False)
        assert config.search_path == (os.path.abspath("libs"), os.path.abspath("more"))
        assert (config.target_version, config.jobs, config.extend_exclude) == ("3.12", 3, ("a", "b"))
        assert config.cache_dir == os.path.abspath("cc")
        assert (engine.options["cache"], engine.options["clear_cache"]) == (False, True)

    def test_what_is_not_given_leaves_the_file_alone(self, engine: Engine, write: Write) -> None:
        write({"asynclint.toml": 'transitive = false\nmin-cost = "brief"\nsrc = ["app"]\n', "app/x.py": ""})
        assert run([]) == 0
        assert engine.paths == ("app",)
        assert not engine.config.transitive
        assert engine.config.min_cost is Cost.BRIEF
        assert run(["--transitive", "--min-cost", "slow"]) == 0
        assert engine.config.transitive
        assert engine.config.min_cost is Cost.SLOW
        assert run(["--isolated"]) == 0
        assert engine.config.min_cost is Cost.SLOW
        assert engine.config.transitive

    def test_the_configuration_is_the_one_nearest_to_what_is_checked(self, engine: Engine, write: Write) -> None:
        write({"sub/asynclint.toml": 'min-cost = "brief"\n', "sub/app/x.py": "", "sub/app/y.py": ""})
        assert run(["sub/app/x.py", "sub/app/y.py"]) == 0
        assert engine.config.min_cost is Cost.BRIEF

    def test_standard_input(self, engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        engine.report = found(make_finding(path="app/x.py", line=2, width=7))
        for args in (["--stdin-filename", "app/x.py", "-"], ["--stdin-filename", "app/x.py"]):
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"import x\nopen(p)\n")))
            assert run(args) == 1
            assert engine.paths == ()
            assert engine.options["stdin"] == ("app/x.py", b"import x\nopen(p)\n")
            assert "2 | open(p)\n" in capsys.readouterr().out


class TestOutput:
    def test_formats(self, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
        engine.report = found(make_finding())
        assert run(["--output-format", "json"]) == 1
        assert json.loads(capsys.readouterr().out)["findings"][0]["code"] == "ASL104"

    def test_statistics_follow_text_but_do_not_spoil_json(self, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
        engine.report = found(make_finding())
        run(["--output-format", "concise", "--statistics"])
        assert capsys.readouterr().out.endswith("1  ASL104  blocking-file-io\n")
        run(["--output-format", "json", "--statistics"])
        out, err = capsys.readouterr()
        json.loads(out)
        assert err == "1  ASL104  blocking-file-io\n"

    def test_quiet_and_verbose(self, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
        engine.report = found()
        run(["--quiet"])
        assert capsys.readouterr() == ("", "")
        run(["--verbose"])
        err = capsys.readouterr().err
        for words in ("3, 200 lines", "50 lines, 25.0%", "1 unresolved, 10.0%", "0.50 s"):
            assert words in err

    def test_colour_follows_option_then_environment(
        self, engine: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def colored(*args: str) -> bool:
            run([*args])
            return "\x1b[" in capsys.readouterr().out

        engine.report = found(make_finding())
        assert not colored()
        assert colored("--color", "always")
        monkeypatch.setenv("FORCE_COLOR", "1")
        assert colored()
        assert not colored("--color", "never")
        assert not colored("--output-format", "json")
        monkeypatch.setenv("NO_COLOR", "1")
        assert not colored()

    def test_an_encoding_without_a_character(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        engine.report = found(make_finding(message="日本 …"))
        stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        monkeypatch.setattr(sys, "stdout", stream)
        assert run(["--output-format", "concise"]) == 1
        assert b"\\u65e5\\u672c \\u2026" in stream.buffer.getvalue()  # type: ignore[attr-defined]


class TestOutputFile:
    def test_whole_and_uncoloured(self, engine: Engine, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        engine.report = found(make_finding())
        (project / "report.txt").write_text("old")
        (project / "report.txt").chmod(0o640)
        assert run(["--output-file", "report.txt", "--color", "always"]) == 1
        assert capsys.readouterr().out == ""
        text = (project / "report.txt").read_text()
        assert "ASL104" in text
        assert "\x1b" not in text
        assert (project / "report.txt").stat().st_mode & 0o777 == 0o640
        assert [path.name for path in project.iterdir()] == ["report.txt"]

    def test_what_cannot_be_written_is_told(self, engine: Engine, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["--output-file", "missing/report.txt"]) == 2
        assert "missing/report.txt: cannot be written" in capsys.readouterr().err

    @pytest.mark.skipif(sys.platform == "win32", reason="no such device there")
    def test_a_device_stays_one(self, engine: Engine, project: Path) -> None:
        assert run(["--output-file", os.devnull]) == 0
        assert not Path(os.devnull).is_file()


class TestBaseline:
    def test_accepted_findings_are_left_out_also_after_a_move(
        self, engine: Engine, write: Write, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write({"app.py": "open(p)\nopen(p)\nopen(q)\n"})
        engine.report = found(make_finding(line=1), make_finding(line=2))
        assert run(["--write-baseline", "base.json"]) == 0
        assert run(["--baseline", "base.json"]) == 0
        write({"app.py": "# new\nopen(p)\n  open(p)\nopen(q)\nopen(p)\n"})
        engine.report = found(*(make_finding(line=line) for line in (2, 3, 4, 5)))
        capsys.readouterr()
        assert run(["--baseline", "base.json", "--output-format", "concise"]) == 1
        assert [line.split(":")[1] for line in capsys.readouterr().out.splitlines()] == ["4", "5"]

    def test_it_may_stand_in_the_configuration_and_be_read_from_elsewhere(
        self, engine: Engine, write: Write, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write({"app.py": "open(p)\n", "asynclint.toml": 'baseline = "base.json"\n'})
        engine.report = found(make_finding())
        assert run(["--write-baseline", "base.json"]) == 0
        (project / "below").mkdir()
        monkeypatch.chdir(project / "below")
        engine.report = found(make_finding(path="../app.py"))
        assert run([".."]) == 0

    def test_a_file_may_be_renamed_but_a_copy_of_it_is_new(self, engine: Engine, write: Write, project: Path) -> None:
        write({"app.py": "open(p)\n"})
        engine.report = found(make_finding())
        assert run(["--write-baseline", "base.json"]) == 0
        write({"new.py": "open(p)\n"})
        engine.report = found(make_finding(path="new.py", function="new.main"))
        assert run(["--baseline", "base.json"]) == 1
        (project / "app.py").unlink()
        assert run(["--baseline", "base.json"]) == 0
        engine.report = found(*(make_finding(path=path, function="new.main") for path in ("new.py", "newer.py")))
        write({"newer.py": "open(p)\n"})
        assert run(["--baseline", "base.json"]) == 1

    def test_what_is_no_baseline_is_refused(self, engine: Engine, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
        write({"base.json": '{"version": 1}'})
        assert run(["--baseline", "base.json"]) == 2
        assert "is not a baseline" in capsys.readouterr().err


class TestProgress:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def test_it_shows_only_after_a_second_and_goes_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [100.0]
        monkeypatch.setattr("asynclint.cli.progress.time.monotonic", lambda: now[0])
        monkeypatch.setattr(sys, "stderr", self.Terminal())
        progress = Progress(shown=True)
        progress("reading", 1, 4)
        assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]
        now[0] += 2
        progress("reading", 2, 4)
        progress("reading", 3, 4)
        drawn = sys.stderr.getvalue()  # type: ignore[attr-defined]
        assert "2/4" in drawn
        assert "3/4" not in drawn
        now[0] += 2
        progress("analysing", 1234, 0)
        assert sys.stderr.getvalue().endswith("analysing 1,234")  # type: ignore[attr-defined]
        progress.clear()
        assert sys.stderr.getvalue().endswith("\r\x1b[K")  # type: ignore[attr-defined]

    def test_nobody_looks(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setattr("asynclint.cli.progress._PATIENCE", -1.0)
        Progress(shown=False)("reading", 1, 2)
        assert capsys.readouterr().err == ""


class TestProcess:
    """What only a process of its own can show."""

    def python(self, code: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, timeout=60, check=False, **options)

    def test_help_and_rules_do_not_load_the_parser(self) -> None:
        for args in (["--help"], ["check", "--help"], ["rules"], ["--version"]):
            code = f"import sys\nfrom asynclint.cli import run\nassert run({args!r}) == 0\nassert 'libcst' not in sys.modules"
            assert self.python(code).returncode == 0, args

    def test_the_public_names_are_loaded_when_they_are_used(self) -> None:
        code = "import sys, asynclint\nassert 'msgspec' not in sys.modules\nfrom asynclint import Config, Finding, load_config"
        assert self.python(code).returncode == 0

    @pytest.mark.skipif(sys.platform == "win32", reason="pipes differ")
    def test_a_reader_that_has_gone_is_no_error(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        process = subprocess.Popen(
            [sys.executable, "-m", "asynclint", "rules"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.wait(60) == 0


def test_every_configuration_key_that_is_an_option_is_one(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    tables = {"src", "per-file-ignores", "blocking", "nonblocking", "offloaders", "loop-callbacks", "catalogs", "async200-blocking-calls"}
    later = {"offload"}
    run(["check", "--help"])
    options = set(re.findall(r"--([a-z-]+)", capsys.readouterr().out))
    keys = {field.name.replace("_", "-") for field in msgspec.structs.fields(Config)} - {"origin"}
    assert keys - tables - later <= options
