"""What comes over a connection before it is a message, and what is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autobahn.wamp.exception import ProtocolError, TransportLost
from crossbar.router.protocol import WampRawSocketServerProtocol, WampWebSocketServerProtocol
from txaio import make_logger

if TYPE_CHECKING:
    from collections.abc import Callable

REASON_LIMIT = 100  # characters of a reason that are logged and told
NO_MESSAGE = 1002  # the WebSocket status for what breaks the protocol (RFC 6455)

log = make_logger()

_on_ping = WampWebSocketServerProtocol.onPing


def install(on_ping: Callable[[Any], bool]) -> None:
    """
    Let what cannot be understood end its connection, with a line in the log and no traceback.

    *on_ping* gives whether a session's ping is to be answered.
    """
    WampWebSocketServerProtocol.onMessage = _take_frame
    WampRawSocketServerProtocol.stringReceived = _take_string
    WampRawSocketServerProtocol.lengthLimitExceeded = _refuse_length

    def take_ping(protocol: Any, payload: bytes) -> None:
        if protocol._session is None or on_ping(protocol._session):
            _on_ping(protocol, payload)

    WampWebSocketServerProtocol.onPing = take_ping


def backlog(protocol: Any) -> int:
    """How many bytes wait until the peer of *protocol* takes them."""
    connection = getattr(protocol, "transport", None)
    # TLS is a transport upon a transport.
    connection = getattr(connection, "transport", connection)
    buffer = getattr(connection, "dataBuffer", b"")
    return len(buffer) + getattr(connection, "_tempDataLen", 0)


def _take_frame(protocol: Any, payload: bytes, is_binary: bool) -> None:
    reason = _deliver(protocol, payload, is_binary)
    if reason is not None:
        _report(protocol, reason)
        protocol._bailout(NO_MESSAGE, reason)


def _take_string(protocol: Any, payload: bytes) -> None:
    # What the handshake agrees upon is a power of two.
    if len(payload) > protocol._max_message_size:
        _refuse_length(protocol, len(payload))
    elif (reason := _deliver(protocol, payload, None)) is not None:
        _refuse(protocol, reason)


def _refuse_length(protocol: Any, length: int) -> None:
    _refuse(protocol, f"a message of {length} bytes is too large")


def _refuse(protocol: Any, reason: str) -> None:
    _report(protocol, reason)
    protocol.abort()


def _deliver(protocol: Any, payload: bytes, is_binary: bool | None) -> str | None:
    """Hand on the messages in *payload*; gives why it cannot be done, if it cannot."""
    try:
        messages = protocol._serializer.unserialize(payload, is_binary)
    except Exception as error:
        return f"no WAMP message: {error}"[:REASON_LIMIT]
    for message in messages:
        if protocol._session is None:
            return None
        try:
            protocol._session.onMessage(message)
        except ProtocolError as error:
            return f"{error}"[:REASON_LIMIT]
        except TransportLost:
            return None
        except Exception:
            log.failure("A message could not be dealt with")
            return "the message could not be dealt with"
    return None


def _report(protocol: Any, reason: str) -> None:
    log.warn(  # noqa: G010 - txaio knows no other name
        "The connection of {peer} ends: {reason}", peer=protocol.peer, reason=repr(reason)
    )
