"""A journal that an earlier version has left is taken up, with the jobs that wait and run."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from taskrealm.journal import migrations, retention
from taskrealm.journal.rows import request_of, status_of
from taskrealm.protocol.jobs import EventType, Job, State, now, timestamp

from .lives import job, open_journal, started, write

HALF_UPGRADED = Path(__file__).with_name("half_upgraded.py")


def first_version(folder: Path, jobs: list[Job]) -> Path:
    """A journal as the first version of the schema held it."""
    folder.mkdir()
    path = folder / "journal.sqlite"
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("pragma journal_mode = wal")
    migrations.migrate(database, migrations.MIGRATIONS[:1])
    database.execute("insert into streams (owner, epoch) values ('ann', 'first')")
    for number, each in enumerate(jobs, 1):
        database.execute(
            "insert into jobs (number, job_id, owner, task, state, status)"
            " values (?, ?, ?, ?, ?, ?)",
            (number, each.job_id, each.owner, each.task, each.state, status_of(each)),
        )
        database.execute("insert into requests values (?, ?)", (number, request_of(each)))
        database.execute(
            "insert into events values (?, 1, 1, ?, 'queued', ?, 0, '{}')",
            (number, number, timestamp(now())),
        )
    database.close()
    return path


@pytest.mark.fault("F26")
@pytest.mark.capability("N36")
@pytest.mark.parametrize("is_cut_off", [False, True], ids=["at once", "cut off by SIGKILL"])
async def test_the_first_schema_is_brought_up_to_date(tmp_path: Path, is_cut_off: bool) -> None:
    waiting, running = job(), replace(job(), state=State.RUNNING, attempt=1, started_at=now())
    over = replace(job(), state=State.FAILED, attempt=1, ended_at=now())
    path = first_version(tmp_path / "journal", [waiting, running, over])
    if is_cut_off:
        program = [sys.executable, HALF_UPGRADED, path]
        with subprocess.Popen(program, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"half-way\n"
            process.kill()

    journal = await open_journal(tmp_path / "journal")
    unfinished = await journal.unfinished()
    events = await journal.events("ann", since=0, limit=10)
    stream = await journal.stream("ann")
    failed = await journal.jobs(states=[State.FAILED])
    [event] = await write(journal, started(waiting))
    forgotten = await journal.change(lambda it: retention.forget(it, retention.EVER, 10))
    rest = {each.job_id for each in await journal.jobs()}
    await journal.close()

    assert unfinished == [waiting, running]
    assert [each.type for each in events] == [EventType.QUEUED] * 3
    assert (stream.epoch, stream.seq, event.seq) == ("first", 3, 4)
    assert failed == [over]
    assert forgotten == 1
    assert rest == {waiting.job_id, running.job_id}


async def test_a_job_whose_end_has_no_time_counts_as_ended(tmp_path: Path) -> None:
    waiting, over = job(), replace(job(), state=State.SUCCEEDED, attempt=1)
    first_version(tmp_path / "journal", [waiting, over])

    journal = await open_journal(tmp_path / "journal")
    unfinished = await journal.unfinished()
    succeeded = await journal.jobs(states=[State.SUCCEEDED])
    await journal.close()

    assert unfinished == [waiting]
    assert succeeded == [over]
