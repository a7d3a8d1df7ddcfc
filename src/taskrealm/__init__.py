"""Run long tasks and watch them live over one WAMP connection."""

from __future__ import annotations

__version__ = "0.1.0"
