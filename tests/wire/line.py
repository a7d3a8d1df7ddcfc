"""TCP servers of these tests, among them a line to the node that can be cut."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

SIP = 512  # bytes that a trickling line takes at once


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[int]:
    """The port of a server that does *serve* with every connection; closes them in the end."""
    connections: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections[writer] = asyncio.current_task()
        await serve(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for writer in connections:
        writer.transport.abort()
    await asyncio.gather(*filter(None, connections.values()), return_exceptions=True)
    await server.wait_closed()


class Line:
    """
    Forwards connections to a port of this machine until it is cut.

    Like many a proxy, it drops those on which one side says nothing for *patience* seconds.
    """

    def __init__(self, target: int, patience: float | None = None) -> None:
        self.port = 0
        self.connections = 0
        self._target = target
        self._patience = patience
        self._is_dead = False
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._rate: float | None = None
        self._fuse: int | None = None
        self._is_cut = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def cut(self) -> None:
        """Drop every connection at once, without goodbye; new ones are welcome."""
        for writer in self._writers:
            writer.transport.abort()

    async def cut_within(self, size: int) -> None:
        """Cut the line as soon as *size* more bytes have come back, whatever they are part of."""
        self._is_cut.clear()
        self._fuse = size
        await self._is_cut.wait()

    @contextmanager
    def trickling(self, rate: float) -> Iterator[None]:
        """Let no more than *rate* bytes come back in a second while the context lasts."""
        self._rate = rate
        try:
            yield
        finally:
            self._rate = None

    @contextmanager
    def dead(self) -> Iterator[None]:
        """Cut the line, and let nobody through while the context lasts."""
        self._is_dead = True
        self.cut()
        try:
            yield
        finally:
            self._is_dead = False

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Carry nothing in either direction while the context lasts, and tell nobody."""
        self._is_open.clear()
        try:
            yield
        finally:
            self._is_open.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_dead:
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            return  # as nobody answers there, nobody does here
        self.connections += 1
        self._writers |= {writer, back}
        await asyncio.gather(self._pump(reader, back), self._bring(there, writer))
        self._writers -= {writer, back}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await asyncio.wait_for(reader.read(65_536), self._patience):
                await self._is_open.wait()
                writer.write(data)
        except OSError:
            pass  # cut, or silent for too long
        await self._is_open.wait()
        writer.close()

    async def _bring(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await self._sip(there):
                await self._is_open.wait()
                if self._rate is not None:
                    await asyncio.sleep(len(data) / self._rate)
                writer.write(data if self._fuse is None else data[: self._fuse])
                await writer.drain()
                self._burn(len(data))
        except OSError:
            pass  # cut, or silent for too long
        await self._is_open.wait()
        writer.close()

    async def _sip(self, there: asyncio.StreamReader) -> bytes:
        size = 65_536 if self._rate is None else SIP
        return await asyncio.wait_for(there.read(size), self._patience)

    def _burn(self, size: int) -> None:
        if self._fuse is not None:
            self._fuse -= size
            if self._fuse <= 0:
                self._fuse = None
                # The socket takes so little at once: what was written has gone out.
                self.cut()
                self._is_cut.set()


@asynccontextmanager
async def line_to(target: int, patience: float | None = None) -> AsyncIterator[Line]:
    """A line to the port *target*."""
    line = Line(target, patience)
    async with serving(line.serve) as line.port:
        yield line
