"""Output that a watcher sees: how soon the first of it, and 50 megabytes a second of it."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from typing import TYPE_CHECKING

from taskrealm.client import Client

from .figures import Figures, alone, p95
from .node import running_node, token_for, url_of
from .pages import joined_page
from .trees import cpu_of, node_of, parts_of

if TYPE_CHECKING:
    from taskrealm.client import Job

    from .pages import Page

FIRST = 30  # programs in one round whose first output is waited for
PAUSE = 0.3  # seconds that such a program waits before it prints, for somebody to watch it
RATE = 50_000_000  # bytes a second
SECONDS = 6

LINE = f"""
import time
time.sleep({PAUSE})
print(time.time_ns(), flush=True)
time.sleep({PAUSE})
"""

STEADY = f"""
import os, time
begun = time.monotonic()
for number in range(1, {SECONDS * 100 + 1}):
    data = b"x" * {RATE // 100 - 1} + b"\\n"
    while data:
        data = data[os.write(1, data):]
    time.sleep(max(0, begun + number / 100 - time.monotonic()))
"""

TASKS = f'''\
from __future__ import annotations

from taskrealm.tasks import CommandTask


class Line(CommandTask):
    """Print the time in nanoseconds as the first thing, after a while."""

    name = "line"
    command = ("python3", "-c", {LINE!r})


class Steady(CommandTask):
    """Print {RATE} bytes a second for {SECONDS} seconds."""

    name = "steady"
    command = ("python3", "-c", {STEADY!r})
'''

FIRST_OUTPUT = """async () => {
  const job = await client.exec("line")
  for await (const chunk of job.output({stream: "stdout"})) return [clock(), chunk.text]
}"""

FLOOD = """async () => {
  const job = await client.exec("steady")
  let place = 0, skipped = 0, begun = 0, latest = 0
  for await (const chunk of job.output({stream: "stdout"})) {
    latest = clock()
    begun ||= latest
    if (chunk.offset - (chunk.skipped ?? 0) !== place) throw new Error(`out of order at ${place}`)
    if (chunk.text.length !== chunk.next - chunk.offset) throw new Error(`not whole at ${place}`)
    place = chunk.next
    skipped += chunk.skipped ?? 0
  }
  return {received: place - skipped, skipped, seconds: (latest - begun) / 1000}
}"""


async def measure(rounds: int) -> Figures:
    """Bar 7; of a stream, a node keeps what it keeps unless it is set otherwise."""
    figures = Figures()
    with running_node(2, TASKS) as folder:
        url, token = url_of(folder), token_for(folder, "ana")
        parts = parts_of(node_of(folder.root))
        async with joined_page(folder, "bo") as page:
            for _ in range(rounds):
                found = await _first_output(page)
                before = {name: cpu_of([pid]) for name, pid in parts.items()}
                told = await _watched(url, token)
                for name in ("executor", "router"):
                    spent = cpu_of([parts[name]]) - before[name]
                    found[f"{name} for 1 MB to a watcher, ms"] = spent * 1e9 / told["received"]
                found |= {
                    "watcher for 1 MB, ms": told["spent"] * 1e9 / told["received"],
                    "output of the program, MB/s": told["printed"] / 1e6 / told["duration"],
                    "output to a watcher, MB/s": told["received"] / 1e6 / told["seconds"],
                    "output that no watcher gets, MB": told["skipped"] / 1e6,
                    "end to last output, ms": told["late"] * 1e3,
                }
                flood = await page.evaluate(FLOOD)
                found["output to a browser, MB/s"] = flood["received"] / 1e6 / flood["seconds"]
                found["output that no browser gets, MB"] = flood["skipped"] / 1e6
                figures.add(found)
    return figures


async def _first_output(page: Page) -> dict[str, float]:
    """How long the first output of programs takes to a page that watches them already."""
    found = []
    for _ in range(FIRST):
        heard, text = await page.evaluate(FIRST_OUTPUT)
        found.append(heard - int(text) / 1e6)
    return {
        "first output to browser, p50 ms": statistics.median(found),
        "first output to browser, p95 ms": p95(found),
    }


async def _watched(url: str, token: str) -> dict[str, float]:
    """What a client in a process of its own tells of a job that it has run and watched."""
    reader = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.output", "--watch", url, token, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await reader.communicate()
    found: dict[str, float] = json.loads(told)
    return found


async def _watch(url: str, token: str) -> None:
    """Run the program, take all its output as it comes, and print what that was like."""
    place = skipped = 0
    begun = latest = 0.0
    async with Client(url, token=token) as client:
        spent = time.process_time()
        job = await client.exec("steady")
        ended = asyncio.create_task(_end_of(job))
        async for chunk in job.output("stdout"):
            latest = time.perf_counter()
            begun = begun or latest
            if chunk.offset != place + chunk.skipped:
                raise RuntimeError(f"Out of order at {place}")
            if len(chunk.text) != chunk.next - chunk.offset:
                raise RuntimeError(f"Not whole at {place}")
            place = chunk.next
            skipped += chunk.skipped
        spent = time.process_time() - spent
        duration, end = await ended
    found = {
        "printed": place,
        "duration": duration,
        "received": place - skipped,
        "skipped": skipped,
        "seconds": latest - begun,
        "late": latest - end,
        "spent": spent,
    }
    print(json.dumps(found))


async def _end_of(job: Job) -> tuple[float, float]:
    """How long the job ran, and when its end was told."""
    async for event in job:
        if event.type.is_terminal:
            return event.data["duration"], time.perf_counter()
    raise RuntimeError("The job did not end")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--watch"]:
        asyncio.run(_watch(*sys.argv[2:]))
    else:
        alone(measure, 3)
