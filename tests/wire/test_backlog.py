"""What a router does not take is bounded, and who has much to send can wait for it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from autobahn.wamp import message as wamp
from tests.wire.line import serving

from taskrealm.wire import Disconnected
from taskrealm.wire.transport import SEND_LIMIT, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from taskrealm.wire.transport import Transport

SIZE = 1_000_000  # bytes of one message
LIMIT = 30.0  # seconds


class Receiver:
    """Remembers what becomes of the connection."""

    def __init__(self) -> None:
        self.is_open = asyncio.Event()
        self.end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def opened(self, transport: Transport) -> None:
        self.is_open.set()

    def received(self, message: Any) -> None:
        raise AssertionError("nobody sends anything")

    def closed(self, reason: str) -> None:
        self.end.set_result(reason)


class Stalled:
    """A router that opens raw sockets and takes nothing before it is told to."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()
        self.taken = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.readexactly(4)
        writer.write(bytes((0x7F, 0xF0 | hello[1] & 0x0F, 0, 0)))
        await self.goes_on.wait()
        while data := await reader.read(1 << 20):
            self.taken += len(data)


@asynccontextmanager
async def stalled() -> AsyncIterator[tuple[Stalled, int]]:
    """Such a router, and its port."""
    router = Stalled()
    async with asyncio.timeout(LIMIT), serving(router.serve) as port:
        try:
            yield router, port
        finally:
            router.goes_on.set()


async def opened(port: int) -> tuple[Transport, Receiver]:
    receiver = Receiver()
    transport = await connect(f"tcp://127.0.0.1:{port}", receiver, serializer="cbor", limit=0)
    await receiver.is_open.wait()
    return transport, receiver


def big() -> Any:
    return wamp.Publish(1, "taskrealm.test", args=["x" * SIZE])


async def test_a_router_that_takes_nothing_loses_the_connection() -> None:
    async with stalled() as (_, port):
        transport, receiver = await opened(port)
        while transport.backlog <= SEND_LIMIT:
            transport.send(big())
        with pytest.raises(Disconnected, match="bytes waiting"):
            transport.send(big())

        assert "bytes waiting" in await receiver.end


async def test_who_has_much_to_send_can_wait_until_it_is_taken() -> None:
    async with stalled() as (router, port):
        transport, _ = await opened(port)
        await transport.room()
        while not transport.backlog:
            transport.send(big())
        waiting = asyncio.create_task(transport.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        router.goes_on.set()
        await waiting

        assert transport.backlog < SIZE
        transport.abort()


async def test_who_waits_for_a_router_is_let_go_when_the_connection_ends() -> None:
    async with stalled() as (_, port):
        transport, receiver = await opened(port)
        while not transport.backlog:
            transport.send(big())
        waiting = asyncio.create_task(transport.room())
        transport.abort()
        await waiting

        assert await receiver.end
