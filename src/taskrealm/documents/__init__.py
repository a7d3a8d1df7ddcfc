"""What people write in files: TOML and YAML, and where in them each value stands."""

from __future__ import annotations

from .document import Document, Unreadable, load
from .sentences import by_place, suggestion_for

__all__ = ["Document", "Unreadable", "by_place", "load", "suggestion_for"]
