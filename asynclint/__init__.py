"""asynclint finds the calls that hold asyncio's event loop.

The public API is what `__all__` names; the modules behind it are loaded when a name is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asynclint.api import check as check_paths
    from asynclint.config import Config, ConfigError, load_config
    from asynclint.model import Confidence, Cost, Edit, Failure, Finding, Fix, Report, Span, Statistics, Step

__version__ = "0.1.0"

__all__ = [
    "Confidence",
    "Config",
    "ConfigError",
    "Cost",
    "Edit",
    "Failure",
    "Finding",
    "Fix",
    "Report",
    "Span",
    "Statistics",
    "Step",
    "__version__",
    "check_paths",
    "load_config",
]

_HOMES = {
    **dict.fromkeys(("Config", "ConfigError", "load_config"), "asynclint.config"),
    **dict.fromkeys(
        ("Confidence", "Cost", "Edit", "Failure", "Finding", "Fix", "Report", "Span", "Statistics", "Step"),
        "asynclint.model",
    ),
}


def __getattr__(name: str) -> Any:
    if name == "check_paths":
        # not `check`: that is the package whose import would hide it
        return importlib.import_module("asynclint.api").check
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
