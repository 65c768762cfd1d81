"""Which lines have changed since a revision, as git tells it: for reports on a change alone."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator

_HUNK = re.compile(r"@@ -\d+(?:,(?P<removed>\d+))? \+(?P<first>\d+)(?:,(?P<added>\d+))? @@")


class ChangesError(Exception):
    """The changes cannot be told; the text says why."""


class Changes:
    """The lines that are new or different, by file."""

    def __init__(self, ranges: dict[str, list[range]]) -> None:
        """`ranges` are the changed lines (from 1) of each file, by its absolute path without symbolic links."""
        self._ranges = ranges
        self._real: dict[str, str] = {}

    def touches(self, path: str, first: int, last: int) -> bool:
        """Whether one of the lines from `first` to `last` of the file has changed."""
        if path not in self._real:
            self._real[path] = os.path.realpath(path)
        changed = self._ranges.get(self._real[path], ())
        return any(lines.start <= last and first < lines.stop for lines in changed)


def changes_since(revision: str, folder: str) -> Changes:
    """What the working tree around `folder` changes since it left `revision`'s history: commits, uncommitted and untracked files.

    Raises ChangesError where there is no git, no repository, no such revision, or no common history.
    """
    top = _git(folder, "rev-parse", "--show-toplevel").rstrip("\n")
    commit = _git(top, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}", wrong=f"there is no revision {revision!r}")
    wrong = f"{revision!r} and the present commit have no common history here; a shallow clone must be fetched whole"
    base = _git(top, "merge-base", commit.strip(), "HEAD", wrong=wrong).strip()
    options = ("--unified=0", "--no-color", "--no-ext-diff", "--no-textconv", "--find-renames", "--src-prefix=a/", "--dst-prefix=b/")
    patch = _git(top, "-c", "core.quotePath=false", "diff", *options, base, "--")
    untracked = _git(top, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    ranges = {os.path.realpath(os.path.join(top, name)): lines for name, lines in added_lines(patch)}
    ranges |= {os.path.realpath(os.path.join(top, name)): [range(1, 2**31)] for name in untracked if name}
    return Changes(ranges)


def added_lines(patch: str) -> Iterator[tuple[str, list[range]]]:
    """Each file of a patch without context, and the lines that it has got."""
    name, found = "", list[range]()
    lines = iter(patch.split("\n"))
    for line in lines:
        if line.startswith("+++ "):
            if found:
                yield name, found
            name, found = line.removeprefix("+++ b/").rstrip("\t"), []
        elif hunk := _HUNK.match(line):
            added = int(hunk["added"] or 1)
            if added:
                found.append(range(int(hunk["first"]), int(hunk["first"]) + added))
            for _ in range(int(hunk["removed"] or 1) + added):  # content, which may look like a heading
                next(lines, None)
    if found:
        yield name, found


def _git(folder: str, *arguments: str, wrong: str = "") -> str:
    """What git prints. Raises ChangesError, with `wrong` or git's own words."""
    try:
        done = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, check=False)
    except OSError as error:
        raise ChangesError(f"git cannot be run: {error.strerror or error}") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise ChangesError(wrong or said.removeprefix("fatal: "))
    return done.stdout.decode("utf-8", "surrogateescape")
