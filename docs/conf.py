"""Settings of sphinx for these pages: `python -m pip install ".[docs]"`, then `sphinx-build docs docs/_build`."""

from __future__ import annotations

from asynclint import __version__

project = "asynclint"
author = "asynclint contributors"
copyright = author
release = version = __version__

extensions = ["myst_parser"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "furo"
html_title = f"asynclint {release}"
