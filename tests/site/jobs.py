"""What tests await of a job."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.site import SLOTS

from taskrealm.client import Request
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from taskrealm.client import Client, Job
    from taskrealm.protocol.jobs import Event

LIMIT = 60.0  # seconds that anything may take


async def events_of(job: Job) -> list[Event]:
    """All events of *job*, once it has ended."""
    async with asyncio.timeout(LIMIT):
        return [event async for event in job]


async def end_of(job: Job) -> Event:
    """The one terminal event of *job*, which is its last."""
    events = await events_of(job)
    assert [event.type.is_terminal for event in events].index(True) == len(events) - 1
    return events[-1]


async def until(job: Job, kind: EventType) -> Event:
    """The first event of *kind*."""
    async with asyncio.timeout(LIMIT):
        async for event in job:
            if event.type is kind:
                return event
    raise AssertionError(f"{job} ended without {kind}")


async def first_line(job: Job) -> str:
    """The first line that *job* prints, without its end."""
    text = ""
    async with asyncio.timeout(LIMIT):
        async for chunk in job.output("stdout"):
            text += chunk.text
            if "\n" in text:
                return text.partition("\n")[0]
    raise AssertionError(f"{job} printed no line")


async def words_of(job: Job) -> list[str]:
    """The words of the first line that *job* prints."""
    return (await first_line(job)).split()


async def occupy_slots(user: Client) -> list[Job]:
    """Jobs that hold every slot until they are cancelled."""
    jobs = await user.exec_many([Request("probe.nap", priority=1_000)] * SLOTS)
    for job in jobs:
        await until(job, EventType.STARTED)
    return jobs
