"""The sessions from outside: one for each client, and none that idles for too long."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from autobahn.wamp.exception import SessionNotReady, TransportLost

from ..protocol import uris
from ..tokens import ROLES

if TYPE_CHECKING:
    from collections.abc import Callable

FAREWELL = 0.5  # seconds in which the client of an ended session can read why


class Sessions:
    """
    Ends a session when its client joins anew, or when it has been idle for too long.

    A client that lost its network joins again long before the router notices that the old
    connection is dead. By the id that it gives to all its sessions the older one is known
    and ends at once. Only a session of the same authid can take over.
    """

    def __init__(
        self,
        *,
        idle_timeout: float | None,
        later: Callable[[float, Callable[[], object]], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """*later* calls a function after so many seconds; *idle_timeout* None is for ever."""
        self._idle_timeout = idle_timeout
        self._later = later
        self._clock = clock
        self._used: dict[Any, float] = {}
        self._clients: dict[tuple[str, str], Any] = {}
        self._ended: set[Any] = set()
        if idle_timeout is not None:
            self._look()

    def enter(self, session: Any) -> None:
        """*session* has joined; an older one of the same client ends."""
        if session._authrole not in ROLES:
            return
        self._used[session] = self._clock()
        key = _key(session)
        if key is None:
            return
        older = self._clients.get(key)
        self._clients[key] = session
        if older is not None:
            self._end(older, uris.TAKEN_OVER, "The client has joined again")

    def leave(self, session: Any) -> None:
        """*session* is no part of the realm any more."""
        self._used.pop(session, None)
        self._ended.discard(session)
        key = _key(session)
        if key is not None and self._clients.get(key) is session:
            del self._clients[key]

    def use(self, session: Any) -> bool:
        """Note that *session* sent or was sent something; gives whether it may go on."""
        if session in self._ended:
            return False
        if self._idle_timeout is not None and session in self._used:
            self._used[session] = self._clock()
        return True

    def _look(self) -> None:
        """End the sessions that have been idle for too long, now and again and again."""
        assert self._idle_timeout is not None
        latest = self._clock() - self._idle_timeout
        for session, used in tuple(self._used.items()):
            if used <= latest and session not in self._ended:
                text = f"Nothing was said for {self._idle_timeout:g} s"
                self._end(session, uris.IDLE, text)
        self._later(self._idle_timeout / 4, self._look)

    def _end(self, session: Any, reason: str, message: str) -> None:
        """
        Tell the client of *session* that it is over, and close the connection soon after.

        Crossbar goes on serving a client that does not answer a goodbye.
        """
        self._ended.add(session)
        number = session._session_id
        with contextlib.suppress(SessionNotReady):  # a goodbye is on its way already
            session.leave(reason, message)

        def drop() -> None:
            # It may have joined once more over the same connection.
            if session._transport is not None and session._session_id in (None, number):
                with contextlib.suppress(TransportLost):
                    session._transport.abort()

        self._later(FAREWELL, drop)


def _key(session: Any) -> tuple[str, str] | None:
    client = (session._authextra or {}).get("client")
    return None if client is None else (session._authid, client)
