"""Those who are connected and have not joined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .deadlines import Deadlines

MESSAGES_LIMIT = 10  # messages that may come before a session has joined


class Doorstep:
    """Ends the connections of sessions that do not join in time, or talk and talk instead."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._heard: dict[Any, int] = {}

    def enter(self, session: Any) -> None:
        """*session* has a connection and no part of the realm: it is new, or has left."""
        if session._transport is not None and hasattr(session._transport, "transport"):
            self._heard[session] = 0
            self._deadlines.start(session, lambda: self._turn_away(session))

    def leave(self, session: Any) -> None:
        """*session* has joined, or is gone."""
        self._heard.pop(session, None)
        self._deadlines.stop(session)

    def hear(self, session: Any) -> bool:
        """Count a message of *session*; gives whether it is worth listening to."""
        self._heard[session] = self._heard.get(session, 0) + 1
        if self._heard[session] <= MESSAGES_LIMIT:
            return True
        self._turn_away(session)
        return False

    def _turn_away(self, session: Any) -> None:
        self._deadlines.stop(session)
        if session._transport is not None:
            session._transport.transport.abortConnection()
