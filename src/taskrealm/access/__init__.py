"""Who people and programs are, and what they may do: tokens, roles, rules."""

from __future__ import annotations
