"""What is measured, each beside what the same machine can do in the same minute."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import TYPE_CHECKING, Any

from taskrealm.client import Client, Request
from taskrealm.protocol import uris
from taskrealm.wire import join

from .node import ECHO, REALM

if TYPE_CHECKING:
    from taskrealm.wire import Session

CALLS = 200  # calls of each kind in one round
BURST = 1_000  # jobs in one burst


async def calls(url: str, token: str) -> dict[str, float]:
    """`exec` → `job_id` on an idle node, beside an echo through the same router: p50 and p95."""
    session = await join(url, realm=REALM, ticket=token)
    ended = asyncio.Event()

    def watch(events: list[dict[str, Any]]) -> None:
        if events[-1]["type"] == "succeeded":
            ended.set()

    await session.subscribe(uris.jobs_topic(session.authid), watch)
    echo, accept = [], []
    for _ in range(CALLS):
        echo.append(await _timed(session, ECHO, "true", [], {}))
        ended.clear()
        accept.append(await _timed(session, uris.EXEC, "true", [], {}))
        await ended.wait()
    await session.leave()
    return {
        "exec p50 / echo p50": statistics.median(accept) / statistics.median(echo),
        "exec p95 / echo p95": _p95(accept) / _p95(echo),
    }


async def bursts(url: str, token: str, slots: int) -> dict[str, float]:
    """1,000 jobs to their terminal events, beside bare spawning of the same program."""
    bare = await _bare_spawning(slots)
    async with Client(url, token=token) as client:
        many = await _run_many(client)
        pipelined = await _run_pipelined(client)
    return {
        f"exec_many, {slots} slots: jobs/s / bare spawns/s": bare / many,
        f"pipelined exec, {slots} slots: jobs/s / bare spawns/s": bare / pipelined,
    }


async def delays(url: str, token: str, inside: Session) -> dict[str, float]:
    """Process exit → terminal event, beside a bare publication → event: p50."""
    session = await join(url, realm=REALM, ticket=token)
    topic = uris.jobs_topic(session.authid)
    arrived: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
    await session.subscribe(topic, lambda events: arrived.put_nowait((time.time_ns(), events)))
    exits, bare = [], []
    for _ in range(CALLS):
        inside.publish(topic, [{"type": "bare", "at": time.time_ns()}])
        moment, [event] = await arrived.get()
        bare.append(moment - event["at"])
        await session.call(uris.EXEC, "stamp")
        while event["type"] != "succeeded":
            moment, [*_, event] = await arrived.get()
        exits.append(moment - int(event["result"]))
    await session.leave()
    return {
        "exit → event p50 / publish → event p50": statistics.median(exits)
        / statistics.median(bare),
        "exit → event minus publish → event, p50 ms": (
            statistics.median(exits) - statistics.median(bare)
        )
        / 1e6,
    }


async def _timed(session: Session, uri: str, *args: Any) -> float:
    begun = time.perf_counter()
    await session.call(uri, *args)
    return time.perf_counter() - begun


async def _bare_spawning(slots: int) -> float:
    """Seconds for a burst of `true` with captured output, spawned by asyncio alone."""
    left = iter(range(BURST))

    async def worker() -> None:
        for _ in left:
            process = await asyncio.create_subprocess_exec(
                "true",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            await process.communicate()

    begun = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(slots)))
    return time.perf_counter() - begun


async def _run_many(client: Client) -> float:
    begun = time.perf_counter()
    jobs = await client.exec_many([Request("true")] * BURST)
    await asyncio.gather(*(job.result() for job in jobs))
    return time.perf_counter() - begun


async def _run_pipelined(client: Client) -> float:
    begun = time.perf_counter()
    jobs = await asyncio.gather(*(client.exec("true") for _ in range(BURST)))
    await asyncio.gather(*(job.result() for job in jobs))
    return time.perf_counter() - begun


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]
