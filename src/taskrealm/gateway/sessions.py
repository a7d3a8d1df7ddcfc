"""A whole session over HTTP, for pages that no WebSocket reaches: any call, and any topic."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import Field

from ..protocol.errors import InvalidArguments, Unavailable
from . import answers, bodies
from .bodies import Query
from .events import (
    EVENT_STREAM,
    KEEP_ALIVE,
    LARGEST,
    LAST,
    LONGEST_WAIT,
    frame,
    last_id,
    number_of,
    wants_stream,
)
from .payloads import from_json, to_json
from .problems import Problem
from .requests import bearer_of
from .routes import Answer, Asked, Reply, Route
from .streaming import streamed, streaming

if TYPE_CHECKING:
    from aiohttp import web

    from .channels import Channel, Publication

CALL_LIMIT = 60.0  # seconds that a procedure has to answer


class Behind(Query):
    """Where to go on, and how long to wait for something to be published."""

    after: int = Field(
        0, ge=0, le=LARGEST, description="The number of the last publication you have"
    )
    wait: float = Field(0.0, ge=0, le=LONGEST_WAIT, description="Seconds to wait if there is none")
    last_event_id: str | None = Field(None, description="Stands for the header `Last-Event-ID`")


async def call(asked: Asked) -> Reply:
    """Call a procedure as the bearer."""
    wanted: bodies.Call = asked.body
    args, kwargs = from_json(wanted.args), from_json(wanted.kwargs)
    with asked.gateway.seats.one(asked.session):
        try:
            async with asyncio.timeout(CALL_LIMIT):
                value = await asked.session.call(wanted.procedure, *args, **kwargs)
        except TimeoutError:
            raise Unavailable(f"There was no answer within {CALL_LIMIT:g} s") from None
    return Reply(to_json(value))


async def open_channel(asked: Asked) -> Reply:
    """Open a channel, and tell who its bearer is."""
    token = bearer_of(asked.request)
    lease = asked.gateway.bearers.session(token, asked.address)
    channel = await asked.gateway.channels.open(lease)
    session = channel.session
    told = {
        "channel": channel.id,
        "authid": session.authid,
        "authrole": session.authrole,
        "scope": session.extra.get("scope") or {},
        "expires_at": session.extra.get("expires_at"),
    }
    return Reply(told, status=201)


async def close_channel(asked: Asked) -> Reply:
    """Close a channel."""
    _channel(asked).close()
    return Reply(None, status=204)


async def subscribe(asked: Asked) -> Reply:
    """Let a channel hear a topic."""
    await _channel(asked).subscribe(_topic(asked))
    return Reply(None, status=204)


async def unsubscribe(asked: Asked) -> Reply:
    """Let a channel hear a topic no more."""
    await _channel(asked).unsubscribe(_topic(asked))
    return Reply(None, status=204)


async def publications(asked: Asked) -> web.StreamResponse | Reply:
    """What was published on the topics of a channel."""
    channel = _channel(asked)
    last = last_id(asked)
    after = asked.query.after if last is None else number_of(last)
    with asked.gateway.seats.one(asked.session), channel.reading():
        found = channel.after(after)
        if found is None:
            raise Problem(
                HTTPStatus.GONE,
                "gone",
                "Some of what follows this number is gone; open another channel",
            )
        if wants_stream(asked.request):
            return await _stream(asked.request, channel, found, after)
        if not found:
            await channel.news(after, asked.query.wait)
            found = channel.after(after) or []
    return Reply(
        {
            "next": found[-1].number if found else after,
            "publications": [each.as_dict() for each in found],
        }
    )


async def _stream(
    request: web.Request, channel: Channel, found: list[Publication], after: int
) -> web.StreamResponse:
    response = streamed(200, {"Content-Type": f"{EVENT_STREAM}; charset=utf-8"})
    async with streaming(request, response) as stream:
        # At once, so that the reader knows that nobody on the way holds it up.
        await stream.send(b": open\n\n")
        while not channel.is_over:
            await channel.news(after, KEEP_ALIVE)
            following = channel.after(after)
            if following is None:
                raise ConnectionAbortedError("The reader is too slow")
            frames = [
                frame(each.as_dict(), name="publication", place=str(each.number))
                for each in following
            ]
            await stream.send(b"".join(frames) or b": keep-alive\n\n")
            after = following[-1].number if following else after
    return response


def _channel(asked: Asked) -> Channel:
    return asked.gateway.channels.of(asked.path("channel"), asked.session)


def _topic(asked: Asked) -> str:
    topic = asked.path("topic")
    if len(topic) > bodies.LONGEST_URI or re.fullmatch(bodies.URI, topic) is None:
        raise InvalidArguments(fields={"topic": "must be a WAMP URI, such as taskrealm.catalog"})
    return topic


GROUP = "Sessions"

ROUTES = (
    Route(
        *("POST", "/call", call),
        group=GROUP,
        summary="Call any procedure that you may call over WAMP",
        description=(
            "For clients that speak WAMP where no WebSocket gets through. Bytes are texts that"
            " begin with NUL and go on in base64, as in WAMP's JSON."
        ),
        body=bodies.Call,
        answers={200: Answer("The first result of the procedure", Any)},
        problems=(404, 409, 413),
    ),
    Route(
        *("POST", "/channels", open_channel),
        group=GROUP,
        summary="Open a channel, on which you hear what is published",
        description=(
            "It hears no topic yet. When nobody has read it for a minute, or the token is good no"
            " more, it is closed."
        ),
        answers={201: Answer("The channel, and who you are", answers.Channel)},
    ),
    Route(
        *("DELETE", "/channels/{channel}", close_channel),
        group=GROUP,
        summary="Close a channel",
        answers={204: Answer("It is closed")},
        problems=(404,),
    ),
    Route(
        *("POST", "/channels/{channel}/topics/{topic}", subscribe),
        group=GROUP,
        summary="Hear what is published on a topic from now on",
        answers={204: Answer("It is heard")},
        problems=(404,),
    ),
    Route(
        *("DELETE", "/channels/{channel}/topics/{topic}", unsubscribe),
        group=GROUP,
        summary="Hear no more of a topic",
        answers={204: Answer("It is not heard any more")},
        problems=(404,),
    ),
    Route(
        *("GET", "/channels/{channel}/publications", publications),
        group=GROUP,
        summary="What was published on the topics of a channel",
        description=(
            "With `Accept: text/event-stream` it is a stream without an end; otherwise you get"
            " what there is behind `after`, or wait for it. The id of an event is its number."
            " A channel keeps the newest publications only: who is too far behind is told that"
            " they are gone, and has to ask for the events of jobs as after any lost connection."
        ),
        query=Behind,
        headers=LAST,
        answers={
            200: Answer(
                "The publications, or in JSON those that there are",
                media_type=EVENT_STREAM,
                or_json=True,
            )
        },
        problems=(404, 410),
    ),
)
"""The routes of a session over HTTP."""
