"""Text of a unit → its facts, through LibCST. A second pass with positions is made only for units that end in a finding or a chain."""

from __future__ import annotations

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from asynclint.facts import Unit
from asynclint.syntax.statements import StatementWalker

#: the line put before an indented unit, so that it parses by itself
WRAPPER = "if 1:\n"


def summarize(text: str, positions: bool = False) -> Unit:
    """The facts of a unit. `text` may be indented as a whole (a method).

    With `positions`, events carry spans and source text, and functions lines.
    Text that does not parse gives a unit whose `error` says why and where.
    """
    indented = text[:1] in (" ", "\t")
    try:
        module = cst.parse_module(WRAPPER + text if indented else text)
    except cst.ParserSyntaxError as error:
        reason = error.message.splitlines()[0] if error.message else "invalid syntax"
        return Unit((), error=(reason, max(error.raw_line - indented, 1), error.raw_column + 1))
    except RecursionError:
        return Unit((), error=("too deeply nested to be read", 1, 1))
    body = module.body
    if indented and isinstance(body[0], cst.If):
        body = body[0].body.body  # type: ignore[assignment]
    try:
        places = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider) if positions else None
        walker = StatementWalker(module, places, int(indented))
        walker.module_body(body)
    except RecursionError:
        return Unit((), error=("too deeply nested to be read", 1, 1))
    return Unit(tuple(f for f in walker.functions if f is not None), tuple(walker.classes), lines=text.count("\n"))
