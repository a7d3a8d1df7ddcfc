"""Where the programs are that a library installs beside its interpreter."""

from __future__ import annotations

import sys
from pathlib import Path


def program(name: str) -> str:
    """The path of a program of this virtual environment."""
    return str(Path(sys.executable).with_name(name))
