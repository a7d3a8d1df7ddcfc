"""Keeps clients from speaking in the name of others: refuses a forged `forward_for`."""

from __future__ import annotations

from typing import Any

from autobahn.wamp.exception import ProtocolError
from crossbar.router.router import Router

TRUSTED = "trusted"
"""The role of the router's own sessions, the only ones that pass messages on."""

_process = Router.process


def install() -> None:
    """
    Guard every router of this process.

    Crossbar takes the first entry of a message's `forward_for` for its sender, no matter
    who sent it. A session that claims one loses its connection.
    """
    Router.process = _guarded


def _guarded(router: Any, session: Any, message: Any) -> Any:
    if getattr(message, "forward_for", None) and session._authrole != TRUSTED:
        raise ProtocolError("forward_for is not permitted")
    return _process(router, session, message)
