"""The connections to the node's ports: how many there may be, and of whom."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from crossbar.common.twisted import endpoint
from crossbar.common.twisted.endpoint import MaxConnectionsFactory
from twisted.internet.protocol import Protocol
from twisted.protocols.policies import ProtocolWrapper
from txaio import make_logger

if TYPE_CHECKING:
    from ..access.addresses import Proxies
    from .deadlines import Deadlines

LOG_INTERVAL = 10.0  # seconds between two lines in the log about connections that were refused

log = make_logger()


class Connections:
    """
    Counts connections over TCP by where they come from.

    The Unix socket is not counted: the node's own components must always get in.
    """

    def __init__(self, *, limit: int, per_address: int, proxies: Proxies) -> None:
        """*limit* is for all ports together, *per_address* for whoever is no proxy."""
        self._limit = limit
        self._per_address = per_address
        self._proxies = proxies
        self._counts: Counter[str] = Counter()

    def refusal(self, address: str) -> str | None:
        """Why *address* may have no more connections, None if it may."""
        if self._counts.total() >= self._limit:
            return f"router.max_connections = {self._limit} is reached"
        if self._counts[address] >= self._per_address and not self._proxies.trusts(address):
            return (
                f"{address} has as many as router.connections_per_address = {self._per_address};"
                " if it is a proxy of yours, put it into router.trusted_proxies"
            )
        return None

    def enter(self, address: str) -> None:
        """There is one more of *address*."""
        self._counts[address] += 1

    def leave(self, address: str) -> None:
        """There is one less of *address*."""
        self._counts[address] -= 1
        if not self._counts[address]:
            del self._counts[address]


def install(connections: Connections, deadlines: Deadlines) -> None:
    """
    Let every port that Crossbar opens from now on count in *connections*.

    A connection that speaks WAMP from its first byte must have joined by the deadline; one
    that speaks HTTP looks after itself.
    """
    last_logged = -LOG_INTERVAL

    class Port(MaxConnectionsFactory):  # type: ignore[misc]
        def buildProtocol(self, address: Any) -> Any:
            host = _host(address)
            reason = None if host is None else connections.refusal(host)
            if reason is None:
                return super().buildProtocol(address)
            nonlocal last_logged
            if time.monotonic() - last_logged >= LOG_INTERVAL:
                last_logged = time.monotonic()
                log.warn("A connection is refused: {reason}", reason=reason)  # noqa: G010
            return _Refused()

        def registerProtocol(self, connection: Any) -> None:
            super().registerProtocol(connection)
            host = _host(connection.transport.getPeer())
            if host is not None:
                connections.enter(host)
            deadlines.start(connection, lambda: _expect_join(connection))

        def unregisterProtocol(self, connection: Any) -> None:
            super().unregisterProtocol(connection)
            host = _host(connection.transport.getPeer())
            if host is not None:
                connections.leave(host)
            deadlines.stop(connection)

    endpoint.MaxConnectionsFactory = Port


class _Refused(Protocol):  # type: ignore[misc]
    def connectionMade(self) -> None:
        self.transport.abortConnection()


def _host(address: Any) -> str | None:
    """The address of a peer over TCP; over a Unix socket it has none."""
    return getattr(address, "host", None)


def _expect_join(connection: Any) -> None:
    protocol = connection.wrappedProtocol
    if isinstance(protocol, ProtocolWrapper):  # TLS
        protocol = protocol.wrappedProtocol
    # A session is looked after from when there is one; what has no idea of sessions is HTTP.
    if getattr(protocol, "_session", protocol) is None:
        connection.transport.abortConnection()
