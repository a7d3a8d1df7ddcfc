"""1,000 subscribers of one user while a job tells its progress, beside bare Crossbar."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any

from taskrealm.protocol import uris
from taskrealm.wire import join

from .bare import bare_router
from .figures import Figures, alone, p95
from .node import REALM, SETTINGS, running_node, token_for, url_of
from .node import TASKS as NODE_TASKS
from .trees import cpu_of, node_of, parts_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from taskrealm.wire import Session

SUBSCRIBERS = 1_000
PROGRAMS = 2  # in which they are
AT_ONCE = 10  # of them join at the same time
SECONDS = 8  # that the job lasts
PAUSE = 0.05  # seconds between two calls of another user
LOOK = 0.1  # seconds between two questions what all have heard
PATIENCE = 300.0  # seconds until all subscribers have what was published

STEPS = f"""
import time
from taskrealm.tasks import report
for step in range({SECONDS * 50}):
    report.progress(step / {SECONDS * 50}, f"step {{step}}")
    time.sleep(0.02)
"""

TASKS = f'''\
{NODE_TASKS}

class Steps(CommandTask):
    """Tell progress, more often than is told of it, for {SECONDS} seconds."""

    name = "steps"
    command = ({sys.executable!r}, "-c", {STEPS!r})
'''

OPEN = SETTINGS.replace("[executor]", f"connections_per_address = {2 * SUBSCRIBERS}\n\n[executor]")
TOPIC = uris.jobs_topic("ana")


class Crowd:
    """Subscribers in programs of their own."""

    def __init__(self, programs: list[asyncio.subprocess.Process]) -> None:
        self._programs = programs

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, url: str, ticket: str = "", count: int = SUBSCRIBERS) -> AsyncIterator[Crowd]:
        """So many of them, an even number, once they are subscribed to the events of ana."""
        words = ("--subscribe", url, ticket, str(count // PROGRAMS))
        programs = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bench.fanout", *words),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            for _ in range(PROGRAMS)
        ]
        crowd = cls(programs)
        try:
            await crowd.heard()
            yield crowd
        finally:
            for program in programs:
                program.terminate()
                await program.wait()

    async def heard(self) -> int:
        """How many events they all have heard since they were last asked."""
        count = 0
        for program in self._programs:
            assert program.stdin is not None
            assert program.stdout is not None
            program.stdin.write(b"\n")
            count += int(await program.stdout.readline())
        return count

    async def until_heard(self, expected: int) -> None:
        """Wait until they all have heard so many events since they were last asked."""
        heard = 0
        async with asyncio.timeout(PATIENCE):
            while heard < expected:
                heard += await self.heard()
                # They need the processor themselves.
                await asyncio.sleep(LOOK)


async def measure(rounds: int) -> Figures:
    """Bar 10: processor time of the router for each event that a subscriber gets."""
    figures = Figures()
    with running_node(2, TASKS, OPEN) as folder:
        router = parts_of(node_of(folder.root))["router"]
        ana = await join(url_of(folder), realm=REALM, ticket=token_for(folder, "ana"))
        bo = await join(url_of(folder), realm=REALM, ticket=token_for(folder, "bo"))
        idle = await _calls(bo, _slept())
        async with (
            bare_router() as bare,
            Crowd.of(url_of(folder), token_for(folder, "ana")) as ours,
            Crowd.of(bare.url) as theirs,
        ):
            publisher = await join(bare.socket, realm=REALM)
            for _ in range(rounds):
                before = cpu_of([router])
                told = await _told(ana)
                events, sent = sum(map(len, told)), len(told) * SUBSCRIBERS
                await ours.until_heard(events * SUBSCRIBERS)
                ours_each = (cpu_of([router]) - before) / sent
                before = cpu_of([bare.router])
                for each in told:
                    publisher.publish(TOPIC, each)
                    await asyncio.sleep(SECONDS / len(told))
                await theirs.until_heard(events * SUBSCRIBERS)
                theirs_each = (cpu_of([bare.router]) - before) / sent
                beside = await _calls(bo, _told(ana))
                await ours.heard()
                figures.add(
                    {
                        "fan-out to 1,000 / bare": ours_each / theirs_each,
                        "router for an event to one subscriber, µs": ours_each * 1e6,
                        "bare Crossbar for the same, µs": theirs_each * 1e6,
                        "exec beside fan-out / idle, p95": p95(beside) / p95(idle),
                        "exec beside fan-out, p95 ms": p95(beside),
                        "exec idle, p95 ms": p95(idle),
                    }
                )
            await publisher.leave()
        await ana.leave()
        await bo.leave()
    return figures


async def _told(session: Session) -> list[list[dict[str, Any]]]:
    """Run the job, and give every publication about it."""
    told: list[list[dict[str, Any]]] = []
    ended = asyncio.Event()

    def hear(events: list[dict[str, Any]]) -> None:
        told.append(events)
        if events[-1]["type"] == "succeeded":
            ended.set()

    subscription = await session.subscribe(TOPIC, hear)
    await session.call(uris.EXEC, "steps")
    await ended.wait()
    await subscription.cancel()
    return told


async def _slept() -> None:
    await asyncio.sleep(SECONDS)


async def _calls(session: Session, meanwhile: Any) -> list[float]:
    """Milliseconds that each `exec` takes, one after the other, until *meanwhile* is over."""
    times = []
    over = asyncio.ensure_future(meanwhile)
    while not over.done():
        begun = time.perf_counter()
        await session.call(uris.EXEC, "true")
        times.append((time.perf_counter() - begun) * 1e3)
        await asyncio.sleep(PAUSE)
    await over
    return times


async def _subscribe(url: str, ticket: str, count: str) -> None:
    """Be so many of the subscribers; on every line of input, print how much was heard."""
    heard = 0

    def hear(events: list[object]) -> None:
        nonlocal heard
        heard += len(events)

    turns = asyncio.Semaphore(AT_ONCE)

    async def subscribe() -> Session:
        async with turns:
            session = await join(url, realm=REALM, ticket=ticket or None)
            await session.subscribe(TOPIC, hear)
            return session

    sessions = await asyncio.gather(*(subscribe() for _ in range(int(count))))
    while await asyncio.to_thread(sys.stdin.readline):
        print(heard, flush=True)
        heard = 0
    assert sessions


if __name__ == "__main__":
    if sys.argv[1:2] == ["--subscribe"]:
        asyncio.run(_subscribe(*sys.argv[2:]))
    else:
        alone(measure, 3)
