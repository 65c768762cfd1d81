"""Arguments of calls, and the conditions that the catalog puts on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asynclint.catalog import Blocking, Misuse, parse_argument, parse_condition
from asynclint.facts import Attr, Const, Event, Expr, Name, Op
from asynclint.program.values import LITERAL_TYPES, UNKNOWN, Collection, External, Frame, Instance, Lazy, Literal, Value, Values

if TYPE_CHECKING:
    from asynclint.program.infer import Inference


class Conditions:
    """Finds arguments and tests them."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference

    def argument(self, wanted: str, event: Event, frame: Frame) -> Values:
        """The values of the argument `name@position` of a call."""
        expr = self.argument_expression(wanted, event)
        if expr is not None:
            return self.inference.infer(expr, frame, event.guard)
        return UNKNOWN

    def argument_expression(self, wanted: str, event: Event) -> Expr | None:
        name, position = parse_argument(wanted)
        positional = [e for k, e in event.args if not k]
        for keyword, expr in event.args:
            if keyword and keyword == name:
                return expr
        if 0 <= position < len(positional) and not any(k == "*" for k, _ in event.args[: position + 1]):
            return positional[position]
        return None

    def hold(self, row: Blocking | Misuse, event: Event, frame: Frame) -> bool:
        """Whether the conditions of a row leave this call blocking."""
        if any(self.condition(text, event, frame) for text in row.unless):
            return False
        return not row.when or any(self.condition(text, event, frame) for text in row.when)

    def condition(self, text: str, event: Event, frame: Frame) -> bool:
        """Whether a condition of a catalog row surely holds for this call."""
        condition = parse_condition(text)
        expr = self.argument_expression(f"{condition.name}@{condition.position}" if condition.position >= 0 else condition.name, event)
        starred = any(k in ("*", "**") for k, _ in event.args)
        if condition.test == "given":
            return expr is not None and not (isinstance(expr, Const) and expr.value is None)
        if condition.test == "missing":
            return (expr is None or (isinstance(expr, Const) and expr.value is None)) and not starred
        if expr is None:
            return False
        values = self.inference.infer(expr, frame, event.guard)
        if condition.test == "below":
            return len(values) > 0 and all(isinstance(v, Literal) and type(v.value) is int and v.value < condition.value for v in values)
        if condition.test == "equals":
            if condition.constant:
                found = any(isinstance(v, External) and v.name == condition.value for v in values)
                return found or _mentions(expr, str(condition.value).rpartition(".")[2])
            return len(values) > 0 and all(_equals(v, condition.value) for v in values)
        kinds = [name for v in self.inference.values_of(values) for name in self.type_names(v)]
        holds = condition.value in kinds
        return holds if condition.test == "is" else bool(kinds) and not holds

    def type_names(self, value: Value) -> list[str]:
        match value:
            case Instance():
                return [c if isinstance(c, str) else c.qualified_name for c in self.inference.mro(value.cls)]
            case Literal():
                kind = LITERAL_TYPES.get(type(value.value))
                return [kind] if kind else ["None"]
            case Collection():
                return [f"builtins.{value.kind}"]
            case Lazy():
                return [n for v in value.result for n in self.type_names(v)]
            case External():
                return [value.name]
        return []


def _equals(value: Value, wanted: object) -> bool:
    """`0` and `0.0` are the same, `0` and `False` are not."""
    if not isinstance(value, Literal) or value.value != wanted:
        return False
    return isinstance(value.value, bool) is isinstance(wanted, bool)


def _mentions(expr: Expr, constant: str) -> bool:
    """`os.WNOHANG`, also inside `os.WNOHANG | flag`."""
    if isinstance(expr, Attr):
        return expr.name == constant
    if isinstance(expr, Name):
        return expr.id == constant
    return isinstance(expr, Op) and any(_mentions(item, constant) for item in expr.items)
