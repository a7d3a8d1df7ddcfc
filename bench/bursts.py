"""Programs in bursts: `true` with captured output, beside bare spawning of the same program."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from taskrealm.client import Client, Request

from .figures import Figures, alone
from .floor import run_durably, run_program
from .listening import run_asked, told_by_router
from .node import inner_session, running_node, token_for, url_of
from .spawning import spawn_by_asyncio, spawn_by_system_calls, use_pidfds
from .trees import cpu_of, node_of

if TYPE_CHECKING:
    from taskrealm.settings import NodeFolder

BURST = 1_000  # jobs in one burst
WARMTH = 200  # jobs before what is measured
SLOTS = (2, 8)


async def measure(rounds: int) -> Figures:
    """Bars 1 and 2: bare, by `exec_many` and by an `exec` each, in turn."""
    figures = Figures()
    async with contextlib.AsyncExitStack() as stack:
        nodes = {slots: stack.enter_context(running_node(slots)) for slots in SLOTS}
        use_pidfds()
        for folder in nodes.values():
            async with Client(url_of(folder), token=token_for(folder, "ana")) as client:
                await run_many(client, WARMTH)
        for _ in range(rounds):
            found: dict[str, float] = {}
            for slots, folder in nodes.items():
                found |= await _round(folder, slots)
            figures.add(found)
    return figures


async def run_many(client: Client, count: int, task: str = "true") -> float:
    """Seconds from one `exec_many` to the last terminal event."""
    begun = time.perf_counter()
    jobs = await client.exec_many([Request(task)] * count)
    await asyncio.gather(*(job.result() for job in jobs))
    return time.perf_counter() - begun


async def run_pipelined(client: Client, count: int, task: str = "true") -> float:
    """Seconds from the first of so many calls of `exec` to the last terminal event."""
    begun = time.perf_counter()
    jobs = await asyncio.gather(*(client.exec(task) for _ in range(count)))
    await asyncio.gather(*(job.result() for job in jobs))
    return time.perf_counter() - begun


async def _round(folder: NodeFolder, slots: int) -> dict[str, float]:
    asyncio_alone = await spawn_by_asyncio(slots, BURST)
    least = spawn_by_system_calls(slots, BURST)
    durable = await run_durably(slots, BURST, run_program)
    async with inner_session(folder) as session:
        listener = told_by_router(folder, session, BURST)
        told = await run_durably(slots, BURST, run_program, listener)
        asked = await run_asked(slots, BURST, run_program, folder, session)
    async with Client(url_of(folder), token=token_for(folder, "ana")) as client:
        node = node_of(folder.root)
        used = cpu_of([node])
        many = await run_many(client, BURST)
        used = cpu_of([node]) - used
        pipelined = await run_pipelined(client, BURST)
    return {
        f"exec_many / bare asyncio, {slots} slots": asyncio_alone / many,
        f"pipelined / bare asyncio, {slots} slots": asyncio_alone / pipelined,
        f"exec_many / system calls alone, {slots} slots": least / many,
        f"bare asyncio / system calls alone, {slots} slots": least / asyncio_alone,
        f"durable and nothing else / bare asyncio, {slots} slots": asyncio_alone / durable,
        f"durable, told by the router / bare asyncio, {slots} slots": asyncio_alone / told,
        f"durable, asked and told by the router / bare asyncio, {slots} slots": asyncio_alone
        / asked,
        f"exec_many, {slots} slots, jobs/s": BURST / many,
        f"pipelined, {slots} slots, jobs/s": BURST / pipelined,
        f"durable and nothing else, {slots} slots, programs/s": BURST / durable,
        f"durable, told by the router, {slots} slots, programs/s": BURST / told,
        f"durable, asked and told by the router, {slots} slots, programs/s": BURST / asked,
        f"bare asyncio, {slots} slots, programs/s": BURST / asyncio_alone,
        f"system calls alone, {slots} slots, programs/s": BURST / least,
        f"CPU of the node and its programs, {slots} slots, ms a job": used / BURST * 1e3,
    }


if __name__ == "__main__":
    alone(measure)
