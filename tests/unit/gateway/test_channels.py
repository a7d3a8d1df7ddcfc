"""A channel keeps what is published until its reader has it, or says that it is gone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.gateway import channels as module
from taskrealm.gateway.channels import Channel, Channels
from taskrealm.gateway.payloads import from_json, to_json
from taskrealm.protocol.errors import RateLimited

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

LIMIT = 5.0


class Subscription:
    def __init__(self, wire: Wire, topic: str) -> None:
        self.wire, self.topic = wire, topic

    async def cancel(self) -> None:
        del self.wire.handlers[self.topic]


class Wire:
    """A session whose other end is in the hands of the test."""

    def __init__(self) -> None:
        self.handlers: dict[str, Callable[..., None]] = {}
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def lost(self) -> asyncio.Future[str]:
        return asyncio.shield(self._lost)

    async def subscribe(self, topic: str, handler: Callable[..., None]) -> Subscription:
        self.handlers[topic] = handler
        return Subscription(self, topic)

    def lose(self) -> None:
        self._lost.set_result("gone")

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Any]:
        yield self


async def channel_on(topic: str) -> tuple[Wire, Channel]:
    wire: Any = Wire()
    channel = Channel(wire)
    await channel.subscribe(topic)
    return wire, channel


async def test_publications_are_numbered_in_order() -> None:
    wire, channel = await channel_on("a")
    wire.handlers["a"]("one")
    wire.handlers["a"]("two", b"\x01")

    assert [(each.number, each.args) for each in channel.after(0) or ()] == [
        (1, ["one"]),
        (2, ["two", "\0AQ=="]),
    ]
    assert [each.number for each in channel.after(1) or ()] == [2]
    assert channel.after(2) == []


async def test_who_is_too_far_behind_or_ahead_is_told() -> None:
    wire, channel = await channel_on("a")
    for number in range(module.KEPT + 5):
        wire.handlers["a"](number)

    assert channel.after(4) is None
    assert len(channel.after(5) or ()) == module.KEPT
    assert channel.after(module.KEPT + 6) is None


async def test_large_publications_push_out_others_but_the_newest_is_there() -> None:
    wire, channel = await channel_on("a")
    wire.handlers["a"]("small")
    wire.handlers["a"]("x" * module.KEPT_SIZE)

    assert channel.after(0) is None
    assert [each.number for each in channel.after(1) or ()] == [2]


async def test_a_reader_waits_for_news_and_no_longer() -> None:
    wire, channel = await channel_on("a")
    waiting = asyncio.create_task(channel.news(0, LIMIT))
    await asyncio.sleep(0)
    wire.handlers["a"]("now")

    await asyncio.wait_for(waiting, 1)
    await asyncio.wait_for(channel.news(0, LIMIT), 1)
    await channel.news(1, 0.01)


async def test_it_is_closed_with_its_session_and_hears_nothing_more() -> None:
    channels, wire = Channels(), Wire()
    channel = await channels.open(wire.lease())
    await channel.subscribe("a")
    waiting = asyncio.create_task(channel.news(0, LIMIT))
    await asyncio.sleep(0)
    wire.lose()

    await asyncio.wait_for(waiting, 1)
    await channels.clear()
    assert (len(channels), wire.handlers, channel.is_over) == (0, {}, True)


async def test_it_is_closed_when_nobody_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE", 0.05)
    channels, wire = Channels(), Wire()
    channel = await channels.open(wire.lease())
    with channel.reading():
        await channel.subscribe("a")
        await channel.news(0, 0.2)

        assert not channel.is_over
    async with asyncio.timeout(LIMIT):
        while not channel.is_over:
            await channel.news(0, LIMIT)
    await channels.clear()
    assert wire.handlers == {}


async def test_there_are_so_many_of_one_session_and_so_many_topics_of_one() -> None:
    channels, wire = Channels(), Wire()
    for _ in range(module.PER_SESSION):
        channel = await channels.open(wire.lease())
    for number in range(module.TOPICS):
        await channel.subscribe(f"topic{number}")

    with pytest.raises(RateLimited):
        await channels.open(wire.lease())
    with pytest.raises(RateLimited):
        await channel.subscribe("one_more")
    await channels.open(Wire().lease())
    await channels.clear()
    assert len(channels) == 0


def test_bytes_come_back_from_json_as_they_were() -> None:
    value = {"a": [b"\x00\xff", "text", 1, None, {"b": b""}]}

    assert from_json(to_json(value)) == value
