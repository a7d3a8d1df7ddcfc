"""The steps of a job reach the journal once and in order, however long that cannot be written."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from taskrealm.executor.record import Record
from taskrealm.journal import Entry, Journal, WriteRefused
from taskrealm.protocol.jobs import Event, EventType, Job, State, new_job_id, now

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 30.0  # seconds


async def test_what_was_held_up_is_written_once_and_in_order(tmp_path: Path) -> None:
    told: list[Event] = []
    journal = await Journal.open(tmp_path / "journal", output_limit=1, on_commit=told.extend)
    journal._database.writer.execute("pragma busy_timeout = 10")  # milliseconds
    job = Job(new_job_id(), "convert", "ann", "ann", "user", {}, now())
    await journal.write([Entry(job, EventType.QUEUED)])
    record = Record(journal, lambda: job)
    intruder = sqlite3.connect(tmp_path / "journal" / "journal.sqlite", isolation_level=None)
    intruder.execute("begin immediate")

    started = asyncio.ensure_future(record.add(Entry(job, EventType.STARTED)))
    hindrance = await asyncio.wait_for(record.tried(started), LIMIT)
    stopping = asyncio.ensure_future(record.add(Entry(job, EventType.STOPPING)))
    behind = await asyncio.wait_for(record.tried(stopping), LIMIT)
    end = Entry(replace(job, state=State.CANCELLED), EventType.CANCELLED)
    ended = asyncio.ensure_future(record.add(end))
    intruder.close()
    async with asyncio.timeout(LIMIT):
        await asyncio.gather(started, stopping, ended)
    passed = await record.tried(ended)
    with pytest.raises(WriteRefused, match="has cancelled"):
        await record.add(end)
    await journal.close()

    assert hindrance is not None
    assert "another program holds" in hindrance.sentence
    assert behind is not None
    assert passed is None
    assert [event.type for event in told] == ["queued", "started", "stopping", "cancelled"]
