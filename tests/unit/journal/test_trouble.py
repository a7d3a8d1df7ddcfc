"""Trouble with the disk or the file is told once, harms nothing, and passes by itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from taskrealm.journal import Journal, JournalError, WriteRefused, health

from .lives import PATIENCE, job, open_journal, queued, started, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

NOBODY = 65_534  # a user without rights


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The levels of the lines that the journal has logged."""
    caplog.set_level(logging.INFO, "taskrealm.journal.health")
    return lambda: [record.levelname for record in caplog.records]


async def test_trouble_is_logged_when_it_begins_and_when_it_has_passed_by_itself(
    journal: Journal,
    file_limit: Callable[[int], AbstractContextManager[None]],
    told: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "QUIET", 0.0)
    running = job()
    await write(journal, queued(running))

    with file_limit(4_096):
        for _ in range(20):
            with pytest.raises(JournalError) as refusal:
                await write(journal, started(running))
        during = told()
    async with asyncio.timeout(PATIENCE):
        while len(told()) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    assert refusal.value.sentence == (
        "Jobs cannot be recorded just now: the disk reports errors; try again later"
    )
    assert during == ["ERROR"]
    assert told() == ["ERROR", "WARNING"]
    assert [event.seq for event in await write(journal, started(running))] == [2]


async def test_what_is_at_fault_itself_is_no_trouble(
    journal: Journal, told: Callable[[], list[str]]
) -> None:
    with pytest.raises(WriteRefused):
        await write(journal, queued(job(owner="\ud800")))
    with pytest.raises(WriteRefused):
        await journal.change(
            lambda connection: connection.execute("insert into mark values (null)")
        )

    assert told() == []


async def test_a_database_that_is_damaged_while_it_is_open_is_never_taken_for_empty(
    journal: Journal, tmp_path: Path
) -> None:
    jobs = [job() for _ in range(500)]
    await write(journal, *(queued(each) for each in jobs))
    await journal.change(lambda connection: None)
    journal._database.writer.execute("pragma wal_checkpoint(truncate)")
    path = tmp_path / "journal.sqlite"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(2 * 4_096)
        file.write(b"\xa5" * (size - 2 * 4_096))
    for connection in (journal._database.reader, journal._database.writer):
        connection.execute("pragma shrink_memory")

    with pytest.raises(JournalError, match="Restore it from a backup") as refusal:
        await journal.jobs(limit=500)
    with pytest.raises(JournalError, match="Restore it from a backup"):
        await write(journal, queued(job()))

    assert refusal.value.sentence == (
        "Jobs cannot be looked up just now: their record is damaged; try again later"
    )


@contextlib.contextmanager
def without_rights() -> Iterator[None]:
    """Lets this process be a user who may not write everywhere, as root may."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.mark.fault("F29")
@pytest.mark.parametrize("what", ["folder", "file"])
async def test_a_journal_that_may_not_be_written_is_refused_with_the_remedy(what: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "journal")
        journal = await open_journal(folder)
        await write(journal, queued(job()))
        await journal.close()
        file = folder / "journal.sqlite"
        before = file.read_bytes()
        if os.geteuid() == 0:
            for path in (Path(place), folder, folder / "lock"):
                os.chown(path, NOBODY, -1)
        (folder if what == "folder" else file).chmod(0o500 if what == "folder" else 0o400)
        if what == "folder":
            (folder / "lock").chmod(0o400)

        with without_rights(), pytest.raises(JournalError, match=str(folder)) as refusal:
            await open_journal(folder)

        assert "this user" in str(refusal.value)
        assert file.read_bytes() == before


@pytest.mark.fault("F28")
async def test_the_log_of_the_database_is_cut_when_a_long_reader_has_gone(
    journal: Journal, tmp_path: Path
) -> None:
    writer = journal._database.writer
    writer.execute("pragma journal_size_limit = 100000")
    log = tmp_path / "journal.sqlite-wal"
    await write(journal, queued(job()))
    reader = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
    reader.execute("begin")
    reader.execute("select count(*) from jobs").fetchone()
    for _ in range(30):
        await write(journal, *(queued(job()) for _ in range(200)))
    grown = log.stat().st_size
    reader.close()

    for _ in range(3):
        await write(journal, *(queued(job()) for _ in range(200)))

    assert grown > 5_000_000
    assert log.stat().st_size < 1_500_000
