"""Sends messages over WebSockets, without what nobody reads about each of them."""

from __future__ import annotations

import struct
from typing import Any

from autobahn.wamp.exception import SerializationError, TransportLost

TEXT, BINARY = 0x81, 0x82  # the first byte of a frame that is a whole message (RFC 6455, 5.2)


def install() -> None:
    """Let every WebSocket of this process send messages in few steps."""
    # Tests of the rest do without Crossbar, which warns and prints while it is imported.
    from crossbar.router.protocol import WampWebSocketServerProtocol

    WampWebSocketServerProtocol.send = send


def send(protocol: Any, message: Any) -> None:
    """
    Send *message* to the peer of *protocol*.

    autobahn does more than that: it describes each message for a log, and then its bytes, before
    it asks whether that is kept, and counts what nobody asks for.

    Raises:
        SerializationError: What it carries cannot cross the wire.
        PayloadExceededError: It is larger than a message may be.
        TransportLost, Disconnected: The connection is gone.
    """
    if protocol._session is None:
        raise TransportLost
    try:
        payload, is_binary = protocol._serializer.serialize(message)
    except Exception as error:
        raise SerializationError(f"A message cannot be written: {error}") from error
    is_plain = protocol._perMessageCompress is None and not protocol.send_queue
    if is_plain and protocol.state == protocol.STATE_OPEN and _fits(protocol, payload):
        protocol.transport.write(_head(len(payload), is_binary) + payload)
    else:
        protocol.sendMessage(payload, is_binary)


def _fits(protocol: Any, payload: bytes) -> bool:
    return not 0 < protocol.maxMessagePayloadSize < len(payload)


def _head(size: int, is_binary: bool) -> bytes:
    """What comes before *size* bytes of a message."""
    first = BINARY if is_binary else TEXT
    if size < 126:
        return struct.pack("!BB", first, size)
    if size < 2**16:
        return struct.pack("!BBH", first, 126, size)
    return struct.pack("!BBQ", first, 127, size)
