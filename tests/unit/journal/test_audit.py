"""The audit log holds what it was given, gives it back as asked, and only grows until its time is over."""

from __future__ import annotations

import functools
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from taskrealm.journal import (
    AuditFilter,
    AuditRecord,
    Entry,
    WriteRefused,
    audit,
    back_up,
    restore,
)
from taskrealm.protocol.jobs import EventType, now

from .lives import job, open_journal, queued, write

if TYPE_CHECKING:
    from pathlib import Path

    from taskrealm.journal import Journal

EVERYTHING = AuditFilter()
FORGED = (
    "into audit (id, at, actor, action, outcome, detail) values (1, '2030', 'eve', 'x', 'ok', '{}')"
)


async def recorded(journal: Journal, *records: AuditRecord) -> None:
    await journal.record(records)


async def actions(journal: Journal, wanted: AuditFilter = EVERYTHING, **page: int) -> list[str]:
    return [record.action for record in await journal.audit(wanted, **page)]


def aged(action: str, days: float) -> AuditRecord:
    return AuditRecord("ann", action, at=now() - timedelta(days=days))


@pytest.mark.capability("N26")
async def test_a_record_is_given_back_as_it_was_even_after_a_restart(tmp_path: Path) -> None:
    whole = AuditRecord(
        actor="shop",
        action="exec",
        role="backend",
        owner="ann",
        object="job",
        address="192.0.2.1",
        outcome="queue_full",
        detail={"session": 1, "text": 'a "line"\r\n\x00\x1b[2J\u202e'},
    )
    journal = await open_journal(tmp_path)
    await recorded(journal, whole, AuditRecord("ann", "pause"))
    await journal.close()
    journal = await open_journal(tmp_path)
    found = await journal.audit(EVERYTHING, after=0)
    await journal.close()

    assert found[0] == replace(whole, id=1)
    assert found[1].id == 2


@pytest.mark.capability("N26")
async def test_a_record_stands_in_the_transaction_of_its_job_or_not_at_all(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    first, second = job(), job()
    await write(journal, replace(queued(first), audit=AuditRecord("ann", "first")))
    with pytest.raises(WriteRefused):
        await write(
            journal,
            replace(queued(second), audit=AuditRecord("ann", "second")),
            # The end of a job that has not ended: the whole write is at fault.
            Entry(second, EventType.SUCCEEDED, audit=AuditRecord("ann", "never")),
        )
    with pytest.raises(WriteRefused):
        await recorded(journal, AuditRecord("ann", "no JSON", detail={"set": {1}}))

    assert await actions(journal) == ["first"]
    assert [each.job_id for each in await journal.jobs()] == [first.job_id]
    await journal.close()


async def test_text_that_no_database_holds_is_kept_as_escapes_and_long_text_is_cut(
    tmp_path: Path,
) -> None:
    journal = await open_journal(tmp_path)
    await recorded(journal, AuditRecord("\ud800eve", "exec", object="x" * 10_000))
    [found] = await journal.audit(EVERYTHING)
    await journal.close()

    assert found.actor == "\\ud800eve"
    assert found.object == "x" * audit.TEXT_LIMIT


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        pytest.param({}, "dcba", id="everything, newest first"),
        pytest.param({"actor": "ann"}, "ca", id="who"),
        pytest.param({"owner": "cid"}, "b", id="for whom"),
        pytest.param({"action": "c"}, "c", id="what"),
        pytest.param({"object": "job 1"}, "b", id="done to what"),
        pytest.param({"outcome": "not_authorized"}, "d", id="with which outcome"),
        pytest.param({"actor": "bo", "outcome": "ok"}, "b", id="several at once"),
        pytest.param({"actor": "nobody"}, "", id="nothing"),
    ],
)
async def test_records_are_found_by_any_column(
    tmp_path: Path, wanted: dict[str, str], found: str
) -> None:
    journal = await open_journal(tmp_path)
    await recorded(
        journal,
        AuditRecord("ann", "a"),
        AuditRecord("bo", "b", owner="cid", object="job 1"),
        AuditRecord("ann", "c"),
        AuditRecord("bo", "d", outcome="not_authorized"),
    )

    assert "".join(await actions(journal, AuditFilter(**wanted))) == found
    await journal.close()


async def test_records_are_found_by_time_though_the_clock_was_set_back(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    await recorded(journal, aged("a", 4), aged("b", 1), aged("c", 3), aged("d", 2))
    since = AuditFilter(since=now() - timedelta(days=3.5))
    until = AuditFilter(until=now() - timedelta(days=1.5))

    assert await actions(journal, since) == ["d", "c", "b"]
    assert await actions(journal, since, after=0) == ["b", "c", "d"]
    assert await actions(journal, until) == ["d", "c", "a"]
    assert await actions(journal, until, after=0) == ["a", "c", "d"]
    await journal.close()


async def test_pages_join_without_gap_or_repeat_in_both_directions(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    await recorded(journal, *(AuditRecord("ann", str(number)) for number in range(1, 6)))

    assert await actions(journal, after=0, limit=2) == ["1", "2"]
    assert await actions(journal, after=2, limit=9) == ["3", "4", "5"]
    assert await actions(journal, limit=2) == ["5", "4"]
    assert await actions(journal, before=4, limit=9) == ["3", "2", "1"]
    await journal.close()


@pytest.mark.capability("N26")
@pytest.mark.parametrize(
    "attempt",
    [
        "update audit set actor = 'eve'",
        "update or replace audit set id = 2 where id = 1",
        "delete from audit",
        "delete from audit where id = 1",
        f"insert or replace {FORGED}",
        f"insert {FORGED} on conflict (id) do update set actor = 'eve'",
    ],
)
async def test_sql_neither_changes_nor_removes_a_record(tmp_path: Path, attempt: str) -> None:
    journal = await open_journal(tmp_path)
    await recorded(journal, AuditRecord("ann", "a"), AuditRecord("ann", "b"))
    await journal.close()
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as database:
        with pytest.raises(sqlite3.IntegrityError, match="the audit log"):
            database.execute(attempt)
        kept = database.execute("select actor, action from audit").fetchall()

    assert kept == [("ann", "a"), ("ann", "b")]


@pytest.mark.capability("N26")
async def test_only_what_is_older_than_the_settings_say_is_removed(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    await recorded(journal, *(aged(f"{days} days", days) for days in (500, 8, 6, 0)))
    await journal.change(functools.partial(audit.keep, days=400.0))
    first = await journal.change(audit.forget)
    await journal.change(functools.partial(audit.keep, days=7.0))
    second = await journal.change(audit.forget)
    await recorded(journal, AuditRecord("ann", "new"))
    kept = await journal.audit(EVERYTHING, after=0)
    await journal.close()

    assert (first, second) == (1, 1)
    assert [record.action for record in kept] == ["6 days", "0 days", "new"]
    # An id is never given twice: what is missing shows.
    assert [record.id for record in kept] == [3, 4, 5]


async def test_nothing_is_removed_when_the_time_cannot_be_told(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    await recorded(journal, aged("old", 10_000))
    await journal.change(functools.partial(audit.keep, days=1e12))

    assert await journal.change(audit.forget) == 0
    with pytest.raises(WriteRefused, match="keeps this record"):
        await journal.change(lambda database: database.execute("delete from audit"))
    await journal.close()


@pytest.mark.capability("N26")
async def test_a_backup_has_the_log_and_its_lock_and_a_restored_log_says_so(tmp_path: Path) -> None:
    folder, file = tmp_path / "journal", tmp_path / "backup.tar"
    journal = await open_journal(folder)
    await recorded(journal, AuditRecord("ann", "before"))
    back_up(folder, file, lambda done, size: None)
    await recorded(journal, AuditRecord("ann", "after"))
    await journal.close()
    restore(folder, file, replace=True)
    journal = await open_journal(folder)

    assert await actions(journal, after=0) == ["before", "restore"]
    with pytest.raises(WriteRefused, match="keeps this record"):
        await journal.change(lambda database: database.execute("delete from audit"))
    await journal.close()
