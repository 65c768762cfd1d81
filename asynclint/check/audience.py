"""Whom the code of a function serves, for where it lies and for who uses it: what serves nobody but its author is cheaper."""

from __future__ import annotations

from collections.abc import Callable, Collection

from asynclint.program.project import FunctionDef, Module
from asynclint.syntax.index import IndexedUnit

#: folders and files that serve nobody but the author of the code
_ASIDE = frozenset(("tests", "test", "testing", "pytest", "examples", "example", "docs", "benchmarks", "benchmark"))
#: folders and files of command lines, whose loop serves one person: off by default too
_COMMAND_LINE = frozenset(("cli", "_cli", "cli.py", "_cli.py", "__main__.py", "setup.py", "manage.py"))
#: users of users that are looked at
_FAR = 3
Users = Callable[[Module, IndexedUnit], Collection[tuple[Module, IndexedUnit]]]


class Audience:
    """`inside` gives a module's path within its project: folders above it say nothing about the code. `users` gives the units that
    mention a function, its own left out; nothing where that cannot be told."""

    def __init__(
        self, inside: Callable[[str], str], users: Callable[[Module, IndexedUnit], Collection[tuple[Module, IndexedUnit]]]
    ) -> None:
        self._inside = inside
        self._users = users
        self._known: dict[tuple[int, int], bool] = {}

    def steps_down(self, fn: FunctionDef) -> int:
        """By how many steps the function's calls are cheaper."""
        while fn.enclosing is not None:
            fn = fn.enclosing
        return 2 if self._lies_aside(fn.module) or self._serves_commands(fn.module, fn.unit, _FAR) else 0

    def _serves_commands(self, module: Module, unit: IndexedUnit, far: int) -> bool:
        """Whether everyone who mentions a function lies aside. A function that nobody mentions serves a framework."""
        key = (module.number, unit.start)
        if key not in self._known:
            self._known[key] = False
            users = self._users(module, unit)
            self._known[key] = bool(users) and all(
                self._lies_aside(m) or (far > 0 and bool(u.name) and self._serves_commands(m, u, far - 1)) for m, u in users
            )
        return self._known[key]

    def _lies_aside(self, module: Module) -> bool:
        *folders, file = self._inside(module.path).split("/")
        if not _ASIDE.isdisjoint(folders) or file.startswith("test_") or file == "conftest.py":
            return True
        return not _COMMAND_LINE.isdisjoint((*folders, file))
