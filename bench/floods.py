"""
What programs that print without end cost everybody else: memory of the executor, and time.

Prints, for each flood, how far the executor's memory rose above what it was at rest, and
how long another user's `exec` took beside what it took at rest in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from taskrealm.client import Client
from taskrealm.protocol import uris
from taskrealm.wire import join

from .node import REALM, running_node, token_for, url_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from taskrealm.settings import NodeFolder

READERS = 8  # clients that watch one flood at the same time
SAMPLE = 0.05  # seconds between two looks at the memory, and two calls
GIGABYTE = 1 << 30

STEADY = """
import os, time
begun = time.monotonic()
for number in range(1, 1_001):
    data = b"x" * 499_999 + b"\\n"
    while data:
        data = data[os.write(1, data):]
    time.sleep(max(0, begun + number / 100 - time.monotonic()))
"""

TASKS = f'''\
from __future__ import annotations

from taskrealm.tasks import CommandTask


class Nothing(CommandTask):
    """Do nothing, successfully."""

    name = "true"
    command = ("true",)


class Yes(CommandTask):
    """Print the same line at full speed."""

    name = "yes"
    command = ("yes",)


class Steady(CommandTask):
    """Print 50 megabytes a second for ten seconds."""

    name = "steady"
    command = ("python3", "-c", {STEADY!r})


class Line(CommandTask):
    """Print one line of a gigabyte."""

    name = "line"
    command = ("sh", "-c", "head -c {GIGABYTE} /dev/zero | tr '\\\\0' x")


class Lines(CommandTask):
    """Print a gigabyte of lines."""

    name = "lines"
    command = ("sh", "-c", "yes 'a line as a program might print it' | head -c {GIGABYTE}")
'''


@dataclass(slots=True)
class Figures:
    """What was seen in one phase: seconds that calls took, and bytes of memory."""

    calls: list[float] = field(default_factory=list)
    memory: int = 0
    seconds: float = 0.0
    received: int = 0
    skipped: int = 0

    def quantile(self, share: float) -> float:
        return statistics.quantiles(self.calls, n=1_000)[round(share * 1_000) - 1] * 1e3


@contextlib.asynccontextmanager
async def observed(folder: NodeFolder) -> AsyncIterator[Figures]:
    """The figures of the time within: another user calls `exec`, and memory is looked at."""
    figures = Figures()
    pid = _executor_of(folder)
    session = await join(url_of(folder), realm=REALM, ticket=token_for(folder, "bo"))
    ended = asyncio.Event()
    await session.subscribe(
        uris.jobs_topic("bo"), lambda events: ended.set() if _is_end(events) else None
    )

    async def call() -> None:
        while True:
            ended.clear()
            begun = time.perf_counter()
            await session.call(uris.EXEC, "true", [], {})
            figures.calls.append(time.perf_counter() - begun)
            await ended.wait()
            await asyncio.sleep(SAMPLE)

    async def look() -> None:
        while True:
            figures.memory = max(figures.memory, _memory_of(pid))
            await asyncio.sleep(SAMPLE)

    begun = time.perf_counter()
    tasks = [asyncio.create_task(call()), asyncio.create_task(look())]
    try:
        yield figures
    finally:
        figures.seconds = time.perf_counter() - begun
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if not isinstance(outcome, asyncio.CancelledError):
                raise RuntimeError("Observing failed") from outcome
        await session.leave()


async def read(url: str, token: str, job_id: str) -> None:
    """Read all output of a job as it comes, and print how much came and how much did not."""
    received = skipped = 0
    async with Client(url, token=token) as client:
        async for chunk in client.job(job_id).output("stdout"):
            received += chunk.next - chunk.offset
            skipped += chunk.skipped
    print(received, skipped)


async def flood(
    folder: NodeFolder, client: Client, task: str, *, seconds: float | None, readers: int
) -> Figures:
    """One flood, cut off after *seconds* unless it ends by itself, read by so many clients."""
    async with observed(folder) as figures:
        job = await client.exec(task)
        # In processes of their own: what they do must not delay what is measured here.
        words = ("--read", url_of(folder), token_for(folder, "ana"), job.job_id)
        reading = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bench.floods", *words, stdout=asyncio.subprocess.PIPE
            )
            for _ in range(readers)
        ]
        if seconds is not None:
            await asyncio.sleep(seconds)
            await job.cancel(now=True)
        async for _ in job:
            pass
        for each in reading:
            printed, _ = await each.communicate()
            received, skipped = map(int, printed.split())
            figures.received += received
            figures.skipped += skipped
    return figures


def report(name: str, figures: Figures, rest: Figures) -> None:
    """One line of the table."""
    p50, p95, p99 = (figures.quantile(share) for share in (0.5, 0.95, 0.99))
    print(
        f"{name:24} {(figures.memory - rest.memory) / (1 << 20):8.1f}"
        f" {p50:8.1f} {p95:8.1f} {p99:8.1f} {p95 / rest.quantile(0.95):8.2f}"
        f" {figures.seconds:8.1f} {figures.received / 1e6:9.1f} {figures.skipped / 1e6:9.1f}",
        flush=True,
    )


async def measure(seconds: float) -> None:
    """Rest, then every flood, unwatched and watched."""
    with running_node(2, TASKS) as folder:
        async with Client(url_of(folder), token=token_for(folder, "ana")) as client:
            async with observed(folder):
                await asyncio.sleep(3)  # the first jobs are slower
            async with observed(folder) as rest:
                await asyncio.sleep(max(10.0, seconds / 4))
            print(
                f"{'':24} {'MiB more':>8} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8} {'p95 / rest':>8}"
                f" {'seconds':>6} {'MB read':>9} {'MB not':>9}"
            )
            report("at rest", rest, rest)
            for task, limit, readers in (
                ("yes", seconds, 0),
                ("yes", seconds, 1),
                ("yes", seconds / 4, READERS),
                ("line", None, 0),
                ("line", None, 1),
                ("lines", None, 0),
                ("lines", None, 1),
                ("steady", None, 1),
            ):
                found = await flood(folder, client, task, seconds=limit, readers=readers)
                report(f"{task}, {readers} watching", found, rest)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.floods", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--read", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    asyncio.run(read(*chosen.read) if chosen.read else measure(chosen.seconds))


def _is_end(events: list[dict[str, object]]) -> bool:
    return any(event["type"] == "succeeded" for event in events)


def _executor_of(folder: NodeFolder) -> int:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = process.joinpath("cmdline").read_bytes()
            here = process.joinpath("cwd").resolve() == folder.root.resolve()
            if here and b"components/executor.py" in words:
                return int(process.name)
    raise RuntimeError("There is no executor")


def _memory_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/statm").read_text().split()
    return int(status[1]) * 4_096


if __name__ == "__main__":
    main()
