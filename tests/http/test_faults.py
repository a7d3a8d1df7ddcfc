"""What HTTP clients see while parts of the node are gone, and how they come back."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.http.asking import LIMIT, asking, nobody
from tests.http.interface import interface
from tests.nodes import Node, Watch, the_one
from tests.site import is_running, make_site, programs_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import aiohttp

EXECUTOR, GATEWAY = "components/executor.py", "components/gateway.py"

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def own() -> Iterator[Node]:
    """A node of which parts are killed; it has to be ready again after each test."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path, Node(make_site(Path(path))) as node:
        node.until("READY")
        yield node


async def until_status(http: aiohttp.ClientSession, path: str, status: int) -> dict[str, str]:
    """Ask until *path* answers with *status*; gives the headers of that answer."""
    async with asyncio.timeout(LIMIT):
        while True:
            async with http.get(path) as response:
                if response.status == status:
                    return dict(response.headers)
            await asyncio.sleep(0.1)


@pytest.mark.capability("N27")
async def test_a_node_that_is_well_says_so(own: Node) -> None:
    async with interface(own, "http_well") as api:
        live = await api.get("/health/live")
        ready = await api.get("/health/ready")

    assert (live.status, live.value) == (200, {"status": "live"})
    assert (ready.status, ready.value) == (200, {"status": "ready", "intake": "open"})


@pytest.mark.capability("N27", "L6")
async def test_without_its_executor_a_node_is_live_but_not_ready(own: Node) -> None:
    gateway = the_one(own.folder, GATEWAY)
    wrapper = the_one(own.folder, "taskrealm.router.guest executor")
    async with interface(own, "http_down", "operator") as api:
        os.kill(wrapper, signal.SIGSTOP)  # so that it cannot start another one
        Watch([the_one(own.folder, EXECUTOR)]).kill()
        headers = await until_status(api.http, "health/ready", 503)
        live = await api.get("/health/live")
        tasks = await api.get("/tasks")
        async with api.http.get("metrics") as response:
            metrics = await response.text()
        os.kill(wrapper, signal.SIGCONT)
        await until_status(api.http, "health/ready", 200)
        after = await api.get("/tasks")

    assert int(headers["Retry-After"]) > 0
    assert live.status == 200
    assert (tasks.status, tasks.code) == (503, "unavailable")
    assert "Retry-After" in tasks.headers
    assert "taskrealm_executor_up 0.0" in metrics
    assert after.status == 200
    assert the_one(own.folder, GATEWAY) == gateway


@pytest.mark.capability("N27")
async def test_with_a_journal_that_cannot_be_written_a_node_is_not_ready(own: Node) -> None:
    other = sqlite3.connect(own.folder.journal / "journal.sqlite", isolation_level=None)
    async with asking(own, "http_full") as http:
        other.execute("begin immediate")
        headers = await until_status(http, "health/ready", 503)
        other.execute("rollback")
        other.close()
        await until_status(http, "health/ready", 200)

    assert "Retry-After" in headers


async def test_a_killed_gateway_comes_back_and_the_jobs_go_on(own: Node) -> None:
    executor = the_one(own.folder, EXECUTOR)
    async with asking(own, "http_kill") as http, asyncio.timeout(LIMIT):
        async with http.post("jobs", json={"task": "probe.nap"}) as response:
            job_id = (await response.json())["job_id"]
        while not (programs := programs_of(job_id)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        wrapper = the_one(own.folder, "taskrealm.router.guest gateway")
        os.kill(wrapper, signal.SIGSTOP)
        Watch([the_one(own.folder, GATEWAY)]).kill()
        async with http.get(f"jobs/{job_id}") as gone:
            problem = await gone.json()
        os.kill(wrapper, signal.SIGCONT)
        await until_status(http, "health/ready", 200)
        async with http.get(f"jobs/{job_id}") as response:
            job = await response.json()
        still_there = [pid for pid in programs if is_running(pid)]
        async with http.post(f"jobs/{job_id}/cancel", json={"now": True}) as response:
            stopped = await response.json()

    assert (gone.status, problem["code"]) == (503, "unavailable")
    assert int(gone.headers["Retry-After"]) > 0
    assert gone.content_type == "application/problem+json"
    assert (job["state"], job["attempt"]) == ("running", 1)
    assert still_there == programs
    assert stopped["outcome"] == "stopping"
    assert the_one(own.folder, EXECUTOR) == executor


async def test_streams_end_and_the_node_stops_in_good_order(short_path: Path) -> None:
    with Node(make_site(short_path)) as node:
        node.until("READY")
        async with asking(node, "http_stop") as http:
            stream = await http.get("events", headers={"Accept": "text/event-stream"})
            async with asyncio.timeout(LIMIT):
                await stream.content.readline()
                code = await asyncio.to_thread(node.stop)
            stream.close()

    assert code == 0
    log = node.folder.log("gateway").read_text()
    assert '"error"' not in log
    assert "Stopping" in log


async def test_nobody_reaches_the_gateway_around_the_router(own: Node) -> None:
    inodes = {
        line.split()[9]
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        if line.split()[3] == "0A"  # listening
    }
    held = set()
    for descriptor in Path(f"/proc/{the_one(own.folder, GATEWAY)}/fd").iterdir():
        target = os.readlink(descriptor)
        if target.startswith("socket:["):
            held.add(target[8:-1])

    assert not held & inodes
    assert own.folder.state.stat().st_mode & 0o077 == 0
    async with nobody(own) as http, http.get("/api/health/live") as response:
        assert response.status == 200
