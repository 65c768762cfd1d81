"""The facts of one function while its tree is walked: environment, guards, loops, events."""

from __future__ import annotations

from asynclint.facts import CALL, Event, Expr, Function, Local, Name, Parameter

Environment = dict[str, tuple[int, ...]]
Place = tuple[int, int, int, int, int, int]


class FunctionBuilder:
    """Collects what becomes a `Function`. The environment maps each local name to the definitions that reach this point."""

    def __init__(self, name: str, kind: str, line: int, parent: int, owner: int) -> None:
        self.name, self.kind, self.line, self.parent, self.owner = name, kind, line, parent, owner
        self.params: tuple[Parameter, ...] = ()
        self.decorators: tuple[Expr, ...] = ()
        self.annotation: Expr | None = None
        self.generator = False
        self.stub = False
        self.marker = ""
        self.defs: list[Expr] = []
        self.def_guards: list[int] = []
        self.bindings: dict[str, list[int]] = {}
        self.outer: set[str] = set()
        self.guards: list[tuple[int, Expr, bool]] = []
        self.returns: list[tuple[Expr, int]] = []
        self.yields: list[Expr] = []
        self.attributes: list[tuple[Expr, str, Expr, Expr | None, int]] = []
        self.environment: Environment = {}
        self.guard = -1
        self.handler = False
        self.awaits = 0
        #: names that `:=` has bound inside the comprehension being walked
        self.escaped: Environment = {}
        self._events: list[tuple[int, Expr, tuple[tuple[str, Expr], ...], int, bool, Place | None, str, str, tuple[int, ...]]] = []
        self._awaited: set[int] = set()
        self._loops: tuple[int, ...] = ()
        self._loop_count = 0
        self._patient_loops: set[int] = set()

    # names

    def define(self, value: Expr) -> int:
        self.defs.append(value)
        self.def_guards.append(self.guard)
        return len(self.defs) - 1

    def bind(self, name: str, value: Expr) -> None:
        """`name = value`: from here on the name has this definition alone."""
        index = self.define(value)
        self.bindings.setdefault(name, []).append(index)
        self.environment[name] = (index,)

    def load(self, name: str) -> Expr:
        reaching = self.environment.get(name)
        return Local(name, reaching) if reaching and name not in self.outer else Name(name)

    # guards

    def push_guard(self, test: Expr, held: bool) -> None:
        self.guards.append((self.guard, test, held))
        self.guard = len(self.guards) - 1

    # loops

    def enter_loop(self, counts: bool) -> int:
        """Begins a loop and returns its mark for `leave_loop`; a loop that does not count (few known rounds) leaves no trace."""
        self._loop_count += 1
        self._loops = (*self._loops, self._loop_count)
        if not counts:
            self._patient_loops.add(self._loop_count)
        return self.awaits

    def leave_loop(self, awaits_before: int) -> None:
        """Ends the innermost loop; one that awaits gives the event loop a turn each round."""
        if self.awaits > awaits_before:
            self._patient_loops.add(self._loops[-1])
        self._loops = self._loops[:-1]

    # events

    def emit(
        self,
        kind: int,
        value: Expr,
        args: tuple[tuple[str, Expr], ...] = (),
        place: Place | None = None,
        text: str = "",
        args_text: str = "",
    ) -> int:
        self._events.append((kind, value, args, self.guard, self.handler, place, text, args_text, self._loops))
        return len(self._events) - 1

    def mark_awaited(self, index: int) -> None:
        self._awaited.add(index)

    @property
    def last_event(self) -> int:
        return len(self._events)

    def first_call_since(self, mark: int) -> int:
        """The first call event from `mark` on, or -1."""
        return next((index for index in range(mark, len(self._events)) if self._events[index][0] == CALL), -1)

    def finish(self) -> Function:
        events = [
            Event(
                kind, value, args, guard, index in self._awaited, not self._patient_loops.issuperset(loops), handler, place, text, args_text
            )
            for index, (kind, value, args, guard, handler, place, text, args_text, loops) in enumerate(self._events)
        ]
        return Function(
            self.name,
            self.kind,
            self.line,
            self.parent,
            self.owner,
            self.params,
            self.decorators,
            self.annotation,
            self.generator,
            self.stub,
            self.marker,
            tuple(self.defs),
            {name: tuple(found) for name, found in self.bindings.items()},
            tuple(sorted(self.outer)),
            tuple(self.guards),
            tuple(events),
            tuple(self.returns),
            tuple(self.yields),
            tuple(self.attributes),
            tuple(self.def_guards),
        )


def merge(first: Environment, second: Environment) -> Environment:
    """What may reach a point that two ways lead to."""
    if first is second:
        return dict(first)
    merged = dict(first)
    for name, reaching in second.items():
        known = merged.get(name)
        if known != reaching:
            merged[name] = tuple(sorted({*known, *reaching})) if known else reaching
    return merged
