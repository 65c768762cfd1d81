"""Patterns of `match` statements → a test on the subject, and the values that the pattern's names are bound to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import libcst as cst

from asynclint.facts import Annotated, Attr, Const, Expr, Item, Name, Op, Opaque, Seq, Sub, Typed

#: a test that holds wherever the pattern matches (None: no test is needed), and whether the pattern matches wherever the test holds
Test = tuple[Expr | None, bool]
#: `case str(x)` binds the subject itself for these
_SELF_MATCHING = frozenset(("bool", "bytearray", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"))
_SINGLETONS = {"None": Const(None), "True": Const(True, True), "False": Const(False, True)}


class PatternReader:
    """Reads one pattern. `expression` evaluates the values and classes in it; `captures` are the names it binds."""

    def __init__(self, expression: Callable[[cst.BaseExpression], Expr]) -> None:
        self._expression = expression
        self.captures: list[tuple[str, Expr]] = []

    def read(self, pattern: cst.MatchPattern, subject: Expr) -> Test:
        match pattern:
            case cst.MatchValue():
                return Op("==", (subject, self._expression(pattern.value))), True
            case cst.MatchSingleton():
                return Op("is", (subject, _SINGLETONS[pattern.value.value])), True
            case cst.MatchAs():
                return self._named(pattern, subject)
            case cst.MatchOr():
                return _joined("or", [self.read(element.pattern, subject) for element in pattern.patterns])
            case cst.MatchClass():
                return self._class(pattern, subject)
            case cst.MatchList() | cst.MatchTuple():
                return self._sequence(pattern.patterns, subject)
            case cst.MatchMapping():
                return self._mapping(pattern, subject)
        return None, False

    def _named(self, pattern: cst.MatchAs, subject: Expr) -> Test:
        """`_`, `name` or `pattern as name`; after a class pattern the name stands for an object of that class."""
        test = self.read(pattern.pattern, subject) if pattern.pattern is not None else (None, True)
        if pattern.name is not None:
            self._capture(pattern.name.value, _of_class(subject, test[0]))
        return test

    def _class(self, pattern: cst.MatchClass, subject: Expr) -> Test:
        cls = self._expression(pattern.cls)
        tests: list[Test] = [(Op("isinstance", (subject, cls)), True)]
        alone = isinstance(cls, Name) and cls.id in _SELF_MATCHING and len(pattern.patterns) == 1
        for positional in pattern.patterns:
            tests.append(self.read(positional.value, Annotated(cls, subject)) if alone else self._unknown(positional.value))
        for keyword in pattern.kwds:
            inner, _ = self.read(keyword.pattern, Attr(Annotated(cls, subject), keyword.key.value))
            tests.append((inner, False))  # the attribute may be missing
        return _joined("and", tests)

    def _unknown(self, pattern: cst.MatchPattern) -> Test:
        """Which attribute a positional part looks at is up to the class."""
        self.captures.extend((name, Opaque()) for name in captured_names(pattern))
        return None, isinstance(pattern, cst.MatchAs) and pattern.pattern is None

    def _sequence(self, elements: Sequence[cst.MatchSequenceElement | cst.MatchStar], subject: Expr) -> Test:
        starred = next((n for n, element in enumerate(elements) if isinstance(element, cst.MatchStar)), len(elements))
        direct = subject.items if isinstance(subject, Seq) and starred == len(elements) == len(subject.items) else None
        tests: list[Test] = []
        for number, element in enumerate(elements):
            if isinstance(element, cst.MatchStar):
                if element.name is not None:
                    self._capture(element.name.value, Item(subject, -1))
            else:
                tests.append(self.read(element.value, direct[number] if direct else Item(subject, number if number < starred else -1)))
        test, exact = _joined("and", tests)
        return test, exact and direct is not None

    def _mapping(self, pattern: cst.MatchMapping, subject: Expr) -> Test:
        tests = [self.read(element.pattern, Sub(subject, self._expression(element.key))) for element in pattern.elements]
        if pattern.rest is not None:
            self._capture(pattern.rest.value, Typed("builtins.dict"))
        return _joined("and", tests)[0], False

    def _capture(self, name: str, value: Expr) -> None:
        self.captures.append((name, value))


def captured_names(pattern: cst.CSTNode) -> Iterator[str]:
    """The names that a pattern binds."""
    if isinstance(pattern, (cst.MatchAs, cst.MatchStar)) and pattern.name is not None:
        yield pattern.name.value
    if isinstance(pattern, cst.MatchMapping) and pattern.rest is not None:
        yield pattern.rest.value
    for child in pattern.children:
        if not isinstance(child, cst.BaseExpression):
            yield from captured_names(child)


def _joined(word: str, tests: Sequence[Test]) -> Test:
    """All tests (`and`), or one of them (`or`)."""
    exact = all(exact for _, exact in tests)
    known = tuple(test for test, _ in tests if test is not None)
    if word == "or" and len(known) < len(tests):
        return None, any(exact for test, exact in tests if test is None)
    return (known[0] if len(known) == 1 else Op(word, known) if known else None), exact


def _of_class(subject: Expr, test: Expr | None) -> Expr:
    """The subject, as an object of the class (or one of the classes) that a test asks for."""
    match test:
        case Op("isinstance", (_, cls)):
            return Annotated(cls, subject)
        case Op("and", (first, *_)):
            return _of_class(subject, first)
        case Op("or", tests) if all(isinstance(t, Op) and t.op == "isinstance" for t in tests):
            return Annotated(Op("|", tuple(t.items[1] for t in tests if isinstance(t, Op))), subject)
    return subject
