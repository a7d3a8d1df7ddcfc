"""What jobs print, read and followed over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
from typing import TYPE_CHECKING, Any, Literal

from aiohttp import web
from pydantic import Field

from ..client.cursor import OutputCursor
from ..client.pages import PAGE, Pages
from ..protocol import uris
from ..protocol.errors import NotAuthorized, RateLimited, Unavailable
from ..protocol.jobs import TERMINAL, Delivery
from .answers import Found
from .bodies import Query
from .feeds import POLL, Watch, job_topic
from .routes import Answer, Asked, Reply, Route
from .streaming import streamed, streaming

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from ..client.cursor import OutputChunk
    from ..wire import Session

LEAST = 4  # bytes; as many as one character may have
LARGEST = 2**53
SETTLING = 0.1  # seconds before output that is known to be missing is asked for again
PAUSE = 2.0  # longest time in seconds before an executor that is not there is asked again


class Part(Query):
    """Which part of the output."""

    stream: Literal["stdout", "stderr", "result"] = Field(
        "stdout", description="`result` is the JSON of a result that is too long for an event"
    )
    offset: int = Field(0, ge=0, le=LARGEST, description="The byte to begin at")
    limit: int = Field(PAGE, ge=LEAST, le=PAGE, description="Bytes; not if you follow")
    follow: bool = Field(False, description="Whether to go on to the end of the job")


class Search(Query):
    """What to look for in the output."""

    text: str = Field(min_length=1, max_length=200, description="A piece of a line")
    stream: Literal["stdout", "stderr"] = "stdout"
    offset: int = Field(0, ge=0, le=LARGEST, description="The byte to begin at")
    limit: int = Field(100, ge=1, le=1_000, description="Matches at most")
    match_case: bool = Field(False, description="Whether upper and lower case differ")


async def job_search(asked: Asked) -> Reply:
    """Where a text stands in what a job has printed."""
    return Reply(
        await asked.session.call(uris.SEARCH, asked.path("job_id"), **asked.query.model_dump())
    )


async def job_output(asked: Asked) -> web.StreamResponse:
    """A piece of what a job has printed; or everything from `offset` to its end."""
    part: Part = asked.query
    job_id = asked.path("job_id")
    is_head = asked.request.method == "HEAD"
    is_whole_page = not (is_head or part.follow)
    page = await asked.session.call(
        uris.OUTPUT,
        job_id,
        stream=part.stream,
        offset=part.offset,
        limit=part.limit if is_whole_page else LEAST,
    )
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Output-Offset": str(page["offset"]),
        "Output-Size": str(page["size"]),
    }
    if is_whole_page:
        headers |= {"Output-Next": str(page["next"]), "Output-End": str(page["end"]).lower()}
        return web.Response(body=page["text"].encode(), headers=headers)
    response = streamed(200, headers)
    with asked.gateway.seats.one(asked.session):
        async with streaming(asked.request, response) as reader:
            if not is_head:
                async for chunk in followed(asked.session, job_id, part.stream, part.offset):
                    await reader.send(_text(chunk).encode())
    return response


async def followed(
    session: Session, job_id: str, stream: str, offset: int
) -> AsyncIterator[OutputChunk]:
    """
    The output of a job from *offset* to its end, without a repeat.

    Live chunks count only where they continue what has been read; for all else the node is
    asked by offset.

    Raises:
        Disconnected: The session is lost, expired or revoked.
    """
    job = await session.call(uris.JOB, job_id)
    cursor = OutputCursor(stream, offset)
    has_ended = False

    def arrive(chunk: Mapping[str, Any]) -> None:
        if chunk["stream"] == stream:
            cursor.live(chunk)

    def look(events: list[dict[str, Any]]) -> None:
        nonlocal has_ended
        if any(each["job_id"] == job_id and each["type"] in TERMINAL for each in events):
            has_ended = True
            cursor.interrupt()

    with contextlib.closing(Pages(cursor, functools.partial(_ask, session, job_id))) as pages:
        async with Watch(session) as watch:
            is_told = job["deliver"] == Delivery.USER
            try:
                await watch.subscribe(uris.CATALOG, lambda *_: cursor.interrupt())
                await watch.subscribe(uris.output_topic(job["owner"], job_id), arrive)
                if is_told:
                    await watch.subscribe(job_topic(session, job), look)
            except NotAuthorized:
                is_told = False
            cursor.interrupt()
            while not cursor.has_ended:
                watch.require_session()
                chunks = cursor.take()
                if not chunks and cursor.is_behind:
                    chunks = await pages.read()
                for chunk in chunks:
                    yield chunk
                if chunks or cursor.has_ended:
                    continue
                # What was published a moment ago, or the end, may not be there to be read yet.
                is_behind = has_ended or cursor.is_behind
                await watch.news(SETTLING if is_behind else POLL if not is_told else PAUSE * 10)
                if is_behind or not is_told:
                    cursor.interrupt()


async def _ask(
    session: Session, job_id: str, stream: str, offset: int, limit: int
) -> Mapping[str, Any]:
    while True:
        with contextlib.suppress(Unavailable, RateLimited):
            page: Mapping[str, Any] = await session.call(
                uris.OUTPUT, job_id, stream=stream, offset=offset, limit=limit
            )
            return page
        await asyncio.sleep(random.uniform(PAUSE / 10, PAUSE))


def _text(chunk: OutputChunk) -> str:
    if not chunk.skipped:
        return chunk.text
    return f"\n… {chunk.skipped} bytes not kept …\n{chunk.text}"


TEXT = Answer(
    "The text",
    media_type="text/plain",
    headers={
        "Output-Offset": "The byte where it begins; what was before is not kept",
        "Output-Next": "The byte where to go on, unless you follow",
        "Output-Size": "How many bytes were printed so far",
        "Output-End": "Whether that is all, unless you follow",
    },
)

ROUTES = (
    *(
        Route(
            *(method, "/jobs/{job_id}/output", job_output),
            group="Jobs",
            summary=summary,
            description="One page of it, from `offset` on; with `follow` all, as it is printed.",
            query=Part,
            answers={200: TEXT},
            problems=(404, 422, 429),
        )
        for method, summary in (
            ("GET", "What a job prints"),
            ("HEAD", "How much a job has printed"),
        )
    ),
    Route(
        *("GET", "/jobs/{job_id}/output/search", job_search),
        group="Jobs",
        summary="Where a text stands in what a job has printed",
        description="One call looks through a part; as long as there is `more`, ask from `next` on.",
        query=Search,
        answers={200: Answer("The places, in order, one for each line", Found)},
        problems=(404, 422, 429),
    ),
)
