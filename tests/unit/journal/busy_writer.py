"""Writes lives of jobs into the journal named on its command line, and prints what is acknowledged."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.unit.journal.lives import ended, job, progress, queued, started

from taskrealm.journal import Entry, Journal

WRITERS = 16


async def main(folder: Path) -> None:
    journal = await Journal.open(folder, output_limit=1_000, on_commit=lambda events: None)
    await asyncio.gather(*(work(journal, f"user{number % 3}") for number in range(WRITERS)))


async def work(journal: Journal, owner: str) -> None:
    while True:
        life = job(owner)
        await record(journal, queued(life))
        await record(journal, started(life))
        await record(journal, progress(life, 0.5), ended(life, result=1))


async def record(journal: Journal, *entries: Entry) -> None:
    events = await journal.write(entries)
    # One line in one write: a line that was begun but not ended was not acknowledged.
    lines = "".join(json.dumps(event.as_dict()) + "\n" for event in events)
    sys.stdout.write(lines)
    sys.stdout.flush()


asyncio.run(main(Path(sys.argv[1])))
