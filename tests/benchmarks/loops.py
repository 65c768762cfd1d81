"""How far the estimate of ASL201 is from what loops really take: `python tests/benchmarks/loops.py [tuning|check]`.

Each snippet is the body of a coroutine. It is run, and estimated by the analysis; the table shows both, and the line below it how many
estimates lie on the right side of 10 ms, and within a factor of three. `tuning` are the snippets by which the constants of
`check/misuse/heavy.py` were chosen; `check` are others, half of them below 10 ms and half above.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import asynclint.check.misuse.heavy as heavy
from asynclint.api import check
from asynclint.config import Config

LIMIT = 10.0  # milliseconds

TUNING = [
    "x = 0\nfor i in range(1_000_000):\n    x += i",
    "for i in range(2_000_000):\n    pass",
    "x = [i * 2 for i in range(1_000_000)]",
    "x = sum(i * i for i in range(1_000_000))",
    "d = {}\nfor i in range(300_000):\n    d[i] = str(i)",
    "x = []\nfor i in range(500_000):\n    x.append(i % 7)",
    "x = 0\nfor i in range(600):\n    for j in range(600):\n        x += i * j",
    "x = 0\nfor i in range(300_000):\n    if i % 3 == 0 and i % 5 == 0:\n        x += 1",
    "for i in range(200_000):\n    x = (i, i + 1, i + 2)\n    y = x[0] + x[1]",
    "s = set()\nfor i in range(300_000):\n    s.add(i & 1023)",
]
#: (rounds that stay below the limit, rounds that go beyond it) for each body
BODIES = [
    ("x ^= i", 20_000, 2_000_000),
    ("x = (x * 31 + i) % 1000003", 10_000, 1_000_000),
    ("words.append(f'{i}-{x}')", 8_000, 300_000),
    ("table[i % 100] = i", 20_000, 800_000),
    ("x = max(x, i)", 10_000, 500_000),
    ("pair = divmod(i, 7)\n    x += pair[0]", 10_000, 400_000),
    ("if i % 2:\n        x += 1\n    else:\n        x -= 1", 20_000, 900_000),
    ("words = [i, i, i]\n    x += len(words)", 10_000, 500_000),
    ("x += abs(i - 500)", 15_000, 700_000),
    ("text = str(i)\n    x += text.count('1')", 5_000, 200_000),
    ("for j in range(10):\n        x += j", 3_000, 200_000),
    ("x = x + 1 if i > 10 else x", 20_000, 900_000),
    ("table.get(i)", 20_000, 600_000),
    ("x = i * 0.5 + x * 0.25", 20_000, 700_000),
    ("words = sorted((i, 3, 2))", 3_000, 150_000),
    ("x = hash((i, x))", 10_000, 500_000),
    ("x = int('12') + i", 8_000, 300_000),
    ("x = isinstance(i, int) + i", 10_000, 500_000),
    ("x = i // 3 - i % 3", 20_000, 700_000),
    ("words = [j for j in (i, x, 3)]", 5_000, 250_000),
]
CHECK = [f"x, words, table = 0, [], {{}}\nfor i in range({rounds:_}):\n    {body}" for body, *sizes in BODIES for rounds in sizes]


def program(snippet: str) -> str:
    return "async def f():\n" + "".join(f"    {line}\n" for line in snippet.splitlines())


def measured(snippet: str) -> float:
    """The least of five runs, in milliseconds."""
    scope: dict[str, object] = {}
    exec(program(snippet), scope)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        asyncio.run(scope["f"]())  # type: ignore[operator]
        best = min(best, (time.perf_counter() - start) * 1000)
    return best - EMPTY


def empty() -> float:
    """What starting and ending a loop takes, in milliseconds."""

    async def nothing() -> None:
        pass

    best = float("inf")
    for _ in range(20):
        start = time.perf_counter()
        asyncio.run(nothing())
        best = min(best, (time.perf_counter() - start) * 1000)
    return best


EMPTY = empty()


def estimated(snippets: list[str]) -> list[float]:
    """What the analysis says, in milliseconds: the most that it says of any loop of the snippet."""
    found = [0.0] * len(snippets)
    original = heavy.Estimate.loop

    def recorded(self: heavy.Estimate, frame: heavy.Frame, number: int, depth: int) -> int:
        taken = original(self, frame, number, depth)
        place = int(frame.fn.module.name.removeprefix("s"))
        found[place] = max(found[place], taken / 1e6)
        return taken

    def call(self: heavy.Estimate, frame: heavy.Frame, event: heavy.Event, depth: int) -> int:
        taken = original_call(self, frame, event, depth)
        place = int(frame.fn.module.name.removeprefix("s"))
        found[place] = max(found[place], taken / 1e6)
        return taken

    original_call = heavy.Estimate.call
    heavy.Estimate.loop, heavy.Estimate.call = recorded, call  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        for number, snippet in enumerate(snippets):
            Path(folder, f"s{number}.py").write_text(program(snippet), "utf-8")
        Path(folder, "asynclint.toml").touch()
        check([folder], Config(jobs=1), cache=False)
    return found


def main() -> None:
    snippets = TUNING if sys.argv[1:] == ["tuning"] else CHECK
    truths, guesses = [measured(snippet) for snippet in snippets], estimated(snippets)
    for snippet, truth, guess in zip(snippets, truths, guesses, strict=True):
        print(f"{truth:8.1f} ms  {guess:8.1f} ms  {guess / truth:5.2f}  {snippet.splitlines()!r:.110}")
    pairs = list(zip(truths, guesses, strict=True))
    told = [(truth, guess) for truth, guess in pairs if guess > 0]
    side = sum((truth >= LIMIT) == (guess >= LIMIT) for truth, guess in pairs)
    near = sum(1 / 3 <= guess / truth <= 3 for truth, guess in told)
    print(f"on the right side of {LIMIT:.0f} ms: {side} of {len(pairs)}; within a factor of three: {near} of {len(told)} with a number")


if __name__ == "__main__":
    main()
