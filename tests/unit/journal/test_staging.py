"""Steps are durable at once, found at once, and brought into the tables many at a time."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.journal import (
    AuditFilter,
    AuditRecord,
    Filter,
    Journal,
    JournalError,
    back_up,
    numbering,
    overlay,
    record_beside,
    staging,
    writer,
)
from taskrealm.protocol.jobs import State

from .lives import PATIENCE, ended, job, open_journal, progress, queued, started, write

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from taskrealm.journal import Entry
    from taskrealm.protocol.jobs import Job


@pytest.fixture(autouse=True)
def _many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "REST", 1_000.0)


def ask(folder: Path, query: str) -> list[Any]:
    """What somebody beside the journal finds in its database."""
    with contextlib.closing(sqlite3.connect(folder / "journal.sqlite")) as database:
        return database.execute(query).fetchall()


def counts(folder: Path) -> tuple[int, int]:
    """How many transactions are staged, and how many jobs are in the tables."""
    [found] = ask(folder, "select (select count(*) from staged), (select count(*) from jobs)")
    return found


async def test_steps_are_staged_until_there_are_many(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "AT_ONCE", 4)
    seen = []
    for _ in range(3):
        one = job()
        await write(journal, queued(one))
        await write(journal, started(one), ended(one))
        seen.append(counts(tmp_path))

    # The fifth step is too many, and takes all with it.
    assert seen == [(2, 0), (0, 2), (2, 2)]


async def test_a_crowd_is_not_staged(journal: Journal, tmp_path: Path) -> None:
    await write(journal, *(queued(job()) for _ in range(staging.AT_ONCE + 1)))

    assert counts(tmp_path) == (0, staging.AT_ONCE + 1)


async def test_what_is_staged_is_found(journal: Journal, tmp_path: Path) -> None:
    one = job()
    events = await write(journal, queued(one)) + await write(journal, started(one))
    assert counts(tmp_path) == (2, 0)

    found = await journal.job(one.job_id)
    assert found is not None
    assert found.state is State.RUNNING
    assert await journal.events("ann", since=0, limit=9) == events
    assert counts(tmp_path) == (0, 1)


async def test_it_is_brought_into_the_tables_when_nothing_is_written_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "REST", 0.01)
    journal = await open_journal(tmp_path)
    await write(journal, queued(job()))
    async with asyncio.timeout(PATIENCE):
        while counts(tmp_path) != (0, 1):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await journal.close()


async def test_nothing_stays_staged_in_a_journal_that_is_closed(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    await write(journal, queued(job()))
    await journal.close()

    assert counts(tmp_path) == (0, 1)


async def test_what_a_crash_leaves_staged_is_there_afterwards(tmp_path: Path) -> None:
    folder, crashed = tmp_path / "journal", tmp_path / "crashed"
    journal = await open_journal(folder)
    one, other = job(), job("bob")
    record = AuditRecord("ann", "exec", "user", detail={"why": "to see"})
    events = await write(journal, queued(one))
    events += await write(journal, queued(other), started(one))
    last = ended(one, result=1)
    events += await write(journal, last)
    await asyncio.wait_for(journal.record([record]), PATIENCE)
    assert counts(folder) == (4, 0)
    shutil.copytree(folder, crashed)
    shutil.copy(tmp_path / "journal.mark", tmp_path / "crashed.mark")
    await journal.close()

    journal = await open_journal(crashed)
    assert counts(crashed) == (0, 2)
    assert await journal.job(one.job_id) == last.job
    assert await journal.job(other.job_id) == other
    for owner in ("ann", "bob"):
        told = [event for event in events if event.owner == owner]
        assert await journal.events(owner, since=0, limit=9) == told
    assert [each.action for each in await journal.audit(AuditFilter())] == ["exec"]
    [numbered] = await write(journal, queued(job()))
    await journal.close()
    assert numbered.seq == 4


async def test_staged_or_not_the_tables_come_to_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(3)
    story: list[list[Entry]] = []
    for _ in range(40):
        one = job(chance.choice(("ann", "bob")))
        steps = [queued(one), started(one), progress(one, 0.5), ended(one, State.FAILED)]
        story += ([step] for step in steps[: chance.randint(1, 4)])
    tables = []
    for at_once in (0, 1, 7, 1_000):
        monkeypatch.setattr(staging, "AT_ONCE", at_once)
        folder = tmp_path / str(at_once)
        journal = await open_journal(folder)
        for entries in story:
            await write(journal, *entries)
        await journal.close()
        tables.append(
            [
                ask(folder, "select * from jobs order by number"),
                ask(folder, "select * from requests order by number"),
                ask(folder, "select * from events order by number, job_seq"),
                ask(folder, "select * from tags order by number, tag"),
            ]
        )

    assert len(tables[0][0]) == 40
    assert tables[1:] == [tables[0]] * 3


async def test_a_staged_end_is_the_end(journal: Journal, tmp_path: Path) -> None:
    one = job()
    await write(journal, queued(one))
    await write(journal, ended(one))
    assert counts(tmp_path) == (2, 0)

    for step in (started(one), ended(one)):
        with pytest.raises(JournalError, match="has succeeded"):
            await write(journal, step)


async def test_streams_are_numbered_on_however_many_there_are(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbering, "STREAMS_KEPT", 1)
    numbers = [
        (await write(journal, queued(job(owner))))[0].seq
        for owner in ("ann", "bob", "eve", "ann", "bob", "ann")
    ]

    assert numbers == [1, 1, 1, 2, 2, 3]
    assert counts(tmp_path) == (6, 0)


def never_settle(patch: pytest.MonkeyPatch) -> None:
    """Let readers find what is staged where it is, as if it could not be brought into the tables."""

    async def settle(_: writer.Writer) -> bool:
        return False

    patch.setattr(writer.Writer, "settle", settle)


async def answers(journal: Journal, jobs: list[Job]) -> list[Any]:
    """What the journal says of *jobs*, in many ways."""
    ids = [each.job_id for each in jobs]
    return [
        await journal.jobs(limit=9),
        await journal.jobs(owner="ann", limit=2),
        await journal.jobs(states=[State.RUNNING], limit=9),
        (await journal.page(Filter(tag="nightly"), limit=9)).jobs,
        await journal.jobs_by_id(ids),
        [await journal.job(each) for each in ids],
        await journal.unfinished(),
        await journal.counts(),
        await journal.counts_of(Filter(owner="ann")),
        await journal.owners(after="", limit=9),
        [await journal.events(owner, since=1, limit=9) for owner in ("ann", "bob")],
        [await journal.job_events(each, limit=9) for each in ids],
        [await journal.stream(owner) for owner in ("ann", "bob")],
        await journal.outcomes(["convert"], limit=9),
        [(each.id, each.action) for each in await journal.audit(AuditFilter())],
        await journal.known([*ids, "nobody"]),
    ]


async def test_what_cannot_be_brought_in_is_found_all_the_same(
    journal: Journal, tmp_path: Path, file_limit: Callable[[int], AbstractContextManager[None]]
) -> None:
    jobs = [job(), job("bob"), job(), job("bob")]
    old, ending, fresh, late = jobs
    records = [AuditRecord("ann", action, "user") for action in ("early", "late")]
    await write(journal, queued(old), queued(ending), ended(old))
    await asyncio.wait_for(journal.record(records[:1]), PATIENCE)
    await journal.jobs()
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.sqlite")) as database, database:
        # As if there had been newer records, which are gone.
        database.execute("update sqlite_sequence set seq = 41 where name = 'audit'")
    await write(journal, started(ending))
    await write(journal, queued(fresh), started(fresh))
    await write(journal, ended(ending, State.FAILED), queued(late))
    await asyncio.wait_for(journal.record(records[1:]), PATIENCE)
    assert counts(tmp_path) == (4, 2)

    with file_limit(4_096):
        during = await answers(journal, jobs)
        assert counts(tmp_path) == (4, 2)
    async with asyncio.timeout(PATIENCE):
        while counts(tmp_path) != (0, 4):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await answers(journal, jobs) == during
    assert [each.state for each in during[0]] == [
        State.QUEUED,
        State.RUNNING,
        State.FAILED,
        State.SUCCEEDED,
    ]


async def test_who_follows_the_audit_log_gets_no_record_whose_id_may_change(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    early, late = (AuditRecord("ann", action, "user") for action in ("early", "late"))
    await asyncio.wait_for(journal.record([early]), PATIENCE)
    [told] = await journal.audit(AuditFilter(), after=0)
    await asyncio.wait_for(journal.record([late]), PATIENCE)
    assert counts(tmp_path) == (1, 0)
    with monkeypatch.context() as patch:
        never_settle(patch)
        assert len(await journal.audit(AuditFilter())) == 2
        assert await journal.audit(AuditFilter(), after=told.id) == []
    record_beside(tmp_path, AuditRecord("cli", "user.add", "local"))

    found = await journal.audit(AuditFilter(), after=told.id)
    assert sorted(each.action for each in found) == ["late", "user.add"]


async def test_what_is_large_does_not_wait(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "ROOM", 2_000)
    jobs = [job() for _ in range(4)]
    seen = []
    for each in jobs:
        await write(journal, queued(each))
        seen.append(counts(tmp_path)[1])

    assert seen[0] == 0
    assert max(seen) > 1
    assert await journal.unfinished() == jobs


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("look", [Journal.unfinished, lambda journal: journal.audit(AuditFilter())])
async def test_what_is_brought_in_while_it_is_read_is_found_once(
    journal: Journal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
    look: Callable[[Journal], Awaitable[list[Any]]],
) -> None:
    loop = asyncio.get_running_loop()

    def read(connection: sqlite3.Connection) -> staging.Changes:
        if when == "before":
            bring_in()
        found = staging.read(connection)
        if when == "after":
            bring_in()
        return found

    def bring_in() -> None:
        assert counts(tmp_path) == (2, 0)
        brought_in = asyncio.run_coroutine_threadsafe(journal.change(lambda _: None), loop)
        brought_in.result(PATIENCE)
        assert counts(tmp_path) == (0, 1)

    monkeypatch.setattr(overlay, "read", read)
    never_settle(monkeypatch)
    await write(journal, queued(job()))
    await asyncio.wait_for(journal.record([AuditRecord("ann", "exec", "user")]), PATIENCE)
    during = await look(journal)
    monkeypatch.undo()
    assert len(during) == 1
    assert await look(journal) == during


async def test_what_is_staged_after_a_reader_has_asked_keeps_it_from_nothing(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskrealm.journal.journal.shown", None)
    one = job()
    await write(journal, queued(one))
    reading = asyncio.create_task(journal.job(one.job_id))
    await asyncio.sleep(0)
    writing = journal.write([queued(job())])
    await asyncio.sleep(0)
    # The loop stands still, and the journal's thread has done both before it goes on.
    deadline = time.monotonic() + PATIENCE
    while counts(tmp_path) != (1, 1):
        assert time.monotonic() < deadline

    assert await reading == one
    await writing


def damage(folder: Path) -> None:
    """Let what is staged in *folder* be no changes at all."""
    with contextlib.closing(sqlite3.connect(folder / "journal.sqlite")) as database, database:
        database.execute("insert into staged (changes) values (x'c1')")


async def test_damage_to_what_is_staged_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    journal = await open_journal(folder)
    await journal.close()
    damage(folder)

    with pytest.raises(JournalError, match=r"is damaged .* Restore it from a backup"):
        await open_journal(folder)
    with pytest.raises(JournalError, match=r"is damaged .* Restore it from a backup"):
        back_up(folder, tmp_path / "backup", lambda *_: None)


async def test_readers_are_told_of_damage_to_what_is_staged(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_settle(monkeypatch)
    damage(tmp_path)

    with pytest.raises(JournalError, match="is damaged"):
        await journal.unfinished()
    monkeypatch.undo()
    assert await journal.unfinished() == []
