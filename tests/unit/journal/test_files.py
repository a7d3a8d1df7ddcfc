"""Files are whole or not there, each content is kept once, and nothing is left behind for ever."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from taskrealm.journal import Artifacts, Journal, UploadLimits, Uploads, back_up, restore
from taskrealm.journal.contents import ContentStore
from taskrealm.protocol.errors import InvalidArguments, Unavailable, UnknownArtifact, UnknownUpload

from .lives import LIMITS, PATIENCE, open_journal

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

ROOT = Path(__file__).parents[3]
BUSY_SENDER = Path(__file__).with_name("busy_sender.py")
ROUNDS = 6
JOB = 32 * "a"


async def sent(
    journal: Journal, data: bytes, *, owner: str = "ann", name: str = "a", **limits: float
) -> str:
    """The id of a file of *owner*."""
    uploads = Uploads(journal, replace(LIMITS, **limits))
    begun = await uploads.begin(owner, name, len(data), sha256=None, media_type=None)
    await uploads.append(owner, begun.upload, 0, data)
    return (await uploads.finish(owner, begun.upload)).upload


async def left(journal: Journal, data: bytes, *, name: str = "out", job_id: str = JOB) -> None:
    artifacts = Artifacts(journal)
    draft = artifacts.new_draft()
    artifacts.path(draft).write_bytes(data)
    await artifacts.keep(
        draft, job_id=job_id, name=name, title=None, media_type="a/b", expires_at=None
    )


def contents(journal: Journal) -> set[str]:
    store = journal.contents
    return {sha256 for part in store.parts() for sha256 in store.contents(part)}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def test_a_content_is_kept_once_for_as_long_as_anything_refers_to_it(
    journal: Journal,
) -> None:
    uploads, artifacts = Uploads(journal, LIMITS), Artifacts(journal)
    files = [await sent(journal, b"same", owner=owner) for owner in ("ann", "bob")]
    await left(journal, b"same")

    assert contents(journal) == {sha256(b"same")}
    await uploads.remove("ann", files[0])
    await uploads.remove("bob", files[1])
    assert contents(journal) == {sha256(b"same")}
    assert await artifacts.read(await artifacts.one(JOB, "out"), 0, 100) == b"same"
    await left(journal, b"other")
    assert contents(journal) == {sha256(b"other")}


async def test_an_upload_that_is_not_finished_in_time_is_gone(journal: Journal) -> None:
    uploads = Uploads(journal, replace(LIMITS, patience=-1))
    begun = await uploads.begin("ann", "a", 10, sha256=None, media_type=None)
    await uploads.append("ann", begun.upload, 0, b"half")

    assert await uploads.expire(()) == 1
    assert journal.contents.drafts() == []
    for late in (uploads.append("ann", begun.upload, 4, b"x"), uploads.finish("ann", begun.upload)):
        with pytest.raises(UnknownUpload):
            await late


async def test_what_is_in_use_or_used_again_does_not_expire(journal: Journal) -> None:
    used, renewed, old = [await sent(journal, each, lifetime=-1) for each in (b"1", b"2", b"3")]
    uploads = Uploads(journal, LIMITS)
    assert set(await uploads.claim("ann", [renewed])) == {renewed}
    assert await uploads.claim("bob", [used, renewed, old]) == {}

    assert await uploads.expire({used}) == 1
    assert contents(journal) == {sha256(b"1"), sha256(b"2")}
    assert await uploads.expire(()) == 1
    assert contents(journal) == {sha256(b"2")}
    with pytest.raises(UnknownUpload):
        await uploads.status("ann", old)


async def test_an_artifact_that_expired_is_gone(journal: Journal) -> None:
    artifacts = Artifacts(journal)
    await left(journal, b"for ever")
    artifacts.path("left_1").write_bytes(b"short")
    past = "2020-01-01T00:00:00.000000+00:00"
    await artifacts.keep(
        "left_1", job_id=JOB, name="b", title=None, media_type="a/b", expires_at=past
    )
    doomed = await artifacts.one(JOB, "b")

    assert await artifacts.expire() == 1
    assert contents(journal) == {sha256(b"for ever")}
    for late in (artifacts.one(JOB, "b"), artifacts.read(doomed, 0, 10)):
        with pytest.raises(UnknownArtifact):
            await late


@pytest.mark.capability("N10")
async def test_on_a_full_disk_nothing_half_is_kept_and_the_rest_can_follow(
    journal: Journal, file_limit: Callable[[int], AbstractContextManager[None]]
) -> None:
    uploads = Uploads(journal, LIMITS)
    data = os.urandom(600_000)
    begun = await uploads.begin("ann", "a", len(data), sha256=None, media_type=None)
    await uploads.append("ann", begun.upload, 0, data[:300_000])
    with file_limit(400_000), pytest.raises(Unavailable, match="no room for this file"):
        await uploads.append("ann", begun.upload, 300_000, data[300_000:])

    assert (await uploads.status("ann", begun.upload)).offset == 300_000
    await uploads.append("ann", begun.upload, 300_000, data[300_000:])
    assert (await uploads.finish("ann", begun.upload)).sha256 == sha256(data)


async def test_a_file_for_which_there_is_no_room_is_refused_at_once(journal: Journal) -> None:
    journal.contents = ContentStore(journal.contents.folder, free_space=2**62)

    with pytest.raises(Unavailable, match="no room for this file"):
        await Uploads(journal, LIMITS).begin("ann", "a", 1, sha256=None, media_type=None)


async def test_begun_uploads_count_before_their_bytes_come(journal: Journal) -> None:
    limits = UploadLimits(size=100, total=150, count=3, lifetime=60, patience=60)
    uploads = Uploads(journal, limits)
    wanted = [uploads.begin("ann", "a", 80, sha256=None, media_type=None) for _ in range(3)]
    answers = await asyncio.gather(*wanted, return_exceptions=True)

    assert sum(isinstance(each, InvalidArguments) for each in answers) == 2


@pytest.mark.capability("N36")
async def test_a_backup_holds_files_and_drops_what_was_not_whole(tmp_path: Path) -> None:
    folder, file = tmp_path / "journal", tmp_path / "backup.tar"
    journal = await open_journal(folder)
    kept = await sent(journal, b"sent")
    await left(journal, b"left")
    half = await Uploads(journal, LIMITS).begin("ann", "b", 9, sha256=None, media_type=None)
    await Uploads(journal, LIMITS).append("ann", half.upload, 0, b"half")
    back_up(folder, file, lambda done, size: None)
    await Uploads(journal, LIMITS).remove("ann", kept)
    await journal.close()

    restore(folder, file, replace=True)
    journal = await open_journal(folder)
    uploads, artifacts = Uploads(journal, LIMITS), Artifacts(journal)
    found = await uploads.claim("ann", [kept])
    data = await artifacts.read(await artifacts.one(JOB, "out"), 0, 100)
    begun = await uploads.status("ann", half.upload)
    await journal.close()

    assert journal.contents.path(found[kept].sha256 or "").read_bytes() == b"sent"
    assert data == b"left"
    assert begun.offset == 0


@pytest.mark.timeout(90)
@pytest.mark.capability("N10", "N11")
async def test_a_kill_at_any_moment_loses_no_file_and_leaves_no_rubbish(tmp_path: Path) -> None:
    told: list[list[str]] = []
    for _ in range(ROUNDS):
        told += await _words_until_killed(tmp_path, random.randint(5, 120))

        journal = await open_journal(tmp_path)
        uploads, artifacts = Uploads(journal, LIMITS), Artifacts(journal)
        await artifacts.sweep_drafts()
        await uploads.sweep_drafts()
        for part in journal.contents.parts():
            await journal.sweep(part)
        files = await journal.rows(tuple, "select sha256 from uploads where is_finished = 1")
        drafts = await journal.rows(tuple, "select upload from uploads where is_finished = 0")
        leaves = await journal.rows(tuple, "select sha256 from artifacts")

        assert {row[0] for row in [*files, *leaves]} == contents(journal)
        assert set(journal.contents.drafts()) <= {row[0] for row in drafts}
        for each in contents(journal):
            assert sha256(journal.contents.path(each).read_bytes()) == each
        going = {words[2] for words in told if words[0] == "going"}
        for kind, owner, name in told:
            if kind == "left":
                assert (await artifacts.one(owner, name)).size == 20_000
            elif kind == "kept" and name not in going:
                assert name in await uploads.claim(owner, [name])
        await journal.close()
    assert len(told) > ROUNDS


async def _words_until_killed(folder: Path, lines: int) -> list[list[str]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, BUSY_SENDER, folder),
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    try:
        first = [await asyncio.wait_for(process.stdout.readline(), PATIENCE) for _ in range(lines)]
    finally:
        process.kill()
    rest = await asyncio.wait_for(process.stdout.read(), PATIENCE)
    await process.wait()
    return [
        line.decode().split()
        for line in [*first, *rest.splitlines(keepends=True)]
        if line.endswith(b"\n")
    ]
