"""Joining a realm from asyncio: sessions, and staying joined."""

from __future__ import annotations

from .joining import join, stay_joined
from .outages import Disconnected, Refused
from .procedures import Call
from .session import Session, Subscription
from .transport import Tls

__all__ = [
    "Call",
    "Disconnected",
    "Refused",
    "Session",
    "Subscription",
    "Tls",
    "join",
    "stay_joined",
]
