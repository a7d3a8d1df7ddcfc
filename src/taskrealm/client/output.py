"""Following what a job prints."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..protocol import uris
from ..protocol.errors import NotAuthorized
from ..wire import Disconnected
from .cursor import OutputCursor
from .pages import Pages

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping

    from ..wire import Session, Subscription
    from .connection import Connection
    from .cursor import OutputChunk
    from .job import Job

STREAMS = ("stdout", "stderr")
RESULT = "result"  # JSON of a result that is too big for an event
PAUSE = 0.1  # seconds before output that is known to be missing is asked for again
MATCHES = 1_000  # asked for at once


@dataclass(frozen=True, slots=True)
class Match:
    """
    A place where a searched text stands: the `offset` of its first byte in the *stream*.

    `before` and `after` are the rest of its line, as far as that is short.
    """

    stream: str
    offset: int
    before: str
    text: str
    after: str


async def read_output(
    job: Job, connection: Connection, stream: str | None, offset: int
) -> AsyncGenerator[OutputChunk, None]:
    """
    The output of *job* without a repeat: what there is, then what is printed.

    Live chunks count only where they continue what has been read; for all else the node is
    asked by offset.
    """
    if stream not in (None, *STREAMS, RESULT):
        raise ValueError(
            f"{stream!r} is no output stream: use stdout, stderr, result, or None for the first two"
        )
    if stream is None and offset:
        raise ValueError("An offset belongs to one stream: say which")
    await job.attach()
    cursors = {
        name: OutputCursor(name, offset) for name in (STREAMS if stream is None else (stream,))
    }
    pages = {name: Pages(cursor, _asking(job, connection)) for name, cursor in cursors.items()}
    live = _Live(job, connection, cursors)
    try:
        while cursors:
            await live.follow()
            is_idle = True
            for cursor in cursors.values():
                chunks = cursor.take()
                if not chunks and cursor.is_behind:
                    chunks = await pages[cursor.stream].read()
                    # What came while this was asked, such as the end, has woken nobody.
                    is_idle = is_idle and cursor.is_behind
                for chunk in chunks:
                    is_idle = False
                    yield chunk
            for name in [name for name, each in cursors.items() if each.has_ended]:
                del cursors[name]
            if is_idle and cursors:
                # What was published a moment ago, or the end, may not be there to be read yet.
                is_behind = live.has_ended or any(each.is_behind for each in cursors.values())
                await _news(job, PAUSE if is_behind else None)
                if is_behind:
                    _interrupt(cursors)
    finally:
        for each in pages.values():
            each.close()
        await live.close()


async def search_output(
    job_id: str,
    connection: Connection,
    text: str,
    stream: str | None,
    *,
    offset: int,
    match_case: bool,
) -> AsyncGenerator[Match, None]:
    """Where *text* stands in what the job has printed so far."""
    if stream not in (None, *STREAMS):
        raise ValueError(f"{stream!r} is no output stream: use stdout, stderr, or None for both")
    if stream is None and offset:
        raise ValueError("An offset belongs to one stream: say which")
    for name in STREAMS if stream is None else (stream,):
        position, more = offset, True
        while more:
            found = await connection.insist(
                uris.SEARCH,
                job_id,
                text,
                stream=name,
                offset=position,
                limit=MATCHES,
                match_case=match_case,
            )
            for match in found["matches"]:
                yield Match(name, **match)
            position, more = found["next"], found["more"]


async def read_result(job: Job, connection: Connection) -> Any:
    """The result of a *job* that has succeeded, if it was too big for the terminal event."""
    cursor = OutputCursor(RESULT, 0)
    pages = Pages(cursor, _asking(job, connection))
    parts = []
    while not cursor.has_ended:
        parts += await pages.read()
    # What is big would hold up everybody else in this program.
    return await asyncio.to_thread(json.loads, "".join(chunk.text for chunk in parts))


class _Live:
    """What is heard of the output of *job* while it is printed, for those of *cursors* that are left."""

    def __init__(
        self, job: Job, connection: Connection, cursors: Mapping[str, OutputCursor]
    ) -> None:
        self._job = job
        self._connection = connection
        self._cursors = cursors
        self._session: Session | None = None
        self._subscription: Subscription | None = None
        self._doubts = job.doubts
        self.has_ended = False
        """Whether the job had when this was last looked at."""

    async def follow(self) -> None:
        """Hear of the job over a session that lasts, and let ask for what may have been missed."""
        while self._session is None or self._session.is_lost:
            self._session = await self._connection.session()
            topic = uris.output_topic(self._job.owner, self._job.job_id)
            try:
                self._subscription = await self._session.subscribe(topic, self._arrive)
            except Disconnected:
                continue
            except NotAuthorized:
                pass  # then it is asked for, as often as the job is
            _interrupt(self._cursors)
        if (self._job.has_ended, self._job.doubts) != (self.has_ended, self._doubts):
            self.has_ended, self._doubts = self._job.has_ended, self._job.doubts
            _interrupt(self._cursors)

    async def close(self) -> None:
        """Hear no more."""
        if self._subscription is not None:
            await self._subscription.cancel()

    def _arrive(self, chunk: dict[str, Any]) -> None:
        if (cursor := self._cursors.get(chunk["stream"])) is not None:
            cursor.live(chunk)
            self._job.stir()


def _asking(
    job: Job, connection: Connection
) -> Callable[[str, int, int], Coroutine[Any, Any, Mapping[str, Any]]]:
    async def ask(stream: str, offset: int, limit: int) -> Mapping[str, Any]:
        page: Mapping[str, Any] = await connection.insist(
            uris.OUTPUT, job.job_id, stream=stream, offset=offset, limit=limit
        )
        return page

    return ask


async def _news(job: Job, limit: float | None) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit):
            await job.news()


def _interrupt(cursors: Mapping[str, OutputCursor]) -> None:
    for cursor in cursors.values():
        cursor.interrupt()
