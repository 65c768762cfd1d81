"""Events of a frame → edges of the call graph: what each call, `with`, loop, attribute and subscript leads to."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from asynclint.catalog import Blocking, OnLoop, Quiets
from asynclint.facts import (
    CALL,
    CONTAINS,
    DELITEM,
    ENTER,
    GET,
    IMPORT,
    ITER,
    RUN,
    SETITEM,
    SUB,
    Attr,
    Awaited,
    CallOf,
    Const,
    Elem,
    Entered,
    Event,
    Expr,
    Fn,
    Function,
    Import,
    Item,
    Local,
    Name,
    Op,
    Param,
    Seq,
)  # fmt: skip
from asynclint.facts import Sub as Subscript
from asynclint.model import Confidence
from asynclint.program.infer import Inference
from asynclint.program.project import ClassDef, FunctionDef, Project
from asynclint.program.truth import FIELDS, is_opted_into, known_fields
from asynclint.program.values import (
    Choice,
    ClassValue,
    Collection,
    Edge,
    External,
    Frame,
    FunctionValue,
    Generator,
    Instance,
    Later,
    Lazy,
    Literal,
    Partial,
    Sink,
    Value,
    Values,
)  # fmt: skip
from asynclint.syntax.index import CLASS, IndexedUnit

Target = Sink | Frame | Choice
#: what the language calls for these events
_SPECIAL = {SUB: "__getitem__", SETITEM: "__setitem__", DELITEM: "__delitem__", CONTAINS: "__contains__"}
#: steps by which work is cheaper that is done once for each key, or once for all
ONCE_A_KEY, ONCE = 1, 2
CERTAIN, LIKELY, POSSIBLE = int(Confidence.CERTAIN), int(Confidence.LIKELY), int(Confidence.POSSIBLE)
#: so many implementations of an abstract method are looked at
IMPLEMENTATIONS = 24
#: what a function marked `# asynclint: blocking` is taken for
MARKED = Blocking(
    names=(), code="ASL109", cost="unbounded", wait="thread", why="its author says so", use="its asynchronous counterpart, or a thread",
    evidence="`# asynclint: blocking` at its definition",
)  # fmt: skip


class Linker:
    """Resolves events into edges. `hot` are the words that make an event worth resolving; `roots` collects frames that the loop runs."""

    def __init__(self, inference: Inference, hot: set[str]) -> None:
        self.inference = inference
        self.catalog = inference.catalog
        self.hot = hot
        self.roots: list[Frame] = []
        self.calls = 0
        self.unresolved = 0
        self._subclasses: dict[str, list[tuple[int, IndexedUnit]]] | None = None
        self._implementations: dict[tuple[ClassDef, str], list[FunctionDef]] = {}
        self._imported_early: set[str] | None = None
        self._telling: dict[str, list[OnLoop]] | None = None
        #: modules in which every method call is looked at
        self.attentive: set[int] = set()
        #: modules in which `get("key")` may be more than a dictionary's work
        self.lookups: set[int] = set()

    def link(self, frame: Frame) -> list[Edge]:
        """Resolves the events that are hot and not resolved yet; returns the new edges."""
        data = frame.fn.data
        new: list[Edge] = []
        for index, event in enumerate(data.events):
            if index in frame.linked or not self._is_hot(event, frame):
                continue
            frame.linked.add(index)
            if not self.inference.feasible(frame, event.guard) or self._contradicts(frame, event.guard):
                continue
            new.extend(self._edges(index, event, frame))
        frame.edges.extend(new)
        return new

    def _contradicts(self, frame: Frame, guard: int) -> bool:
        """Whether the same question had to be answered in two ways: `if not path.is_dir(): if path.is_dir(): …`."""
        seen: dict[object, bool] = {}
        for test, held, _ in self.inference.guards(frame, guard):
            while isinstance(test, Op) and test.op == "not":
                test, held = test.items[0], not held
            key: object = test
            if isinstance(test, CallOf):
                event = frame.fn.data.events[test.event]
                key = (event.value, event.args)
            if seen.setdefault(key, held) is not held:
                return True
        return False

    # --- what is worth a look

    def _is_hot(self, event: Event, frame: Frame) -> bool:
        if event.kind == CALL:
            if _is_lookup(event) and frame.fn.module.number not in self.lookups:
                return False
            return self._callee_is_hot(event.value, frame) or any(self._hands_on(expr, frame) for _, expr in event.args)
        if event.kind == GET:
            return isinstance(event.value, Attr) and event.value.name in self.hot
        if event.kind == IMPORT:
            return True
        if event.kind == RUN:
            return True
        if event.kind in _SPECIAL and isinstance(event.value, Subscript):
            return self._touches(event.value.base, frame, 0)
        return self._touches(event.value, frame, 0)

    def _callee_is_hot(self, callee: Expr, frame: Frame) -> bool:
        match callee:
            case Attr():
                return callee.name in self.hot or frame.fn.module.number in self.attentive
            case Name():
                if callee.id in self.hot:
                    return True
                if any(found.attr in self.hot for found in frame.fn.module.imports.get(callee.id, ())):
                    return True
                return callee.id in self._enclosing_names(frame)
            case Local() | Fn():
                return True
            case CallOf() | Subscript() | Op():
                return self._touches(callee, frame, 0)
        return False

    def _enclosing_names(self, frame: Frame) -> dict[str, tuple[int, ...]]:
        """Names bound by the functions around a nested one."""
        at = frame.closure
        while at is not None and at.fn.data.kind == "class":
            at = at.closure
        return at.fn.data.bindings if at is not None else {}

    def _hands_on(self, expr: Expr, frame: Frame) -> bool:
        """Whether an argument is a function that may block."""
        return (
            (isinstance(expr, Attr) and expr.name in self.hot)
            or (isinstance(expr, (Name, Local)) and expr.id in self.hot)
            or isinstance(expr, Fn)
        )

    def _touches(self, expr: Expr, frame: Frame, depth: int) -> bool:
        """Whether an expression names something hot, through local definitions too."""
        if depth > 6:
            return False
        match expr:
            case Attr():
                return expr.name in self.hot or self._touches(expr.base, frame, depth + 1)
            case Name():
                return expr.id in self.hot
            case Local():
                return expr.id in self.hot or any(self._touches(frame.fn.data.defs[d], frame, depth + 1) for d in expr.defs)
            case CallOf():
                event = frame.fn.data.events[expr.event]
                return self._callee_is_hot(event.value, frame) or any(self._touches(e, frame, depth + 1) for _, e in event.args)
            case Awaited() | Entered() | Elem() | Item():
                return self._touches(expr.value, frame, depth + 1)
            case Param():
                found = frame.params.get(expr.index, ())
                annotation = frame.fn.data.params[expr.index].annotation if expr.index < len(frame.fn.data.params) else None
                return (
                    any(isinstance(v, (Generator, FunctionValue, Lazy, Later, Partial, Instance)) for v in found) or annotation is not None
                )
            case Seq():
                return expr.kind == "generator"
            case Op() | Seq():
                return any(self._touches(item, frame, depth + 1) for item in expr.items)
            case Subscript():
                return self._touches(expr.base, frame, depth + 1)
        return hasattr(expr, "annotation")

    # --- edges

    def _edges(self, index: int, event: Event, frame: Frame) -> Iterator[Edge]:
        once = self._remembered(frame.fn.data, event.guard)
        guarded = event.guard >= 0 or event.handler
        if event.kind == IMPORT:
            yield from self._import_edges(index, event, frame)
            return
        values = self.inference.infer(self._subject(event), frame, event.guard)
        if event.kind != CALL:
            values = self.inference.values_of(values) if event.kind != GET else values
        if event.kind == CALL:
            self.calls += 1
            self.unresolved += not values
        targets: list[tuple[Target, int, int]] = []
        for value in values:
            targets.extend(t for t in self._targets(value, event, frame) if not self._is_quieted(t[0], event, frame))
        if not values and event.kind == CALL and isinstance(event.value, Attr):
            self._hand_to_loop(self._telling_on_loop().get(event.value.name, ()), event, frame)
        if event.kind == GET:
            targets.extend(self._property_targets(event, frame))
        alternatives = len([v for v in values if self._counts(v)])
        conditions = self._conditions(frame, event.guard) if targets else 0
        seen: set[int] = set()
        for target, confidence, cached in targets:
            if alternatives > 1 and len(targets) < alternatives:
                confidence = min(confidence, POSSIBLE)
            elif alternatives > 1:
                confidence = min(confidence, LIKELY)
            if guarded and not frame.fn.is_async:
                confidence = min(confidence, LIKELY)
            if id(target) not in seen:
                seen.add(id(target))
                yield Edge(index, target, confidence, max(once, cached), conditions)

    def _conditions(self, frame: Frame, guard: int) -> int:
        if guard < 0:
            return 0
        return 2 if any(is_opted_into(self.inference, test, held, frame) for test, held, _ in self.inference.guards(frame, guard)) else 1

    def _counts(self, value: Value) -> bool:
        """Whether a value is an alternative that could be called: not None, and not the unknown half of a `try: import`."""
        if isinstance(value, External):
            return value.receiver is not None or value.name.partition(".")[0] in self.inference.known_names
        return not isinstance(value, Literal)

    def _subject(self, event: Event) -> Expr:
        """What an event is about: of a subscript what is subscripted."""
        return event.value.base if event.kind in _SPECIAL and isinstance(event.value, Subscript) else event.value

    def _targets(self, value: Value, event: Event, frame: Frame) -> Iterator[tuple[Target, int, int]]:
        if event.kind == CALL:
            yield from self._call_targets(value, event, frame)
        elif event.kind == ENTER:
            yield from self._enter_targets(value)
        elif event.kind == ITER:
            yield from self._iter_targets(value, event, frame)
        elif event.kind in _SPECIAL:
            yield from self._special_targets(value, (_SPECIAL[event.kind],))
        elif event.kind == RUN and isinstance(value, FunctionValue):
            yield self.inference.frame(value.fn, None, None, frame), CERTAIN, 0

    # calls

    def _call_targets(self, value: Value, event: Event, frame: Frame) -> Iterator[tuple[Target, int, int]]:
        match value:
            case External():
                yield from self._external_targets(value, event, frame)
            case FunctionValue():
                yield from self._function_targets(value, event, frame)
            case ClassValue():
                yield from self._constructor_targets(value, event, frame)
            case Partial():
                for function in value.function:
                    yield from self._call_targets(function, _with_partial(event, value), frame)
            case Instance() if isinstance(value.cls, ClassDef):
                for method in self.inference.member(value, "__call__"):
                    yield from self._call_targets(method, event, frame)
            case Instance() if not event.awaited:
                yield from self._special_targets(value, ("__call__",))

    def _external_targets(self, value: External, event: Event, frame: Frame) -> Iterator[tuple[Target, int, int]]:
        name = value.name
        for handed in self._on_loop(name, event, frame):
            for row in self.catalog.blocking.get(handed.name, ()):
                yield Sink(handed.name, row), LIKELY, 0
        if name in self.catalog.nonblocking:
            return
        for use in self.catalog.uses.get(name, ()):
            if not use.later:
                yield from self._used(use.how, self._use_values(use.argument, value, event, frame), event, frame)
        confidence = CERTAIN if value.receiver is None else LIKELY
        for row in self._rows(name, event, frame):
            if not row.lazy:
                remembered = row.remembered and not frame.fn.is_async
                yield Sink(name, row), confidence, ONCE_A_KEY if remembered else ONCE * row.once
                return

    def _use_values(self, argument: str, value: External, event: Event, frame: Frame) -> Values:
        if argument == "self":
            return (value.receiver,) if value.receiver is not None else ()
        expr = self.inference.argument_expression(argument, event)
        return self.inference.infer(expr, frame, event.guard) if expr is not None else ()

    def _used(self, how: str, values: Values, event: Event, frame: Frame) -> Iterator[tuple[Target, int, int]]:
        plain = Event(CALL, event.value, (), event.guard)
        for value in values:
            if how == "call":
                yield from self._call_targets(value, plain, frame)
            elif how == "iterate":
                yield from self._iter_targets(value, plain, frame)
            elif how == "enter":
                yield from self._enter_targets(value)
            else:
                yield from self._special_targets(value, ("__len__",))

    def _rows(self, name: str, event: Event, frame: Frame) -> Iterator[Blocking]:
        """The rows of a name whose conditions this call meets."""
        if event.awaited:
            return
        for row in self.catalog.blocking.get(name, ()):
            if self.inference.conditions.hold(row, event, frame):
                yield row

    def _is_quieted(self, target: Target, event: Event, frame: Frame) -> bool:
        """Whether an earlier call or a test has made the method harmless on this receiver."""
        rules = self.catalog.quiets.get(target.name) if isinstance(target, Sink) else None
        if not rules or (event.kind == CALL and not isinstance(event.value, Attr)):
            return False
        subject = _root(event.value.base if event.kind == CALL and isinstance(event.value, Attr) else event.value, frame.fn.data)
        for rule in rules:
            if rule.guard and any(
                self._asks(test, held, rule.guard, subject, frame) for test, held, _ in self.inference.guards(frame, event.guard)
            ):
                return True
            if rule.after and any(
                self._is_after(other, rule, subject, at) for at in self._places(subject, frame) for other in at.fn.data.events
            ):
                return True
        return False

    def _places(self, subject: Expr, frame: Frame) -> Iterator[Frame]:
        """Where something may have been done to the receiver: here, or for an attribute of `self` in any method of the class."""
        yield frame
        owner = frame.fn.owner
        if isinstance(subject, Attr) and owner is not None:
            for units in owner.method_units.values():
                for unit in units:
                    if f".{subject.name}" in unit.words and unit is not frame.fn.unit and not owner.module.facts(unit).error:
                        yield self.inference.general_frame(owner.method(unit))

    def _asks(self, test: Expr, held: bool, names: tuple[str, ...], subject: Expr, frame: Frame) -> bool:
        match test:
            case Op("not", (item,)):
                return self._asks(item, not held, names, subject, frame)
            case Op("and", items) if held:
                return any(self._asks(item, True, names, subject, frame) for item in items)
            case Op("or", items) if not held:
                return any(self._asks(item, False, names, subject, frame) for item in items)
            case CallOf() if held:
                return self._asks(frame.fn.data.events[test.event].value, True, names, subject, frame)
            case Op("is" | "==", items) if held:  # `if ready is queue._reader`
                return any(self._asks(item, True, names, subject, frame) for item in items)
            case Attr(base, name) if held:
                return name in {n.rpartition(".")[2] for n in names} and _root(base, frame.fn.data) == subject
        return False

    def _is_after(self, other: Event, rule: Quiets, subject: Expr, frame: Frame) -> bool:
        """Whether a call is one that the rule names, on the subject or with it as an argument."""
        if other.kind != CALL or _last(other.value) not in {n.rpartition(".")[2] for n in rule.after}:
            return False
        callees = self.inference.infer(other.value, frame, other.guard)
        known = {v.name for v in callees if isinstance(v, External)}
        if known and known.isdisjoint(rule.after):
            return False
        if rule.when and not any(self.inference.condition(c, other, frame) for c in rule.when):
            return False
        data = frame.fn.data
        if isinstance(other.value, Attr) and _same(_root(other.value.base, data), subject):
            return True
        handed = [_root(expr, data) for _, expr in other.args]
        if any(_same(item, subject) or _holds(item, subject, data) for item in handed):
            return True
        origin = subject
        while isinstance(
            origin, (Elem, Item, Awaited, Entered)
        ):  # `done, _ = await wait(futures)`, `for f in done`, `with open(f) as done`
            origin = _root(origin.value, data)
        if known and any(name.startswith(f"{made}.") for made in known for name in rule.names):
            origin = _maker(origin, data)
        return (bool(known) and (isinstance(origin, CallOf) and data.events[origin.event] is other)) or origin in handed

    def _function_targets(self, value: FunctionValue, event: Event, frame: Frame) -> Iterator[tuple[Target, int, int]]:
        fn = value.fn
        if fn.data.marker in ("off-loop", "nonblocking"):
            return
        if fn.data.marker == "blocking":
            yield Sink(fn.qualified_name, MARKED), CERTAIN, 0
            return
        known = self.known_as(fn)
        if known is not None:
            yield from self._external_targets(External(known, value.receiver), event, frame)
            return
        kinds, replaced = self.inference.decoration(fn)
        if "offload" in kinds:
            return
        if replaced and value.closure is None and not value.undecorated:
            for other in replaced:
                if isinstance(other, FunctionValue) and other.fn is not fn:
                    yield from self._function_targets(FunctionValue(other.fn, value.receiver, other.closure), event, frame)
            return
        declared = value.receiver is not None and isinstance(value.receiver, Instance) and not value.receiver.exact
        if fn.data.stub and declared and isinstance(value.receiver, Instance) and isinstance(value.receiver.cls, ClassDef):
            yield from self._implementation_targets(value, event, frame)
            return
        target = self._with_fields(self.inference.context(value, event, frame), event, frame)
        if fn.is_async:
            handed = not fn.data.generator and any(_is_code(v) for values in target.params.values() for v in values)
            if handed or value.closure is not None:
                self.roots.append(target)
            return
        if fn.data.generator:
            return  # the body runs where it is iterated
        own = isinstance(event.value, Name) or value.receiver is None or value.receiver == frame.receiver
        yield (
            target,
            CERTAIN if own else LIKELY,
            (ONCE_A_KEY if len(fn.data.params) > (value.receiver is not None) else ONCE) * ("cached" in kinds | value.kinds),
        )

    def _with_fields(self, target: Frame, event: Event, frame: Frame) -> Frame:
        """The callee's frame with what the guards here have settled about fields of its receiver: `if self.content: self.encode()`."""
        if not isinstance(event.value, Attr) or target.receiver is None:
            return target
        base = event.value.base
        settled: dict[str, bool] = {}
        if _is_self(base, frame):
            written = {attr for owner, attr, *_ in frame.fn.data.attributes if _is_self(owner, frame)}
            settled.update((name, held) for name, held in known_fields(frame).items() if name not in written)
        for test, held, _ in self.inference.guards(frame, event.guard):
            field = _field_test(test, held, base)
            if field is not None:
                settled.setdefault(*field)
        settled = {name: held for name, held in settled.items() if f".{name}" in target.fn.unit.words}
        if not settled:
            return target
        facts = Collection("fields", tuple((Literal(name), Literal(held)) for name, held in sorted(settled.items())))
        return self.inference.frame(target.fn, target.receiver, {**target.params, FIELDS: (facts,)}, target.closure)

    def known_as(self, fn: FunctionDef) -> str | None:
        """The name under which the catalog (or the configuration) knows a function of the project."""
        name = self.catalog.canonical(fn.qualified_name)
        for table in (self.catalog.blocking, self.catalog.nonblocking, self.catalog.offloaders, self.catalog.on_loop):
            if name in table:
                return name
        return None

    def _implementation_targets(self, value: FunctionValue, event: Event, frame: Frame) -> Iterator[tuple[Target, int, int]]:
        """The implementations of an abstract method in the project."""
        assert isinstance(value.receiver, Instance)
        assert isinstance(value.receiver.cls, ClassDef)
        found = self.implementations(value.receiver.cls, value.fn.data.name)
        frames = []
        for fn in found:
            if fn.is_async or fn.data.generator:
                return
            frames.append(self.inference.context(FunctionValue(fn, Instance(fn.owner)) if fn.owner else FunctionValue(fn), event, frame))
        if len(frames) == 1:
            yield frames[0], LIKELY, 0
        elif frames:
            yield Choice(frames), LIKELY, 0

    def implementations(self, cls: ClassDef, name: str) -> list[FunctionDef]:
        """Methods of that name, with a body, in the subclasses of a class."""
        key = (cls, name)
        known = self._implementations.get(key)
        if known is not None:
            return known
        found: list[FunctionDef] = []
        self._implementations[key] = found
        seen: set[ClassDef] = {cls}
        queue = [cls]
        while queue and len(found) < IMPLEMENTATIONS:
            base = queue.pop(0)
            for sub in self._direct_subclasses(base):
                if sub in seen:
                    continue
                seen.add(sub)
                queue.append(sub)
                for unit in sub.method_units.get(name, ()):
                    facts = sub.module.facts(unit)
                    if not facts.error and len(facts.functions) > 1 and not facts.functions[1].stub:
                        found.append(sub.method(unit))
        return found

    def _direct_subclasses(self, cls: ClassDef) -> Iterator[ClassDef]:
        project: Project = self.inference.project
        if self._subclasses is None:
            self._subclasses = {}
            for module in project.modules:
                for unit in module.file_index.units:
                    if unit.kind == CLASS and unit.bases:
                        for word in unit.bases.replace(".", ",").replace("[", ",").split(","):
                            self._subclasses.setdefault(word.strip(" ]\n"), []).append((module.number, unit))
        for number, unit in self._subclasses.get(cls.data.name, ()):
            module = project.modules[number]
            facts = module.facts(unit)
            if facts.classes and not facts.error:
                found = module.cls(unit, 0)
                if cls in self.inference.bases(found):
                    yield found

    def _constructor_targets(self, value: ClassValue, event: Event, frame: Frame) -> Iterator[tuple[Target, int, int]]:
        known = self.catalog.canonical(value.cls.qualified_name)
        if known in self.catalog.blocking or known in self.catalog.nonblocking:
            yield from self._external_targets(External(known), event, frame)
            return
        made = Instance(value.cls, (), True)
        for name in ("__init__", "__post_init__", "__new__"):
            for method in self.inference.member(made, name):
                if isinstance(method, FunctionValue):
                    target = self.inference.context(
                        FunctionValue(method.fn, made, method.closure), event if name != "__post_init__" else None, frame
                    )
                    yield target, CERTAIN, 0
                elif isinstance(method, External) and name == "__init__":
                    for row in self._rows(method.name.removesuffix(".__init__"), event, frame):
                        yield Sink(method.name.removesuffix(".__init__"), row), LIKELY, ONCE * row.once
        if not any(isinstance(m, FunctionValue) for m in self.inference.member(made, "__init__")):
            for base in self.inference.mro(value.cls)[1:]:
                if isinstance(base, str) and base in self.catalog.blocking:
                    for row in self._rows(base, event, frame):
                        yield Sink(base, row), LIKELY, ONCE * row.once
                        return

    # what the language calls

    def _enter_targets(self, value: Value) -> Iterator[tuple[Target, int, int]]:
        match value:
            case Generator():
                yield value.frame, LIKELY if value.frame.receiver is not None else CERTAIN, 0
            case Lazy():
                for inner in value.result:
                    yield from self._enter_targets(inner)
            case _:
                yield from self._special_targets(value, ("__enter__", "__exit__"))

    def _iter_targets(self, value: Value, event: Event, frame: Frame) -> Iterator[tuple[Target, int, int]]:
        match value:
            case Generator():
                yield value.frame, LIKELY if value.frame.receiver is not None else CERTAIN, 0
            case Lazy():
                for row in value.rows:
                    yield Sink(value.name, row), LIKELY, ONCE * row.once
            case Later():
                yield from self._used(value.how, value.function, event, frame)
            case Instance() if isinstance(value.cls, ClassDef):
                for method in self.inference.member(value, "__iter__"):
                    if isinstance(method, FunctionValue) and not method.fn.is_async:
                        target = self.inference.frame(method.fn, value)
                        yield target, LIKELY, 0
                        if not method.fn.data.generator:
                            for result in self.inference.result_of(target):
                                if isinstance(result, Generator):
                                    yield result.frame, LIKELY, 0
                                elif isinstance(result, Instance):
                                    yield from self._special_targets(result, ("__next__",))
                    elif isinstance(method, External):
                        yield from self._special_targets(value, ("__iter__",))
            case _:
                yield from self._special_targets(value, ("__next__", "__iter__"))

    def _special_targets(self, value: Value, names: tuple[str, ...]) -> Iterator[tuple[Target, int, int]]:
        """Dunder methods of an instance."""
        if not isinstance(value, Instance):
            return
        for name in names:
            if isinstance(value.cls, str):
                for ancestor in self.catalog.mro(value.cls):
                    full = f"{ancestor}.{name}"
                    if full in self.catalog.nonblocking:
                        break
                    rows = self.catalog.blocking.get(full)
                    if rows:
                        yield Sink(full, rows[0]), LIKELY, ONCE * rows[0].once
                        break
                continue
            for method in self.inference.member(value, name):
                if isinstance(method, FunctionValue) and not method.fn.is_async and not method.fn.data.stub:
                    yield self.inference.frame(method.fn, value, None, method.closure), LIKELY, 0
                elif isinstance(method, External) and method.name in self.catalog.blocking:
                    yield Sink(method.name, self.catalog.blocking[method.name][0]), LIKELY, 0

    def _property_targets(self, event: Event, frame: Frame) -> Iterator[tuple[Target, int, int]]:
        assert isinstance(event.value, Attr)
        name = event.value.name
        for base in self.inference.values_of(self.inference.infer(event.value.base, frame, event.guard)):
            if isinstance(base, Instance):
                target = self.inference.property_frame(base, name)
                if target is not None and not target.fn.is_async:
                    kinds, _ = self.inference.decoration(target.fn)
                    yield target, LIKELY, ONCE_A_KEY * ("cached-property" in kinds)
                elif isinstance(base.cls, str):
                    for ancestor in self.catalog.mro(base.cls):
                        for row in self.catalog.blocking.get(f"{ancestor}.{name}", ()):
                            if self._is_property(f"{ancestor}.{name}"):
                                yield Sink(f"{ancestor}.{name}", row), LIKELY, ONCE * row.once

    def _is_property(self, name: str) -> bool:
        return name in self.catalog.properties

    def _import_edges(self, index: int, event: Event, frame: Frame) -> Iterator[Edge]:
        """An import statement inside a function: it reads and runs a module, the first time."""
        rows = self.catalog.blocking.get("builtins.__import__")
        if not rows or not isinstance(event.value, Import) or frame.fn.data.kind in ("module", "class"):
            return
        module = frame.fn.module.absolute(event.value.module, event.value.level)
        if module.partition(".")[0] in sys.stdlib_module_names or module in self._early_imports():
            return
        yield Edge(index, Sink(f"import {module}", rows[0]), LIKELY, ONCE, self._conditions(frame, event.guard))

    def _early_imports(self) -> set[str]:
        """Modules that some module of the project imports at its top level."""
        if self._imported_early is None:
            self._imported_early = set()
            for module in self.inference.project.modules:
                for found in module.file_index.imports:
                    name = module.absolute(found.module, found.level)
                    self._imported_early.add(name)
                    if found.attr:
                        self._imported_early.add(f"{name}.{found.attr}")
        return self._imported_early

    # --- roots

    def _on_loop(self, name: str, event: Event, frame: Frame) -> list[External]:
        """Lets the functions that a call hands to the loop be roots; returns those of libraries."""
        handed = self._hand_to_loop(self.catalog.on_loop.get(name, ()), event, frame)
        for row in self.catalog.startup.get(name, ()):
            if row.argument and (not row.when or any(self.inference.condition(c, event, frame) for c in row.when)):
                expr = self.inference.argument_expression(row.argument, event)
                for value in self.inference.infer(expr, frame, event.guard) if expr is not None else ():
                    if isinstance(value, FunctionValue):
                        self.inference.frame(value.fn, value.receiver, None, value.closure).startup = True
        return handed

    def _hand_to_loop(self, rows: Iterable[OnLoop], event: Event, frame: Frame) -> list[External]:
        """The arguments that these functions let the loop run become roots; those of libraries are returned."""
        outside: list[External] = []
        for row in rows:
            if row.argument == "*":
                handed = [expr for _, expr in event.args]
            else:
                expr = self.inference.argument_expression(row.argument, event) if row.argument else None
                handed = [expr] if expr is not None else []
            for expr in handed:
                for value in self.inference.infer(expr, frame, event.guard):
                    self.add_root(value)
                    if isinstance(value, External):
                        outside.append(value)
        return outside

    def _telling_on_loop(self) -> dict[str, list[OnLoop]]:
        """Methods that hand callbacks to the loop, by names that nothing else has: they count on an object of unknown type too."""
        if self._telling is None:
            self._telling = {}
            for name, rows in self.catalog.on_loop.items():
                owner, _, last = name.rpartition(".")
                if "_" in last.strip("_") and owner in self.catalog.types:
                    self._telling.setdefault(last, []).extend(rows)
        return self._telling

    def add_root(self, value: Value) -> None:
        """The loop runs this function."""
        if isinstance(value, FunctionValue) and not value.fn.is_async and value.fn.data.marker != "off-loop":
            kinds, _ = self.inference.decoration(value.fn)
            if "offload" not in kinds:
                receiver = Instance(value.receiver.cls) if isinstance(value.receiver, Instance) else value.receiver
                self.roots.append(self.inference.frame(value.fn, receiver, None, value.closure))
        elif isinstance(value, Partial):
            for function in value.function:
                self.add_root(function)

    # --- remembered values

    def _remembered(self, data: Function, guard: int) -> int:
        """By how many steps a guard makes work cheaper: it asks for a value that this function fills, for each key or once for all."""
        while guard >= 0:
            parent, test, held = data.guards[guard]
            subject, keyed = _asked_for(test, held)
            if subject is not None and _fills(data, subject):
                return ONCE_A_KEY if keyed else ONCE
            guard = parent
        return 0


def _is_lookup(event: Event) -> bool:
    """`get("key")`, as of a dictionary."""
    match event.value, event.args:
        case Attr(_, "get"), (("", Const(str(key))), *_):
            return all(c.isalnum() or c in "_.- " for c in key)
    return False


def _is_self(expr: Expr, frame: Frame) -> bool:
    params = frame.fn.data.params
    return frame.receiver is not None and bool(params) and isinstance(expr, (Local, Name)) and expr.id == params[0].name


def _field_test(test: Expr, held: bool, base: Expr) -> tuple[str, bool] | None:
    """What a test says about a field of an object: its name, and whether it is there (true, not None)."""
    match test:
        case Op("not", (item,)):
            return _field_test(item, not held, base)
        case Op("is", (Attr() as field, Const(None))) if field.base == base and held:
            return field.name, False
        case Op("and", items) if held:
            return next((found for item in items if (found := _field_test(item, True, base)) is not None), None)
        case Attr() if test.base == base:
            return test.name, held
    return None


def _asked_for(test: Expr, held: bool) -> tuple[Expr | None, bool]:
    """What is missing where a test came out so, and whether it is an item of something: `x is None`, `not x`, `key not in x`."""
    match test:
        case Op("not", (item,)):
            return _asked_for(item, not held)
        case Op("is" | "==", (subject, Const(None))) if held:
            return subject, False
        case Op("is not" | "!=", (subject, Const(None))) if not held:
            return subject, False
        case Op("in", (_, container)) if not held:
            return container, True
        case Op("not in", (_, container)) if held:
            return container, True
        case Op("or" | "and", items):
            found = [_asked_for(item, held) for item in items]
            return next((f for f in found if f[0] is not None), (None, False))
        case Attr() | Name() if not held:
            return test, False
    return None, False


def _fills(data: Function, subject: Expr) -> bool:
    match subject:
        case Attr(base, name):
            return any(attr == name and (owner == base or type(owner) is type(base)) for owner, attr, *_ in data.attributes) or _stores(
                data, subject
            )
        case Name(name):
            return name in data.outer or _stores(data, subject)
        case Local(name, _):
            return name in data.outer
    return False


def _stores(data: Function, subject: Expr) -> bool:
    """Whether an item of the container is assigned: that is seen as reading it in the events around."""
    return any(e.kind in (SUB, SETITEM) and isinstance(e.value, Subscript) and e.value.base == subject for e in data.events)


def _root(expr: Expr, data: Function) -> Expr:
    """A local name with one definition stands for that definition's value, so that two mentions compare equal."""
    for _ in range(8):
        if (
            isinstance(expr, Local)
            and len(expr.defs) == 1
            and isinstance(data.defs[expr.defs[0]], (CallOf, Elem, Item, Awaited, Entered, Attr, Local, Param))
        ):
            expr = data.defs[expr.defs[0]]
        else:
            break
    return expr


def _same(first: Expr, second: Expr) -> bool:
    """The same attribute of `self` in two methods, or the same expression in one."""
    if isinstance(first, Attr) and isinstance(second, Attr) and first.name == second.name:
        return type(first.base) is type(second.base) or first.base == second.base
    return first == second


def _holds(item: Expr, subject: Expr, data: Function) -> bool:
    """Whether a display that was handed over holds the subject."""
    return isinstance(item, Seq) and any(_root(part, data) == subject for part in item.items)


def _last(expr: Expr) -> str:
    return expr.name if isinstance(expr, Attr) else expr.id if isinstance(expr, (Name, Local)) else ""


def _is_code(value: Value) -> bool:
    """Something that a callee may run."""
    return (
        isinstance(value, (FunctionValue, Partial, Generator, Lazy, Later))
        or (isinstance(value, External) and value.name[-1:].islower())
        or isinstance(value, Instance)
    )


def _with_partial(event: Event, value: Partial) -> Event:
    return Event(CALL, event.value, event.args, event.guard)


def _maker(origin: Expr, data: Function) -> Expr:
    """The object whose methods gave this one: `archive` for `archive.open(name)`, and what made the archive for that."""
    while isinstance(origin, CallOf) and isinstance(value := data.events[origin.event].value, Attr):
        base = _root(value.base, data)
        while isinstance(base, Entered | Awaited):
            base = _root(base.value, data)
        if not isinstance(base, CallOf):  # `zipfile.ZipFile(…)`: the module
            break
        origin = base
    return origin
