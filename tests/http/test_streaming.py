"""Answers that are sent piece by piece are whole, or are seen to be cut off."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from tests.http.asking import LIMIT

from taskrealm.gateway import streaming as module
from taskrealm.gateway.streaming import Streaming, streamed, streaming
from taskrealm.protocol.errors import UnknownArtifact

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@asynccontextmanager
async def answering(send: Callable[[Streaming], Awaitable[None]]) -> AsyncIterator[str]:
    """The address of a server whose answers are what *send* sends."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = streamed(200, {"Content-Type": "text/plain"})
        async with streaming(request, response) as stream:
            await send(stream)
        return response

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def test_what_was_sent_arrives_whole() -> None:
    async def send(stream: Streaming) -> None:
        for part in (b"one ", b"two"):
            await stream.send(part)

    async with answering(send) as url, aiohttp.ClientSession() as http, http.get(url) as response:
        assert await response.text() == "one two"


@pytest.mark.parametrize("error", [UnknownArtifact("It is gone"), ValueError("A mistake of ours")])
async def test_what_goes_wrong_in_the_middle_cuts_the_connection_and_says_no_more(
    error: Exception,
) -> None:
    async def send(stream: Streaming) -> None:
        await stream.send(b"one ")
        raise error

    async with answering(send) as url, aiohttp.ClientSession() as http, http.get(url) as response:
        assert await response.content.readexactly(4) == b"one "
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_a_reader_who_takes_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALL", 0.2)
    left = asyncio.Event()

    async def send(stream: Streaming) -> None:
        try:
            while True:
                await stream.send(b"x" * 1_000_000)
        finally:
            left.set()

    async with answering(send) as url, asyncio.timeout(LIMIT):
        port = int(url.rpartition(":")[2].strip("/"))
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_024)
        writer.write(b"GET / HTTP/1.1\r\nHost: node\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        await left.wait()
        writer.close()
