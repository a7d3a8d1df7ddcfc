"""Messages between this process and its workers: a JSON object each, and bytes that go with it."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SIZES = struct.Struct(">II")


class Message(NamedTuple):
    """One message: `head` says what it is, `body` is what would be too big in there."""

    head: dict[str, Any]
    body: bytes


def packed(head: Mapping[str, Any], body: bytes = b"") -> bytes:
    """A message as it goes through a socket."""
    text = json.dumps(head).encode()
    return b"".join((_SIZES.pack(len(text), len(body)), text, body))


class Unpacker:
    """Makes messages of what comes through a socket, in whatever pieces."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """
        Take a piece; gives the messages that are complete now.

        Raises:
            ValueError: It is no message.
        """
        self._pending += data
        while len(self._pending) >= _SIZES.size:
            size, rest = _SIZES.unpack_from(self._pending)
            end = _SIZES.size + size + rest
            if len(self._pending) < end:
                return
            head = json.loads(self._pending[_SIZES.size : _SIZES.size + size].decode())
            body = bytes(self._pending[_SIZES.size + size : end])
            del self._pending[:end]
            if not isinstance(head, dict):
                raise ValueError("The head of a message is an object")
            yield Message(head, body)
