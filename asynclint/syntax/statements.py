"""Statements of the concrete syntax tree → facts: bindings, guards from branches and early exits, loops, nested functions and classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import libcst as cst

from asynclint.facts import ENTER, IMPORT, ITER, CallOf, Class, Cls, Elem, Entered, Expr, Fn, Import, Local, Op, Param
from asynclint.syntax.builder import merge
from asynclint.syntax.expressions import OPAQUE, ExpressionWalker, is_few

_MARKER = re.compile(r"#\s*asynclint:\s*(off-loop|on-loop|blocking|nonblocking)\b")


class StatementWalker(ExpressionWalker):
    """Walks statements; each method returns whether control never goes on behind the statement."""

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
        return any([_SMALL[type(small)](self, small) for small in node.body if type(small) in _SMALL])

    def _expression_statement(self, node: cst.Expr) -> bool:
        self.expression(node.value)
        return False

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
            self.expression(node.target.value)
        return False

    def _return(self, node: cst.Return) -> bool:
        if node.value is not None:
            self.builder.returns.append((self.expression(node.value), self.builder.guard))
        return True

    def _raise(self, node: cst.Raise) -> bool:
        if node.exc is not None:
            self.expression(node.exc)
        return True

    def _assert(self, node: cst.Assert) -> bool:
        self.builder.push_guard(self.expression(node.test), True)
        return False

    def _delete(self, node: cst.Del) -> bool:
        self.expression(node.target)
        return False

    def _outer(self, node: cst.Global | cst.Nonlocal) -> bool:
        self.builder.outer.update(item.name.value for item in node.names)
        return False

    def _import(self, node: cst.Import) -> bool:
        for alias in node.names:
            name = dotted(alias.name)
            value = Import(name)
            self.emit(IMPORT, value, node)
            if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
                self.builder.bind(alias.asname.name.value, value)
            else:
                self.builder.bind(name.partition(".")[0], Import(name.partition(".")[0]))
        return False

    def _import_from(self, node: cst.ImportFrom) -> bool:
        module = dotted(node.module) if node.module is not None else ""
        level = len(node.relative)
        self.emit(IMPORT, Import(module, "", level), node)
        if isinstance(node.names, cst.ImportStar):
            self.builder.bind("*", Import(module, "*", level))
            return False
        for alias in node.names:
            name = dotted(alias.name)
            bound = alias.asname.name if alias.asname is not None else alias.name
            if isinstance(bound, cst.Name):
                self.builder.bind(bound.value, Import(module, name, level))
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
        self._header(node, node.subject)
        subject = self.expression(node.subject)
        before = dict(self.builder.environment)
        merged = dict(before)
        for case in node.cases:
            self.builder.environment = dict(before)
            guard = self.builder.guard
            self._pattern(case.pattern, subject)
            if case.guard is not None:
                self.builder.push_guard(self.expression(case.guard), True)
            if not self.suite(case.body):
                merged = merge(merged, self.builder.environment)
            self.builder.guard = guard
        self.builder.environment = merged
        return False

    def _pattern(self, pattern: cst.MatchPattern, subject: Expr) -> None:
        """Binds the names of a pattern; `case Class() as name` binds the subject."""
        if isinstance(pattern, cst.MatchAs) and pattern.name is not None:
            self.builder.bind(pattern.name.value, subject)
        for child in pattern.children:
            if isinstance(child, cst.MatchPattern):
                self._pattern(child, OPAQUE)

    # loops

    def _for(self, node: cst.For) -> bool:
        builder = self.builder
        self._header(node, node.iter)
        iterable = self.expression(node.iter)
        if node.asynchronous is None:
            self.emit(ITER, iterable, node.iter)
        mark = builder.enter_loop(counts=not is_few(iterable))
        if node.asynchronous is not None:
            builder.awaits += 1
        self._rounds(node, lambda: self.assign(node.target, Elem(iterable)))
        builder.leave_loop(mark)
        return False

    def _while(self, node: cst.While) -> bool:
        builder = self.builder
        self._header(node, node.test)
        mark = builder.enter_loop(counts=True)
        forever = isinstance(node.test, cst.Name) and node.test.value == "True"

        def begin() -> None:
            test = self.expression(node.test)
            if not forever:
                builder.push_guard(test, True)

        self._rounds(node, begin)
        builder.leave_loop(mark)
        return False

    def _rounds(self, node: cst.For | cst.While, begin: Callable[[], None]) -> None:
        """The body of a loop; names that it binds may come from an earlier round."""
        builder = self.builder
        before = dict(builder.environment)
        guard = builder.guard
        again: dict[str, int] = {}
        for name in sorted(bound_names(node.body)):
            if name in builder.environment:
                again[name] = builder.define(OPAQUE)
                builder.environment[name] = (*builder.environment[name], again[name])
        begin()
        self.suite(node.body)
        builder.guard = guard
        for name, index in again.items():
            reaching = tuple(d for d in builder.environment.get(name, ()) if d != index)
            builder.defs[index] = Local(name, reaching) if reaching else OPAQUE
        builder.environment = merge(before, builder.environment)
        if node.orelse is not None:
            self.suite(node.orelse.body)

    # try and with

    def _try(self, node: cst.Try | cst.TryStar) -> bool:
        builder = self.builder
        self._header(node, None)
        before = dict(builder.environment)
        mark = builder.last_event
        body_ends = self.suite(node.body)
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
                builder.push_guard(CallOf(first), False)
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
        for item in node.items:
            value = self.expression(item.item)
            if asynchronous:
                self.builder.awaits += 1
                if isinstance(value, CallOf):
                    self.builder.mark_awaited(value.event)
            else:
                self.emit(ENTER, value, item.item)
            if item.asname is not None:
                self.assign(item.asname.name, Entered(value, asynchronous))
        return self.suite(node.body)

    # definitions

    def _function(self, node: cst.FunctionDef) -> bool:
        self._header(node, node.params)
        decorators = tuple(self.expression(d.decorator) for d in node.decorators)
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
            self.suite(node.body)

        outer, self._class_in_progress = self._class_in_progress, None
        index = self.function(node.name.value, "async" if node.asynchronous else "def", node, body, owner)
        self._class_in_progress = outer
        self.builder.bind(node.name.value, Fn(index))
        return False

    _class_in_progress: Class | None = None

    def _class(self, node: cst.ClassDef) -> bool:
        self._header(node, node.name)
        decorators = tuple(self.expression(d.decorator) for d in node.decorators)
        bases = tuple(self.expression(b.value) for b in node.bases)
        keywords = tuple((k.keyword.value, self.expression(k.value)) for k in node.keywords if k.keyword)
        made = Class(node.name.value, 0, len(self.functions), bases, keywords, decorators)
        index = len(self.classes)
        self.classes.append(made)
        outer, self._class_in_progress = self._class_in_progress, made
        self.function(node.name.value, "class", node, lambda: void(self.suite(node.body)), index)
        self._class_in_progress = outer
        self.builder.bind(node.name.value, Cls(index))
        return False


def void(_: object) -> None:
    """Drops a value."""


def dotted(node: cst.BaseExpression | cst.Attribute | cst.Name) -> str:
    """`a.b.c` of an import."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if isinstance(node, cst.Name):
        parts.append(node.value)
    return ".".join(reversed(parts))


def bound_names(suite: cst.BaseSuite) -> set[str]:
    """Names that statements of a loop's body bind (not those of nested functions and classes)."""
    found: set[str] = set()
    stack: list[cst.CSTNode] = [suite]
    while stack:
        node = stack.pop()
        if isinstance(node, cst.Assign):
            for target in node.targets:
                _target_names(target.target, found)
        elif isinstance(node, (cst.AnnAssign, cst.AugAssign)):
            _target_names(node.target, found)
        elif isinstance(node, cst.AsName):
            _target_names(node.name, found)
        elif not isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.BaseExpression)):
            if isinstance(node, cst.For):
                _target_names(node.target, found)
            stack.extend(node.children)
    return found


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


def marker_of(node: cst.FunctionDef) -> str:
    """The `# asynclint: …` comment of a `def` line."""
    header = node.body.header if isinstance(node.body, cst.IndentedBlock) else node.body.trailing_whitespace if isinstance(node.body, cst.SimpleStatementSuite) else None
    found = _MARKER.search(header.comment.value) if header is not None and header.comment is not None else None
    return found[1] if found else ""


_STATEMENTS: dict[type, Callable[[StatementWalker, Any], bool]] = {
    cst.SimpleStatementLine: StatementWalker._line, cst.SimpleStatementSuite: StatementWalker._line,
    cst.FunctionDef: StatementWalker._function, cst.ClassDef: StatementWalker._class, cst.If: StatementWalker._if, cst.For: StatementWalker._for, cst.While: StatementWalker._while,
    cst.Try: StatementWalker._try, cst.TryStar: StatementWalker._try, cst.With: StatementWalker._with, cst.Match: StatementWalker._match,
}  # fmt: skip
_SMALL: dict[type, Callable[[StatementWalker, Any], bool]] = {
    cst.Expr: StatementWalker._expression_statement, cst.Assign: StatementWalker._assign, cst.AnnAssign: StatementWalker._annotated_assign, cst.AugAssign: StatementWalker._augmented,
    cst.Return: StatementWalker._return, cst.Raise: StatementWalker._raise, cst.Assert: StatementWalker._assert, cst.Import: StatementWalker._import,
    cst.ImportFrom: StatementWalker._import_from, cst.Global: StatementWalker._outer, cst.Nonlocal: StatementWalker._outer, cst.Del: StatementWalker._delete,
    cst.Break: lambda walker, node: True, cst.Continue: lambda walker, node: True, cst.Pass: lambda walker, node: False,
}  # fmt: skip
