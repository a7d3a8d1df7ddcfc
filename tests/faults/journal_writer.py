"""Writes jobs of 64 users at once into the journal named on its command line, and says how it went."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path

from tests.unit.journal.lives import job, queued

from taskrealm.journal import Journal

WRITERS = 64
EACH = 10


async def main(folder: Path) -> None:
    journal = await Journal.open(folder, output_limit=1_000, on_commit=lambda events: None)
    times: list[float] = []
    turns = 0

    async def work(owner: str) -> None:
        for _ in range(EACH):
            began = time.monotonic()
            await journal.write([queued(job(owner))])
            times.append(time.monotonic() - began)

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.005)
            turns += 1

    turning = asyncio.create_task(turn())
    await asyncio.gather(*(work(f"user{number}") for number in range(WRITERS)))
    turning.cancel()
    await journal.close()
    figures = {"written": len(times), "shortest": min(times), "turns": turns}
    figures["median"] = statistics.median(times)
    sys.stdout.write(json.dumps(figures))


asyncio.run(main(Path(sys.argv[1])))
