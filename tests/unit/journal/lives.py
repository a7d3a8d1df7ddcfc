"""Jobs to write into a journal, and the entries of their lives."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from taskrealm.journal import Entry, Journal, UploadLimits
from taskrealm.protocol.jobs import Delivery, Event, EventType, Job, State, new_job_id, now

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIMITS = UploadLimits(size=1_000_000, total=10**12, count=10**6, lifetime=600, patience=600)
PATIENCE = 30.0  # seconds after which a test gives up waiting


async def open_journal(
    folder: Path, *, on_commit: Callable[[list[Event]], None] = lambda events: None
) -> Journal:
    return await Journal.open(folder, output_limit=1_000, on_commit=on_commit)


def job(owner: str = "ann", task: str = "convert", deliver: Delivery = Delivery.USER) -> Job:
    return Job(
        job_id=new_job_id(),
        task=task,
        owner=owner,
        submitted_by="shop",
        role="backend",
        arguments={"source": "film.mov", "quality": 5},
        submitted_at=now(),
        teams=("editors", "press"),
        timeout=60.0,
        tags=("nightly",),
        deliver=deliver,
        session=4711,
    )


def queued(job: Job) -> Entry:
    return Entry(job, EventType.QUEUED, {"position": 1})


def started(job: Job) -> Entry:
    running = replace(job, state=State.RUNNING, attempt=1, started_at=now())
    return Entry(running, EventType.STARTED)


def progress(job: Job, fraction: float) -> Entry:
    running = replace(job, state=State.RUNNING, attempt=1, progress={"fraction": fraction})
    return Entry(running, EventType.PROGRESS, {"fraction": fraction})


def ended(job: Job, state: State = State.SUCCEEDED, **outcome: Any) -> Entry:
    final = replace(job, state=state, attempt=1, ended_at=now(), outcome=outcome)
    return Entry(final, EventType(state), outcome)


async def write(journal: Journal, *entries: Entry) -> list[Event]:
    return await asyncio.wait_for(journal.write(entries), PATIENCE)
