"""Keeps Crossbar from painting texts that nobody reads."""

from __future__ import annotations

from typing import Any

from autobahn.wamp import websocket as wamp
from autobahn.websocket import protocol as websocket
from crossbar.router import broker, dealer, role, router, session

MODULES = (broker, dealer, role, router, session, wamp, websocket)
"""Those that do something for every message."""

PAINTERS = ("hlflag", "hlid", "hltype", "hlval", "pformat")
"""What they call to make a text beautiful for a log, before they ask whether it is kept."""


def install() -> None:
    """Let what is logged of messages stay as it is: most of it the log does not take."""
    for module in MODULES:
        for name in PAINTERS:
            if hasattr(module, name):
                setattr(module, name, _unpainted)


def _unpainted(value: Any, *_: object, **__: object) -> Any:
    return value
