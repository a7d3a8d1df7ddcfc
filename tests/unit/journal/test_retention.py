"""What is forgotten leaves no trace and no hole, and what has not ended is never touched."""

from __future__ import annotations

import asyncio
import os
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskrealm.journal import Census, Entry, Journal, retention
from taskrealm.protocol.jobs import Delivery, Event, EventType, Job, State, timestamp

from .lives import ended, job, open_journal, progress, queued, started, write

if TYPE_CHECKING:
    from taskrealm.journal.retention import Gone

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def ended_at(of: Job, moment: datetime) -> Entry:
    end = ended(of, result=1)
    return replace(end, job=replace(end.job, ended_at=moment))


async def forget(journal: Journal, before: str = retention.EVER, limit: int = 100) -> int:
    return await journal.change(partial(retention.forget, before=before, limit=limit))


async def clear(journal: Journal) -> list[Gone]:
    """Remove what is left of forgotten jobs, to the end."""
    gone: list[Gone] = []
    while cleared := await journal.change(retention.clear):
        await journal.change(partial(retention.finish, gone=cleared))
        gone += cleared
    return gone


async def test_of_the_jobs_that_ended_those_go_first_that_ended_first(journal: Journal) -> None:
    late, early, between, running = job(), job(), job(), job()
    await write(journal, *(queued(each) for each in (late, early, between, running)))
    for number, each in enumerate((early, between, late)):
        await write(journal, ended_at(each, LONG_AGO + timedelta(days=number)))

    count = await forget(journal, timestamp(LONG_AGO + timedelta(days=2)))
    rest = await forget(journal, limit=1)

    assert (count, rest) == (2, 1)
    assert [each.job_id for each in await journal.jobs()] == [running.job_id]
    assert await journal.job(early.job_id) is None


async def test_a_stream_begins_behind_what_was_forgotten(journal: Journal) -> None:
    long, quick, other = job(), job(), job("bob")
    await write(journal, queued(long), queued(quick), started(long), queued(other))
    await write(journal, ended_at(quick, LONG_AGO), progress(long, 0.5))

    await forget(journal)
    await clear(journal)
    stream = await journal.stream("ann")

    assert (stream.first, stream.seq) == (5, 5)
    assert [event.seq for event in await journal.events("ann", since=4, limit=9)] == [5]
    assert [event.seq for event in await journal.job_events(long.job_id, since=0, limit=9)] == [
        1,
        3,
        5,
    ]
    assert (await journal.stream("bob")).first == 1


async def test_a_stream_of_which_nothing_is_left_counts_on(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    long, quick = job(), job()
    await write(journal, queued(long), queued(quick), ended_at(quick, LONG_AGO))
    await forget(journal)
    await clear(journal)
    await journal.close()

    journal = await open_journal(tmp_path)
    stream = await journal.stream("ann")
    [event] = await write(journal, started(long))
    await journal.close()

    # What is held of the unfinished job is older than what was forgotten.
    assert (stream.first, stream.seq, event.seq, event.job_seq) == (4, 3, 4, 2)


async def test_a_job_with_many_events_goes_in_steps_and_nobody_inherits_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "EVENTS_AT_ONCE", 10)
    journal = await open_journal(tmp_path)
    talkative = job()
    await write(journal, queued(talkative), *(progress(talkative, n / 35) for n in range(35)))
    await write(journal, ended_at(talkative, LONG_AGO))
    await forget(journal)
    first = await journal.change(retention.clear)
    await journal.close()

    journal = await open_journal(tmp_path)
    successor = job()
    await write(journal, queued(successor))
    steps = 1
    while not (gone := await journal.change(retention.clear)):
        steps += 1
        assert steps < 10
    events = await journal.job_events(successor.job_id, since=0, limit=99)
    await journal.close()

    assert first == []
    assert [each.job_id for each in gone] == [talkative.job_id]
    assert [event.type for event in events] == [EventType.QUEUED]


@pytest.mark.capability("N23")
async def test_the_file_shrinks_when_much_was_forgotten(journal: Journal, tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite"
    for _ in range(20):
        heavy = replace(job(), arguments={"text": "x" * 1_000_000})
        await write(journal, queued(heavy), ended_at(heavy, LONG_AGO))
    await journal.change(lambda connection: None)
    full = (await journal.pages()).count

    await forget(journal)
    await clear(journal)
    steps = 0
    while (await journal.pages()).is_hollow:
        await journal.change(retention.shrink)
        steps += 1
    pages = await journal.pages()
    await journal.close()

    assert 5 < steps <= full / retention.PAGES_AT_ONCE
    assert pages.count < full / 3
    assert file.stat().st_size == pages.count * pages.size


async def test_a_step_comes_behind_what_was_written_before_it(journal: Journal) -> None:
    first = journal.write([queued(job())])
    step = journal.change(
        lambda connection: connection.execute("select max(seq) from events").fetchone()
    )
    seen = asyncio.ensure_future(step)
    second = journal.write([queued(job())])

    assert await seen >= (1,)
    assert first.done()
    await second


def test_output_is_counted_part_by_part(tmp_path: Path) -> None:
    census = Census(tmp_path / "output")
    assert census.parts() == []
    old, new = "0" * 30 + "aa", "1" * 30 + "aa"
    folder = tmp_path / "output" / "aa"
    (folder / f"{old}.stdout.tail").mkdir(parents=True)
    (folder / f"{old}.stdout.tail" / "0123").write_bytes(b"x" * 10)
    (folder / f"{new}.stdout").write_bytes(b"x" * 100)
    os.utime(folder / f"{old}.stdout.tail" / "0123", (1_000, 1_000))

    found = [census.count(part, before=2_000) for part in census.parts()]

    assert (census.size, found) == (110, [{old}])
    census.deduct(new, 100)
    assert census.size == 10


async def test_an_early_file_learns_to_shrink(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    await write(journal, queued(job()))
    await journal.change(lambda connection: None)
    journal._database.writer.execute("pragma auto_vacuum = none")
    journal._database.writer.execute("vacuum")
    await journal.close()

    journal = await open_journal(tmp_path)
    (kind,) = journal._database.writer.execute("pragma auto_vacuum").fetchone()
    jobs = await journal.jobs()
    await journal.close()

    assert (kind, len(jobs)) == (2, 1)


JOBS = 6
STEPS = st.one_of(
    st.tuples(st.just("write"), st.integers(0, JOBS - 1)),
    st.tuples(st.just("end"), st.integers(0, JOBS - 1)),
    st.tuples(st.just("forget"), st.integers(1, 3)),
    st.tuples(st.sampled_from(["clear", "reopen"]), st.just(0)),
)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEPS, max_size=40))
def test_whatever_is_forgotten_streams_have_no_hole_and_unfinished_jobs_keep_all(
    steps: list[tuple[str, int]],
) -> None:
    jobs = [job(owner) for owner in ("ann", "ann", "ann", "bob", "bob")]
    jobs.append(job("bob", deliver=Delivery.NONE))
    told: list[Event] = []
    over: set[str] = set()

    async def live(folder: Path) -> None:
        journal = await open_journal(folder, on_commit=told.extend)
        for step, number in steps:
            if step in ("write", "end") and jobs[number].job_id not in over:
                of = jobs[number]
                await write(journal, progress(of, 0.5) if step == "write" else ended(of))
                if step == "end":
                    over.add(of.job_id)
            elif step == "forget":
                await forget(journal, limit=number)
            elif step == "clear":
                await clear(journal)
            elif step == "reopen":
                await journal.close()
                journal = await open_journal(folder, on_commit=told.extend)
            await check(journal)
        await journal.close()

    async def check(journal: Journal) -> None:
        for owner in ("ann", "bob"):
            stream = await journal.stream(owner)
            mine = [each for each in told if each.owner == owner and each.seq is not None]
            assert [each.seq for each in mine] == list(range(1, len(mine) + 1))
            assert stream.seq == len(mine)
            held = await journal.events(owner, since=stream.first - 1, limit=1_000)
            assert held == mine[stream.first - 1 :]
        for each in jobs:
            events = [event for event in told if event.job_id == each.job_id]
            found = await journal.job(each.job_id)
            if events and each.job_id not in over:
                assert found is not None
                assert found.state is State.RUNNING
            if found is not None:
                assert await journal.job_events(each.job_id, since=0, limit=1_000) == events

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(live(Path(folder, "journal")))


async def test_children_are_remembered_as_long_as_their_batch_has_not_ended(
    journal: Journal,
) -> None:
    batch = job()
    child = replace(job(), parent=batch.job_id)
    await write(journal, queued(batch), queued(child), ended(child))

    early = await forget(journal)
    await write(journal, ended(batch))
    late = await forget(journal)

    assert (early, late) == (0, 2)
