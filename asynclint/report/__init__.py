"""Findings → text: one output format a module, imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import msgspec

from asynclint.catalog import Rule
from asynclint.config import Format
from asynclint.model import Report

#: Formats that people read; the others are for programs, always UTF-8, never coloured.
FOR_PEOPLE: tuple[Format, ...] = ("full", "concise")


class Rendering(msgspec.Struct, frozen=True):
    """What a format needs: the report, source lines by (path, 1-based number), the rules by code."""

    report: Report
    line_of: Callable[[str, int], str]
    rules: Mapping[str, Rule]
    version: str
    color: bool = False
    quiet: bool = False


def render(format: Format | Literal["statistics"], rendering: Rendering) -> Iterator[str]:
    """The report's text, in pieces."""
    module = importlib.import_module(f"asynclint.report.{format}")
    pieces: Iterator[str] = module.render(rendering)
    return pieces
