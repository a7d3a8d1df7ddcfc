"""What happens to jobs, told over HTTP: as server-sent events, or by long poll."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web
from pydantic import Field

from ..client.stream import Position
from ..protocol.errors import InvalidArguments
from .bodies import Query
from .feeds import JobFeed, UserFeed
from .routes import Answer, Asked, Reply, Route
from .streaming import streamed, streaming

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .feeds import Batch, Feed

KEEP_ALIVE = 15.0  # seconds after which a silent stream says that it is there
RETRY = 2_000  # milliseconds after which a browser comes back when a stream was cut
LONGEST_WAIT = 60.0  # seconds that a long poll may wait
LARGEST = 2**53

EVENT_STREAM = "text/event-stream"


class Place(Query):
    """Where to go on, and how long to wait for something to happen."""

    since: int = Field(0, ge=0, le=LARGEST, description="The number of the last event you have")
    wait: float = Field(
        0.0, ge=0, le=LONGEST_WAIT, description="Seconds to wait for an event if there is none yet"
    )
    last_event_id: str | None = Field(None, description="Stands for the header `Last-Event-ID`")


class StreamPlace(Place):
    """Where to go on in the stream of a user."""

    epoch: str | None = Field(None, description="The epoch that `since` belongs to")


async def user_events(asked: Asked) -> web.StreamResponse | Reply:
    """Every event of every job of the bearer."""
    position = _position(asked)
    session = asked.session
    with asked.gateway.seats.one(session):
        async with UserFeed(session, position) as feed:
            if wants_stream(asked.request):
                return await _stream(asked.request, feed, _in_stream)
            batch = await _poll(feed, asked.query.wait)
    place = position or Position()
    if batch.snapshot is not None:
        place = Position(batch.snapshot["epoch"], batch.snapshot["seq"])
    if batch.events:
        place = Position(batch.events[-1]["epoch"], batch.events[-1]["seq"])
    return _page(batch, epoch=place.epoch, next=place.seq)


async def job_events(asked: Asked) -> web.StreamResponse | Reply:
    """Every event of one job, from its first to its terminal one."""
    last = last_id(asked)
    since = asked.query.since if last is None else number_of(last)
    session = asked.session
    with asked.gateway.seats.one(session):
        async with JobFeed(session, asked.path("job_id"), since) as feed:
            if wants_stream(asked.request):
                return await _stream(asked.request, feed, _in_job)
            batch = await _poll(feed, asked.query.wait)
    number = since if batch.snapshot is None else batch.snapshot["job_seq"]
    if batch.events:
        number = batch.events[-1]["job_seq"]
    return _page(batch, next=number, ended=feed.is_over)


def frame(data: dict[str, Any], *, name: str, place: str) -> bytes:
    """An event as `text/event-stream` has it, by the HTML standard; *place* is its id."""
    # JSON has no line breaks of its own, which would end the field.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"id: {place}\nevent: {name}\ndata: {text}\n\n".encode()


async def _stream(
    request: web.Request, feed: Feed, id_of: Callable[[Mapping[str, Any]], str]
) -> web.StreamResponse:
    # What can be refused is refused before the stream begins, with a status of its own.
    batch = await feed.first()
    if feed.is_over and not batch:
        return web.Response(status=204)
    response = streamed(200, {"Content-Type": f"{EVENT_STREAM}; charset=utf-8"})
    async with streaming(request, response) as stream:
        await stream.send(f"retry: {RETRY}\n\n".encode())
        while True:
            await stream.send(_frames(batch, id_of) if batch else b": keep-alive\n\n")
            if feed.is_over:
                break
            batch = await feed.next(KEEP_ALIVE)
    return response


def _frames(batch: Batch, id_of: Callable[[Mapping[str, Any]], str]) -> bytes:
    frames = []
    if (snapshot := batch.snapshot) is not None:
        name = "reset" if batch.is_reset else "snapshot"
        frames.append(frame(snapshot, name=name, place=id_of(snapshot)))
    frames += [frame(event, name=event["type"], place=id_of(event)) for event in batch.events]
    return b"".join(frames)


async def _poll(feed: Feed, wait: float) -> Batch:
    batch = await feed.first()
    return batch if batch or feed.is_over else await feed.next(wait)


def _page(batch: Batch, **place: Any) -> Reply:
    answer = {"recovered": batch.snapshot is None, **place, "events": batch.events}
    if batch.snapshot is not None:
        answer["snapshot"] = batch.snapshot
    return Reply(answer)


def _in_stream(place: Mapping[str, Any]) -> str:
    return f"{place['epoch']}:{place['seq']}"


def _in_job(place: Mapping[str, Any]) -> str:
    return str(place["job_seq"])


def wants_stream(request: web.Request) -> bool:
    accepted = request.headers.get("Accept", "").split(",")
    return any(each.partition(";")[0].strip().lower() == EVENT_STREAM for each in accepted)


def last_id(asked: Asked) -> str | None:
    """The id of the event that the client has seen last; None if it says none."""
    return asked.request.headers.get("Last-Event-ID") or asked.query.last_event_id or None


def _position(asked: Asked) -> Position | None:
    if (last := last_id(asked)) is not None:
        epoch, colon, seq = last.rpartition(":")
        if not (epoch and colon):
            raise InvalidArguments(fields={"last_event_id": "must be EPOCH:SEQ, as ids are"})
        return Position(epoch, number_of(seq))
    if not asked.query.epoch:
        return None
    return Position(asked.query.epoch, asked.query.since)


def number_of(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= LARGEST):
        raise InvalidArguments(fields={"last_event_id": "must end in a whole number, from 0 on"})
    return int(text)


STREAM = Answer(
    "The events, or in JSON those that there are", media_type=EVENT_STREAM, or_json=True
)
LAST = {"Last-Event-ID": "The `id` of the last event that you have"}

ROUTES = (
    Route(
        *("GET", "/events", user_events),
        group="Events",
        summary="What happens to all your jobs",
        description=(
            "With `Accept: text/event-stream` it is a stream without an end; otherwise you get"
            " what there is behind `since`, or wait for it. The id of an event is `EPOCH:SEQ`."
            " Who names none is told how things stand, in a `snapshot`, and what follows; who"
            " names one that nobody can go on from, in a `reset`."
        ),
        query=StreamPlace,
        headers=LAST,
        answers={200: STREAM},
        problems=(422, 429),
    ),
    Route(
        *("GET", "/jobs/{job_id}/events", job_events),
        group="Events",
        summary="What happens to one job, from its first event to its last",
        description=(
            "As for all jobs; the id of an event is its `job_seq`. The stream ends behind the"
            " terminal event, and who names that one is told that nothing follows."
        ),
        query=Place,
        headers=LAST,
        answers={200: STREAM, 204: Answer("The job has ended, and you have its last event")},
        problems=(404, 422, 429),
    ),
)
