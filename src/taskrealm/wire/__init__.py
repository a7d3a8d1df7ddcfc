"""Joining a realm from asyncio: sessions, and staying joined."""

from __future__ import annotations

from .joining import join, stay_joined
from .outages import Disconnected, Refused
from .procedures import Call
from .session import Session, Subscription

__all__ = [
    "Call",
    "Disconnected",
    "Refused",
    "Session",
    "Subscription",
    "join",
    "stay_joined",
]
