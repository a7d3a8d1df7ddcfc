"""Events are numbered without holes."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskrealm.journal import Entry, Journal, JournalError, WriteRefused
from taskrealm.protocol.jobs import Delivery, Event, EventType, Job, State

from .lives import ended, job, open_journal, progress, queued, started, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


async def test_each_owner_and_each_job_is_counted_from_one(journal: Journal) -> None:
    first, second, other = job("ann"), job("ann"), job("bob")

    events = await write(
        journal, queued(first), queued(second), queued(other), started(second), started(first)
    )

    assert [(event.owner, event.seq, event.job_seq) for event in events] == [
        ("ann", 1, 1),
        ("ann", 2, 1),
        ("bob", 1, 1),
        ("ann", 3, 2),
        ("ann", 4, 2),
    ]


async def test_counting_goes_on_after_reopening(tmp_path: Path) -> None:
    long = job()
    journal = await open_journal(tmp_path)
    [before] = await write(journal, queued(long))
    await journal.close()

    journal = await open_journal(tmp_path)
    [after] = await write(journal, started(long))
    stream = await journal.stream("ann")
    await journal.close()

    assert (after.epoch, after.seq, after.job_seq) == (before.epoch, 2, 2)
    assert (stream.epoch, stream.first, stream.seq) == (before.epoch, 1, 2)


@pytest.mark.parametrize("deliver", [Delivery.SESSION, Delivery.NONE])
async def test_what_is_not_delivered_to_the_user_takes_no_place_in_the_stream(
    journal: Journal, deliver: Delivery
) -> None:
    private = job(deliver=deliver)

    events = await write(journal, queued(private), queued(job()), started(private))

    assert [(event.epoch is None, event.seq, event.job_seq) for event in events] == [
        (True, None, 1),
        (False, 1, 1),
        (True, None, 2),
    ]


async def test_a_refused_write_takes_no_numbers(journal: Journal) -> None:
    running = job()
    await write(journal, queued(running))
    endless = Entry(running, EventType.MESSAGE, {"data": float("inf")})

    with pytest.raises(WriteRefused):
        await write(journal, queued(job()), started(running), endless)
    events = await write(journal, started(running), queued(job("bob")))

    assert [(event.seq, event.job_seq) for event in events] == [(2, 2), (1, 1)]


async def test_a_write_that_fails_on_a_full_disk_takes_no_numbers(
    journal: Journal, file_limit: Callable[[int], AbstractContextManager[None]]
) -> None:
    running = job()
    await write(journal, queued(running))

    with file_limit(4_096), pytest.raises(JournalError, match=r"Look at its disk|Free some space"):
        await write(journal, started(running), queued(job("bob")))
    events = await write(journal, started(running), queued(job("bob")))

    assert [(event.seq, event.job_seq) for event in events] == [(2, 2), (1, 1)]


JOBS = 4
STEPS = st.one_of(
    st.tuples(st.just("write"), st.lists(st.integers(0, JOBS - 1), min_size=1, max_size=4)),
    st.tuples(st.just("end"), st.lists(st.integers(0, JOBS - 1), min_size=1, max_size=2)),
    st.tuples(st.just("refused"), st.lists(st.integers(0, JOBS - 1), min_size=1, max_size=3)),
    st.tuples(st.sampled_from(["wait", "reopen"]), st.just([])),
)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEPS, max_size=25))
def test_whatever_is_written_told_and_read_is_the_same_without_holes(
    steps: list[tuple[str, list[int]]],
) -> None:
    jobs = [job("ann"), job("ann"), job("bob"), job("bob", deliver=Delivery.NONE)]
    told: list[Event] = []

    async def live(folder: Path) -> dict[str, list[Event]]:
        journal = await open_journal(folder, on_commit=told.extend)
        waiting: list[asyncio.Future[list[Event]]] = []
        for step, numbers in steps:
            if step in ("write", "end", "refused"):
                waiting.append(journal.write([_entry(jobs[n], step) for n in numbers]))
            else:
                await asyncio.gather(*waiting, return_exceptions=True)
            if step == "reopen":
                await journal.close()
                journal = await open_journal(folder, on_commit=told.extend)
        await asyncio.gather(*waiting, return_exceptions=True)
        read = {
            "ann": await journal.events("ann", since=0, limit=1_000),
            "bob": await journal.events("bob", since=0, limit=1_000),
        }
        for each in jobs:
            read[each.job_id] = await journal.job_events(each.job_id, since=0, limit=1_000)
        await journal.close()
        return read

    with tempfile.TemporaryDirectory() as folder:
        read = asyncio.run(live(Path(folder)))

    for owner in ("ann", "bob"):
        stream = [event for event in told if event.owner == owner and event.seq is not None]
        assert read[owner] == stream
        assert [event.seq for event in stream] == list(range(1, len(stream) + 1))
    for each in jobs:
        events = [event for event in told if event.job_id == each.job_id]
        assert read[each.job_id] == events
        assert [event.job_seq for event in events] == list(range(1, len(events) + 1))
        assert not any(event.type.is_terminal for event in events[:-1])


def _entry(job: Job, step: str) -> Entry:
    if step == "end":
        return ended(job, State.FAILED, exit_code=1)
    return progress(job, 0.5 if step == "write" else float("nan"))
