"""The result of a job, for whoever waits for it a little."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from ..protocol import uris
from ..protocol.errors import JobFailed, NotAuthorized
from ..protocol.jobs import TERMINAL, State
from .feeds import POLL, Watch, job_topic
from .routes import JSON, Asked, Reply
from .streaming import streamed, streaming

if TYPE_CHECKING:
    from aiohttp import web

    from ..wire import Session

PIECE = 262_144  # bytes of a long result that are read at once
RETRY_AFTER = 1  # seconds
OUTCOME = ("error", "exit_code", "signal", "stderr_tail", "reason", "cancel", "timeout", "duration")
"""What a job that has ended without a result tells of its end."""


async def result(asked: Asked) -> Reply | web.StreamResponse:
    """
    The result of a job, which may end within the time that is waited for it.

    Raises:
        JobFailed: It has ended without one.
        UnknownJob: There is no such job.
    """
    job = await _awaited(asked.session, asked.path("job_id"), asked.query.wait)
    state = State(job["state"])
    if not state.is_terminal:
        return Reply(
            {"job_id": job["job_id"], "state": state},
            status=202,
            headers={"Retry-After": str(RETRY_AFTER)},
        )
    if state is not State.SUCCEEDED:
        outcome = {name: job[name] for name in OUTCOME if name in job}
        raise JobFailed(job_id=job["job_id"], state=state, outcome=outcome)
    if job.get("artifact"):
        return await _long_result(asked, job["job_id"])
    return Reply(job["result"])


async def _awaited(session: Session, job_id: str, seconds: float) -> dict[str, Any]:
    """The job once it has ended, or as it is after so many *seconds*."""
    job: dict[str, Any] = await session.call(uris.JOB, job_id)
    if not seconds or State(job["state"]).is_terminal:
        return job
    news = asyncio.Event()

    def take(events: Any) -> None:
        if any(each["job_id"] == job_id and each["type"] in TERMINAL for each in events):
            news.set()

    async with Watch(session) as watch:
        with contextlib.suppress(NotAuthorized):
            await watch.subscribe(job_topic(session, job), take)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not State((job := await session.call(uris.JOB, job_id))["state"]).is_terminal:
                    # Not every job tells its owner's sessions how it goes.
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(news.wait(), POLL)
    return job


async def _long_result(asked: Asked, job_id: str) -> web.StreamResponse:
    """A result that was too long for the event that told of it."""

    async def piece_at(offset: int) -> dict[str, Any]:
        piece: dict[str, Any] = await asked.session.call(
            uris.OUTPUT, job_id, stream="result", offset=offset, limit=PIECE
        )
        return piece

    piece = await piece_at(0)
    response = streamed(200, {"Content-Type": JSON})
    async with streaming(asked.request, response) as stream:
        await stream.send(piece["text"].encode())
        while not piece["end"]:
            piece = await piece_at(piece["next"])
            await stream.send(piece["text"].encode())
    return response
