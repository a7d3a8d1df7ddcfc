"""A session over HTTP does what the bearer may do over WAMP, and hears what that may hear."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import pytest
from tests.http.asking import LIMIT, STREAM, asking, told
from tests.http.interface import interface

from taskrealm.protocol import uris

if TYPE_CHECKING:
    from tests.http.interface import Interface
    from tests.nodes import Node

OPEN = "/channels"
TOPIC = "/channels/{channel}/topics/{topic}"
READ = "/channels/{channel}/publications"
QUICK = {"procedure": uris.EXEC, "args": ["probe.printed", ["x"]]}


async def opened(http: Interface, *topics: str) -> str:
    """A new channel on *topics*."""
    channel = (await http.post(OPEN)).value["channel"]
    for topic in topics:
        assert (await http.post(TOPIC, channel=channel, topic=topic)).status == 204
    return str(channel)


async def read(http: Interface, channel: str, params: dict[str, int]) -> Any:
    """What is published on *channel*, by long poll."""
    path = READ.format(channel=channel).removeprefix("/")
    async with http.http.get(path, params=params) as response:
        assert response.status == 200
        return await response.json()


async def heard(http: Interface, channel: str, last: str) -> list[dict[str, Any]]:
    """The events that are published on *channel* up to one of the type *last*, by long poll."""
    after, events = 0, []
    async with asyncio.timeout(LIMIT):
        while not events or events[-1]["type"] != last:
            params = {"after": after, "wait": 20}
            page = await read(http, channel, params)
            for publication in page["publications"]:
                events += publication["args"][0]
            after = page["next"]
    return events


@pytest.mark.capability("P4")
async def test_a_session_over_http_submits_and_hears_every_event(site: Node) -> None:
    who = "session_over_http"
    async with interface(site, who) as http:
        me = await http.post(OPEN)
        channel = await opened(http, uris.jobs_topic(who))
        answer = await http.post("/call", QUICK)
        events = await heard(http, channel, "succeeded")
        closed = await http.ask("DELETE", "/channels/{channel}", channel=channel)

    assert (me.value["authid"], me.value["authrole"]) == (who, "user")
    assert {each["job_id"] for each in events} == {answer.value["job_id"]}
    assert [each["job_seq"] for each in events] == list(range(1, len(events) + 1))
    assert closed.status == 204


@pytest.mark.capability("P4")
async def test_a_stream_of_publications_goes_on_where_it_was_cut_off(site: Node) -> None:
    who = "session_cut"
    async with interface(site, who) as http, asking(site, who) as lines:
        token = lines.headers["Authorization"]
        http.http.headers["Authorization"] = token
        channel = await opened(http, uris.jobs_topic(who))
        await http.post("/call", QUICK)
        path = f"channels/{channel}/publications"
        async with asyncio.timeout(LIMIT):
            async with lines.get(path, headers=STREAM) as response:
                first = await anext(told(response))
            await heard(http, channel, "succeeded")
            headers = {**STREAM, "Last-Event-ID": first.place}
            async with lines.get(path, headers=headers) as response:
                second = await anext(told(response))

    assert (first.place, second.place) == ("1", "2")
    assert first.data["args"][0][0]["type"] == "queued"


async def test_bytes_cross_it_as_they_are(site: Node) -> None:
    async with interface(site, "session_bytes") as http:
        begun = await http.post(
            "/call", {"procedure": uris.UPLOAD_BEGIN, "kwargs": {"name": "a", "size": 3}}
        )
        data = "\0" + base64.b64encode(b"\x00\xff\x01").decode()
        args = [begun.value["upload"], 0, data]
        sent = await http.post("/call", {"procedure": uris.UPLOAD_APPEND, "args": args})
        args[2] = "\0no base64"
        refused = await http.post("/call", {"procedure": uris.UPLOAD_APPEND, "args": args})

    assert sent.value["offset"] == 3
    assert (refused.status, refused.code) == (422, "invalid_arguments")


@pytest.mark.parametrize(
    ("procedure", "status", "code"),
    [
        ("", 422, "invalid_arguments"),
        ("not a uri", 422, "invalid_arguments"),
        ("taskrealm..tasks", 422, "invalid_arguments"),
        (uris.TASKS + "\n", 422, "invalid_arguments"),
        ("x" * 501, 422, "invalid_arguments"),
        ("no.such.procedure", 403, "not_authorized"),
        ("wamp.session.list", 403, "not_authorized"),
        ("wamp.session.kill", 403, "not_authorized"),
        (uris.PAUSE, 403, "not_authorized"),
    ],
)
async def test_what_may_not_be_called_is_refused_and_the_session_goes_on(
    site: Node, procedure: str, status: int, code: str
) -> None:
    async with interface(site, "session_refused") as http:
        answer = await http.post("/call", {"procedure": procedure})
        after = await http.post("/call", {"procedure": uris.TASKS})

    assert (answer.status, answer.code) == (status, code)
    assert after.status == 200


@pytest.mark.capability("D1", "Z8")
@pytest.mark.parametrize(
    ("topic", "status"),
    [
        (uris.jobs_topic("victim_of_channels"), 403),
        ("taskrealm.user", 403),
        ("taskrealm.user..jobs", 422),
        ("wamp.session.on_join", 403),
        ("a b", 422),
    ],
)
async def test_a_channel_hears_nothing_that_its_bearer_may_not(
    site: Node, topic: str, status: int
) -> None:
    async with interface(site, "mallory_of_channels") as http:
        channel = await opened(http)
        refused = await http.post(TOPIC, channel=channel, topic=topic)

    assert refused.status == status


@pytest.mark.capability("D1", "Z8")
async def test_the_channel_of_another_does_not_exist(site: Node) -> None:
    async with interface(site, "victim_of_channels") as hers:
        channel = await opened(hers, uris.CATALOG)
        async with interface(site, "mallory_of_channels") as http:
            answers = [
                await http.get(READ, channel=channel),
                await http.post(TOPIC, channel=channel, topic=uris.CATALOG),
                await http.ask("DELETE", TOPIC, channel=channel, topic=uris.CATALOG),
                await http.ask("DELETE", "/channels/{channel}", channel=channel),
            ]
        still = await read(hers, channel, {})

    assert [(each.status, each.code) for each in answers] == [(404, "unknown_channel")] * 4
    assert still == {"next": 0, "publications": []}


async def test_one_token_has_so_many_channels(site: Node) -> None:
    async with interface(site, "session_greedy") as http:
        for _ in range(20):
            await opened(http)
        one_more = await http.post(OPEN)

    assert (one_more.status, one_more.code) == (429, "rate_limited")
