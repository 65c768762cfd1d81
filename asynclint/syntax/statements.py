"""Statements of the concrete syntax tree → facts: bindings, guards from branches and early exits, loops, nested functions and classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import libcst as cst

from asynclint.facts import (
    CALL,
    DELETE,
    DELITEM,
    ENTER,
    GET,
    IMPORT,
    ITER,
    RUN,
    SET,
    SETITEM,
    SUB,
    Attr,
    CallOf,
    Class,
    Cls,
    Const,
    Elem,
    Entered,
    Expr,
    Fn,
    Import,
    Local,
    Op,
    Param,
    Seq,
)
from asynclint.syntax.builder import Environment, merge
from asynclint.syntax.expressions import OPAQUE, ExpressionWalker, is_empty, is_few
from asynclint.syntax.patterns import PatternReader, captured_names

_MARKER = re.compile(r"#\s*asynclint:\s*(off-loop|on-loop|blocking|nonblocking)\b")


class _Exits:
    """The environments in which a loop is left by `break`, and in which a round ends by `continue`."""

    def __init__(self) -> None:
        self.breaks: list[Environment] = []
        self.rounds: list[Environment] = []


class StatementWalker(ExpressionWalker):
    """Walks statements; each method returns whether control never goes on behind the statement."""

    def __init__(self, module: cst.Module, places: Mapping[cst.CSTNode, Any] | None, shift: int) -> None:
        super().__init__(module, places, shift)
        self._class_in_progress: Class | None = None
        self._loops: list[_Exits] = []

    def module_body(self, body: Sequence[cst.BaseStatement]) -> None:
        """The unit's own statements become `functions[0]`."""
        self.functions.append(None)
        self.index = 0
        self.block(body)
        self.functions[0] = self.builder.finish()

    def block(self, body: Sequence[cst.CSTNode]) -> bool:
        guard = self.builder.guard
        ended = False
        for statement in body:
            walk = _STATEMENTS.get(type(statement))
            if walk is not None and walk(self, statement):
                ended = True
                break
        self.builder.guard = guard
        return ended

    def suite(self, node: cst.BaseSuite) -> bool:
        return self.block(node.body if isinstance(node, cst.IndentedBlock) else [node])

    def _header(self, node: cst.CSTNode, last: cst.CSTNode | None) -> None:
        """Remembers the lines of a compound statement's header, for suppressions."""
        if self.places is not None:
            end = self.places[last].end.line if last is not None else self.places[node].start.line
            self.statement = (self.places[node].start.line - self.shift, end - self.shift)

    # simple statements

    def _line(self, node: cst.SimpleStatementLine | cst.SimpleStatementSuite) -> bool:
        if self.places is not None:
            span = self.places[node]
            self.statement = (span.start.line - self.shift, span.end.line - self.shift)
        for small in node.body:
            walk = _SMALL.get(type(small))
            if walk is not None and walk(self, small):
                return True
        return False

    def _expression_statement(self, node: cst.Expr) -> bool:
        self._drop(self.expression(node.value))
        return False

    def _drop(self, value: Expr) -> None:
        """A statement is an expression whose value nobody looks at."""
        match value:
            case CallOf():
                self.builder.drop(value.event)
            case Op("and" | "or", (_, last)):
                self._drop(last)
            case Op("if", (then, other, _)):
                self._drop(then)
                self._drop(other)
            case Seq("list" | "set", items):
                for item in items:
                    self._drop(item)

    def _assign(self, node: cst.Assign) -> bool:
        value = self.expression(node.value)
        for target in node.targets:
            self.assign(target.target, value)
        return False

    def _annotated_assign(self, node: cst.AnnAssign) -> bool:
        annotation = self.annotation(node.annotation.annotation)
        if node.value is not None:
            self.assign(node.target, self.expression(node.value), annotation)
        else:
            self.assign(node.target, OPAQUE, annotation)
        return False

    def _augmented(self, node: cst.AugAssign) -> bool:
        value = self.expression(node.value)
        if isinstance(node.target, cst.Name):
            before = self.builder.load(node.target.value)
            divides = isinstance(node.operator, cst.DivideAssign)
            self.builder.bind(node.target.value, Op("/", (before, value)) if divides else Op("or", (before, value)))
        elif isinstance(node.target, cst.Attribute):
            target = Attr(self.expression(node.target.value), node.target.attr.value)
            self.emit(GET, target, node.target)
            self.emit(SET, target, node.target, OPAQUE)
        elif isinstance(node.target, cst.Subscript):
            item = self.subscript(node.target)
            self.emit(SUB, item, node.target)
            self.emit(SETITEM, item, node.target, OPAQUE)
        return False

    def _type_alias(self, node: cst.TypeAlias) -> bool:
        self._type_parameters(node.type_parameters)
        self.builder.bind(node.name.value, self.annotation(node.value))
        return False

    def _type_parameters(self, node: cst.TypeParameters | None) -> None:
        """Binds type parameters where the definition stands, each to its bound: annotations are read there."""
        for item in node.params if node is not None else ():
            bound = getattr(item.param, "bound", None)
            self.builder.bind(item.param.name.value, self.annotation(bound) if bound is not None else OPAQUE)

    def _return(self, node: cst.Return) -> bool:
        self.builder.returns.append((self.expression(node.value) if node.value is not None else Const(None), self.builder.guard))
        self.builder.leaves_all_loops()
        return True

    def _raise(self, node: cst.Raise) -> bool:
        for part in (node.exc, node.cause.item if node.cause is not None else None):
            if part is not None:
                self.expression(part)
        self.builder.leaves_all_loops()
        return True

    def _assert(self, node: cst.Assert) -> bool:
        test, message = self.expression(node.test), node.msg
        if message is not None:
            self.guarded(test, False, lambda: self.expression(message))
        self.builder.push_guard(test, True)
        return False

    def _delete(self, node: cst.Del) -> bool:
        for target in [e.value for e in node.target.elements] if isinstance(node.target, (cst.Tuple, cst.List)) else [node.target]:
            if isinstance(target, cst.Attribute):
                self.emit(DELETE, Attr(self.expression(target.value), target.attr.value), target)
            elif isinstance(target, cst.Subscript):
                self.emit(DELITEM, self.subscript(target), target)
        return False

    def _break(self, node: cst.Break) -> bool:
        if self._loops:
            self._loops[-1].breaks.append(dict(self.builder.environment))
        if self.builder.loop is not None:
            self.builder.loop.exits = True
        return True

    def _continue(self, node: cst.Continue) -> bool:
        if self._loops:
            self._loops[-1].rounds.append(dict(self.builder.environment))
        return True

    def _outer(self, node: cst.Global | cst.Nonlocal) -> bool:
        self.builder.outer.update(item.name.value for item in node.names)
        return False

    def _import(self, node: cst.Import) -> bool:
        for alias in node.names:
            name = dotted(alias.name)
            value = Import(name)
            self.emit(IMPORT, value, node)
            self.builder.bind(bound_by(alias), value if alias.asname is not None else Import(name.partition(".")[0]))
        return False

    def _import_from(self, node: cst.ImportFrom) -> bool:
        module = dotted(node.module) if node.module is not None else ""
        level = len(node.relative)
        self.emit(IMPORT, Import(module, "", level), node)
        if isinstance(node.names, cst.ImportStar):
            self.builder.bind("*", Import(module, "*", level))
            return False
        for alias in node.names:
            self.builder.bind(bound_by(alias), Import(module, dotted(alias.name), level))
        return False

    # branches

    def _if(self, node: cst.If) -> bool:
        builder = self.builder
        self._header(node, node.test)
        test = self.expression(node.test)
        outside, before = builder.guard, dict(builder.environment)
        builder.push_guard(test, True)
        held = builder.guard
        then_ends = self.suite(node.body)
        after_then = builder.environment
        builder.guard, builder.environment = outside, before
        builder.push_guard(test, False)
        failed = builder.guard
        else_ends = False
        if isinstance(node.orelse, cst.If):
            else_ends = self.block([node.orelse])
        elif node.orelse is not None:
            else_ends = self.suite(node.orelse.body)
        builder.guard = outside
        if then_ends and else_ends:
            return True
        if then_ends:
            builder.guard = failed
        elif else_ends:
            builder.guard, builder.environment = held, after_then
        else:
            builder.environment = merge(after_then, builder.environment)
        return False

    def _match(self, node: cst.Match) -> bool:
        """Each case runs where its pattern matches and those before it did not."""
        builder = self.builder
        self._header(node, node.subject)
        subject = self.expression(node.subject)
        outside = builder.guard
        leaves: list[tuple[Environment, int]] = []
        exhausted = False
        for case in node.cases:
            before, rest = builder.environment, builder.guard
            builder.environment = dict(before)
            pattern = PatternReader(self.expression)
            test, exact = pattern.read(case.pattern, subject)
            if test is not None:
                builder.push_guard(test, True)
            for name, value in pattern.captures:
                builder.bind(name, value)
            if case.guard is not None:
                condition = self.expression(case.guard)
                builder.push_guard(condition, True)
                test = Op("and", (test, condition)) if test is not None else condition
            guard = builder.guard
            if not self.suite(case.body):
                leaves.append((builder.environment, guard))
            builder.environment, builder.guard = before, rest
            if exact and test is None:
                exhausted = True
                break
            if exact and test is not None:
                builder.push_guard(test, False)
        if not exhausted:
            leaves.append((builder.environment, builder.guard))
        if not leaves:
            builder.guard = outside
            return True
        builder.environment, builder.guard = leaves[0]
        for environment, _ in leaves[1:]:
            builder.environment, builder.guard = merge(builder.environment, environment), outside
        return False

    # loops

    def _for(self, node: cst.For) -> bool:
        builder = self.builder
        self._header(node, node.iter)
        iterable = self.expression(node.iter)
        if is_empty(iterable):
            return node.orelse is not None and self.suite(node.orelse.body)
        if node.asynchronous is None:
            self.emit(ITER, iterable, node.iter)
        kind = "for" if node.asynchronous is None else "async for"
        mark = builder.enter_loop(not is_few(iterable), kind, iterable, self.place(node.iter), self.text(node.iter))
        if node.asynchronous is not None:
            builder.awaits += 1
        exits = self._rounds(node, lambda: self.assign(node.target, Elem(iterable)))
        builder.leave_loop(mark)
        return self._behind_loop(node, exits)

    def _while(self, node: cst.While) -> bool:
        builder = self.builder
        self._header(node, node.test)
        mark = builder.enter_loop(True, "while", OPAQUE, self.place(node.test), self.text(node.test))
        loop = builder.loops[-1]
        forever = isinstance(node.test, (cst.Name, cst.Integer)) and node.test.value in ("True", "1")

        def begin() -> None:
            loop.subject = test = self.expression(node.test)
            if not forever:
                builder.push_guard(test, True)

        exits = self._rounds(node, begin)
        if awaits_only(node.body):
            loop.sole = builder.last_call
        builder.leave_loop(mark)
        if forever:
            if exits.breaks:
                builder.environment = _merged(exits.breaks)
            return not exits.breaks
        return self._behind_loop(node, exits)

    def _rounds(self, node: cst.For | cst.While, begin: Callable[[], None]) -> _Exits:
        """The body of a loop; names that it binds may come from an earlier round."""
        builder = self.builder
        before = dict(builder.environment)
        guard = builder.guard
        again: dict[str, int] = {}
        bound = sorted(bound_names([node.body]))
        builder.loops[-1].binds = tuple(bound)
        for name in bound:
            if name in builder.environment:
                again[name] = builder.define(OPAQUE)
                builder.environment[name] = (*builder.environment[name], again[name])
        exits = _Exits()
        self._loops.append(exits)
        begin()
        if not self.suite(node.body):
            exits.rounds.append(builder.environment)
        self._loops.pop()
        builder.guard = guard
        behind = _merged(exits.rounds)
        for name, index in again.items():
            reaching = tuple(d for d in behind.get(name, ()) if d != index)
            builder.defs[index] = Local(name, reaching) if reaching else OPAQUE
        builder.environment = merge(before, behind)
        return exits

    def _behind_loop(self, node: cst.For | cst.While, exits: _Exits) -> bool:
        """`else` runs after the last round; `break` passes it by."""
        ended = node.orelse is not None and self.suite(node.orelse.body)
        if exits.breaks:
            self.builder.environment = _merged(exits.breaks if ended else [self.builder.environment, *exits.breaks])
        return ended and not exits.breaks

    # try and with

    def _try(self, node: cst.Try | cst.TryStar) -> bool:
        builder = self.builder
        self._header(node, None)
        before = dict(builder.environment)
        mark = builder.last_event
        builder.tries += bool(node.handlers)
        body_ends = self.suite(node.body)
        builder.tries -= bool(node.handlers)
        first = builder.first_call_since(mark)
        after = builder.environment
        leaves = [] if body_ends else [after]
        if node.orelse is not None and not body_ends:
            builder.environment = dict(after)
            leaves = [] if self.suite(node.orelse.body) else [builder.environment]
        handled, guard = builder.handler, builder.guard
        for handler in node.handlers:
            builder.environment = merge(before, after)
            if handler.type is not None:
                self.expression(handler.type)
            if handler.name is not None and isinstance(handler.name.name, cst.Name):
                builder.bind(handler.name.name.value, OPAQUE)
            builder.handler = True
            if first >= 0:  # the handler runs because something in the body failed: its first call stands for that
                builder.push_guard(Op("returned", (CallOf(first),)), False)
            if not self.suite(handler.body):
                leaves.append(builder.environment)
            builder.handler, builder.guard = handled, guard
        builder.environment = leaves[0] if leaves else merge(before, after)
        for other in leaves[1:]:
            builder.environment = merge(builder.environment, other)
        finally_ends = node.finalbody is not None and self.suite(node.finalbody.body)
        return finally_ends or not leaves

    def _with(self, node: cst.With) -> bool:
        self._header(node, node.items[-1])
        asynchronous = node.asynchronous is not None
        entered = []
        for item in node.items:
            value = self.expression(item.item)
            if asynchronous:
                self.builder.awaits += 1
            else:
                entered.append(self.emit(ENTER, value, item.item))
            if item.asname is not None:
                self.assign(item.asname.name, Entered(value, asynchronous))
        awaits = self.builder.awaits
        ended = self.suite(node.body)
        if self.builder.awaits > awaits:
            for index in entered:
                self.builder.mark_across(index)
        return ended

    # definitions

    def _function(self, node: cst.FunctionDef) -> bool:
        self._header(node, node.params)
        decorators = tuple(self.expression(d.decorator) for d in node.decorators)
        self._type_parameters(node.type_parameters)
        parameters = self.parameters(node.params)
        owner = self.classes.index(self._class_in_progress) if self._class_in_progress else -1

        def body() -> None:
            builder = self.builder
            builder.decorators, builder.params = decorators, parameters
            builder.annotation = self.annotation(node.returns.annotation) if node.returns else None
            builder.stub = is_stub(node.body)
            builder.marker = marker_of(node)
            for number, parameter in enumerate(parameters):
                builder.bind(parameter.name, Param(number))
            ends = self.suite(node.body)
            if builder.returns and not ends:
                builder.returns.append((Const(None), builder.guard))

        outer, self._class_in_progress = self._class_in_progress, None
        index = self.function(node.name.value, "async" if node.asynchronous else "def", node, body, owner)
        self._class_in_progress = outer
        self._decorate(node, decorators, Fn(index))
        self.builder.bind(node.name.value, Fn(index))
        return False

    def _class(self, node: cst.ClassDef) -> bool:
        self._header(node, node.name)
        decorators = tuple(self.expression(d.decorator) for d in node.decorators)
        self._type_parameters(node.type_parameters)
        bases = tuple(self.expression(b.value) for b in node.bases)
        keywords = tuple((k.keyword.value, self.expression(k.value)) for k in node.keywords if k.keyword)
        made = Class(node.name.value, 0, len(self.functions), bases, keywords, decorators)
        index = len(self.classes)
        self.classes.append(made)
        outer, self._class_in_progress = self._class_in_progress, made
        body = self.function(node.name.value, "class", node, lambda: void(self.suite(node.body)), index)
        self._class_in_progress = outer
        if self.builder.kind != "module":
            self.emit(RUN, Fn(body), node.name)
        self._decorate(node, decorators, Cls(index))
        self.builder.bind(node.name.value, Cls(index))
        return False

    def _decorate(self, node: cst.FunctionDef | cst.ClassDef, decorators: Sequence[Expr], made: Expr) -> None:
        """Inside a function, decorators are called while it runs."""
        if self.builder.kind in ("def", "async"):
            for decorator, value in reversed(list(zip(node.decorators, decorators, strict=True))):
                self.emit(CALL, value, decorator.decorator, made)


def void(_: object) -> None:
    """Drops a value."""


def _merged(environments: Sequence[Environment]) -> Environment:
    """What may reach a point that several ways lead to; nothing where none does."""
    merged: Environment = {}
    for number, environment in enumerate(environments):
        merged = merge(merged, environment) if number else dict(environment)
    return merged


def dotted(node: cst.BaseExpression | cst.Attribute | cst.Name) -> str:
    """`a.b.c` of an import."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if isinstance(node, cst.Name):
        parts.append(node.value)
    return ".".join(reversed(parts))


def bound_names(body: Iterable[cst.CSTNode]) -> set[str]:
    """Names that statements of a loop's body bind (not those inside nested functions and classes)."""
    found: set[str] = set()
    stack = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, (cst.SimpleStatementLine, cst.IndentedBlock, cst.SimpleStatementSuite)):
            stack.extend(node.body)
        elif isinstance(node, cst.Assign):
            for target in node.targets:
                _target_names(target.target, found)
        elif isinstance(node, (cst.AnnAssign, cst.AugAssign)):
            _target_names(node.target, found)
        elif isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.TypeAlias)):
            found.add(node.name.value)
        elif isinstance(node, (cst.Import, cst.ImportFrom)):
            if not isinstance(node.names, cst.ImportStar):
                found.update(bound_by(alias) for alias in node.names)
        elif isinstance(node, cst.Match):
            for case in node.cases:
                found.update(captured_names(case.pattern))
                stack.append(case.body)
        else:
            stack.extend(_inner_suites(node, found))
    return found


def _inner_suites(node: cst.CSTNode, found: set[str]) -> Iterator[cst.CSTNode]:
    """The suites of a compound statement; names that its header binds go to `found`."""
    if isinstance(node, cst.For):
        _target_names(node.target, found)
    if isinstance(node, cst.With):
        for item in node.items:
            if item.asname is not None:
                _target_names(item.asname.name, found)
    if isinstance(node, (cst.Try, cst.TryStar)):
        for handler in node.handlers:
            if handler.name is not None:
                _target_names(handler.name.name, found)
            yield handler.body
        if node.finalbody is not None:
            yield node.finalbody.body
    if isinstance(node, (cst.If, cst.For, cst.While, cst.With, cst.Try, cst.TryStar, cst.Else)):
        yield node.body
    if isinstance(node, (cst.If, cst.For, cst.While, cst.Try, cst.TryStar)) and node.orelse is not None:
        yield node.orelse


def bound_by(alias: cst.ImportAlias) -> str:
    """The name that one part of an import binds."""
    name = alias.asname.name if alias.asname is not None else alias.name
    return dotted(name).partition(".")[0] if isinstance(name, (cst.Name, cst.Attribute)) else ""


def _target_names(target: cst.CSTNode, found: set[str]) -> None:
    if isinstance(target, cst.Name):
        found.add(target.value)
    elif isinstance(target, (cst.Tuple, cst.List)):
        for element in target.elements:
            _target_names(element.value, found)


def is_stub(body: cst.BaseSuite) -> bool:
    """The body holds nothing but `...`, `pass`, text, and `raise NotImplementedError`."""
    lines = body.body if isinstance(body, cst.IndentedBlock) else [body]
    for line in lines:
        if not isinstance(line, (cst.SimpleStatementLine, cst.SimpleStatementSuite)):
            return False
        for small in line.body:
            if isinstance(small, cst.Pass):
                continue
            if isinstance(small, cst.Expr) and isinstance(small.value, (cst.Ellipsis, cst.SimpleString, cst.ConcatenatedString)):
                continue
            if isinstance(small, cst.Raise) and small.exc is not None:
                raised = small.exc.func if isinstance(small.exc, cst.Call) else small.exc
                if isinstance(raised, cst.Name) and raised.value == "NotImplementedError":
                    continue
            return False
    return True


def awaits_only(body: cst.BaseSuite) -> bool:
    """The body holds nothing but `await f(…)`."""
    statements = body.body
    if isinstance(body, cst.IndentedBlock):
        if len(statements) != 1 or not isinstance(statements[0], cst.SimpleStatementLine):
            return False
        statements = statements[0].body
    only = statements[0]
    return (
        len(statements) == 1
        and isinstance(only, cst.Expr)
        and isinstance(only.value, cst.Await)
        and isinstance(only.value.expression, cst.Call)
    )


def marker_of(node: cst.FunctionDef) -> str:
    """The `# asynclint: …` comment of a `def` line."""
    header = node.body.header if isinstance(node.body, cst.IndentedBlock) else getattr(node.body, "trailing_whitespace", None)
    found = _MARKER.search(header.comment.value) if header is not None and header.comment is not None else None
    return found[1] if found else ""


_STATEMENTS: dict[type, Callable[[StatementWalker, Any], bool]] = {
    cst.SimpleStatementLine: StatementWalker._line,
    cst.SimpleStatementSuite: StatementWalker._line,
    cst.FunctionDef: StatementWalker._function,
    cst.ClassDef: StatementWalker._class,
    cst.If: StatementWalker._if,
    cst.For: StatementWalker._for,
    cst.While: StatementWalker._while,
    cst.Try: StatementWalker._try,
    cst.TryStar: StatementWalker._try,
    cst.With: StatementWalker._with,
    cst.Match: StatementWalker._match,
}
_SMALL: dict[type, Callable[[StatementWalker, Any], bool]] = {
    cst.Expr: StatementWalker._expression_statement,
    cst.Assign: StatementWalker._assign,
    cst.AnnAssign: StatementWalker._annotated_assign,
    cst.AugAssign: StatementWalker._augmented,
    cst.Return: StatementWalker._return,
    cst.Raise: StatementWalker._raise,
    cst.Assert: StatementWalker._assert,
    cst.Import: StatementWalker._import,
    cst.ImportFrom: StatementWalker._import_from,
    cst.Global: StatementWalker._outer,
    cst.Nonlocal: StatementWalker._outer,
    cst.Del: StatementWalker._delete,
    cst.Break: StatementWalker._break,
    cst.Continue: StatementWalker._continue,
    cst.TypeAlias: StatementWalker._type_alias,
}
