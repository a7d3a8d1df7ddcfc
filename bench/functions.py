"""
What a Python function costs as a job: functions that do nothing, beside a bare pool of processes.

Prints min, median and max of: jobs per second by `exec_many`, to the terminal events in the
client, as a part of what `concurrent.futures.ProcessPoolExecutor` does in the same run; and the
same for steps in the workers alone, without router, journal and events.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from taskrealm.client import Client, Request
from taskrealm.engine import Wear, Work, Workers, adopt_orphans

from .node import running_node, token_for, url_of

BURST = 2_000  # jobs in one burst

TASKS = '''\
from __future__ import annotations

from taskrealm.tasks import task


@task
def nothing() -> None:
    """Do nothing, successfully."""
'''


def nothing() -> None:
    """Do nothing, in a pool of processes."""


def bare_pool(slots: int) -> float:
    """Functions per second of a bare pool that is warm."""
    with ProcessPoolExecutor(slots, mp_context=get_context("forkserver")) as pool:
        for each in [pool.submit(nothing) for _ in range(slots * 20)]:
            each.result()
        begun = time.perf_counter()
        for each in [pool.submit(nothing) for _ in range(BURST)]:
            each.result()
        return BURST / (time.perf_counter() - begun)


async def bare_workers(slots: int) -> float:
    """Steps per second of the workers alone."""
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
        head = {
            "step": "function",
            "task": "nothing",
            "arguments": {},
            "environment": {"PATH": "/usr/bin:/bin"},
            "context": {
                "job_id": "job",
                "task": "nothing",
                "attempt": 1,
                "caller": {"authid": "ana", "role": "user", "submitted_by": "ana"},
                "directory": path,
                "deadline": 0.0,
            },
        }

        async def run(count: int) -> None:
            assignments = [workers.assign(Work(head), lambda *_: None) for _ in range(count)]
            for assignment in assignments:
                await assignment.wait()

        await run(slots * 20)
        begun = time.perf_counter()
        await run(BURST)
        seconds = time.perf_counter() - begun
        await workers.close()
    return BURST / seconds


async def jobs(url: str, token: str) -> float:
    """Jobs per second, to their terminal events in the client."""
    async with Client(url, token=token) as client:
        for job in await client.exec_many([Request("nothing")] * 100):
            await job.result()
        begun = time.perf_counter()
        many = await client.exec_many([Request("nothing")] * BURST)
        await asyncio.gather(*(job.result() for job in many))
        return BURST / (time.perf_counter() - begun)


def main() -> None:
    """Measure with 2 slots, in rounds, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.functions", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slots", type=int, default=2)
    chosen = parser.parse_args()
    figures: dict[str, list[float]] = defaultdict(list)
    with running_node(chosen.slots, TASKS) as folder:
        url, token = url_of(folder), token_for(folder, "ana")
        for number in range(chosen.rounds):
            print(f"round {number + 1} of {chosen.rounds}", flush=True)
            pool = bare_pool(chosen.slots)
            steps = asyncio.run(bare_workers(chosen.slots))
            through = asyncio.run(jobs(url, token))
            figures["bare pool, functions/s"].append(pool)
            figures["workers alone, steps/s"].append(steps)
            figures["jobs/s"].append(through)
            figures["workers alone / bare pool"].append(steps / pool)
            figures["jobs / bare pool"].append(through / pool)
    width = max(map(len, figures))
    print(f"\n{'':{width}}       min    median       max")
    for name, values in figures.items():
        row = (min(values), statistics.median(values), max(values))
        print(f"{name:{width}}", *(f"{value:9.2f}" for value in row))


if __name__ == "__main__":
    main()
