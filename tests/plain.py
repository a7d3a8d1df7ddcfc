"""A WAMP client that sends just what it is told to, also what no honest client would."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import struct
from collections import deque
from typing import TYPE_CHECKING, Any, Self

import cbor2
import msgpack
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from ssl import SSLContext

HELLO, WELCOME, ABORT, CHALLENGE, AUTHENTICATE, GOODBYE = 1, 2, 3, 4, 5, 6
ERROR, PUBLISH, PUBLISHED, SUBSCRIBE, SUBSCRIBED, EVENT = 8, 16, 17, 32, 33, 36
CALL, RESULT, REGISTER, REGISTERED, INVOCATION, YIELD = 48, 50, 64, 65, 68, 70

LIMIT = 30.0  # seconds to wait for a message

ROLES: dict[str, Any] = {
    "caller": {"features": {"caller_identification": True}},
    "callee": {"features": {"caller_identification": True, "shared_registration": True}},
    "publisher": {},
    "subscriber": {"features": {"pattern_based_subscription": True}},
}

Serializer = tuple[int, "Callable[[Any], bytes]", "Callable[[bytes], Any]"]

SERIALIZERS: dict[str, Serializer] = {
    "json": (1, lambda message: json.dumps(message).encode(), json.loads),
    "msgpack": (2, msgpack.packb, msgpack.unpackb),
    "cbor": (3, cbor2.dumps, cbor2.loads),
}


class Refused(Exception):
    """The router answered with an error: `uri`, and `text` if it said more."""

    def __init__(self, uri: str, text: str = "") -> None:
        super().__init__(f"{uri}: {text}")
        self.uri = uri
        self.text = text


class Closed(Exception):
    """The router closed the connection."""


class Peer:
    """
    One connection, and the session on it if it joins.

    It reads only while something is awaited. What comes before the answer to a request
    waits in `unread`.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, serializer: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._code, self._dump, self._load = SERIALIZERS[serializer]
        self._requests = 0
        self.unread: deque[list[Any]] = deque()
        self.session: int | None = None
        self.welcome: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._writer.get_extra_info("ssl_object") is None:
            self._writer.close()
        else:
            # The closing handshake of TLS would outlive the test.
            await self._drop()

    async def send(self, message: list[Any]) -> None:
        """Send one WAMP message."""
        await self._write(self._dump(message))

    async def receive(self, limit: float | None = LIMIT) -> list[Any]:
        """
        The next message, which must come within *limit* seconds.

        Raises:
            Closed: The connection is closed instead.
        """
        if self.unread:
            return self.unread.popleft()
        async with asyncio.timeout(limit):
            return await self._next()

    async def until_closed(self) -> list[list[Any]]:
        """The messages that still came before the router closed the connection."""
        messages = []
        with contextlib.suppress(Closed):
            while True:
                messages.append(await self.receive())
        return messages

    async def join(
        self, ticket: Any = "", *, authid: Any = "", realm: str = "taskrealm", **details: Any
    ) -> dict[str, Any]:
        """
        Join by *ticket*; *details* replace those of the HELLO. Gives those of the WELCOME.

        Raises:
            Refused: The router let the session not in.
        """
        hello = {"roles": ROLES, "authmethods": ["ticket"], "authid": authid, **details}
        await self.send([HELLO, realm, hello])
        message = await self.receive()
        if message[0] == CHALLENGE:
            await self.send([AUTHENTICATE, ticket, {}])
            message = await self.receive()
        return self._welcomed(message)

    async def join_by_key(self, seed: bytes, **details: Any) -> dict[str, Any]:
        """Join as the owner of an Ed25519 key; otherwise like `join`."""
        key = Ed25519PrivateKey.from_private_bytes(seed)
        extra = {"pubkey": key.public_key().public_bytes_raw().hex(), "channel_binding": None}
        hello = {"roles": ROLES, "authmethods": ["cryptosign"], "authid": "executor"}
        await self.send([HELLO, "taskrealm", {**hello, "authextra": extra, **details}])
        message = await self.receive()
        if message[0] == CHALLENGE:
            nonce = bytes.fromhex(message[2]["challenge"])
            await self.send([AUTHENTICATE, key.sign(nonce).hex() + nonce.hex(), {}])
            message = await self.receive()
        return self._welcomed(message)

    async def call(
        self, procedure: str, *args: Any, options: dict[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """The first positional result of *procedure*; raises Refused for an error."""
        reply = await self._request(CALL, options or {}, procedure, list(args), kwargs)
        return reply[3][0] if len(reply) > 3 and reply[3] else None

    async def subscribe(self, topic: str, **options: Any) -> int:
        """The id of the subscription; raises Refused if it is not allowed."""
        reply = await self._request(SUBSCRIBE, options, topic)
        return int(reply[2])

    async def publish(self, topic: str, *args: Any, **options: Any) -> None:
        """Publish and have it acknowledged; raises Refused if it is not allowed."""
        await self._request(PUBLISH, {"acknowledge": True, **options}, topic, list(args))

    async def register(self, procedure: str, **options: Any) -> int:
        """The id of the registration; raises Refused if it is not allowed."""
        reply = await self._request(REGISTER, options, procedure)
        return int(reply[2])

    async def event(self, limit: float | None = LIMIT) -> list[Any]:
        """The positional arguments of the next event, which must be all that comes."""
        message = await self.receive(limit)
        assert message[0] == EVENT
        return list(message[4]) if len(message) > 4 else []

    async def _request(self, kind: int, *rest: Any) -> list[Any]:
        self._requests += 1
        await self.send([kind, self._requests, *rest])
        async with asyncio.timeout(LIMIT):
            while True:
                message = await self._next()
                if message[0] == ERROR and message[1:3] == [kind, self._requests]:
                    raise Refused(message[4], str(message[5][0]) if len(message) > 5 else "")
                if message[0] in (ABORT, GOODBYE):
                    raise Refused(message[2], message[1].get("message") or "")
                if message[0] in (EVENT, INVOCATION):
                    self.unread.append(message)
                else:
                    return message

    async def _next(self) -> list[Any]:
        try:
            message: list[Any] = self._load(await self._read())
        except (asyncio.IncompleteReadError, OSError):
            raise Closed from None
        return message

    def _welcomed(self, message: list[Any]) -> dict[str, Any]:
        if message[0] != WELCOME:
            raise Refused(message[2], message[1].get("message") or "")
        self.session, self.welcome = message[1], message[2]
        return self.welcome

    async def _drop(self) -> None:
        self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _write(self, payload: bytes) -> None:
        raise NotImplementedError

    async def _read(self) -> bytes:
        raise NotImplementedError


class RawSocket(Peer):
    """A connection over a raw socket."""

    @classmethod
    async def connect(cls, path: Path, serializer: str = "json") -> RawSocket:
        """
        Connect to the Unix socket *path*.

        Raises:
            Closed: The router does not want the connection, or ends just now.
        """
        return await cls._begun(await asyncio.open_unix_connection(str(path)), serializer)

    @classmethod
    async def connect_tcp(
        cls, port: int, serializer: str = "json", *, tls: SSLContext | None = None
    ) -> RawSocket:
        """
        Connect to the raw socket on *port* of this machine.

        Raises:
            Closed: The router does not want the connection.
        """
        streams = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
        return await cls._begun(streams, serializer)

    @classmethod
    async def _begun(
        cls, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], serializer: str
    ) -> RawSocket:
        peer = cls(*streams, serializer)
        try:
            await peer._shake_hands()
        except (asyncio.IncompleteReadError, OSError):
            await peer._drop()
            raise Closed from None
        return peer

    async def _shake_hands(self) -> None:
        self._writer.write(bytes((0x7F, 0xF0 | self._code, 0, 0)))
        answer = await self._reader.readexactly(4)
        assert answer[1] & 0x0F == self._code, "The router does not speak this serializer"

    async def _write(self, payload: bytes) -> None:
        self._writer.write(struct.pack(">I", len(payload)) + payload)
        await self._writer.drain()

    async def _read(self) -> bytes:
        (header,) = struct.unpack(">I", await self._reader.readexactly(4))
        return await self._reader.readexactly(header & 0xFFFFFF)


class WebSocket(Peer):
    """A connection over WebSocket; `pinged` is set once the router has sent a ping."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.pinged = asyncio.Event()

    @classmethod
    async def connect(
        cls,
        port: int,
        serializer: str = "json",
        *,
        origin: str | None = None,
        tls: SSLContext | None = None,
    ) -> WebSocket:
        """
        Connect to the node on *port* of this machine, from a page of *origin* if one is given.

        Raises:
            Refused: The router does not want the connection; its HTTP status is the URI.
            Closed: The router does not even say so.
        """
        peer = cls(*await asyncio.open_connection("127.0.0.1", port, ssl=tls), serializer)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            "GET /ws HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
            f"Sec-WebSocket-Protocol: wamp.2.{serializer}",
        ]
        if origin is not None:
            lines.append(f"Origin: {origin}")
        peer._writer.write("\r\n".join((*lines, "", "")).encode())
        try:
            head = (await peer._reader.readuntil(b"\r\n\r\n")).decode()
        except (asyncio.IncompleteReadError, OSError):
            await peer._drop()
            raise Closed from None
        status = head.split()[1]
        if status != "101":
            peer._writer.close()
            raise Refused(status, head.splitlines()[0])
        return peer

    async def _write(self, payload: bytes) -> None:
        await self._write_frame(0x1 if self._code == 1 else 0x2, payload)

    async def _write_frame(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        if size < 126:
            head = struct.pack(">BB", 0x80 | opcode, 0x80 | size)
        elif size < 65_536:
            head = struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, size)
        else:
            head = struct.pack(">BBQ", 0x80 | opcode, 0x80 | 127, size)
        # A mask of zeros leaves the payload as it is.
        self._writer.write(head + bytes(4) + payload)
        await self._writer.drain()

    async def _read(self) -> bytes:
        while True:
            first, second = await self._reader.readexactly(2)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack(">H", await self._reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack(">Q", await self._reader.readexactly(8))
            payload = await self._reader.readexactly(size)
            opcode = first & 0x0F
            if opcode in (0x1, 0x2):
                return payload
            if opcode == 0x8:
                raise Closed(int.from_bytes(payload[:2]), payload[2:].decode())
            if opcode == 0x9:
                self.pinged.set()
                await self._write_frame(0xA, payload)
