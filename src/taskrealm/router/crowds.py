"""Lets everybody else be heard while very many are told of the same event."""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING, Any

from autobahn.wamp.message import Event
from txaio import make_logger

if TYPE_CHECKING:
    from collections.abc import Callable

TOGETHER = 25  # events that go out in one turn of the reactor

log = make_logger()


def install(reactor: Any) -> None:
    """Let every router of this process send few events in a turn; after the guard is installed."""
    # Tests of the rest do without Crossbar, which warns and prints while it is imported.
    from crossbar.router.router import Router

    crowds = Crowds(reactor, Router.send)
    Router.send = lambda router, session, message: crowds.send(router, session, message)


class Crowds:
    """
    The sessions whose turn to be told of an event has not come.

    What a session is sent meanwhile, whatever it is, waits behind that: each gets everything
    in the order in which it was sent. Who waits for nothing is answered at once.
    """

    def __init__(self, reactor: Any, send: Callable[[Any, Any, Any], None]) -> None:
        """*send* gives a session a message: it is called with a router and these two."""
        self._reactor = reactor
        self._send = send
        self._waiting: dict[Any, deque[tuple[Any, int, Any]]] = {}
        self._sent = 0
        """Events that have gone out since the last turn, or before without filling one."""

    def send(self, router: Any, session: Any, message: Any) -> None:
        """Give *session* a *message* of *router*, at once or as soon as its turn comes."""
        waiting = self._waiting.get(session)
        if waiting is not None:
            waiting.append((router, session._session_id, message))
        elif not isinstance(message, Event):
            self._send(router, session, message)
        elif self._sent < TOGETHER:
            self._send(router, session, message)
            self._count()
        else:
            self._waiting[session] = deque([(router, session._session_id, message)])

    def _count(self) -> None:
        self._sent += 1
        if self._sent == TOGETHER:
            self._reactor.callLater(0, self._turn)

    def _turn(self) -> None:
        self._sent = 0
        for session in tuple(itertools.islice(self._waiting, TOGETHER)):
            for router, session_id, message in self._waiting.pop(session):
                # It may have left meanwhile, or have joined anew over the same connection.
                if session._session_id == session_id:
                    self._give(router, session, message)
            self._count()

    def _give(self, router: Any, session: Any, message: Any) -> None:
        try:
            self._send(router, session, message)
        except Exception:
            log.failure("A session was not sent what it should have been")
