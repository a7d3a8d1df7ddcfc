"""Stands between Crossbar and its sessions: nobody speaks in another's name, or after the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autobahn.wamp.exception import ProtocolError
from crossbar.router.router import Router

if TYPE_CHECKING:
    from .sessions import Sessions

TRUSTED = "trusted"
"""The role of the router's own sessions, the only ones that pass messages on."""

_attach, _detach = Router.attach, Router._detach
_process, _send = Router.process, Router.send


def install(sessions: Sessions) -> None:
    """
    Guard every router of this process, and let *sessions* know what its sessions do.

    Crossbar takes the first entry of a message's `forward_for` for its sender, no matter
    who sent it. A session that claims one loses its connection. What a session says after
    it was ended is not heard.
    """

    def attach(router: Any, session: Any) -> Any:
        features = _attach(router, session)
        sessions.enter(session)
        return features

    def detach(router: Any, session: Any) -> Any:
        sessions.leave(session)
        return _detach(router, session)

    def process(router: Any, session: Any, message: Any) -> Any:
        if getattr(message, "forward_for", None) and session._authrole != TRUSTED:
            raise ProtocolError("forward_for is not permitted")
        return _process(router, session, message) if sessions.use(session) else None

    def send(router: Any, session: Any, message: Any) -> Any:
        sessions.use(session)
        return _send(router, session, message)

    Router.attach, Router._detach = attach, detach
    Router.process, Router.send = process, send
