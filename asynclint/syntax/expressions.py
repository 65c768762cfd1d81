"""Expressions of the concrete syntax tree → `Expr`, with an event for everything that may run other code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import lshift, mul
from typing import Any

import libcst as cst

from asynclint import facts
from asynclint.facts import (
    CALL,
    CONTAINS,
    GET,
    ITER,
    SET,
    SETITEM,
    SUB,
    Annotated,
    Attr,
    Awaited,
    CallOf,
    Class,
    Const,
    Elem,
    Expr,
    Fn,
    Function,
    Item,
    Name,
    Op,
    Param,
    Parameter,
    Seq,
    Sub,
    Typed,
)
from asynclint.syntax.builder import FunctionBuilder, Place, merge

OPAQUE = facts.Opaque()
TEXT_LIMIT = 200
#: a loop over a display of at most so many items counts as straight-line code
FEW = 8

#: integers below it are multiplied, those up to the other are raised
SMALL, EXPONENT = 10**7, 24
_ARITHMETIC: dict[type, Callable[[int, int], int]] = {cst.Multiply: mul, cst.Power: pow, cst.LeftShift: lshift}
_BINARY = {cst.Divide: "/", cst.BitOr: "|", cst.Add: "+", cst.Modulo: "%"}
_COMPARE = {
    cst.Equal: "==",
    cst.NotEqual: "!=",
    cst.Is: "is",
    cst.IsNot: "is not",
    cst.In: "in",
    cst.NotIn: "not in",
    cst.LessThan: "<",
    cst.GreaterThan: ">",
    cst.LessThanEqual: "<=",
    cst.GreaterThanEqual: ">=",
}


class ExpressionWalker:
    """Walks expressions in evaluation order. `places` maps nodes to positions where they are wanted; `shift` is subtracted from lines."""

    def __init__(self, module: cst.Module, places: Mapping[cst.CSTNode, Any] | None, shift: int) -> None:
        self.module = module
        self.places = places
        self.shift = shift
        self.functions: list[Function | None] = []
        self.classes: list[Class] = []
        self.builder = FunctionBuilder("<module>", "module", 1, -1, -1)
        self.index = -1
        self.statement: tuple[int, int] = (0, 0)

    def expression(self, node: cst.BaseExpression) -> Expr:
        self.builder.count()
        walk = _WALKERS.get(type(node))
        if walk is not None:
            return walk(self, node)
        self._parts(node)
        return OPAQUE

    def _parts(self, node: cst.CSTNode) -> None:
        """Walks the expressions in a node of another kind."""
        for child in node.children:
            if isinstance(child, cst.BaseExpression):
                self.expression(child)
            else:
                self._parts(child)

    # positions

    def place(self, node: cst.CSTNode) -> Place | None:
        if self.places is None:
            return None
        span = self.places[node]
        return (
            span.start.line - self.shift, span.start.column + 1, span.end.line - self.shift, span.end.column + 1, *self.statement,
        )  # fmt: skip

    def text(self, node: cst.CSTNode) -> str:
        return "" if self.places is None else self.module.code_for_node(node)

    def emit(self, kind: int, value: Expr, node: cst.CSTNode, *args: Expr) -> int:
        return self.builder.emit(kind, value, tuple(("", arg) for arg in args), self.place(node), self.text(node))

    # atoms

    def _name(self, node: cst.Name) -> Expr:
        if node.value in _CONSTANTS:
            return _CONSTANTS[node.value]
        return self.builder.load(node.value)

    def _string(self, node: cst.SimpleString) -> Expr:
        value = node.evaluated_value
        if not isinstance(value, str):
            return Typed("builtins.bytes")
        # a lone surrogate, written as an escape, cannot be stored
        return Const((value.encode("utf-8", "replace").decode("utf-8") if "\\" in node.value else value)[:TEXT_LIMIT])

    def _concatenated(self, node: cst.ConcatenatedString) -> Expr:
        left, right = self.expression(node.left), self.expression(node.right)
        if isinstance(left, Const) and isinstance(right, Const):
            return Const(f"{left.value}{right.value}"[:TEXT_LIMIT])
        return left if isinstance(left, Typed) else right

    def _formatted(self, node: cst.FormattedString) -> Expr:
        self._replaced(node.parts)
        return Typed("builtins.str")

    def _replaced(self, parts: Sequence[cst.BaseFormattedStringContent]) -> None:
        for part in parts:
            if isinstance(part, cst.FormattedStringExpression):
                self.expression(part.expression)
                self._replaced(part.format_spec or ())

    def _integer(self, node: cst.Integer) -> Expr:
        text = node.value.replace("_", "")
        if len(text) > 15 or (text[0] == "0" and text.isdigit() and text != "0"):
            return Typed("builtins.int")
        return Const(int(text, 0))

    def _float(self, node: cst.Float) -> Expr:
        return Const(float(node.value.replace("_", "")))

    # access and calls

    def _attribute(self, node: cst.Attribute) -> Expr:
        value = Attr(self.expression(node.value), node.attr.value)
        self.emit(GET, value, node)
        return value

    def _subscript(self, node: cst.Subscript) -> Expr:
        value = self.subscript(node)
        self.emit(SUB, value, node)
        return value

    def subscript(self, node: cst.Subscript) -> Sub:
        """Base and index are evaluated; what becomes of the item is for the caller to say."""
        base = self.expression(node.value)
        indices = [self.expression(e.slice.value) if isinstance(e.slice, cst.Index) else self._slice(e.slice) for e in node.slice]
        return Sub(base, indices[0] if len(indices) == 1 else Seq("tuple", tuple(indices)))

    def _slice(self, node: cst.BaseSlice) -> Expr:
        self._parts(node)
        return Typed("builtins.slice")

    def _call(self, node: cst.Call) -> Expr:
        func = node.func
        callee = Attr(self.expression(func.value), func.attr.value) if isinstance(func, cst.Attribute) else self.expression(func)
        args = tuple((a.keyword.value if a.keyword else a.star, self.expression(a.value)) for a in node.args)
        args_text = ""
        if self.places is not None:
            args_text = ", ".join((f"{a.keyword.value}=" if a.keyword else a.star) + self.module.code_for_node(a.value) for a in node.args)
        return CallOf(self.builder.emit(CALL, callee, args, self.place(node), self.text(func), args_text))

    def _await(self, node: cst.Await) -> Expr:
        self.builder.awaits += 1
        value = self.expression(node.expression)
        self._mark_awaited(value)
        return Awaited(value)

    def _mark_awaited(self, value: Expr) -> None:
        match value:
            case CallOf():
                self.builder.mark_awaited(value.event)
            case Op("if" | "or", (first, second, *_)):
                self._mark_awaited(first)
                self._mark_awaited(second)

    # operators

    def _binary(self, node: cst.BinaryOperation) -> Expr:
        items = (self.expression(node.left), self.expression(node.right))
        op = _BINARY.get(type(node.operator))
        return _folded(node.operator, *items) or (Op(op, items) if op else OPAQUE)

    def _unary(self, node: cst.UnaryOperation) -> Expr:
        value = self.expression(node.expression)
        if isinstance(node.operator, cst.Not):
            return Op("not", (value,))
        if (
            isinstance(node.operator, cst.Minus)
            and isinstance(value, Const)
            and not value.boolean
            and isinstance(value.value, (int, float))
        ):
            return Const(-value.value)
        return OPAQUE

    def _boolean(self, node: cst.BooleanOperation) -> Expr:
        word = "and" if isinstance(node.operator, cst.And) else "or"
        left = self.expression(node.left)
        right = self.guarded(left, word == "and", lambda: self.expression(node.right))
        return Op(word, (left, right))

    def _comparison(self, node: cst.Comparison) -> Expr:
        left = self.expression(node.left)
        before, op, right = left, None, left
        for comparison in node.comparisons:
            op, right = _COMPARE.get(type(comparison.operator)), self.expression(comparison.comparator)
            if op in ("in", "not in") and not isinstance(right, (Const, Seq)):
                self.emit(CONTAINS, right, comparison.comparator, before)
            before = right
        return Op(op, (left, right)) if op and len(node.comparisons) == 1 else Typed("builtins.bool")

    def _conditional(self, node: cst.IfExp) -> Expr:
        test = self.expression(node.test)
        then = self.guarded(test, True, lambda: self.expression(node.body))
        other = self.guarded(test, False, lambda: self.expression(node.orelse))
        return Op("if", (then, other, test))

    def guarded(self, test: Expr, held: bool, walk: Callable[[], Expr]) -> Expr:
        """Walks something that runs only if the test came out as `held`."""
        before = self.builder.guard
        self.builder.push_guard(test, held)
        value = walk()
        self.builder.guard = before
        return value

    def _walrus(self, node: cst.NamedExpr) -> Expr:
        value = self.expression(node.value)
        if isinstance(node.target, cst.Name):
            self.builder.bind(node.target.value, value)
            self.builder.escaped[node.target.value] = self.builder.environment[node.target.value]
            return self.builder.load(node.target.value)
        return value

    def _yield(self, node: cst.Yield) -> Expr:
        self.builder.generator = True
        self.builder.gives_way()
        if isinstance(node.value, cst.From):
            value = self.expression(node.value.item)
            self.emit(ITER, value, node.value.item)
            self.builder.yields.append(Elem(value))
        elif node.value is not None:
            self.builder.yields.append(self.expression(node.value))
        return OPAQUE

    # displays and comprehensions

    def _display(self, node: cst.List | cst.Tuple | cst.Set) -> Expr:
        items = []
        for element in node.elements:
            value = self.expression(element.value)
            items.append(Elem(value) if isinstance(element, cst.StarredElement) else value)
        return Seq(type(node).__name__.lower(), tuple(items))

    def _dict(self, node: cst.Dict) -> Expr:
        keys, values = [], []
        for element in node.elements:
            if isinstance(element, cst.DictElement):
                keys.append(self.expression(element.key))
                values.append(self.expression(element.value))
            else:
                keys.append(OPAQUE)
                values.append(Sub(self.expression(element.value), OPAQUE))
        return Seq("dict", tuple(values), tuple(keys))

    def _comprehension(self, node: cst.ListComp | cst.SetComp | cst.DictComp) -> Expr:
        builder = self.builder
        before, escaped = builder.environment, builder.escaped
        builder.environment, builder.escaped = dict(before), {}
        if isinstance(node, cst.DictComp):
            keys: list[Expr] = []

            def item() -> Expr:
                keys.append(self.expression(node.key))
                return self.expression(node.value)

            value = Seq("dict", (self._clauses(node.for_in, item),), tuple(keys), comprehension=True)
        else:
            element = self._clauses(node.for_in, lambda: self.expression(node.elt))
            value = Seq("list" if isinstance(node, cst.ListComp) else "set", (element,), comprehension=True)
        builder.environment = merge(before, builder.escaped)
        builder.escaped = {**escaped, **builder.escaped}
        return value

    def _clauses(self, clause: cst.CompFor, body: Callable[[], Expr], iterable: Expr | None = None) -> Expr:
        """One `for … in … if …` and what is inside it; `iterable` where it was evaluated before (generator expressions)."""
        builder = self.builder
        guard = builder.guard
        if iterable is None:
            iterable = self.expression(clause.iter)
        if clause.asynchronous:
            builder.awaits += 1
        else:
            self.emit(ITER, iterable, clause.iter)
        mark = builder.enter_loop(not is_few(iterable), "comprehension", iterable, self.place(clause.iter), self.text(clause.iter))
        if clause.asynchronous:
            builder.awaits += 1
        self.assign(clause.target, Elem(iterable))
        for test in clause.ifs:
            builder.push_guard(self.expression(test.test), True)
        value = self._clauses(clause.inner_for_in, body) if clause.inner_for_in else body()
        builder.leave_loop(mark)
        builder.guard = guard
        return value

    def _generator(self, node: cst.GeneratorExp) -> Expr:
        first = self.expression(node.for_in.iter)
        escaped: list[str] = []

        def body() -> None:
            self.builder.params = (Parameter(".0"),)
            self.builder.generator = True
            self.builder.yields.append(self._clauses(node.for_in, lambda: self.expression(node.elt), Param(0)))
            escaped.extend(self.builder.escaped)

        index = self.function("<genexp>", "genexp", node, body)
        for name in escaped:
            self.builder.bind(name, OPAQUE)
        return Seq("generator", (Fn(index), first), comprehension=True)

    # functions

    def _lambda(self, node: cst.Lambda) -> Expr:
        defaults = self.parameters(node.params)

        def body() -> None:
            self.builder.params = defaults
            for number, parameter in enumerate(defaults):
                self.builder.bind(parameter.name, Param(number))
            self.builder.returns.append((self.expression(node.body), self.builder.guard))

        return Fn(self.function("<lambda>", "lambda", node, body))

    def function(self, name: str, kind: str, node: cst.CSTNode, body: Callable[[], None], owner: int = -1) -> int:
        """Walks `body` with a builder of its own, and returns the index of the function it makes."""
        outer, outer_index = self.builder, self.index
        index = len(self.functions)
        self.functions.append(None)
        line = self.places[node].start.line - self.shift if self.places is not None else 0
        self.builder, self.index = FunctionBuilder(name, kind, line, outer_index, owner), index
        body()
        self.functions[index] = self.builder.finish()
        outer.encloses(self.builder)
        self.builder, self.index = outer, outer_index
        return index

    def parameters(self, node: cst.Parameters) -> tuple[Parameter, ...]:
        """The parameters; defaults and annotations are evaluated here, where the function is made."""
        found = [self._parameter(p, "") for p in (*node.posonly_params, *node.params)]
        if isinstance(node.star_arg, cst.Param):
            found.append(self._parameter(node.star_arg, "*"))
        found += [self._parameter(p, "k") for p in node.kwonly_params]
        if node.star_kwarg is not None:
            found.append(self._parameter(node.star_kwarg, "**"))
        return tuple(found)

    def _parameter(self, node: cst.Param, kind: str) -> Parameter:
        annotation = self.annotation(node.annotation.annotation) if node.annotation else None
        return Parameter(node.name.value, kind, annotation, self.expression(node.default) if node.default else None)

    # annotations: no events, strings are read as expressions

    def annotation(self, node: cst.BaseExpression) -> Expr:
        if isinstance(node, cst.Name):
            return Const(None) if node.value == "None" else Name(node.value)
        if isinstance(node, cst.Attribute):
            return Attr(self.annotation(node.value), node.attr.value)
        if isinstance(node, cst.Subscript):
            indices = tuple(self.annotation(e.slice.value) if isinstance(e.slice, cst.Index) else OPAQUE for e in node.slice)
            return Sub(self.annotation(node.value), indices[0] if len(indices) == 1 else Seq("tuple", indices))
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.BitOr):
            return Op("|", (self.annotation(node.left), self.annotation(node.right)))
        if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)) and isinstance(node.evaluated_value, str):
            try:
                return self.annotation(cst.parse_expression(node.evaluated_value.strip()))
            except cst.ParserSyntaxError:
                return OPAQUE
        if isinstance(node, (cst.List, cst.Tuple)):
            return Seq("tuple", tuple(self.annotation(e.value) for e in node.elements))
        return OPAQUE

    # targets

    def assign(self, target: cst.CSTNode, value: Expr, annotation: Expr | None = None) -> None:
        if annotation is not None:
            value = Annotated(annotation, value)
        if isinstance(target, cst.Name):
            self.builder.bind(target.value, value)
        elif isinstance(target, cst.Attribute):
            base = self.expression(target.value)
            self.builder.attributes.append((base, target.attr.value, value, annotation, self.builder.guard))
            self.emit(SET, Attr(base, target.attr.value), target, value)
        elif isinstance(target, (cst.Tuple, cst.List)):
            self._unpack(target.elements, value)
        elif isinstance(target, cst.Subscript):
            self.emit(SETITEM, self.subscript(target), target, value)
        elif isinstance(target, (cst.StarredElement, cst.Element)):
            self.assign(target.value, value)

    def _unpack(self, elements: Sequence[cst.BaseElement], value: Expr) -> None:
        direct = value.items if isinstance(value, Seq) and not value.comprehension and len(value.items) == len(elements) else None
        for number, element in enumerate(elements):
            starred = isinstance(element, cst.StarredElement)
            self.assign(element.value, direct[number] if direct and not starred else Item(value, -1 if starred else number))


def _folded(operator: cst.BaseBinaryOp, left: Expr, right: Expr) -> Expr | None:
    """What a product or power of two small integers is: sizes are written so."""
    compute = _ARITHMETIC.get(type(operator))
    if compute is None or not (isinstance(left, Const) and isinstance(right, Const)):
        return None
    first, second = left.value, right.value
    most = SMALL if isinstance(operator, cst.Multiply) else EXPONENT
    if type(first) is not int or type(second) is not int or not (0 <= first <= most and 0 <= second <= most):
        return None
    value = compute(first, second)
    return Const(value) if value <= SMALL * SMALL else None


def is_few(iterable: Expr) -> bool:
    """A display of a few items: the loop over it has a known, small number of rounds."""
    return isinstance(iterable, Seq) and not iterable.comprehension and len(iterable.items) <= FEW


def is_empty(iterable: Expr) -> bool:
    """A display without items: the loop over it has no rounds."""
    return isinstance(iterable, Seq) and not iterable.items


_CONSTANTS: dict[str, Expr] = {"None": Const(None), "True": Const(True, True), "False": Const(False, True)}
_WALKERS: dict[type, Callable[[ExpressionWalker, Any], Expr]] = {
    cst.Name: ExpressionWalker._name,
    cst.Attribute: ExpressionWalker._attribute,
    cst.Call: ExpressionWalker._call,
    cst.Subscript: ExpressionWalker._subscript,
    cst.Await: ExpressionWalker._await,
    cst.SimpleString: ExpressionWalker._string,
    cst.ConcatenatedString: ExpressionWalker._concatenated,
    cst.FormattedString: ExpressionWalker._formatted,
    cst.Integer: ExpressionWalker._integer,
    cst.Float: ExpressionWalker._float,
    cst.BinaryOperation: ExpressionWalker._binary,
    cst.BooleanOperation: ExpressionWalker._boolean,
    cst.UnaryOperation: ExpressionWalker._unary,
    cst.Comparison: ExpressionWalker._comparison,
    cst.IfExp: ExpressionWalker._conditional,
    cst.Lambda: ExpressionWalker._lambda,
    cst.List: ExpressionWalker._display,
    cst.Tuple: ExpressionWalker._display,
    cst.Set: ExpressionWalker._display,
    cst.Dict: ExpressionWalker._dict,
    cst.ListComp: ExpressionWalker._comprehension,
    cst.SetComp: ExpressionWalker._comprehension,
    cst.DictComp: ExpressionWalker._comprehension,
    cst.Ellipsis: lambda walker, node: OPAQUE,
    cst.Imaginary: lambda walker, node: Typed("builtins.complex"),
    cst.GeneratorExp: ExpressionWalker._generator,
    cst.NamedExpr: ExpressionWalker._walrus,
    cst.Yield: ExpressionWalker._yield,
}
