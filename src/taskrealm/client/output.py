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
    session: Session | None = None
    subscription: Subscription | None = None
    checked = job.doubts
    has_ended = False

    def arrive(chunk: dict[str, Any]) -> None:
        if (cursor := cursors.get(chunk["stream"])) is not None:
            cursor.live(chunk)
            job.wake()

    try:
        while cursors:
            if session is None or session.is_lost:
                session = await connection.session()
                try:
                    subscription = await session.subscribe(
                        uris.output_topic(job.owner, job.job_id), arrive
                    )
                except Disconnected:
                    continue
                except NotAuthorized:
                    pass  # then it is asked for, as often as the job is
                _interrupt(cursors)
            if (job.has_ended, job.doubts) != (has_ended, checked):
                has_ended, checked = job.has_ended, job.doubts
                _interrupt(cursors)
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
            cursors = {name: each for name, each in cursors.items() if not each.has_ended}
            if is_idle and cursors:
                # What was published a moment ago, or the end, may not be there to be read yet.
                is_behind = has_ended or any(each.is_behind for each in cursors.values())
                await _news(job, PAUSE if is_behind else None)
                if is_behind:
                    _interrupt(cursors)
    finally:
        for each in pages.values():
            each.close()
        if subscription is not None:
            await subscription.cancel()


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


def _interrupt(cursors: dict[str, OutputCursor]) -> None:
    for cursor in cursors.values():
        cursor.interrupt()
