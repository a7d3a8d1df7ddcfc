"""A message leaves as the frame that autobahn makes of it, or not at all."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from autobahn.asyncio.websocket import WampWebSocketServerProtocol, WebSocketServerFactory
from autobahn.exception import Disconnected, PayloadExceededError
from autobahn.wamp.exception import SerializationError, TransportLost
from autobahn.wamp.message import Event
from autobahn.wamp.serializer import JsonSerializer, MsgPackSerializer

from taskrealm.router import frames


class Connection:
    """What a protocol writes to."""

    def __init__(self) -> None:
        self.sent = b""

    def write(self, data: bytes) -> None:
        self.sent += data


def protocol_of(serializer: Any) -> Any:
    """The router's side of an open WebSocket, which nobody reads from."""
    protocol = WampWebSocketServerProtocol()
    protocol.factory = WebSocketServerFactory()
    protocol.factory.setProtocolOptions(openHandshakeTimeout=0)
    protocol.transport = Connection()
    protocol.peer = "somebody"
    protocol._connectionMade()
    protocol.state = protocol.STATE_OPEN
    protocol._session = SimpleNamespace(_authid="ana", _session_id=1)
    protocol._serializer = serializer
    return protocol


def event(text: str = "") -> Event:
    return Event(1, 2, args=[text])


@pytest.mark.parametrize("serializer", [JsonSerializer, MsgPackSerializer])
@pytest.mark.parametrize(
    "size",
    [
        pytest.param(0, id="short"),
        pytest.param(200, id="with two bytes of length"),
        pytest.param(70_000, id="with eight bytes of length"),
    ],
)
async def test_a_message_is_one_frame(size: int, serializer: Any) -> None:
    ours, theirs = protocol_of(serializer()), protocol_of(serializer())
    frames.send(ours, event(size * "x"))
    WampWebSocketServerProtocol.send(theirs, event(size * "x"))

    assert ours.transport.sent == theirs.transport.sent != b""


async def test_what_waits_already_goes_first() -> None:
    protocol = protocol_of(JsonSerializer())
    protocol.send_queue.append((b"first", False))
    protocol.triggered = True  # and is sent in a moment
    frames.send(protocol, event())

    [(first, _), (second, _)] = protocol.send_queue
    assert protocol.transport.sent == b""
    assert first == b"first"
    assert second != b""


async def test_a_message_that_is_too_large_is_not_sent() -> None:
    protocol = protocol_of(JsonSerializer())
    protocol.maxMessagePayloadSize = 100

    with pytest.raises(PayloadExceededError):
        frames.send(protocol, event(100 * "x"))
    assert protocol.transport.sent == b""


async def test_a_message_that_cannot_be_written_is_not_sent() -> None:
    protocol = protocol_of(MsgPackSerializer())

    with pytest.raises(SerializationError):
        frames.send(protocol, Event(1, 2, args=[object()]))
    assert protocol.transport.sent == b""


async def test_nothing_is_sent_behind_the_end() -> None:
    closing, closed = protocol_of(JsonSerializer()), protocol_of(JsonSerializer())
    closing.state = closing.STATE_CLOSING
    closed._session = None

    with pytest.raises(Disconnected):
        frames.send(closing, event())
    with pytest.raises(TransportLost):
        frames.send(closed, event())
