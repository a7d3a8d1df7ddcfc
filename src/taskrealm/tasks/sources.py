"""Where the declaration of a task comes from, so that another process finds it as well."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .definition import Definition

PACKAGE = "_taskrealm_tasks_"
"""Begins the names of the packages that folders of tasks become."""


def source_of(declaration: type[Definition]) -> dict[str, str]:
    """What to load in another process for a task: the `folder`, or the `module`."""
    package, _, _ = declaration.__module__.partition(".")
    if package.startswith(PACKAGE):
        return {"folder": sys.modules[package].__path__[0]}
    return {"module": declaration.__module__}
