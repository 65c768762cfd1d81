"""Files → text: the declared encoding, line ends as `\\n`, no byte order mark."""

from __future__ import annotations

import io
import re
import tokenize

_FORM_FEED = re.compile(r"^\f+", re.MULTILINE)


class Unreadable(Exception):
    """A file that cannot be read as text; the text says why."""


def read_source(path: str) -> str:
    """The text of a Python file. Raises Unreadable."""
    try:
        with open(path, "rb") as file:
            return decode(file.read())
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error


def decode(data: bytes) -> str:
    """The text that the bytes of a source file stand for. Raises Unreadable."""
    head = data[:512]
    if head.startswith(b"\xef\xbb\xbf") or b"coding" in head:
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        except SyntaxError as error:
            raise Unreadable(str(error.msg)) from error
    else:
        encoding = "utf-8"
    try:
        text = data.decode(encoding)
        if encoding != "utf-8":
            text.encode()  # some encodings can write what is no text: lone surrogates
    except (UnicodeError, LookupError) as error:
        raise Unreadable(f"not {encoding}: {error.reason if isinstance(error, UnicodeDecodeError) else error}") from error
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _FORM_FEED.sub("", text) if "\f" in text else text
