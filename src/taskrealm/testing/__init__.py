"""What a site tests its tasks with: `run` without a node, and a real node for pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .nodes import Node, copy_node
    from .trial import Outcome, Trial, run
else:
    # Every run of pytest imports this package for its fixtures, which are seldom used.
    from importlib import import_module

    _HOMES = {".nodes": ("Node", "copy_node"), ".trial": ("Outcome", "Trial", "run")}

    def __getattr__(name: str) -> object:
        for module, names in _HOMES.items():
            if name in names:
                value = globals()[name] = getattr(import_module(module, __name__), name)
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["Node", "Outcome", "Trial", "copy_node", "run"]
