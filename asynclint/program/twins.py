"""Code for objects of either sort: what is called where a test has found that an object is not the asynchronous one.

    if isinstance(database, AsyncDatabase):
        await database.load()
    else:
        database.load()

Nothing may be known of `database`. But it is no AsyncDatabase and has the same methods, so it is what the project has beside that class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asynclint.facts import Attr, CallOf, Const, Expr, Op
from asynclint.program.project import ClassDef
from asynclint.program.truth import classes_of, is_type_test
from asynclint.program.values import UNKNOWN, External, Frame, FunctionValue, Instance, Values
from asynclint.syntax.index import METHOD

if TYPE_CHECKING:
    from asynclint.program.infer import Inference


class Twins:
    """Finds the synchronous class beside an asynchronous one."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self._by_method: dict[str, Values] = {}

    def method(self, expr: Attr, frame: Frame, guard: int) -> Values:
        """The method that `expr` names on an unknown object, if the tests around say that it is the synchronous one."""
        if any(self._excludes_asynchronous(expr, test, held, frame) for test, held, _ in self.inference.guards(frame, guard)):
            return tuple(v for base in self._beside(expr.name) for v in self.inference.attribute(base, expr.name))
        return UNKNOWN

    def _excludes_asynchronous(self, expr: Attr, test: Expr, held: bool, frame: Frame) -> bool:
        match test:
            case Op("not", (item,)):
                return self._excludes_asynchronous(expr, item, not held, frame)
            case Op("and", items) if held:
                return any(self._excludes_asynchronous(expr, item, True, frame) for item in items)
            case Op("or", items) if not held:
                return any(self._excludes_asynchronous(expr, item, False, frame) for item in items)
            case CallOf() if not held:
                event = frame.fn.data.events[test.event]
                subject = event.args[0][1] if event.args else None
                if is_type_test(self.inference, event, frame) and subject == expr.base:
                    return any(self._is_asynchronous(cls, expr.name) for cls in classes_of(self.inference, event.args[1][1], frame))
                callees = self.inference.infer(event.value, frame)
                if any(isinstance(v, External) and self.inference.catalog.answers.get(v.name) == "coroutine-function" for v in callees):
                    return subject is not None and (subject == expr or self._reads(subject, expr, frame))
        return False

    def _is_asynchronous(self, cls: ClassDef | str, name: str) -> bool:
        members = self.inference.member(Instance(cls), name) if isinstance(cls, ClassDef) else UNKNOWN
        return any(isinstance(v, FunctionValue) and v.fn.is_async for v in members)

    def _reads(self, subject: Expr, expr: Attr, frame: Frame) -> bool:
        """`getattr(base, "name", None)`."""
        if not isinstance(subject, CallOf):
            return False
        event = frame.fn.data.events[subject.event]
        if len(event.args) < 2 or event.args[0][1] != expr.base or event.args[1][1] != Const(expr.name):
            return False
        return any(isinstance(v, External) and v.name == "builtins.getattr" for v in self.inference.infer(event.value, frame))

    def _beside(self, name: str) -> Values:
        """The one class of the project that brings in a synchronous method of this name, beside an asynchronous one."""
        known = self._by_method.get(name)
        if known is None:
            known = self._by_method[name] = self._find(name)
        return known

    def _find(self, name: str) -> Values:
        roots: dict[ClassDef, bool] = {}
        for module in self.inference.project.modules:
            for unit in module.file_index.units:
                if unit.kind == METHOD and unit.name == name:
                    class_unit = module.class_unit(unit)
                    owners = [c for c in module.facts(class_unit).classes if c.name == unit.owner] if class_unit is not None else []
                    if class_unit is None or not owners:
                        continue
                    cls = module.cls(class_unit, module.facts(class_unit).classes.index(owners[0]))
                    above = self.inference.mro(cls)[1:]
                    if not any(isinstance(c, ClassDef) and name in c.method_units for c in above):
                        roots[cls] = unit.asynchronous
        synchronous = [cls for cls, asynchronous in roots.items() if not asynchronous]
        return (Instance(synchronous[0]),) if len(synchronous) == 1 else UNKNOWN
