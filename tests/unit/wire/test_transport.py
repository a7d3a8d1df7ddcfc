"""What is written to a router in one turn of the loop goes together and stays in order."""

from __future__ import annotations

import asyncio

from taskrealm.wire.transport import TOGETHER, Transport


class Socket:
    """Stands in for asyncio's transport, and remembers each write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def write(self, data: bytes | bytearray) -> None:
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


def opened() -> tuple[Transport, Socket]:
    transport = Transport()
    transport.transport = socket = Socket()
    return transport, socket


async def test_the_first_write_of_a_turn_goes_at_once_and_the_others_together() -> None:
    transport, socket = opened()
    for data in (b"a", b"b", b"c"):
        transport._put(data)

    assert socket.writes == [b"a"]
    assert transport.backlog == 2
    await asyncio.sleep(0)
    assert socket.writes == [b"a", b"bc"]
    transport._put(b"d")
    assert socket.writes == [b"a", b"bc", b"d"]


async def test_what_is_a_lot_does_not_wait_for_the_end_of_the_turn() -> None:
    transport, socket = opened()
    transport._put(b"a")
    transport._put(b"b" * TOGETHER)
    transport._put(b"c")

    assert socket.writes == [b"a", b"b" * TOGETHER + b"c"]
    await asyncio.sleep(0)
    assert len(socket.writes) == 2
