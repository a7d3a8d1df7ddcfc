"""The sessions from outside: one for each client, none that idles or asks for too much."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autobahn.wamp.exception import SessionNotReady, TransportLost

from ..access.identity import ROLES
from ..protocol import uris
from .allowance import Allowance

if TYPE_CHECKING:
    from collections.abc import Callable

FAREWELL = 0.5  # seconds in which the client of an ended session can read why
PAUSE = 1.0  # seconds for which a session is not read that goes on asking for too much


@dataclass(slots=True)
class _Presence:
    used: float
    allowance: Allowance


class Sessions:
    """
    Ends a session when its client joins anew, or when it has been idle for too long.

    A client that lost its network joins again long before the router notices that the old
    connection is dead. By the id that it gives to all its sessions the older one is known
    and ends at once. Only a session of the same authid can take over.

    An ended session is deaf and dumb from that moment, and soon loses its connection.
    """

    def __init__(
        self,
        *,
        idle_timeout: float | None,
        message_rate: float,
        later: Callable[[float, Callable[[], object]], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        *later* calls a function after so many seconds.

        *idle_timeout* None is for ever; *message_rate* is in messages a second.
        """
        self._idle_timeout = idle_timeout
        self._message_rate = message_rate
        self._later = later
        self._clock = clock
        self._present: dict[Any, _Presence] = {}
        self._clients: dict[tuple[str, str], Any] = {}
        self._ended: set[Any] = set()
        if idle_timeout is not None:
            self._look()

    def enter(self, session: Any) -> None:
        """*session* has joined; an older one of the same client ends."""
        if session._authrole not in ROLES:
            return
        now = self._clock()
        self._present[session] = _Presence(now, Allowance(self._message_rate, now))
        key = _key(session)
        if key is None:
            return
        older = self._clients.get(key)
        self._clients[key] = session
        if older is not None:
            self.end(older, uris.TAKEN_OVER, "The client has joined again")

    def leave(self, session: Any) -> None:
        """*session* is no part of the realm any more."""
        self._present.pop(session, None)
        self._ended.discard(session)
        key = _key(session)
        if key is not None and self._clients.get(key) is session:
            del self._clients[key]

    def use(self, session: Any) -> bool:
        """Note that *session* sent or was sent something; gives whether it may go on."""
        if session in self._ended:
            return False
        presence = self._present.get(session)
        if presence is not None:
            presence.used = self._clock()
        return True

    def wait_for(self, session: Any) -> float:
        """Count a message that *session* sent; gives for how many seconds there is no room for it."""
        presence = self._present.get(session)
        return 0.0 if presence is None else presence.allowance.take(self._clock())

    def is_flooding(self, session: Any) -> bool:
        """Whether *session* goes on sending although there is no room for it."""
        presence = self._present.get(session)
        return presence is not None and presence.allowance.is_overdrawn

    def pause(self, session: Any) -> None:
        """Read nothing from *session* for a while."""
        connection = session._transport.transport
        connection.pauseProducing()

        def resume() -> None:
            if session._transport is not None:
                connection.resumeProducing()

        self._later(PAUSE, resume)

    def end(self, session: Any, reason: str, message: str) -> None:
        """
        Tell the client of *session* that it is over, and close the connection soon after.

        Crossbar goes on serving a client that does not answer a goodbye.
        """
        if session in self._ended:
            return
        self._ended.add(session)
        number = session._session_id
        with contextlib.suppress(SessionNotReady, TransportLost):  # a goodbye is on its way already
            session.leave(reason, message)

        def drop() -> None:
            # It may have joined once more over the same connection.
            if session._transport is not None and session._session_id in (None, number):
                session._transport.transport.abortConnection()

        self._later(FAREWELL, drop)

    def end_number(self, number: int, reason: str, message: str) -> bool:
        """End the session with this *number*; gives whether there was one."""
        for session in self._present:
            if session._session_id == number and session not in self._ended:
                self.end(session, reason, message)
                return True
        return False

    def _look(self) -> None:
        """End the sessions that have been idle for too long, now and again and again."""
        assert self._idle_timeout is not None
        latest = self._clock() - self._idle_timeout
        for session, presence in tuple(self._present.items()):
            if presence.used <= latest and session not in self._ended:
                text = f"Nothing was said for {self._idle_timeout:g} s"
                self.end(session, uris.IDLE, text)
        self._later(self._idle_timeout / 4, self._look)


def _key(session: Any) -> tuple[str, str] | None:
    client = (session._authextra or {}).get("client")
    return None if client is None else (session._authid, client)
