"""A journal that cannot be trusted is not opened; one that can is never emptied."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from taskrealm.journal import Journal, JournalError, JournalLocked
from taskrealm.journal.migrations import MIGRATIONS, migrate
from taskrealm.journal.rows import request_of, status_of

from .lives import PATIENCE, ended, job, open_journal, queued, write

if TYPE_CHECKING:
    from collections.abc import Callable

HALF_MIGRATED = Path(__file__).with_name("half_migrated.py")


async def make(folder: Path, jobs: int = 1) -> Path:
    """A journal that was used and closed; the path of its database."""
    journal = await open_journal(folder)
    await write(journal, *(queued(job()) for _ in range(jobs)))
    await journal.close()
    return folder / "journal.sqlite"


@pytest.mark.parametrize("exists", [pytest.param(True, id="old"), pytest.param(False, id="new")])
async def test_the_folder_is_readable_by_its_owner_alone(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "state" / "journal"
    if exists:
        folder.mkdir(mode=0o755, parents=True)

    await make(folder)

    assert folder.stat().st_mode & 0o777 == 0o700


async def test_a_commit_waits_for_the_disk(journal: Journal) -> None:
    pragmas = [
        journal._database.writer.execute(f"pragma {name}").fetchone()
        for name in ("journal_mode", "synchronous")
    ]

    assert pragmas == [("wal",), (2,)]  # 2 is FULL


async def test_a_second_opener_is_told_who_holds_the_journal(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)

    with pytest.raises(JournalLocked, match=rf"in use by another process \(pid {os.getpid()}\)"):
        await open_journal(tmp_path)

    await journal.close()
    await make(tmp_path)


async def test_another_process_cannot_open_it_either(journal: Journal, tmp_path: Path) -> None:
    program = (
        "import asyncio, pathlib, sys\n"
        "from taskrealm.journal import Journal\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "asyncio.run(Journal.open(folder, output_limit=1, on_commit=print))\n"
    )

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(tmp_path), stderr=subprocess.PIPE
    )
    _, errors = await asyncio.wait_for(process.communicate(), PATIENCE)

    assert process.returncode == 1
    assert b"JournalLocked" in errors


def _truncate(path: Path) -> None:
    os.truncate(path, 8_192)


def _overwrite_a_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(3 * 4_096)
        file.write(b"\xa5" * 4_096)


def _overwrite_the_header(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to look at" * 100)


def _set_newer_version(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute(f"pragma user_version = {len(MIGRATIONS) + 1}")
    database.close()


def _replace_by_another_programs(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("create table recipes (name)")
    database.close()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        pytest.param(Path.unlink, "missing or empty.* Restore it from a backup", id="missing"),
        pytest.param(
            lambda path: path.write_bytes(b""), "missing or empty.* Restore it", id="empty"
        ),
        pytest.param(_truncate, "malformed.* Restore it from a backup", id="cut off"),
        pytest.param(_overwrite_a_page, "damaged.* Restore it from a backup", id="a bad page"),
        pytest.param(_overwrite_the_header, "is not a database.* Restore it", id="not a database"),
        pytest.param(
            _set_newer_version,
            f"version {len(MIGRATIONS) + 1}.*up to {len(MIGRATIONS)}. Install the taskrealm",
            id="newer version",
        ),
        pytest.param(
            _replace_by_another_programs, "another program. Move it away", id="another program's"
        ),
    ],
)
async def test_a_file_that_cannot_be_trusted_is_refused_and_left_alone(
    tmp_path: Path, damage: Callable[[Path], None], reason: str
) -> None:
    path = await make(tmp_path, jobs=50)
    damage(path)
    before = path.read_bytes() if path.exists() else None

    for _ in range(2):
        with pytest.raises(JournalError, match=reason) as refusal:
            await open_journal(tmp_path)
        assert str(path) in str(refusal.value)

    assert (path.read_bytes() if path.exists() else None) == before


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(JournalError, match=r"file/journal cannot be used.* may write to"):
        await open_journal(tmp_path / "file" / "journal")


async def test_a_first_start_that_was_cut_off_does_not_stand_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    (tmp_path / "journal.sqlite").touch()

    await make(tmp_path)


async def test_a_backup_is_opened_in_a_new_folder(tmp_path: Path) -> None:
    path = await make(tmp_path / "old", jobs=3)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "journal.sqlite").write_bytes(path.read_bytes())

    journal = await open_journal(tmp_path / "new")
    jobs = await journal.jobs()
    await journal.close()

    assert len(jobs) == 3


async def test_jobs_of_the_first_schema_are_read_and_go_on(tmp_path: Path) -> None:
    waiting = job()
    database = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
    migrate(database, MIGRATIONS[:1])
    request, status = (json.loads(text) for text in (request_of(waiting), status_of(waiting)))
    for name in ("retries", "key", "fingerprint", "delay", "not_before"):
        request.pop(name, None)
    status.pop("retry_at", None)
    database.execute(
        "insert into jobs (number, job_id, owner, task, state, status) values (1, ?, ?, ?, ?, ?)",
        (waiting.job_id, waiting.owner, waiting.task, waiting.state, json.dumps(status)),
    )
    database.execute("insert into requests values (1, ?)", (json.dumps(request),))
    database.close()

    journal = await open_journal(tmp_path)
    [found] = await journal.unfinished()
    await write(journal, ended(found))
    await journal.close()

    assert found == waiting


def test_a_migration_that_fails_has_not_happened(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "file", isolation_level=None)
    good = ["create table a (x)", "create table b (x); create table c (x)"]
    bad = [good[0], "create table b (x); create table nonsense"]

    with pytest.raises(sqlite3.OperationalError):
        migrate(database, bad)
    after_failure = schema(database)
    migrate(database, good)

    assert after_failure == (1, ["a"])
    assert schema(database) == (2, ["a", "b", "c"])
    database.close()


def test_a_migration_that_is_killed_starts_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with subprocess.Popen([sys.executable, HALF_MIGRATED, path], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"half-way\n"
        process.kill()

    database = sqlite3.connect(path, isolation_level=None)
    after_kill = schema(database)
    migrate(database, ["create table a (x)", "create table b (x)"])

    assert after_kill == (1, ["a"])
    assert schema(database) == (2, ["a", "b"])
    database.close()


def schema(database: sqlite3.Connection) -> tuple[int, list[str]]:
    (version,) = database.execute("pragma user_version").fetchone()
    tables = database.execute("select name from sqlite_schema order by name")
    return version, [name for (name,) in tables]
