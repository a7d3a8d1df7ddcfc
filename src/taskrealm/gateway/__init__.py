"""The gateway: what the node does for WAMP sessions, as JSON over HTTP."""

from __future__ import annotations

from .program import run

__all__ = ["run"]
