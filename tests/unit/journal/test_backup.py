"""A backup holds everything of one moment, and what is put back is never taken for the same."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tarfile
from typing import TYPE_CHECKING

import pytest

from taskrealm.journal import Journal, JournalError, JournalLocked, back_up, restore
from taskrealm.protocol.jobs import State

from .lives import ended, job, open_journal, queued, started, write

if TYPE_CHECKING:
    from pathlib import Path


def silent(_done: int, _size: int) -> None:
    pass


async def a_story(journal: Journal) -> str:
    """A job that has ended, one that runs and one that waits; gives the epoch of their stream."""
    done, running, waiting = job(), job(), job()
    journal.output.append(done.job_id, "stdout", b"printed")
    await write(journal, queued(done), queued(running), queued(waiting))
    await write(journal, started(running), ended(done))
    return (await journal.stream("ann")).epoch


@pytest.mark.capability("N36")
async def test_what_is_restored_is_what_was_there_and_yet_another_stream(tmp_path: Path) -> None:
    folder, file = tmp_path / "journal", tmp_path / "backup.tar"
    journal = await open_journal(folder)
    epoch = await a_story(journal)
    before = await journal.jobs()
    reports: list[tuple[int, int]] = []

    made = back_up(folder, file, lambda done, size: reports.append((done, size)))
    await write(journal, queued(job()), queued(job()))
    await journal.close()
    restored = restore(folder, file, replace=True)
    journal = await open_journal(folder)
    stream = await journal.stream("ann")
    after = await journal.jobs()
    output = journal.output.read(before[-1].job_id, "stdout", 0, 100)
    await journal.close()

    assert made == restored
    assert (made.total, made.waiting, made.running) == (3, 1, 1)
    assert reports[-1][0] == reports[-1][1]
    assert after == before
    assert output.data == b"printed"
    assert stream.epoch != epoch
    assert stream.seq == 5
    assert file.stat().st_mode & 0o777 == 0o600
    [kept] = folder.glob("replaced-*")
    with sqlite3.connect(kept / "journal.sqlite") as database:
        assert database.execute("select count(*) from jobs").fetchone() == (5,)
    database.close()


async def test_the_same_backup_restored_twice_is_twice_another_stream(tmp_path: Path) -> None:
    folder, file = tmp_path / "journal", tmp_path / "backup.tar"
    journal = await open_journal(folder)
    epochs = [await a_story(journal)]
    back_up(folder, file, silent)
    await journal.close()

    for _ in range(2):
        restore(folder, file, replace=True)
        journal = await open_journal(folder)
        epochs.append((await journal.stream("ann")).epoch)
        # As after a SIGKILL: nothing is said on the way out.
        journal._database.writer.execute("pragma query_only = 1")
        await journal.close()

    assert len(set(epochs)) == 3


async def test_a_backup_is_of_one_moment_whatever_is_written_meanwhile(tmp_path: Path) -> None:
    folder, file = tmp_path / "journal", tmp_path / "backup.tar"
    journal = await open_journal(folder)
    for _ in range(40):
        await write(journal, *(queued(job()) for _ in range(200)))
    intruder = sqlite3.connect(folder / "journal.sqlite", isolation_level=None)
    changes = 0

    def disturb(_done: int, _size: int) -> None:
        nonlocal changes
        changes += 1
        intruder.execute("update jobs set state = 'running'")

    summary = back_up(folder, file, disturb)
    intruder.close()
    await journal.close()
    restore(tmp_path / "other", file, replace=False)
    journal = await open_journal(tmp_path / "other")
    states = {each.state for each in await journal.jobs(limit=9_000)}
    await journal.close()

    assert changes > 1
    assert summary.jobs == {State.QUEUED: 8_000}
    assert states == {State.QUEUED}


async def test_a_backup_can_be_made_of_a_node_that_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    journal = await open_journal(folder)
    await a_story(journal)
    shutil.copytree(folder, tmp_path / "killed")
    await journal.close()

    assert back_up(tmp_path / "killed", tmp_path / "backup.tar", silent).total == 3


async def test_a_journal_in_use_is_not_replaced(tmp_path: Path) -> None:
    folder, file = tmp_path / "journal", tmp_path / "backup.tar"
    journal = await open_journal(folder)
    await a_story(journal)
    back_up(folder, file, silent)

    with pytest.raises(JournalLocked, match="in use by another process"):
        restore(folder, file, replace=True)
    await journal.close()
    with pytest.raises(JournalError, match="exists; with `--replace`"):
        restore(folder, file, replace=False)


async def test_a_file_that_exists_is_not_overwritten(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path / "journal")
    await journal.close()
    (tmp_path / "precious").write_text("photographs")

    with pytest.raises(JournalError, match="precious exists: give the backup another name"):
        back_up(tmp_path / "journal", tmp_path / "precious", silent)
    with pytest.raises(JournalError, match="does not exist: there is nothing to back up"):
        back_up(tmp_path / "nowhere", tmp_path / "new", silent)
    with pytest.raises(JournalError, match=r"nowhere/new cannot be written.*twice the size"):
        back_up(tmp_path / "journal", tmp_path / "nowhere" / "new", silent)

    assert (tmp_path / "precious").read_text() == "photographs"


def _cut_off(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _add_a_stranger(file: Path) -> None:
    with tarfile.open(file, "a") as archive:
        archive.addfile(tarfile.TarInfo("output/../../evil"))


def _replace_by_text(file: Path) -> None:
    file.write_text("dear diary")


@pytest.mark.parametrize("damage", [_cut_off, _add_a_stranger, _replace_by_text])
async def test_a_damaged_backup_leaves_the_journal_alone(tmp_path: Path, damage: object) -> None:
    folder, file = tmp_path / "journal", tmp_path / "backup.tar"
    journal = await open_journal(folder)
    await a_story(journal)
    back_up(folder, file, silent)
    await journal.close()
    assert callable(damage)
    damage(file)

    with pytest.raises(JournalError, match="backup"):
        restore(folder, file, replace=True)
    journal = await open_journal(folder)
    jobs = await journal.jobs()
    await journal.close()

    assert len(jobs) == 3
    assert not (tmp_path.parent / "evil").exists()


async def test_a_restore_that_was_cut_off_is_not_taken_for_an_empty_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, file = tmp_path / "journal", tmp_path / "backup.tar"
    journal = await open_journal(folder)
    await a_story(journal)
    back_up(folder, file, silent)
    await journal.close()

    def fail(_folder: Path) -> None:
        raise PermissionError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr("taskrealm.journal.backup._let_in", fail)
        with pytest.raises(JournalError, match="cannot be restored"):
            restore(folder, file, replace=True)
    with pytest.raises(JournalError, match=r"missing or empty.*taskrealm restore"):
        await open_journal(folder)
    restore(folder, file, replace=False)
    journal = await open_journal(folder)
    assert len(await journal.jobs()) == 3
    await journal.close()


@pytest.mark.parametrize("what", ["file", "folder"])
async def test_an_older_copy_that_was_put_back_by_hand_starts_its_streams_anew(
    tmp_path: Path, what: str
) -> None:
    folder = tmp_path / "journal"
    journal = await open_journal(folder)
    epoch = await a_story(journal)
    await journal.close()
    shutil.copytree(folder, tmp_path / "copy")
    journal = await open_journal(folder)
    unchanged = (await journal.stream("ann")).epoch
    await write(journal, queued(job()))
    await journal.close()

    if what == "folder":
        shutil.rmtree(folder)
        (tmp_path / "copy").rename(folder)
    else:
        shutil.copy(tmp_path / "copy" / "journal.sqlite", folder / "journal.sqlite")
    journal = await open_journal(folder)
    changed = (await journal.stream("ann")).epoch
    await journal.close()
    journal = await open_journal(folder)
    stays = (await journal.stream("ann")).epoch
    await journal.close()

    assert unchanged == epoch
    assert changed != epoch
    assert stays == changed
