"""Sends what connections are given at the end of a turn of the reactor."""

from __future__ import annotations

from typing import Any

from twisted.internet import tcp, unix
from txaio import make_logger

log = make_logger()


def install(reactor: Any) -> None:
    """Let the connections that *reactor* has accepted send without asking first if they can."""
    outbox = Outbox(reactor)
    for server in (tcp.Server, unix.Server):
        server.startWriting = lambda connection: outbox.add(connection)


class Outbox:
    """
    The connections that have something to send.

    Twisted has the kernel tell it when a connection can send, which nearly every one can: that
    takes two more system calls and another turn for each message. Here only those wait for the
    kernel that have more to send than it takes.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._waiting: dict[Any, None] = {}

    def add(self, connection: Any) -> None:
        """*connection* has something to send, or is to be closed once it has sent everything."""
        if connection.dataBuffer:
            self._reactor.addWriter(connection)
            return
        if not self._waiting:
            self._reactor.callLater(0, self._send)
        self._waiting[connection] = None

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for connection in waiting:
            try:
                # Why it cannot send, or that it is to be closed, the reactor finds out by itself.
                if connection.connected and (connection.doWrite() or connection.dataBuffer):
                    self._reactor.addWriter(connection)
            except Exception:
                log.failure("A connection ends, as it could not be written to")
                connection.abortConnection()
