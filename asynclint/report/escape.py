"""Hostile content made harmless: control characters, lone surrogates, direction marks."""

from __future__ import annotations

import re

#: C0 and C1 controls, line separators, marks that turn the writing direction, halves of surrogate pairs
_HOSTILE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """One line of text that changes nothing on a terminal but what it prints; a tab is a space."""
    return _HOSTILE.sub(_escaped, text.replace("\t", " "))


def encodable(text: str) -> str:
    """Text that can be written as UTF-8; a byte of a file name that is none is shown as an escape."""
    return _LONE_SURROGATES.sub(_escaped, text)


def xml(text: str) -> str:
    """Text for an XML element or attribute."""
    text = _NOT_XML.sub(_escaped, text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("\n", "&#10;").replace("\r", "&#13;").replace("\t", "&#9;")


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
