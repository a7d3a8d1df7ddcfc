"""Many clients at once: all come back after a restart, and one that stalls harms nobody."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.nodes import Node, the_one
from tests.plain import EVENT, WebSocket
from tests.site import make_site

from taskrealm.client import Client
from taskrealm.protocol import uris

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Iterator

USERS = 50
CLIENTS = 10  # of each user
SUBSCRIBERS = 1_000
STALL = 20_000_000  # bytes that a stalled reader does not read
MEMORY = 64  # MiB that the router may grow while it waits for one
AT_ONCE = 50  # joins under way
LIMIT = 150.0  # seconds

# What a node runs as its executor, with a mark in a file for every look into the database.
COUNTING = """
import os
from pathlib import Path
from taskrealm.executor import run
from taskrealm.journal import Journal
from taskrealm.settings import NodeFolder

root = Path(__file__).resolve().parent.parent
marks = os.open(root / "state" / "reads", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
select = Journal._select

def count_and_select(*args):
    os.write(marks, b".")
    return select(*args)

Journal._select = count_and_select
run(NodeFolder(root))
"""

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(
            Path(path),
            router="ping_interval = 5\nmax_connections = 2000\nconnections_per_address = 2000\n",
        )
        (folder.root / "components" / "executor.py").write_text(COUNTING)
        with Node(folder) as node:
            node.until("READY")
            yield node


async def some_at_once(work: Iterable[Awaitable[Any]]) -> None:
    """Do all of *work*, but not all of it at the same time."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(each: Awaitable[Any]) -> None:
        async with turn:
            await each

    async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as group:
        for each in work:
            group.create_task(one(each))


class Browser:
    """A client that listens, and what it has heard."""

    def __init__(self, node: Node, authid: str, token: str) -> None:
        self.authid = authid
        self.heard: list[tuple[int | None, str]] = []
        self.client = Client(f"ws://127.0.0.1:{node.port}/ws", token=token, patience=LIMIT)

    async def open(self, stack: AsyncExitStack) -> None:
        await stack.enter_async_context(self.client)
        self._events = self.client.events()
        await self._events.begun()

    async def hear(self, jobs: int) -> None:
        """Return once the ends of so many *jobs* have been heard."""
        while [type for _, type in self.heard].count("succeeded") < jobs:
            event = await anext(self._events)
            self.heard.append((event.seq, event.type.value))


@pytest.mark.capability("N31", "L7", "D6")
@pytest.mark.fault("F43", "R17")
async def test_five_hundred_clients_recover_at_once_and_the_database_hardly_notices(
    node: Node,
) -> None:
    reads = node.folder.state / "reads"
    users = [f"user {number}" for number in range(USERS)]
    tokens = {user: node.issue(user, lifetime=600) for user in users}
    browsers = [Browser(node, user, tokens[user]) for user in users for _ in range(CLIENTS)]
    firsts = browsers[::CLIENTS]
    async with AsyncExitStack() as stack:
        # Each has something to begin with, so that its place in the stream is known.
        await some_at_once(run(node, user, tokens[user]) for user in users)
        await some_at_once(browser.open(stack) for browser in browsers)
        await some_at_once(browser.client.exec("probe.nothing") for browser in firsts)
        await some_at_once(browser.hear(1) for browser in browsers)

        executor = the_one(node.folder, "components/executor.py")
        before = reads.stat().st_size
        os.kill(the_one(node.folder, "crossbar-worker"), signal.SIGKILL)
        await asyncio.to_thread(node.until, "READY", LIMIT)
        # Every client has to be there again before it can hear of these.
        await some_at_once(browser.client.exec("probe.nothing") for browser in firsts)
        await some_at_once(browser.hear(2) for browser in browsers)

        for browser in browsers:
            assert [seq for seq, _ in browser.heard] == list(range(4, 10))
        # A look at where its stream ends and one at what is new, now and then twice.
        asked = reads.stat().st_size - before
        assert asked <= 5 * len(browsers), f"{asked} looks for {len(browsers)} clients"
        assert the_one(node.folder, "components/executor.py") != executor


async def run(node: Node, user: str, token: str) -> None:
    async with Client(f"ws://127.0.0.1:{node.port}/ws", token=token) as client:
        await (await client.exec("probe.nothing")).result()


@pytest.mark.fault("F16")
async def test_a_thousand_watch_one_user_and_one_that_stops_reading_is_thrown_out(
    node: Node,
) -> None:
    token = node.issue("una", lifetime=600)
    topic = uris.jobs_topic("una")
    async with AsyncExitStack() as stack:
        turn = asyncio.Semaphore(AT_ONCE)
        present = asyncio.Barrier(SUBSCRIBERS + 1)
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def watch() -> None:
            async with turn:
                peer = await stack.enter_async_context(await WebSocket.connect(node.port))
                await peer.join(token)
                await peer.subscribe(topic)
            # From here on it always reads, and so answers pings.
            arrived = asyncio.create_task(present.wait())
            await until_end(peer, told)
            await arrived

        watching = asyncio.gather(*(watch() for _ in range(SUBSCRIBERS)))
        async with asyncio.timeout(LIMIT):
            await present.wait()
        stalled = await stack.enter_async_context(await WebSocket.connect(node.port))
        await stalled.join(token)
        await stalled.subscribe(topic.removesuffix("jobs"), match="prefix")
        router = the_one(node.folder, "crossbar-worker")
        before = memory(router)

        asking = await stack.enter_async_context(await WebSocket.connect(node.port))
        await asking.join(token)
        job = await asking.call(uris.EXEC, "probe.flood", [STALL])
        told.set_result(job["job_id"])
        most = 0.0
        async with asyncio.timeout(LIMIT):
            while not watching.done():
                most = max(most, memory(router))
                await asyncio.wait([watching], timeout=0.2)
        await watching

        deadline = asyncio.get_running_loop().time() + LIMIT
        while is_connected(router, stalled):
            assert asyncio.get_running_loop().time() < deadline
            most = max(most, memory(router))
            await asyncio.sleep(0.1)  # of that nobody here is told
        assert most - before < MEMORY


async def until_end(peer: WebSocket, told: asyncio.Future[str]) -> None:
    """Read until the job that *told* names has ended; it may be named after its first event."""
    types: list[str] = []
    while "succeeded" not in types:
        message = await peer.receive(LIMIT)
        assert message[0] == EVENT
        assert {event["job_id"] for event in message[4][0]} == {await asyncio.shield(told)}
        types += [event["type"] for event in message[4][0]]
    assert types == ["queued", "started", "succeeded"]


def is_connected(router: int, peer: WebSocket) -> bool:
    """Whether the router still has the other end of the connection of *peer*."""
    _, port = peer._writer.get_extra_info("sockname")
    lines = [line.split() for line in Path(f"/proc/{router}/net/tcp").read_text().splitlines()]
    return [True for line in lines if line[2].endswith(f":{port:04X}") and line[3] == "01"] != []


def memory(pid: int) -> float:
    """MiB of memory that a process uses."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024
