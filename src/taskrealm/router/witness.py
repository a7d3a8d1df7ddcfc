"""Sees what the journalist is to know: what sessions do that the guard and Crossbar decide about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autobahn.wamp.exception import ProtocolError
from crossbar.router.router import Router
from crossbar.router.session import RouterSession

if TYPE_CHECKING:
    from .journalist import Journalist


def install(journalist: Journalist) -> None:
    """Let *journalist* know what the sessions of this process do; after the guard is installed."""
    attach, leave, on_message = Router.attach, RouterSession.leave, RouterSession.onMessage

    def attaching(router: Any, session: Any) -> Any:
        features = attach(router, session)
        journalist.joined(session)
        return features

    def leaving(session: Any, reason: str | None = None, message: str | None = None) -> Any:
        if reason is not None and session._session_id is not None:
            journalist.ended(session, reason, message)
        return leave(session, reason, message)

    def hearing(session: Any, message: Any) -> Any:
        try:
            return on_message(session, message)
        except ProtocolError as error:
            journalist.broken(session, message, error)
            raise

    Router.attach = attaching
    RouterSession.leave, RouterSession.onMessage = leaving, hearing
