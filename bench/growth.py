"""How the cost of a job grows with what waits, who asks, who watches, what it prints, what has been."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from taskrealm.client import Client, Request
from taskrealm.journal import Entry, Filter, Journal
from taskrealm.protocol import uris
from taskrealm.protocol.jobs import EventType, Job, new_job_id, now
from taskrealm.wire import join

from .fanout import Crowd
from .figures import Figures, alone
from .history import make
from .node import REALM, TASKS, running_node, token_for, url_of
from .trees import cpu_of, memory_of, node_of, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrealm.settings import NodeFolder

QUEUED = (0, 1_000, 10_000, 100_000)
USERS = (1, 10, 100, 500)  # a session has at most 1,000 subscriptions, one for each
WATCHERS = (0, 10, 100, 1_000)
OUTPUT = (0, 1, 10, 100)  # MB
HISTORY = (0, 10_000, 100_000)  # jobs that have ended
BATCH = 1_000  # jobs that are submitted together
EVENTS = 3  # that tell of a job: it waits, it runs, it has ended
CALLS = 100  # of which the median is told
BURST = 200  # jobs of which the cost is told

SETTINGS = """\
[router]
port = {port}
max_connections = 5000
connections_per_address = 5000
ping_interval = 600

[executor]
slots = {slots}
queue_limit = 1000000
queue_limit_per_user = 1000000
output_limit = 200000000
"""

MORE_TASKS = '''

class Sleep(CommandTask):
    """Keep a slot busy."""

    name = "sleep"
    command = ("sleep", "3600")


class Bytes(CommandTask):
    """Print so many megabytes, in lines."""

    name = "bytes"
    megabytes: int
    command = ("sh", "-c", 'yes "a line as a program might print it" | head -c "$1"000000', "sh", Value("megabytes"))
'''


async def measure(rounds: int) -> Figures:
    """Each growth once, however many *rounds*: what grows shows by its steps."""
    figures = Figures()
    tasks = TASKS.replace("CommandTask\n", "CommandTask, Value\n", 1) + MORE_TASKS
    with running_node(2, tasks, SETTINGS) as folder:
        figures.add(await _watched(folder))
        figures.add(await _by_users(folder))
        figures.add(await _printed(folder))
        figures.add(await _queued(folder))
    figures.add(await _recorded())
    return figures


async def _queued(folder: NodeFolder) -> dict[str, float]:
    """One `exec` with so many jobs before it, and the memory of the executor."""
    found: dict[str, float] = {}
    pid = parts_of(node_of(folder.root))["executor"]
    async with Client(url_of(folder), token=token_for(folder, "ana")) as client:
        await client.exec_many([Request("sleep")] * 2)
    session = await join(url_of(folder), realm=REALM, ticket=token_for(folder, "ana"))
    waiting = 0
    for wanted in QUEUED:
        while waiting < wanted:
            count = min(BATCH, wanted - waiting)
            await session.call(uris.EXEC_MANY, [{"task": "true"}] * count)
            waiting += count
        times, job_ids = [], []
        with _cost(folder) as cost:
            for _ in range(CALLS):
                begun = time.perf_counter()
                answer = await session.call(uris.EXEC, "true", [], {})
                times.append(time.perf_counter() - begun)
                job_ids.append(answer["job_id"])
        await asyncio.gather(*(session.call(uris.CANCEL, job_id) for job_id in job_ids))
        found[f"exec with {wanted:,} queued, p50 ms"] = statistics.median(times) * 1e3
        found[f"exec with {wanted:,} queued, CPU ms"] = cost[0] / CALLS * 1e3
        found[f"executor with {wanted:,} queued, MiB"] = memory_of(pid) / 2**20
    await session.leave()
    return found


async def _by_users(folder: NodeFolder) -> dict[str, float]:
    """Jobs for so many users, submitted by one backend."""
    found = {}
    token = token_for(folder, "site", "backend")
    async with Client(url_of(folder), token=token) as client:
        for users in USERS:
            with _cost(folder) as cost:
                jobs = await asyncio.gather(
                    *(
                        client.exec("true", on_behalf_of=f"user{number % users}")
                        for number in range(BATCH)
                    )
                )
                await asyncio.gather(*(job.result() for job in jobs))
            found[f"jobs of {users:,} users, CPU ms a job"] = cost[0] / BATCH * 1e3
    return found


async def _watched(folder: NodeFolder) -> dict[str, float]:
    """Jobs whose events so many other sessions of their owner hear."""
    found = {}
    async with Client(url_of(folder), token=token_for(folder, "ana")) as client:
        for watchers in WATCHERS:
            async with Crowd.of(url_of(folder), token_for(folder, "ana"), watchers) as crowd:
                with _cost(folder) as cost:
                    jobs = await client.exec_many([Request("true")] * BURST)
                    await asyncio.gather(*(job.result() for job in jobs))
                    await crowd.until_heard(BURST * EVENTS * watchers)
            found[f"jobs with {watchers:,} watchers, CPU ms a job"] = cost[0] / BURST * 1e3
    return found


async def _printed(folder: NodeFolder) -> dict[str, float]:
    """One job that prints so much, and that nobody watches."""
    found = {}
    async with Client(url_of(folder), token=token_for(folder, "ana")) as client:
        for megabytes in OUTPUT:
            begun = time.perf_counter()
            with _cost(folder) as cost:
                await (await client.exec("bytes", {"megabytes": megabytes})).result()
            found[f"a job that prints {megabytes:,} MB, s"] = time.perf_counter() - begun
            found[f"a job that prints {megabytes:,} MB, CPU s"] = cost[0]
    return found


async def _recorded() -> dict[str, float]:
    """A write and a page of the journal with so many jobs in the history."""
    found = {}
    for wanted in HISTORY:
        with tempfile.TemporaryDirectory(prefix="tr-bench-") as root:
            folder = Path(root) / "journal"  # beside which it leaves its mark
            await make(folder, wanted)
            journal = await Journal.open(folder, output_limit=1_000, on_commit=lambda events: None)
            writes, pages = [], []
            for _ in range(CALLS):
                begun = time.perf_counter()
                await journal.write([Entry(_job(), EventType.QUEUED)])
                writes.append(time.perf_counter() - begun)
                begun = time.perf_counter()
                await journal.page(Filter(owner="ann"), limit=50)
                pages.append(time.perf_counter() - begun)
            await journal.close()
        found[f"journal of {wanted:,} jobs: a write, p50 ms"] = statistics.median(writes) * 1e3
        found[f"journal of {wanted:,} jobs: a page, p50 ms"] = statistics.median(pages) * 1e3
    return found


def _job() -> Job:
    return Job(new_job_id(), "true", "ann", "ann", "user", {}, now())


@contextlib.contextmanager
def _cost(folder: NodeFolder) -> Iterator[list[float]]:
    """A list that holds, afterwards, the seconds that the node has used of the processor."""
    node = node_of(folder.root)
    used: list[float] = []
    before = cpu_of([node])
    yield used
    used.append(cpu_of([node]) - before)


if __name__ == "__main__":
    alone(measure, rounds=1)
