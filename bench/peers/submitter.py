"""
Submits bursts of tasks by one adapter, in the environment of its library: a program of its own.

It is told the adapter and the pids of workers and servers, and prints for each kind of task how
many there were, how many a second, and what each cost of the processor in all these processes.
A burst is as long as takes about `SECONDS`, so that slow and fast ones take their share of a round.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import sys
import time
from typing import TYPE_CHECKING

from ..trees import cpu_of

if TYPE_CHECKING:
    from types import ModuleType

SECONDS = 3.0
MOST = {"nothing": 5_000, "true": 1_000}  # tasks in a burst
FIRST = 20  # tasks for which the workers may take their time to start
TRIAL = 60  # tasks that tell how long a burst may be


async def main(name: str, pids: list[int]) -> None:
    """Print what the bursts by this adapter have shown, as a line of JSON."""
    adapter = importlib.import_module(f"bench.peers.{name}")
    if hasattr(adapter, "connect"):
        await _done(adapter.connect())
    told = {}
    for kind, most in MOST.items():
        await _burst(adapter, kind, FIRST)
        begun = time.perf_counter()
        await _burst(adapter, kind, TRIAL)
        rate = TRIAL / (time.perf_counter() - begun)
        count = max(TRIAL, min(most, round(rate * SECONDS)))
        roots = [os.getpid(), *pids]
        used, begun = cpu_of(roots), time.perf_counter()
        await _burst(adapter, kind, count)
        seconds = time.perf_counter() - begun
        cpu = (cpu_of(roots) - used) / count
        told[kind] = {"count": count, "rate": count / seconds, "cpu": cpu}
    if hasattr(adapter, "close"):
        await _done(adapter.close())
    print(json.dumps(told), flush=True)
    # Some libraries wait at the exit for threads of theirs that have no end.
    os._exit(0)


async def _burst(adapter: ModuleType, kind: str, count: int) -> None:
    if hasattr(adapter, "burst"):
        await _done(adapter.burst(kind, count))
        return
    submitted = [await _done(adapter.submit(kind)) for _ in range(count)]
    for each in submitted:
        await _done(adapter.wait(each))


async def _done(result: object) -> object:
    return await result if inspect.iscoroutine(result) else result


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], [int(pid) for pid in sys.argv[2:]]))
