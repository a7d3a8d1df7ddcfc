"""Throws hostile messages and requests at a node, and looks whether it minds."""

from __future__ import annotations
