"""TCP servers of these tests, among them a line to the node that can be cut."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


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
    """Forwards connections to a port of this machine until it is cut."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.connections = 0
        self._target = target
        self._is_dead = False
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def cut(self) -> None:
        """Drop every connection at once, without goodbye; new ones are welcome."""
        for writer in self._writers:
            writer.transport.abort()

    @contextmanager
    def dead(self) -> Iterator[None]:
        """Cut the line, and let nobody through while the context lasts."""
        self._is_dead = True
        self.cut()
        yield
        self._is_dead = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_dead:
            return
        self.connections += 1
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, back}
        await asyncio.gather(_pump(reader, back), _pump(there, writer))
        self._writers -= {writer, back}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
    except OSError:
        pass  # cut
    writer.close()


@asynccontextmanager
async def line_to(target: int) -> AsyncIterator[Line]:
    """A line to the port *target*."""
    line = Line(target)
    async with serving(line.serve) as line.port:
        yield line
