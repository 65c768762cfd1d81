"""Texts that no test of the project tells apart are one: `get("KEY_A")` and `get("KEY_B")` need not be looked at twice."""

from __future__ import annotations

import re
from collections.abc import Iterable

from asynclint.program.project import Project
from asynclint.program.values import Literal, Values

#: any text that is neither compared with anything nor begins or ends with what the project asks for
OTHER = Literal("…")
#: words in names of environment variables that are set to look into a program, not to run it
SWITCH = re.compile(r"(?:^|_)(?:DEBUG|LOG|LOGS|LOGFILE|TRACE|TRACING|PROFILE|PROFILER|VERBOSE|DEV|DEVTOOLS|TEST|TESTING|DUMP)(?:_|$)")


class Texts:
    """The literals that the project's tests compare with."""

    def __init__(self, project: Project) -> None:
        self._compared: set[str] = set()
        self._edges: tuple[str, ...] = ()
        edges: set[str] = set()
        for module in project.modules:
            self._compared.update(module.file_index.compared)
            edges.update(edge for edge in module.file_index.edges if edge)
        self._edges = tuple(edges)

    def merge(self, values: Values) -> Values:
        """The values with untested texts made one."""
        return tuple(OTHER if isinstance(v, Literal) and isinstance(v.value, str) and not self._is_tested(v.value) else v for v in values)

    def can_tell(self, options: Iterable[object]) -> bool:
        """Whether OTHER surely differs from all these."""
        return all(option in self._compared for option in options if isinstance(option, str))

    def _is_tested(self, text: str) -> bool:
        if text.isupper() and SWITCH.search(text):
            return True
        return not text or text in self._compared or text.startswith(self._edges) or text.endswith(self._edges)
