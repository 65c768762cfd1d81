"""The nouns that cross layers: costs, confidences, spans, findings. Values only, no logic but names and order."""

from __future__ import annotations

import enum

import msgspec


class Cost(enum.IntEnum):
    """What a blocking call can cost the loop, cheapest first."""

    BRIEF = 1  # one quick question to the local system
    SLOW = 2  # grows with data, or reads it
    UNBOUNDED = 3  # waits for others

    @property
    def word(self) -> str:
        """The spelling of the command line, the catalogs and the JSON."""
        return self.name.lower()


class Confidence(enum.IntEnum):
    """How sure a finding is, least sure first."""

    POSSIBLE = 1  # by name only, or one among several definitions
    LIKELY = 2  # through inferred types, or a single possible definition
    CERTAIN = 3  # through names alone, and it runs whenever the line runs

    @property
    def word(self) -> str:
        """The spelling of the command line and the JSON."""
        return self.name.lower()


class Span(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of source text: 1-based lines and columns (in characters), the end column exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class Step(msgspec.Struct, frozen=True):
    """One call of a chain: where it stands, the function it stands in, and the call as it is written (without arguments)."""

    path: str
    line: int
    column: int
    function: str
    call: str


class Edit(msgspec.Struct, frozen=True):
    """A replacement of source text; `start` and `end` are (1-based line, 1-based column)."""

    path: str
    start: tuple[int, int]
    end: tuple[int, int]
    content: str


class Fix(msgspec.Struct, frozen=True):
    """A rewrite that mends a finding; `applicability` is `safe`, `unsafe` or `display`."""

    applicability: str
    message: str
    edits: tuple[Edit, ...]


class Finding(msgspec.Struct, frozen=True):
    """One thing to report. The span is the call inside the function that runs on the loop; `trace` leads from there to the sink."""

    code: str
    name: str
    message: str
    path: str
    span: Span
    function: str = ""
    confidence: Confidence = Confidence.CERTAIN
    cost: Cost = Cost.UNBOUNDED
    once: bool = False
    sink: str = ""
    wait: str = ""
    trace: tuple[Step, ...] = ()
    suggestion: str = ""
    #: what to use instead, from the catalog (prose)
    advice: str = ""
    fix: Fix | None = None
    #: (first line, last line) of the logical statement, for suppressions
    statement: tuple[int, int] = (0, 0)


class Failure(msgspec.Struct, frozen=True):
    """Something that went wrong inside asynclint or its environment while it handled `path`; the run goes on, the exit status is 2."""

    path: str
    message: str


class Statistics(msgspec.Struct, frozen=True):
    """Figures of a run. Lines and calls are counts; `seconds` is wall time."""

    files: int = 0
    lines: int = 0
    lines_parsed: int = 0
    functions_on_loop: int = 0
    calls: int = 0
    calls_unresolved: int = 0
    seconds: float = 0.0
    from_cache: bool = False


class Report(msgspec.Struct, frozen=True):
    """What a run of the pipeline gives: findings in report order, failures, figures."""

    findings: tuple[Finding, ...]
    failures: tuple[Failure, ...] = ()
    statistics: Statistics = Statistics()
