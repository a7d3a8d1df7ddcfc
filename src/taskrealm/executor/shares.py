"""What may go into one message, so that none is ever larger than the router takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import msgpack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..protocol.jobs import Event, Job
    from ..tasks.choices import Choice

RESULT = 262_144  # bytes of a result in an event at most, whatever the message size
PAGE = 524_288  # bytes of an answer at most
PIECE = 262_144  # bytes of a file in one message at most
CHUNK = 65_536  # bytes of output in one publication at most
GROWTH = 6  # bytes of JSON for one of MessagePack at most: control characters, and `false,`

_encoder = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Shares:
    """
    The parts of a message that each content may take, in bytes of JSON.

    No serializer needs twice as much for anything. The largest job, with arguments and
    result, is a message that can be sent.
    """

    arguments: int
    result: int
    page: int
    chunk: int
    """Bytes of output; each may become six of JSON."""
    piece: int
    """Bytes of a file; three of them become four of JSON."""

    @classmethod
    def of(cls, message_size: int) -> Self:
        """The shares of messages of at most *message_size* bytes."""
        return cls(
            arguments=message_size // 4,
            result=min(RESULT, message_size // 4),
            page=min(PAGE, message_size // 2),
            chunk=min(CHUNK, message_size // 8),
            piece=min(PIECE, message_size // 4),
        )


def size_of(value: Any) -> int:
    """The bytes that *value* takes as JSON."""
    return len(_encoder.encode(value))


def size_at_most(value: Any) -> int:
    """More bytes than *value* takes as JSON, found in a fraction of the time of `size_of`."""
    return GROWTH * len(msgpack.packb(value))


def fitting(
    items: Iterable[Event | Job | Choice | dict[str, Any]], room: int
) -> list[dict[str, Any]]:
    """The first of *items* that *room* bytes can carry, at least one if there is one."""
    fitting: list[dict[str, Any]] = []
    for item in items:
        wire = item if isinstance(item, dict) else item.as_dict()
        room -= size_of(wire)
        if fitting and room < 0:
            break
        fitting.append(wire)
    return fitting
