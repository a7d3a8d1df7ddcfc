"""Following what a job prints."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..protocol import uris
from ..wire import Disconnected

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ..wire import Session, Subscription
    from .connection import Connection
    from .job import Job

STREAMS = ("stdout", "stderr")
PAUSE = 0.1  # seconds before a job that has ended is asked again whether its output has


@dataclass(frozen=True, slots=True)
class OutputChunk:
    """
    The bytes of an output *stream* from `offset` to `next`, as text.

    `dropped` is not 0 in the last chunk of a stream that was longer than what the node
    keeps: the number of bytes that are lost after it.
    """

    stream: str
    offset: int
    next: int
    text: str
    dropped: int = 0


async def read_output(
    job: Job, connection: Connection, stream: str | None, offset: int
) -> AsyncGenerator[OutputChunk, None]:
    """
    The output of *job* without a hole or a repeat: what there is, then what is printed.

    Live chunks count only where they continue what has been read; for all else the node is
    asked by offset.
    """
    if stream not in (None, *STREAMS):
        raise ValueError(f"{stream!r} is no output stream: use stdout, stderr or None for both")
    if stream is None and offset:
        raise ValueError("An offset belongs to one stream: say which")
    await job.attach()
    positions = dict.fromkeys(STREAMS if stream is None else (stream,), offset)
    behind = set(positions)
    live: deque[dict[str, Any]] = deque()
    session: Session | None = None
    subscription: Subscription | None = None
    checked = job.doubts

    def arrive(chunk: dict[str, Any]) -> None:
        live.append(chunk)
        job.wake()

    try:
        while positions:
            if session is None or session.is_lost:
                session = await connection.session()
                try:
                    subscription = await session.subscribe(
                        uris.output_topic(job.owner, job.job_id), arrive
                    )
                except Disconnected:
                    continue
                live.clear()
                behind = set(positions)
            while live:
                chunk = live.popleft()
                name, begin, end = chunk["stream"], chunk["offset"], chunk["next"]
                if positions.get(name) == begin:
                    positions[name] = end
                    yield OutputChunk(name, begin, end, chunk["text"])
                elif positions.get(name, end) < end:
                    behind.add(name)
            if job.has_ended or checked < job.doubts:
                checked = job.doubts
                behind = set(positions)
            if not behind:
                await job.news()
                continue
            name = behind.pop()
            page = await connection.insist(
                uris.OUTPUT, job.job_id, stream=name, offset=positions[name]
            )
            positions[name] = page["next"]
            dropped = page["dropped"] if page["end"] else 0
            if page["text"] or dropped:
                yield OutputChunk(name, page["offset"], page["next"], page["text"], dropped)
            if page["end"]:
                del positions[name]
            elif page["next"] < page["size"]:
                behind.add(name)
            elif job.has_ended:
                await asyncio.sleep(PAUSE)
    finally:
        if subscription is not None and session is not None and not session.is_lost:
            await subscription.cancel()
