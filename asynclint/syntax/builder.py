"""The facts of one function while its tree is walked: environment, guards, loops, events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from asynclint.facts import CALL, CallOf, Event, Expr, Function, Local, Loop, Name, Parameter

Environment = dict[str, tuple[int, ...]]
Place = tuple[int, int, int, int, int, int]


@dataclass(slots=True)
class LoopBuilder:
    """A loop while its body is walked."""

    kind: str
    subject: Expr
    guard: int
    parent: int
    tried: bool
    place: Place | None
    text: str
    #: it gives the event loop a turn each round, or has few rounds
    patient: bool
    #: how many expressions were walked before it, and of those in it how many lie in inner loops
    before: int
    inner: int = 0
    gives_way: bool = False
    exits: bool = False
    sole: int = -1
    work: int = 0
    binds: tuple[str, ...] = ()

    def finish(self) -> Loop:
        return Loop(
            self.kind, self.subject, self.guard, self.parent, self.gives_way, self.exits, self.tried, self.sole, self.work, self.binds,
            self.place, self.text,
        )  # fmt: skip


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
        #: how many `try` bodies with handlers are open
        self.tries = 0
        #: how many expressions are evaluated for certain
        self.work = 0
        #: names that `:=` has bound inside the comprehension being walked
        self.escaped: Environment = {}
        self._events: list[tuple[int, Expr, tuple[tuple[str, Expr], ...], int, bool, Place | None, str, str, int, bool]] = []
        self._awaited: set[int] = set()
        self._across: set[int] = set()
        self._dropped: set[int] = set()
        self._read: set[int] = set()
        #: names that it reads and does not bind: those of the functions around it
        self._free: set[str] = set()
        self.loops: list[LoopBuilder] = []
        self._loop = -1

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
        if reaching and name not in self.outer:
            self._read.update(reaching)
            return Local(name, reaching)
        self._free.add(name)
        return Name(name)

    def encloses(self, nested: FunctionBuilder) -> None:
        """What a nested function reads may be bound here."""
        self._free |= nested._free

    def drop(self, index: int) -> None:
        """Nobody looks at the value of this call."""
        self._dropped.add(index)

    def _unread_calls(self) -> set[int]:
        """Calls that are bound to a name which is never read."""
        if self.kind not in ("def", "async"):
            return set()
        read, waiting = set(self._read), list(self._read)
        while waiting:
            value = self.defs[waiting.pop()]
            if isinstance(value, Local):  # what an earlier round of a loop has left
                new = set(value.defs) - read
                read |= new
                waiting.extend(new)
        return {
            value.event
            for name, indices in self.bindings.items()
            if name not in self._free and name not in self.outer and "locals" not in self._free
            for index in indices
            if index not in read and isinstance(value := self.defs[index], CallOf)
        }

    # guards

    def push_guard(self, test: Expr, held: bool) -> None:
        self.guards.append((self.guard, test, held))
        self.guard = len(self.guards) - 1

    # loops

    def enter_loop(self, counts: bool, kind: str, subject: Expr, place: Place | None = None, text: str = "") -> int:
        """Begins a loop and returns its mark for `leave_loop`; one that does not count (few known rounds) is as code without a loop."""
        self.loops.append(LoopBuilder(kind, subject, self.guard, self._loop, self.tries > 0, place, text, not counts, self.work))
        self._loop = len(self.loops) - 1
        return self.awaits

    def leave_loop(self, awaits_before: int) -> None:
        """Ends the innermost loop; one that awaits gives the event loop a turn each round."""
        loop = self.loops[self._loop]
        if self.awaits > awaits_before:
            loop.patient = loop.gives_way = True
        walked = self.work - loop.before
        loop.work = walked - loop.inner
        self._loop = loop.parent
        if loop.parent >= 0:
            self.loops[loop.parent].inner += walked

    def count(self) -> None:
        """One more expression is evaluated; what depends on a test inside the loop may not be."""
        if self._loop < 0 or self.guard == self.loops[self._loop].guard:
            self.work += 1

    @property
    def loop(self) -> LoopBuilder | None:
        """The innermost loop."""
        return self.loops[self._loop] if self._loop >= 0 else None

    def leaves_all_loops(self) -> None:
        """`return` and `raise`."""
        for loop in self._loops_around(self._loop):
            self.loops[loop].exits = True

    def gives_way(self) -> None:
        """`yield`: the caller goes on, and may give the event loop a turn."""
        for loop in self._loops_around(self._loop):
            self.loops[loop].gives_way = True

    def _loops_around(self, loop: int) -> Iterator[int]:
        """A loop and those that it stands in."""
        while loop >= 0:
            yield loop
            loop = self.loops[loop].parent

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
        self._events.append((kind, value, args, self.guard, self.handler, place, text, args_text, self._loop, self.tries > 0))
        return len(self._events) - 1

    def mark_awaited(self, index: int) -> None:
        self._awaited.add(index)

    def mark_across(self, index: int) -> None:
        """There is an `await` in the body of this `with`."""
        self._across.add(index)

    @property
    def last_event(self) -> int:
        return len(self._events)

    @property
    def last_call(self) -> int:
        """The last call event, or -1."""
        return next((index for index in reversed(range(len(self._events))) if self._events[index][0] == CALL), -1)

    def first_call_since(self, mark: int) -> int:
        """The first call event from `mark` on, or -1."""
        return next((index for index in range(mark, len(self._events)) if self._events[index][0] == CALL), -1)

    def finish(self) -> Function:
        impatient = [any(not self.loops[around].patient for around in self._loops_around(loop)) for loop in range(len(self.loops))]
        events = [
            Event(
                kind, value, args, guard, index in self._awaited, loop >= 0 and impatient[loop], handler, place, text, args_text, loop,
                index in self._across, tried,
            )
            for index, (kind, value, args, guard, handler, place, text, args_text, loop, tried) in enumerate(self._events)
        ]  # fmt: skip
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
            tuple(loop.finish() for loop in self.loops),
            tuple(sorted(self._dropped | self._unread_calls())),
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
