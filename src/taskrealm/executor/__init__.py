"""The executor: accepts jobs, runs them in order, and tells their owners what happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .program import run
else:
    # Whoever checks a node needs single modules of this package, and not its program.
    from ..lazily import lazily

    __getattr__ = lazily(__name__, {".program": ("run",)})

__all__ = ["run"]
