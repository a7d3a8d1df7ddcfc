"""The bare parts: a pool of processes for functions, asyncio's own spawning for programs."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from ..spawning import spawn_by_asyncio, use_pidfds
from . import work

SLOTS = int(os.environ["SLOTS"])

pool = ProcessPoolExecutor(SLOTS, mp_context=get_context("forkserver"))


async def connect() -> None:
    use_pidfds()


async def burst(kind: str, count: int) -> None:
    if kind == "true":
        await spawn_by_asyncio(SLOTS, count)
    else:
        for each in [pool.submit(work.nothing) for _ in range(count)]:
            each.result()


def close() -> None:
    pool.shutdown()
