"""Connections to a router: WebSocket, or raw socket over TCP and Unix sockets."""

from __future__ import annotations

import asyncio
import functools
import importlib
import logging
import ssl
import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from autobahn.asyncio.rawsocket import WampRawSocketClientFactory, WampRawSocketClientProtocol
from autobahn.asyncio.websocket import WampWebSocketClientFactory, WampWebSocketClientProtocol
from autobahn.exception import Disconnected as NotOpen
from autobahn.wamp.exception import ProtocolError

from ..protocol.errors import TooLarge
from .outages import Disconnected

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

RECEIVE_LIMIT = 16 * 1024 * 1024  # bytes of one message; the most that a raw socket can carry
PING_INTERVAL = 10.0  # seconds without traffic before a WebSocket peer is asked for a sign of life
PING_TIMEOUT = 10.0  # seconds it then has to answer
CLOSE_TIMEOUT = 1.0  # seconds for a WebSocket closing handshake
SEND_LIMIT = 32 * 1024 * 1024  # bytes that may wait for a peer that takes nothing
TOGETHER = 64 * 1024  # bytes that are written together at most, unless one message has more
PONG = 2  # frame type of raw sockets

# autobahn imports these, and NumPy with them, for serializers that nobody here uses. Built against
# an older NumPy, bjdata prints a long traceback into every process that imports it.
_UNUSED = ("autobahn.flatbuffers", "autobahn.wamp.message_fbs", "bjdata")

_SERIALIZERS = {"cbor": "CBORSerializer", "msgpack": "MsgPackSerializer", "json": "JsonSerializer"}


class Receiver(Protocol):
    """Whoever takes what a transport brings."""

    def opened(self, transport: Transport) -> None:
        """The transport is ready to carry messages."""

    def received(self, message: Any) -> None:
        """A WAMP message arrived."""

    def closed(self, reason: str) -> None:
        """The transport is gone, or never came up."""


class _Silence:
    """Stands in for autobahn's loggers, which print what we report in other ways."""

    def _ignore(self, *_: object, **__: object) -> None:
        return

    trace = debug = info = warn = error = critical = failure = _ignore


class Transport:
    """
    What WebSocket and raw socket have in common: messages go out whole or not at all.

    The first of a turn of the loop is written at once, and those that follow in the same turn
    together: many small writes would wake the router for each of them.

    `limit` is the size in bytes of the largest message that the router takes. A router
    that takes nothing any more, while more and more waits for it, loses the connection.
    """

    log = _Silence()
    receiver: Receiver
    limit: int
    transport: Any
    _serializer: Any
    _fault = ""
    _has_room: asyncio.Event
    _followers: bytearray | None = None
    """What follows the first write of this turn; None if there was none."""

    @property
    def backlog(self) -> int:
        """How many bytes wait for the router to take them."""
        if self.transport is None:
            return 0
        return len(self._followers or b"") + int(self.transport.get_write_buffer_size())

    async def room(self) -> None:
        """Wait until the router has taken most of what was sent, or the connection is gone."""
        await self._has_room.wait()

    def pause_writing(self) -> None:
        """Told by asyncio that more waits than is good."""
        self._has_room.clear()

    def resume_writing(self) -> None:
        """Told by asyncio that little waits any more."""
        self._has_room.set()

    def send(self, message: Any) -> None:
        """
        Write a WAMP *message*.

        Raises:
            TooLarge: The router would drop the connection over a message of this size.
            Disconnected: The connection is gone.
            Exception: What the serializer raises for values that cannot cross the wire.
        """
        payload, is_binary = self._serializer.serialize(message)
        if len(payload) > self.limit:
            raise TooLarge(
                f"A message of {len(payload)} bytes is larger than the {self.limit} bytes"
                " that the router takes",
                limit=self.limit,
            )
        if self.backlog > SEND_LIMIT:
            self._fail(f"The router has left {self.backlog} bytes waiting")
            raise Disconnected(self._fault)
        self._write(payload, is_binary)

    def close(self) -> None:
        """Close the connection in good order."""
        raise NotImplementedError

    def abort(self) -> None:
        """Drop the connection at once."""
        raise NotImplementedError

    def _write(self, payload: bytes, is_binary: bool) -> None:
        raise NotImplementedError

    def _put(self, data: bytes) -> None:
        """Write *data*, now or at the end of this turn of the loop."""
        if self._followers is None:
            self.transport.write(data)
            self._followers = bytearray()
            asyncio.get_running_loop().call_soon(self._end_turn)
            return
        self._followers += data
        if len(self._followers) > TOGETHER:
            self._write_followers()

    def _end_turn(self) -> None:
        if self._followers is not None:
            self._write_followers()
            self._followers = None

    def _write_followers(self) -> None:
        if self._followers and self.transport is not None and not self.transport.is_closing():
            self.transport.write(self._followers)
        self._followers = bytearray()

    def _take(self, payload: bytes, is_binary: bool | None) -> None:
        """Hand on the messages in *payload*; one that cannot be understood ends the connection."""
        try:
            for message in self._serializer.unserialize(payload, is_binary):
                self.receiver.received(message)
        except ProtocolError as error:
            self._fail(f"The router sent what is no WAMP message: {error}")
        except Exception as error:
            logger.exception("A message from the router could not be handled")
            self._fail(f"A message from the router could not be handled: {error!r}")

    def _fail(self, fault: str) -> None:
        self._fault = self._fault or fault
        self.abort()


class _WebSocket(Transport, WampWebSocketClientProtocol):  # type: ignore[misc]
    """A connection over WebSocket."""

    def data_received(self, data: bytes) -> None:
        # At once: autobahn would leave it for another turn of the loop.
        self._dataReceived(data)

    def onOpen(self) -> None:
        self.receiver.opened(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self._take(payload, isBinary)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self._has_room.set()
        self.receiver.closed(self._fault or reason or f"The router closed the connection ({code})")

    def close(self) -> None:
        self.sendClose(self.CLOSE_STATUS_CODE_NORMAL)

    def abort(self) -> None:
        self.dropConnection(abort=True)

    def _write(self, payload: bytes, is_binary: bool) -> None:
        try:
            self.sendMessage(payload, is_binary)
        except NotOpen as error:
            raise Disconnected(str(error)) from None

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        # Whatever autobahn writes comes this way, control frames among it.
        self._put(data)


class _RawSocket(Transport, WampRawSocketClientProtocol):  # type: ignore[misc]
    """A connection over a raw socket."""

    def _on_handshake_complete(self) -> None:
        self.limit = self.max_length_send
        self.receiver.opened(self)

    def stringReceived(self, payload: bytes) -> None:
        self._take(payload, None)

    def protocol_error(self, msg: str) -> None:
        self._fail(f"The router speaks no raw socket that we understand: {msg}")

    def ping(self, data: bytes) -> None:
        self._put(struct.pack("!L", PONG << 24 | len(data)) + data)

    def pong(self, data: bytes) -> None:
        return

    def _on_connection_lost(self, exc: Exception | None) -> None:
        self._has_room.set()
        reason = "The connection was closed" if exc is None else f"The connection broke: {exc}"
        self.receiver.closed(self._fault or reason)

    def close(self) -> None:
        if self.transport is not None:
            self._end_turn()
            self.transport.close()

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def _write(self, payload: bytes, is_binary: bool) -> None:
        if self.transport is None or self.transport.is_closing():
            raise Disconnected("The connection is closed")
        self._put(struct.pack("!L", len(payload)) + payload)


@dataclass(frozen=True, slots=True)
class Tls:
    """Whom we trust on a connection with TLS, and what we show of ourselves."""

    ca: Path | None = None
    """PEM file with the authorities that may vouch for the router; None for the usual ones."""
    certificate: Path | None = None
    """PEM file with our own certificate, and behind it those that have signed it."""
    key: Path | None = None
    """PEM file with its private key; None if that stands in the same file."""

    def context(self) -> ssl.SSLContext:
        """
        What the standard library needs to know of it.

        Raises:
            ValueError: A file cannot be read, or holds something else.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except OSError as error:  # an SSLError is one
            files = ", ".join(str(each) for each in (self.ca, self.certificate, self.key) if each)
            raise ValueError(f"{files}: no TLS can be had with that: {error}") from None
        return context


async def connect(
    url: str, receiver: Receiver, *, serializer: str, limit: int, tls: Tls | None = None
) -> Transport:
    """
    A connection to the router at *url*, which tells *receiver* how it goes on.

    *url* is `ws://` or `wss://`, or for raw sockets `unix:PATH`, `tcp://HOST:PORT` or
    `tls://HOST:PORT`. *limit* is the largest message in bytes that the router takes over
    WebSocket; over a raw socket it says so by itself.

    Raises:
        OSError: There is no connection to be had.
        ValueError: *url* or *serializer* is none of the above, or *tls* cannot be.
    """
    scheme, _, path = url.partition(":")
    if scheme not in ("ws", "wss", "tcp", "tls", "unix"):
        raise ValueError(
            f"{url!r} is no address of a router: use ws://, wss://, unix:, tcp:// or tls://"
        )
    host, port = ("", 0) if scheme == "unix" else _host_and_port(url)
    if scheme in ("ws", "wss"):
        factory = WampWebSocketClientFactory(None, url=url, serializers=[_serializer(serializer)])
        factory.protocol = _WebSocket
        factory.setProtocolOptions(
            maxFramePayloadSize=RECEIVE_LIMIT,
            maxMessagePayloadSize=RECEIVE_LIMIT,
            openHandshakeTimeout=0,  # whoever joins has a limit of its own
            closeHandshakeTimeout=CLOSE_TIMEOUT,
            autoPingInterval=PING_INTERVAL,
            autoPingTimeout=PING_TIMEOUT,
        )
    else:
        factory = WampRawSocketClientFactory(None, serializer=_serializer(serializer))
        factory.protocol = _RawSocket

    def protocol() -> Any:
        transport = factory()
        transport.receiver = receiver
        transport.limit = limit
        transport._has_room = asyncio.Event()
        transport._has_room.set()
        return transport

    loop = asyncio.get_running_loop()
    if scheme == "unix":
        _, transport = await loop.create_unix_connection(protocol, path.removeprefix("//"))
    else:
        context = (tls or Tls()).context() if scheme in ("wss", "tls") else None
        _, transport = await loop.create_connection(protocol, host, port, ssl=context)
    return transport  # type: ignore[no-any-return]


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    port = parts.port or {"ws": 80, "wss": 443}.get(parts.scheme)
    if not parts.hostname or port is None:
        raise ValueError(f"{url!r} names no host and port")
    return parts.hostname, port


def _serializer(name: str) -> Any:
    if name not in _SERIALIZERS:
        raise ValueError(f"{name!r} is no serializer: use one of {', '.join(_SERIALIZERS)}")
    return getattr(_serializers(), _SERIALIZERS[name])()


@functools.cache
def _serializers() -> Any:
    there = {name: sys.modules[name] for name in _UNUSED if name in sys.modules}
    sys.modules.update(dict.fromkeys(_UNUSED))  # type: ignore[arg-type]
    try:
        return importlib.import_module("autobahn.wamp.serializer")
    finally:
        for name in _UNUSED:
            del sys.modules[name]
        sys.modules.update(there)
