"""A node in whose queue 100,000 jobs wait beside an empty one, and its restart, and the end of all."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import statistics
import time
from typing import TYPE_CHECKING

from taskrealm.protocol import uris
from taskrealm.protocol.errors import Error
from taskrealm.wire import join

from .figures import Figures, alone
from .node import REALM, TASKS, running_node, token_for, url_of
from .trees import Process, memory_of, node_of, parts_of

if TYPE_CHECKING:
    from taskrealm.settings import NodeFolder
    from taskrealm.wire import Session

WAITING = 100_000
BATCH = 1_000  # jobs that are submitted by one call
CANCELLED = 3_000  # jobs that are cancelled by one call
CALLS = 200  # of each node, of which the median is told
PATIENCE = 120.0  # seconds in which an executor has to answer again

SETTINGS = """\
[router]
port = {port}
message_rate = 1000000

[executor]
slots = {slots}
queue_limit = 1000000
queue_limit_per_user = 1000000
"""

MORE_TASKS = '''

class Sleep(CommandTask):
    """Keep a slot busy."""

    name = "sleep"
    command = ("sleep", "3600")
'''


async def measure(rounds: int) -> Figures:
    """Bar 8, each time with two nodes of their own."""
    figures = Figures()
    tasks = TASKS + MORE_TASKS
    for _ in range(rounds):
        with running_node(2, tasks, SETTINGS) as folder, running_node(2, tasks, SETTINGS) as empty:
            figures.add(await _measure(folder, empty))
    return figures


async def _measure(folder: NodeFolder, empty: NodeFolder) -> dict[str, float]:
    found: dict[str, float] = {}
    node = node_of(folder.root)
    session, other = [
        await join(url_of(each), realm=REALM, ticket=token_for(each, "ana"))
        for each in (folder, empty)
    ]
    executors = [parts_of(node_of(each.root))["executor"] for each in (folder, empty)]
    for each in (session, other):
        await each.call(uris.EXEC_MANY, [{"task": "sleep"}] * 2)
    await _submits(session, other)
    first, second = await _submits(session, other)
    found["exec on two nodes with empty queues, p50"] = first / second
    before = memory_of(executors[0])
    waiting: list[str] = []
    begun = time.perf_counter()
    while len(waiting) < WAITING:
        answers = await session.call(uris.EXEC_MANY, [{"task": "sleep"}] * BATCH)
        waiting += [answer["job_id"] for answer in answers]
    found["submit 100,000 by exec_many, s"] = time.perf_counter() - begun
    memory = memory_of(executors[0]) - before
    found["memory per queued job, KiB"] = memory / WAITING / 1_024
    so_far = [Process.all()[each].own for each in executors]
    first, second = await _submits(session, other)
    costs = [Process.all()[pid].own - used for pid, used in zip(executors, so_far, strict=True)]
    found["exec at 100,000 queued / empty, p50"] = first / second
    found["exec and cancel at 100,000 queued / empty, CPU of the executor"] = costs[0] / costs[1]
    found["exec, empty queue, p50 ms"] = second * 1e3
    found["restart with 100,000, s"] = await _restart(session, node, waiting[-1])
    executor = parts_of(node)["executor"]
    begun, used = time.perf_counter(), Process.all()[executor].own
    await _cancel(session, waiting)
    found["cancel all of 100,000, s"] = time.perf_counter() - begun
    found["cancel all of 100,000, CPU s of the executor"] = Process.all()[executor].own - used
    await session.leave()
    await other.leave()
    return found


async def _submits(*sessions: Session) -> list[float]:
    """Seconds of one `exec` in each session at the median, in turn; the jobs are cancelled."""
    times: list[list[float]] = [[] for _ in sessions]
    job_ids: list[list[str]] = [[] for _ in sessions]
    for _ in range(CALLS):
        for number, session in enumerate(sessions):
            begun = time.perf_counter()
            answer = await session.call(uris.EXEC, "true", [], {})
            times[number].append(time.perf_counter() - begun)
            job_ids[number].append(answer["job_id"])
    for session, theirs in zip(sessions, job_ids, strict=True):
        await _cancel(session, theirs)
    return [statistics.median(each) for each in times]


async def _cancel(session: Session, job_ids: list[str]) -> None:
    parts = (job_ids[start : start + CANCELLED] for start in range(0, len(job_ids), CANCELLED))
    await asyncio.gather(*(session.call(uris.CANCEL_MANY, part) for part in parts))


async def _restart(session: Session, node: int, job_id: str) -> float:
    """Seconds from the death of the executor until the next one tells of a job that waits."""
    executor = parts_of(node)["executor"]
    begun = time.perf_counter()
    os.kill(executor, signal.SIGKILL)
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(Error, StopIteration):
                if parts_of(node)["executor"] != executor:
                    await session.call(uris.JOB, job_id)
                    return time.perf_counter() - begun
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    alone(measure)
