"""Writes are atomic, ordered, durable, and do not disturb one another."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.journal import Entry, Journal, JournalError, WriteRefused
from taskrealm.protocol.jobs import TERMINAL, Event, EventType, State, new_job_id, now

from .lives import PATIENCE, ended, job, open_journal, progress, queued, started, write

if TYPE_CHECKING:
    from pathlib import Path

PAGE = 4_096 + 24  # bytes of a page in the write-ahead log


async def test_a_job_is_read_as_it_was_written(journal: Journal) -> None:
    convert = replace(
        job(),
        retries=3,
        key="order 7",
        fingerprint="f",
        delay=1.5,
        not_before=now(),
        retry_at=now(),
        sealed="c2VhbGVk",
    )
    running = replace(started(convert).job, progress={"fraction": 0.5}, cancel={"by": "ann"})

    await write(journal, queued(convert))
    before = await journal.job(convert.job_id)
    await write(journal, Entry(running, EventType.STARTED))
    during = await journal.job(convert.job_id)
    final = ended(running, result={"pages": [1, 2]})
    await write(journal, final)

    assert before == convert
    assert during == running
    # Nobody needs its secrets any more.
    assert await journal.job(convert.job_id) == replace(final.job, sealed=None)


async def test_events_are_read_as_they_were_returned(journal: Journal) -> None:
    convert = job()

    written = await write(journal, queued(convert), started(convert), ended(convert, result=7))

    assert await journal.events("ann", since=0, limit=10) == written
    assert await journal.job_events(convert.job_id, since=0, limit=10) == written


async def test_an_entry_without_an_event_changes_the_job_alone(journal: Journal) -> None:
    convert = job()
    await write(journal, queued(convert))

    events = await write(journal, Entry(replace(convert, priority=7), None))

    assert events == []
    assert (await journal.job(convert.job_id)).priority == 7
    assert (await journal.stream("ann")).seq == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param({"data": float("nan")}, "message event is not JSON", id="not a number"),
        pytest.param({"data": object()}, "message event is not JSON", id="a Python object"),
        pytest.param({"data": b"bytes"}, "message event is not JSON", id="bytes"),
    ],
)
async def test_of_a_write_everything_is_there_or_nothing(
    journal: Journal, data: dict[str, Any], reason: str
) -> None:
    first, second = job(), job()

    with pytest.raises(WriteRefused, match=reason):
        await write(journal, queued(first), queued(second), Entry(second, EventType.MESSAGE, data))

    assert await journal.jobs() == []
    assert await journal.events("ann", since=0, limit=10) == []


async def test_a_bad_write_does_not_take_along_those_that_wait_with_it(journal: Journal) -> None:
    writes = [journal.write([queued(job())]) for _ in range(3)]
    endless = journal.write([queued(replace(job(), arguments={"n": float("inf")}))])
    unspeakable = journal.write([queued(job(owner="\ud800"))])
    writes += [journal.write([queued(job())]) for _ in range(3)]

    done = await asyncio.wait_for(asyncio.gather(*writes), PATIENCE)
    with pytest.raises(WriteRefused, match="request is not JSON"):
        await endless
    with pytest.raises(JournalError, match="cannot be written"):
        await unspeakable

    assert [event.seq for events in done for event in events] == [1, 2, 3, 4, 5, 6]


async def test_waiters_learn_of_a_commit_after_on_commit_and_in_order(tmp_path: Path) -> None:
    story: list[str] = []

    def on_commit(events: list[Event]) -> None:
        story.extend(f"commit {event.seq}" for event in events)

    async def wait(future: asyncio.Future[list[Event]]) -> None:
        story.extend(f"waiter {event.seq}" for event in await future)

    journal = await open_journal(tmp_path, on_commit=on_commit)
    await asyncio.gather(*(wait(journal.write([queued(job())])) for _ in range(100)))
    await journal.close()

    commits = [line for line in story if line.startswith("commit")]
    waiters = [line for line in story if line.startswith("waiter")]
    assert commits == [f"commit {n}" for n in range(1, 101)]
    assert waiters == [f"waiter {n}" for n in range(1, 101)]
    assert all(story.index(f"commit {n}") < story.index(f"waiter {n}") for n in range(1, 101))


async def test_a_waiter_that_gives_up_disturbs_nobody(journal: Journal) -> None:
    impatient = job()
    gives_up = journal.write([queued(impatient)])
    stays = journal.write([queued(job())])
    gives_up.cancel()

    [event] = await asyncio.wait_for(stays, PATIENCE)

    assert event.seq == 2
    assert await journal.job(impatient.job_id) == impatient


async def test_an_error_in_on_commit_is_reported_and_holds_nobody_up(tmp_path: Path) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, what: reported.append(what))

    def on_commit(events: list[Event]) -> None:
        raise LookupError("nobody listens")

    journal = await open_journal(tmp_path, on_commit=on_commit)
    [event] = await write(journal, queued(job()))
    await journal.close()

    assert event.seq == 1
    assert [str(what["exception"]) for what in reported] == ["nobody listens"]


async def test_what_one_turn_of_the_loop_and_the_next_one_write_is_committed_together(
    tmp_path: Path,
) -> None:
    commits: list[list[EventType]] = []

    def on_commit(events: list[Event]) -> None:
        commits.append([event.type for event in events])

    journal = await open_journal(tmp_path, on_commit=on_commit)
    first, second = job(), job()
    await write(journal, queued(first), queued(second), started(first))

    async def start_next() -> None:
        # Whatever the thread has been given by now it has the time to commit alone.
        time.sleep(0.05)
        await write(journal, started(second))

    # As the executor does: the slot is given away just before the end is written.
    start = asyncio.create_task(start_next())
    end = journal.write([ended(first)])
    await asyncio.gather(end, start)
    await journal.close()

    assert commits[1:] == [[EventType.SUCCEEDED, EventType.STARTED]]


async def test_closing_commits_what_waits(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    writes = [journal.write([queued(job())]) for _ in range(2_000)]

    await journal.close()

    assert all(write.done() for write in writes)
    journal = await open_journal(tmp_path)
    assert (await journal.stream("ann")).seq == 2_000
    await journal.close()


async def test_a_closed_journal_says_so(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    await journal.close()
    await journal.close()

    with pytest.raises(JournalError, match="is closed"):
        await write(journal, queued(job()))
    with pytest.raises(JournalError, match="is closed"):
        await journal.jobs()


async def test_lone_surrogates_survive(journal: Journal) -> None:
    odd = replace(job(), arguments={"name": "\ud83d"}, tags=("\udc00",))

    await write(journal, queued(odd), Entry(odd, EventType.MESSAGE, {"text": "\udfff"}))

    assert await journal.job(odd.job_id) == odd
    assert (await journal.events("ann", since=1, limit=1))[0].data == {"text": "\udfff"}
    assert await journal.job("\ud800") is None


async def test_a_change_of_state_does_not_copy_the_arguments(
    journal: Journal, tmp_path: Path
) -> None:
    heavy = replace(job(), arguments={"text": "x" * 100_000})
    await write(journal, queued(heavy))
    size = (tmp_path / "journal.sqlite-wal").stat().st_size

    for number in range(5):
        await write(journal, progress(heavy, number / 5))

    assert (tmp_path / "journal.sqlite-wal").stat().st_size - size < 200_000


async def test_the_end_of_a_job_and_the_start_of_the_next_change_few_pages(
    journal: Journal, tmp_path: Path
) -> None:
    crowd = [job() for _ in range(200)]
    await write(journal, *map(queued, crowd))
    log = tmp_path / "journal.sqlite-wal"
    size = log.stat().st_size

    for one, another in pairwise(crowd[:51]):
        await write(journal, ended(one, exit_code=0, duration=1.5), started(another))

    assert (log.stat().st_size - size) / 50 < 7 * PAGE


async def test_a_backup_that_holds_the_file_does_not_fail_a_write(
    journal: Journal, tmp_path: Path
) -> None:
    await write(journal, queued(job()))
    backup = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
    backup.execute("begin")
    backup.execute("select count(*) from jobs").fetchone()

    events = await write(journal, queued(job()))
    backup.close()

    assert [event.seq for event in events] == [2]


async def test_a_lock_that_is_not_released_fails_all_that_wait_at_once(
    journal: Journal, tmp_path: Path
) -> None:
    journal._database.writer.execute("pragma busy_timeout = 100")  # milliseconds
    intruder = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
    intruder.execute("begin immediate")

    writes = [journal.write([queued(job())]) for _ in range(200)]
    answers = await asyncio.wait_for(asyncio.gather(*writes, return_exceptions=True), PATIENCE)
    intruder.close()
    [event] = await write(journal, queued(job()))

    assert {type(answer) for answer in answers} == {JournalError}
    assert "Another program holds a lock" in str(answers[0])
    assert event.seq == 1


@pytest.mark.parametrize("state", sorted(TERMINAL))
async def test_after_its_terminal_event_a_job_has_no_more(journal: Journal, state: State) -> None:
    convert = job()
    await write(journal, queued(convert), ended(convert, state))

    for entry in (
        progress(convert, 0.5),
        ended(convert, state),
        ended(convert, State.LOST),
        Entry(ended(convert, state).job, EventType.MESSAGE, {"text": "still here"}),
    ):
        with pytest.raises(WriteRefused, match=f"has {state}"):
            await write(journal, entry)

    events = await journal.job_events(convert.job_id, since=0, limit=10)
    assert [event.type for event in events] == [EventType.QUEUED, state]


async def test_an_ended_job_never_goes_back(journal: Journal) -> None:
    convert = job()
    end = ended(convert, State.CANCELLED)
    await write(journal, queued(convert), end)

    for state in (State.RUNNING, State.SUCCEEDED):
        with pytest.raises(WriteRefused, match="has cancelled"):
            await write(journal, Entry(replace(convert, state=state), None))
    await write(journal, Entry(replace(end.job, progress={"fraction": 1.0}), None))

    assert (await journal.job(convert.job_id)).state is State.CANCELLED


@pytest.mark.parametrize(
    ("state", "event_type"),
    [
        pytest.param(State.FAILED, None, id="no event"),
        pytest.param(State.FAILED, EventType.PROGRESS, id="not a terminal event"),
        pytest.param(State.FAILED, EventType.LOST, id="the event of another state"),
        pytest.param(State.RUNNING, EventType.SUCCEEDED, id="a terminal event while it runs"),
    ],
)
async def test_a_job_ends_only_together_with_the_event_of_its_state(
    journal: Journal, state: State, event_type: EventType | None
) -> None:
    convert = job()
    await write(journal, queued(convert))

    with pytest.raises(WriteRefused, match="do not go together"):
        await write(journal, Entry(replace(convert, state=state), event_type))

    assert await journal.job(convert.job_id) == convert


async def test_of_two_ends_that_race_one_wins(journal: Journal) -> None:
    convert = job()
    await write(journal, queued(convert))

    first = journal.write([ended(convert)])
    second = journal.write([ended(convert, State.CANCELLED)])

    assert [event.type for event in await first] == [EventType.SUCCEEDED]
    with pytest.raises(WriteRefused, match="has succeeded"):
        await second


async def test_a_job_may_begin_and_end_in_one_write(journal: Journal) -> None:
    quick = replace(job(), job_id=new_job_id())

    events = await write(journal, queued(quick), started(quick), ended(quick, result=None))

    assert [event.job_seq for event in events] == [1, 2, 3]
    assert (await journal.job(quick.job_id)).state is State.SUCCEEDED
