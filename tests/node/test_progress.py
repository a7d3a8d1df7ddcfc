"""The progress of well-known programs as they are, on a real node, with the time that is left."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.needs import needs
from tests.site import client
from tests.site.jobs import LIMIT, end_of, events_of

from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.nodes import Node

    from taskrealm.client import Job

pytestmark = pytest.mark.capability("N8")

SIZE = 12_000_000  # bytes that are copied or fetched, in a few seconds
BAR = """
import time
from tqdm import tqdm
for _ in tqdm(range(40), desc="rows", mininterval=0.05): time.sleep(0.05)
"""


async def progress_of(job: Job) -> list[dict[str, Any]]:
    """All that is told of the progress of *job*, which never goes back and comes to the end."""
    assert (await end_of(job)).type is EventType.SUCCEEDED
    told = [event.data for event in await events_of(job) if event.type is EventType.PROGRESS]
    fractions = [each["fraction"] for each in told if each["fraction"] is not None]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert any(0 < fraction < 1 for fraction in fractions)
    return told


@pytest.mark.parametrize("task", ["talks.copies", "talks.copies_each"])
async def test_rsync_tells_how_far_it_is(site: Node, tmp_path: Path, task: str) -> None:
    needs("rsync")
    source = tmp_path / "source"
    source.mkdir()
    for name in "abcd":
        (source / name).write_bytes(bytes(SIZE // 2))
    async with client(site, "copier") as ana:
        target = tmp_path / "target"
        job = await ana.exec(task, {"source": f"{source}/", "target": str(target)})
        told = await progress_of(job)

        assert {file.name for file in target.iterdir()} == set("abcd")
        assert all(re.fullmatch(r"[\d.,]+[kKMG]?B/s", each["message"]) for each in told)
        if task == "talks.copies":
            assert any(each["eta"] is not None for each in told)


@asynccontextmanager
async def slow_server(heard: asyncio.Event) -> AsyncIterator[str]:
    """The address of a web server that hands out `SIZE` bytes, the second half when *heard*."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
        writer.write(bytes(SIZE // 2))
        await heard.wait()
        writer.write(bytes(SIZE - SIZE // 2))
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}/"


@pytest.mark.parametrize("has_bar", [False, True], ids=["its table", "its bar"])
async def test_curl_tells_how_far_it_is(site: Node, has_bar: bool) -> None:
    needs("curl")
    heard = asyncio.Event()
    async with client(site, "fetcher") as ana, slow_server(heard) as address:
        job = await ana.exec("talks.fetches", {"url": address, "has_bar": has_bar})
        async with asyncio.timeout(LIMIT):
            async for event in job:
                if event.type is EventType.PROGRESS and 0 < (event.data["fraction"] or 0) < 1:
                    break
        heard.set()
        told = await progress_of(job)

        assert told[-1]["eta"] in (None, 0.0)
        if not has_bar:
            assert re.fullmatch(r"[\d.]+[kM]?B/s", told[-1]["message"])


@pytest.mark.parametrize("task", ["talks.counts", "talks.counts_on_terminal"])
async def test_a_bar_of_tqdm_tells_how_far_it_is(site: Node, task: str) -> None:
    async with client(site, "counter") as ana:
        told = await progress_of(await ana.exec(task, {"source": BAR}))

        assert re.fullmatch(r"40 of 40, [\d.]+it/s", told[-1]["message"])
        assert any(each["eta"] for each in told)
