"""`python -m asynclint`."""

from __future__ import annotations

from asynclint.cli import main

if __name__ == "__main__":
    main()
