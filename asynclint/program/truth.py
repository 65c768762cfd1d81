"""What tests come out as in a frame, and what they tell about the values they test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asynclint.facts import CALL, Annotated, Attr, CallOf, Const, Event, Expr, Local, Name, Op, Seq
from asynclint.program.project import ClassDef
from asynclint.program.texts import OTHER
from asynclint.program.values import (
    UNKNOWN,
    ClassValue,
    Collection,
    Coroutine,
    External,
    Frame,
    FunctionValue,
    Generator,
    Instance,
    Lazy,
    Literal,
    ModuleValue,
    Partial,
    Value,
    Values,
)  # fmt: skip

if TYPE_CHECKING:
    from asynclint.program.infer import Inference

_TYPE_TESTS = {"builtins.isinstance", "builtins.issubclass"}
_TEXT_TESTS = {"builtins.str.startswith": str.startswith, "builtins.str.endswith": str.endswith}
_OBJECTS = (FunctionValue, ClassValue, ModuleValue, Coroutine, Generator, Lazy, Partial)
#: marks a frame whose returns are looked at: a function that calls itself tells nothing
_RETURNED = "returned"
_TYPES = {"builtins.str": str, "builtins.int": int, "builtins.float": float, "builtins.bool": bool}


def truth(inference: Inference, test: Expr, frame: Frame, guard: int) -> bool | None:
    """True, False, or None where both may happen."""
    match test:
        case Const():
            return bool(test.value)
        case Op("not", (item,)):
            found = truth(inference, item, frame, guard)
            return None if found is None else not found
        case Op("and", items):
            found_all = [truth(inference, item, frame, guard) for item in items]
            return False if False in found_all else None if None in found_all else True
        case Op("or", items):
            found_all = [truth(inference, item, frame, guard) for item in items]
            return True if True in found_all else None if None in found_all else False
        case Op("isinstance", (subject, classes)):
            return _all_agree([is_a(inference, v, classes, frame) for v in inference.values_of(inference.infer(subject, frame, guard))])
        case Op(("==" | "!=" | "is" | "is not") as op, (left, right)):
            same = _same(inference, left, right, frame, guard)
            return None if same is None else same is not op.endswith(("!=", "not"))
        case Op(("in" | "not in") as op, (left, right)):
            return _within(inference, left, right, op == "in", frame, guard)
        case CallOf():
            return _call_truth(inference, frame.fn.data.events[test.event], frame)
        case Op("returned", (CallOf(event),)):
            return _always_returns(inference, frame.fn.data.events[event], frame)
        case Name("TYPE_CHECKING") | Attr(_, "TYPE_CHECKING"):
            return False
        case Attr(Local(subject) | Name(subject), field) if (
            field in (known := known_fields(frame)) and subject == frame.fn.data.params[0].name
        ):
            return known[field]
        case Attr(Local(subject), field) if (given := _filled_before(inference, subject, field, frame)) is not None:
            return truth(inference, given, frame, -1)
        case Op("if", (then, otherwise, condition)):
            held = truth(inference, condition, frame, guard)
            if held is not None:
                return truth(inference, then if held else otherwise, frame, guard)
            return _all_agree([_value_truth(v) for v in _settled(inference, test, frame, guard)])
        case Local() | Name() | Attr():
            found = _all_agree([_value_truth(v) for v in _settled(inference, test, frame, guard)])
            return _defined_truth(inference, test, frame) if found is None and isinstance(test, Local) else found
    return None


def _filled_before(inference: Inference, subject: str, field: str, frame: Frame) -> Expr | None:
    """What a constructor has given a field of its object, where it always does and nothing else ever fills it."""
    fn = frame.fn
    if fn.data.name != "__init__" or fn.owner is None or not frame.params or subject != fn.data.params[0].name:
        return None
    for base, name, value, _annotation, guard in fn.data.attributes:
        if name == field and guard < 0 and isinstance(base, Local) and base.id == subject:
            return None if inference.members.is_assigned_again(fn, field) else value
    return None


def _defined_truth(inference: Inference, local: Local, frame: Frame) -> bool | None:
    """What a variable comes out as that holds what calls have given."""
    data = frame.fn.data
    found: list[bool | None] = []
    for index in local.defs:
        definition, guard = data.defs[index], data.def_guards[index]
        if isinstance(definition, Annotated) and definition.value is not None:
            definition = definition.value
        if not isinstance(definition, (CallOf, Const)):
            return None
        if inference.feasible(frame, guard):
            found.append(truth(inference, definition, frame, guard))
    return _all_agree(found)


def _settled(inference: Inference, expr: Expr, frame: Frame, guard: int) -> Values:
    """The values of an expression, as far as they still hold when the test runs: () where something else may have been assigned meanwhile.

    Attributes of objects and lower-case globals begin as None or False only to be filled later; constants of modules stay what they are.
    """
    values = inference.values_of(inference.infer(expr, frame, guard))
    if not any(isinstance(v, Literal) for v in values):
        return values
    match expr:
        case Attr(base, name):
            owners = inference.values_of(inference.infer(base, frame, guard))
            if any(isinstance(o, Instance) and getattr(o, "fields", ()) for o in owners):
                return values
            return values if name.isupper() and all(isinstance(o, (ModuleValue, ClassValue)) for o in owners) else UNKNOWN
        case Name(name):
            return values if name.isupper() or name.strip("_").isupper() or frame.closure is not None else UNKNOWN
    return values


def is_opted_into(inference: Inference, test: Expr, held: bool, frame: Frame) -> bool:
    """Whether an outcome asks for a setting of a module that is None or False until somebody sets it."""
    match test:
        case Op("not", (item,)):
            return is_opted_into(inference, item, not held, frame)
        case Op("and" | "or" as op, items) if held is (op == "and"):
            return any(is_opted_into(inference, item, held, frame) for item in items)
        case Op("is" | "is not" as op, (subject, Const(None))) if held is (op == "is not"):
            return _is_unset(inference, subject, frame)
        case Name() | Attr():
            return held and _is_unset(inference, test, frame)
    return False


def _is_unset(inference: Inference, expr: Expr, frame: Frame) -> bool:
    """A variable of a module that its own module gives nothing but None or False."""
    match expr:
        case Attr(base, _) if not all(isinstance(v, ModuleValue) for v in inference.infer(base, frame) or (None,)):
            return False
        case Attr() | Name():
            values = inference.infer(expr, frame)
            return bool(values) and all(isinstance(v, Literal) and not v.value and not isinstance(v.value, str) for v in values)
    return False


#: the key under which a frame's parameters hold what is settled about its receiver's fields
FIELDS = -1


def known_fields(frame: Frame) -> dict[str, bool]:
    """The fields of the receiver that callers have tested: name → whether it is there."""
    found: dict[str, bool] = {}
    for value in frame.params.get(FIELDS, ()) if frame.fn.data.params else ():
        if isinstance(value, Collection):
            for name, held in value.items:
                if isinstance(name, Literal) and isinstance(held, Literal):
                    found[str(name.value)] = bool(held.value)
    return found


def _value_truth(value: Value) -> bool | None:
    if isinstance(value, Literal):
        return bool(value.value)
    return True if isinstance(value, _OBJECTS) else None


def _all_agree(found: list[bool | None]) -> bool | None:
    return found[0] if found and all(f is found[0] for f in found) else None


def _same(inference: Inference, left: Expr, right: Expr, frame: Frame, guard: int) -> bool | None:
    if isinstance(right, Const) and right.value is None and isinstance(left, Attr):
        there = truth(inference, left, frame, guard) if left.name in known_fields(frame) else None
        if there is True:
            return False
    if _asks_for_thread(inference, left, frame) or _asks_for_thread(inference, right, frame):
        return True  # the loop's own thread: what is compared is, by all custom, the thread of the loop
    if right == Const(None) and isinstance(left, (CallOf, Local)) and truth(inference, left, frame, guard):
        return False
    lefts, rights = (_settled(inference, e, frame, guard) for e in (left, right))
    if not lefts or not rights:
        return None
    found: list[bool | None] = []
    for a in lefts:
        for b in rights:
            if isinstance(a, Literal) and isinstance(b, Literal):
                if OTHER in (a, b) and not inference.texts.can_tell([a.value if b == OTHER else b.value]):
                    return None
                found.append(a.value == b.value and (a.value is None) == (b.value is None))
            elif (isinstance(a, Literal) and a.value is None) or (isinstance(b, Literal) and b.value is None):
                other = b if isinstance(a, Literal) else a
                found.append(False if isinstance(other, _OBJECTS) or (isinstance(other, Instance) and other.exact) else None)
            else:
                found.append(None)
    return _all_agree(found)


def _asks_for_thread(inference: Inference, expr: Expr, frame: Frame) -> bool:
    if not isinstance(expr, CallOf):
        return False
    callees = inference.infer(frame.fn.data.events[expr.event].value, frame)
    return any(isinstance(v, External) and inference.catalog.answers.get(v.name) == "this-thread" for v in callees)


def _within(inference: Inference, left: Expr, right: Expr, positive: bool, frame: Frame, guard: int) -> bool | None:
    if not isinstance(right, Seq) or right.comprehension:
        return None
    lefts = _settled(inference, left, frame, guard)
    options = [v for item in (right.keys or right.items) for v in inference.infer(item, frame, guard)]
    if not lefts or len(options) < len(right.items) or not all(isinstance(v, Literal) for v in (*lefts, *options)):
        return None
    inside = {v.value for v in options if isinstance(v, Literal)}
    if OTHER in lefts and not inference.texts.can_tell(inside):
        return None
    return _all_agree([(v.value in inside) is positive for v in lefts if isinstance(v, Literal)])


def _call_truth(inference: Inference, event: Event, frame: Frame) -> bool | None:
    for callee in inference.infer(event.value, frame, event.guard):
        if isinstance(callee, External):
            if callee.name in _TYPE_TESTS and len(event.args) == 2:
                subject = inference.values_of(inference.infer(event.args[0][1], frame, event.guard))
                return _all_agree([is_a(inference, v, event.args[1][1], frame) for v in subject])
            if callee.name == "builtins.callable" and event.args:
                return _all_agree([isinstance(v, _OBJECTS) or None for v in inference.infer(event.args[0][1], frame, event.guard)])
            if callee.name == "builtins.bool" and event.args:
                return truth(inference, event.args[0][1], frame, event.guard)
            if callee.name in inference.catalog.answers:
                return _answer(inference, inference.catalog.answers[callee.name], event, frame)
            if callee.name in _TEXT_TESTS and isinstance(event.value, Attr):
                texts = inference.values_of(inference.infer(event.value.base, frame, event.guard))
                return _all_agree([_text_test(inference, text, callee.name, event, frame) for text in texts])
            given = inference.call_result(event, frame)
            return _all_agree([_value_truth(v) if isinstance(v, Literal) else None for v in given])
        elif isinstance(callee, FunctionValue) and not callee.fn.is_async:
            found = _all_agree([_value_truth(v) for v in inference.call_result(event, frame)])
            return _returned_truth(inference, callee, event, frame) if found is None else found
    return None


def _returned_truth(inference: Inference, callee: FunctionValue, event: Event, frame: Frame) -> bool | None:
    """What a call of an own function comes out as, where all that it may return comes out so."""
    data = callee.fn.data
    if data.generator or data.decorators or data.kind != "def":
        return None
    called = inference.context(callee, event, frame)
    if _RETURNED in called.active:
        return None
    called.active.add(_RETURNED)
    try:
        return _all_agree([truth(inference, value, called, guard) for value, guard in data.returns if inference.feasible(called, guard)])
    finally:
        called.active.discard(_RETURNED)


def _always_returns(inference: Inference, event: Event, frame: Frame) -> bool | None:
    """True of a call that cannot fail on the loop: a question that is always answered with yes, or a function that only asks one."""
    callees = inference.infer(event.value, frame, event.guard)
    return True if callees and all(_is_yes(inference, v) or _only_probes(inference, v) for v in callees) else None


def _is_yes(inference: Inference, value: Value) -> bool:
    return isinstance(value, External) and inference.catalog.answers.get(value.name) == "true"


def _only_probes(inference: Inference, value: Value) -> bool:
    if not isinstance(value, FunctionValue):
        return False
    calls = [event for event in value.fn.data.events if event.kind == CALL]
    frame = inference.general_frame(value.fn)
    return bool(calls) and all(any(_is_yes(inference, v) for v in inference.infer(event.value, frame)) for event in calls)


def _answer(inference: Inference, answer: str, event: Event, frame: Frame) -> bool | None:
    """A test that the catalog knows: `true` and `false` on the loop's thread, `coroutine-function` and `awaitable` of the argument."""
    if answer in ("true", "false"):
        return answer == "true"
    if not event.args:
        return None
    found: list[bool | None] = []
    for value in inference.infer(event.args[0][1], frame, event.guard):
        if answer == "coroutine-function":
            found.append(value.fn.is_async if isinstance(value, FunctionValue) else None)
        else:
            found.append(True if isinstance(value, Coroutine) else False if isinstance(value, (Instance, Literal, Collection)) else None)
    return _all_agree(found)


def _text_test(inference: Inference, text: Value, name: str, event: Event, frame: Frame) -> bool | None:
    """`"text".startswith("prefix")` on known text."""
    if len(event.args) != 1 or not isinstance(text, Literal) or not isinstance(text.value, str):
        return None
    test = _TEXT_TESTS[name]
    found: list[bool | None] = []
    for value in inference.infer(event.args[0][1], frame, event.guard):
        if isinstance(value, Literal) and isinstance(value.value, str):
            found.append(test(text.value, value.value))
        elif isinstance(value, Collection) and value.kind == "tuple":
            options = [i.value for item in value.items for i in item if isinstance(i, Literal) and isinstance(i.value, str)]
            found.append(test(text.value, tuple(options)) if len(options) == len(value.items) else None)
        else:
            found.append(None)
    return _all_agree(found)


def classes_of(inference: Inference, expr: Expr, frame: Frame) -> list[ClassDef | str]:
    """The classes that stand as second argument of `isinstance`."""
    items = expr.items if isinstance(expr, Seq) or (isinstance(expr, Op) and expr.op == "|") else (expr,)
    found: list[ClassDef | str] = []
    for item in items:
        for value in inference.infer(item, frame):
            if isinstance(value, ClassValue):
                found.append(value.cls)
            elif isinstance(value, External):
                found.append(value.name)
            elif isinstance(value, Collection):
                found.extend(
                    c.cls if isinstance(c, ClassValue) else c.name
                    for part in value.items
                    for c in part
                    if isinstance(c, (ClassValue, External))
                )
    return found


def is_a(inference: Inference, value: Value, classes: Expr, frame: Frame) -> bool | None:
    """Whether a value is an instance of one of the classes."""
    wanted = classes_of(inference, classes, frame)
    if not wanted:
        return None
    match value:
        case Literal():
            if value.value is None:
                return False
            known = [_TYPES[w] for w in wanted if isinstance(w, str) and w in _TYPES]
            return isinstance(value.value, tuple(known))
        case Instance():
            ancestors = inference.mro(value.cls)
            if any(w in ancestors for w in wanted):
                return True
            if value.exact or (isinstance(value.cls, str) and value.cls.startswith("builtins.")):
                return False
            below = any(value.cls in inference.mro(w) for w in wanted)
            return None if below else False if all(_concrete(w) for w in wanted) and _concrete(value.cls) else None
        case Collection():
            return (
                True
                if f"builtins.{value.kind}" in wanted
                else None
                if value.kind == "iterator"
                else False
                if all(_concrete(w) for w in wanted)
                else None
            )
        case Generator() | Lazy() | Coroutine():
            return None
    return None


def _concrete(cls: ClassDef | str) -> bool:
    """A class that others are not commonly mixed with: not a protocol or an abstract collection."""
    return not (isinstance(cls, str) and cls.startswith(("typing.", "collections.abc.", "abc.", "numbers.")))


def narrow(inference: Inference, expr: Expr, values: Values, test: Expr, held: bool, frame: Frame, guard: int) -> Values:
    """The values that are left for `expr` where `test` came out as `held`."""
    match test:
        case Op("not", (item,)):
            return narrow(inference, expr, values, item, not held, frame, guard)
        case Op("and", items) if held:
            for item in items:
                values = narrow(inference, expr, values, item, True, frame, guard)
            return values
        case Op("or", items) if not held:
            for item in items:
                values = narrow(inference, expr, values, item, False, frame, guard)
            return values
        case Op(("is" | "==" | "is not" | "!=") as op, (subject, Const(None))) if subject == expr:
            is_none = held is (op in ("is", "=="))
            left = tuple(v for v in values if (isinstance(v, Literal) and v.value is None) is is_none)
            return left or ((Literal(None),) if is_none else values)
        case CallOf():
            event = frame.fn.data.events[test.event]
            if len(event.args) == 2 and event.args[0][1] == expr and is_type_test(inference, event, frame):
                return _narrow_by_type(inference, values, event.args[1][1], held, frame)
    if test == expr and not held:
        return tuple(v for v in values if _value_truth(v) is not True) or values
    return values


def _narrow_by_type(inference: Inference, values: Values, classes: Expr, held: bool, frame: Frame) -> Values:
    left = tuple(v for v in values if is_a(inference, v, classes, frame) is not (not held))
    if not held:
        return tuple(v for v in left if is_a(inference, v, classes, frame) is not True)
    sharper: list[Value] = []
    for cls in classes_of(inference, classes, frame):
        if any(isinstance(v, Instance) and v.cls != cls and v.cls in inference.mro(cls) for v in left):
            sharper.append(Instance(cls))
    return tuple(sharper) or left or tuple(Instance(c) for c in classes_of(inference, classes, frame))


def tested_types(inference: Inference, expr: Expr, test: Expr, held: bool, frame: Frame, guard: int) -> Values:
    """The classes of an `isinstance` test that held for an expression of unknown value."""
    match test:
        case Op("not", (item,)):
            return tested_types(inference, expr, item, not held, frame, guard)
        case Op("and", items) if held:
            for item in items:
                found = tested_types(inference, expr, item, True, frame, guard)
                if found:
                    return found
        case CallOf() if held:
            event = frame.fn.data.events[test.event]
            if len(event.args) == 2 and event.args[0][1] == expr and is_type_test(inference, event, frame):
                return tuple(Instance(c) for c in classes_of(inference, event.args[1][1], frame))
    return UNKNOWN


def is_type_test(inference: Inference, event: Event, frame: Frame) -> bool:
    return (
        isinstance(event.value, Name)
        and event.value.id == "isinstance"
        and any(isinstance(v, External) and v.name in _TYPE_TESTS for v in inference.infer(event.value, frame))
    )
