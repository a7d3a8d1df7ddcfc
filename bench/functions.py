"""
What a Python function costs as a job: functions that do nothing, beside a bare pool of processes.

Prints min, median and max of: jobs per second by `exec_many`, to the terminal events in the
client, as a part of what `concurrent.futures.ProcessPoolExecutor` does in the same run; the
same for steps in the workers alone, without router, journal and events; and the milliseconds
of processor time that one costs the process that hands it out and the workers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from taskrealm.client import Client, Request
from taskrealm.engine import Wear, Work, Workers, adopt_orphans
from taskrealm.engine.status import TICK, children_of, status_of

from .figures import Figures, alone
from .floor import run_durably
from .node import running_node, token_for, url_of

if TYPE_CHECKING:
    from taskrealm.settings import NodeFolder

SLOTS = 2
BURST = 5_000  # jobs in one burst
MS = 1_000

TASKS = '''\
from __future__ import annotations

from taskrealm.tasks import task


@task
def nothing() -> None:
    """Do nothing, successfully."""
'''


def nothing() -> None:
    """Do nothing, in a pool of processes."""


async def measure(rounds: int) -> Figures:
    """Bar 3: the bare pool, the workers alone, and jobs of a node, in turn."""
    figures = Figures()
    with running_node(SLOTS, TASKS) as folder:
        for _ in range(rounds):
            found = await bare_pool(SLOTS) | await bare_workers(SLOTS) | await jobs(folder)
            pool = found["bare pool, functions/s"]
            found["workers alone / bare pool"] = found["workers alone, steps/s"] / pool
            found["jobs / bare pool"] = found["jobs/s"] / pool
            figures.add(found)
    return figures


async def bare_pool(slots: int) -> dict[str, float]:
    """A bare pool that is warm: all at once, and then each started and ended durably."""
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(slots, mp_context=get_context("forkserver")) as pool:
        for each in [pool.submit(nothing) for _ in range(slots * 20)]:
            each.result()
        cost, begun = time.process_time(), time.perf_counter()
        for each in [pool.submit(nothing) for _ in range(BURST)]:
            each.result()
        seconds = time.perf_counter() - begun
        cost = time.process_time() - cost
        durable = await run_durably(slots, BURST, lambda: loop.run_in_executor(pool, nothing))
    return {
        "bare pool, functions/s": BURST / seconds,
        "durable pool and nothing else, functions/s": BURST / durable,
        "durable pool and nothing else / bare pool": seconds / durable,
        "bare pool, ms of the parent": cost * MS / BURST,
    }


async def bare_workers(slots: int) -> dict[str, float]:
    """The workers alone."""
    adopt_orphans()
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        (folder / "nothing.py").write_text(TASKS)
        workers = Workers(
            folder,
            node_id="bench",
            ready=slots,
            most=slots,
            wear=Wear(steps=1_000_000, memory=1_000_000_000),
            on_trouble=print,
        )
        order = {
            "step": "function",
            "task": "nothing",
            "arguments": {},
            "files": [],
            "environment": {"PATH": "/usr/bin:/bin", "HOME": path, "TASKREALM_JOB_ID": "job"},
            "context": {
                "job_id": "job",
                "task": "nothing",
                "attempt": 1,
                "caller": {"authid": "ana", "role": "user", "submitted_by": "ana", "teams": []},
                "directory": path,
                "deadline": 0.0,
            },
        }

        async def run(count: int) -> None:
            assignments = [workers.assign(Work(order), lambda *_: None) for _ in range(count)]
            for assignment in assignments:
                await assignment.wait()
                assert assignment.reply is not None
                assert assignment.reply.head["error"] is None

        await run(slots * 20)
        _, before = _spent(os.getpid())
        cost, begun = time.process_time(), time.perf_counter()
        await run(BURST)
        seconds = time.perf_counter() - begun
        cost = time.process_time() - cost
        _, children = _spent(os.getpid())
        await workers.close()
    return {
        "workers alone, steps/s": BURST / seconds,
        "workers alone, ms of the parent": cost * MS / BURST,
        "workers alone, ms of a worker": (children - before) * MS / BURST,
    }


async def jobs(folder: NodeFolder) -> dict[str, float]:
    """Jobs of a node, to their terminal events in the client."""
    executor = _executor_of(folder)
    async with Client(url_of(folder), token=token_for(folder, "ana")) as client:
        for job in await client.exec_many([Request("nothing")] * 100):
            await job.result()
        own, workers = _spent(executor)
        cost, begun = time.process_time(), time.perf_counter()
        many = await client.exec_many([Request("nothing")] * BURST)
        await asyncio.gather(*(job.result() for job in many))
        seconds = time.perf_counter() - begun
        cost = time.process_time() - cost
        spent, children = _spent(executor)
    return {
        "jobs/s": BURST / seconds,
        "jobs, ms of the executor": (spent - own) * MS / BURST,
        "jobs, ms of a worker": (children - workers) * MS / BURST,
        "jobs, ms of the client": cost * MS / BURST,
    }


def _spent(pid: int) -> tuple[float, float]:
    """Seconds of processor time that a process has used, and its children, dead or alive."""
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    own, dead = (sum(map(int, fields[at : at + 2])) * TICK for at in (11, 13))
    return own, dead + sum(status_of(child).processor_time for child in children_of(pid))


def _executor_of(folder: NodeFolder) -> int:
    """The process of the executor of a node."""
    for each in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            is_executor = b"components/executor.py" in each.joinpath("cmdline").read_bytes()
            if is_executor and each.joinpath("cwd").resolve().is_relative_to(folder.root):
                return int(each.name)
    raise SystemExit("The node has no executor")


if __name__ == "__main__":
    alone(measure)
