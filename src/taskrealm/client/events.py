"""A user's stream of events, for one who reads it at his own pace."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Self

from ..protocol import uris
from ..protocol.jobs import Event
from .stream import Stream

if TYPE_CHECKING:
    from .connection import Connection
    from .following import Following
    from .stream import Position

PAGE = 1_000  # events asked for at once


class StreamReset(Exception):
    """
    Events were missed that nobody can deliver any more; those that follow are new.

    `jobs` are the jobs that have not ended, as they were then, newest first, and only so many
    as fit into one answer: `Client.jobs` lists all. Of a single job that was followed, it is
    that job.
    """

    def __init__(self, jobs: list[dict[str, Any]]) -> None:
        super().__init__("Events were missed: the node's journal does not reach back so far")
        self.jobs = jobs


class Events:
    """
    Every event of the user's stream in order, from when this was made; see `Client.events`.

    However slowly it is read, it holds no more than one page of the journal: what has left
    the window of latest events is read again.

    Raises:
        StreamReset: Some events were missed; iterating again goes on after them.
        Disconnected: The client was closed.
        Refused: The node lets us in no more.
    """

    def __init__(self, connection: Connection, following: Following) -> None:
        self._connection = connection
        self._following = following
        self._stream: Stream | None = None
        self._ready: deque[dict[str, Any]] = deque()
        self._news = asyncio.Event()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._ready:
            stream = self._stream
            if stream is not None and self._is_behind(stream.position):
                event = self._following.after(stream.position)
                if event is None:
                    stream.doubt()
                else:
                    self._ready.extend(stream.take([event]))
            if stream is not None and (position := stream.question()) is not None:
                await self._read(stream, position)
            elif not self._ready:
                self._connection.require()
                await self._news.wait()
        return Event.from_dict(self._ready.popleft())

    async def begun(self) -> None:
        """
        Return once nothing is missed of what happens from now on.

        Raises:
            Unavailable: The executor is not there to say where the stream stands.
        """
        await self._following.placed()

    def begin(self, position: Position) -> None:
        """Let what follows *position* be what comes next."""
        self._stream = Stream(position)

    def doubt(self) -> None:
        """Events have been lost to the client, so perhaps to whoever reads this."""
        if self._stream is not None:
            self._stream.doubt()

    def wake(self) -> None:
        """Let whoever waits look again."""
        self._news.set()
        self._news.clear()

    def _is_behind(self, position: Position) -> bool:
        newest = self._following.position
        return position.epoch != newest.epoch or position.seq < newest.seq

    async def _read(self, stream: Stream, position: Position) -> None:
        """Read on from the journal, which reaches further back than the window."""
        try:
            answer = await ask_for_events(self._connection, position)
        except BaseException:
            stream.failed()
            raise
        page = stream.answered(answer)
        self._ready.extend(page.events)
        if page.is_reset:
            raise StreamReset(page.snapshot or [])


async def ask_for_events(connection: Connection, position: Position) -> dict[str, Any]:
    """The node's answer to what follows *position*, once there is one."""
    answer: dict[str, Any] = await connection.insist(
        uris.EVENTS, epoch=position.epoch, since=position.seq, limit=PAGE
    )
    return answer
