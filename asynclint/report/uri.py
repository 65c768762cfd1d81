"""Paths as URI references."""

from __future__ import annotations

import os
import re
from urllib.parse import quote_from_bytes


def uri(path: str) -> str:
    """A relative path as a relative reference, an absolute one as a file URI; bytes that are no text survive as escapes."""
    path = path.replace(os.sep, "/")
    quoted = quote_from_bytes(os.fsencode(path), safe="/")
    if path.startswith("/"):
        return f"file://{quoted}"
    if re.match(r"[A-Za-z]:/", path):
        return f"file:///{path[:2]}{quoted[4:]}"
    return quoted
