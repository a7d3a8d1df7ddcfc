"""What was acknowledged is there after the process was killed."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from pathlib import Path

import pytest

from taskrealm.protocol.jobs import Event

from .lives import PATIENCE, open_journal

ROOT = Path(__file__).parents[3]
BUSY_WRITER = Path(__file__).with_name("busy_writer.py")
ROUNDS = 8


@pytest.mark.timeout(60)
async def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    acknowledged: list[Event] = []
    for _ in range(ROUNDS):
        acknowledged += await _events_until_killed(tmp_path, random.randint(1, 1_500))

        journal = await open_journal(tmp_path)
        held = {
            (event.owner, event.seq): event
            for owner in ("user0", "user1", "user2")
            for event in await journal.events(owner, since=0, limit=1_000_000)
        }
        streams = {owner: await journal.stream(owner) for owner, _ in held}
        for event in acknowledged:
            assert held[event.owner, event.seq] == event
        for owner, stream in streams.items():
            assert sum(whose == owner for whose, _ in held) == stream.seq
        for job in await journal.jobs(limit=200):
            events = await journal.job_events(job.job_id, since=0, limit=10)
            assert [event.job_seq for event in events] == list(range(1, len(events) + 1))
            assert job.state.is_terminal == events[-1].type.is_terminal
        await journal.close()
    assert len(acknowledged) > ROUNDS


async def _events_until_killed(folder: Path, lines: int) -> list[Event]:
    """Run a writer, kill it after it has acknowledged some *lines*, and give all of those."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        BUSY_WRITER,
        folder,
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    try:
        first = [await asyncio.wait_for(process.stdout.readline(), PATIENCE) for _ in range(lines)]
    finally:
        process.kill()
    rest = await asyncio.wait_for(process.stdout.read(), PATIENCE)
    await process.wait()
    return [
        Event.from_dict(json.loads(line))
        for line in [*first, *rest.splitlines(keepends=True)]
        if line.endswith(b"\n")
    ]
