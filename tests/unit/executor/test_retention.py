"""The journal is kept within its time and its room."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from taskrealm.executor.retention import Retention
from taskrealm.journal import Artifacts, AuditFilter, AuditRecord, Entry, Journal
from taskrealm.protocol.jobs import EventType, Job, State, new_job_id, now
from taskrealm.settings import RetentionSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MIB = 1_048_576


@pytest_asyncio.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = await Journal.open(
        tmp_path / "journal", output_limit=10 * MIB, on_commit=lambda events: None
    )
    yield journal
    await journal.close()


async def a_job(journal: Journal, *, age: float, printed: int = 0, state: str = "failed") -> Job:
    """A job that printed some bytes and, if it has ended, did so *age* days ago."""
    moment = now() - timedelta(days=age)
    job = Job(new_job_id(), "convert", "ann", "ann", "user", {}, moment)
    journal.output.append(job.job_id, "stdout", b"x" * printed)
    journal.output.close(job.job_id)
    ended = replace(job, state=State(state), ended_at=moment if state == "failed" else None)
    await journal.write([Entry(job, EventType.QUEUED)])
    if state == "failed":
        await journal.write([Entry(ended, EventType.FAILED)])
    return job


def files(journal: Journal) -> set[str]:
    """The ids of the jobs of which there is output."""
    return {path.name[:32] for path in journal.output.folder.rglob("*") if path.is_file()}


@pytest.mark.capability("N23", "I4")
async def test_what_is_too_old_goes_with_its_output(journal: Journal) -> None:
    old = await a_job(journal, age=31, printed=10)
    young = await a_job(journal, age=29, printed=10)
    waiting = await a_job(journal, age=99, printed=10, state="queued")

    await Retention(journal, RetentionSettings(days=30)).tend()

    assert await journal.job(old.job_id) is None
    assert {job.job_id for job in await journal.jobs()} == {young.job_id, waiting.job_id}
    assert files(journal) == {young.job_id, waiting.job_id}


@pytest.mark.capability("N26")
async def test_the_audit_log_is_kept_for_a_time_of_its_own_and_takes_no_room_from_jobs(
    journal: Journal,
) -> None:
    kept = await a_job(journal, age=1, printed=100)
    job = "0" * 32
    detail = {"task": "convert", "session": 2**52, "token": "0123456789abcdef"}
    old, young = (now() - timedelta(days=days) for days in (8, 6))
    for at in (old, young):
        await journal.record(
            [
                AuditRecord("ann", "exec", "user", "ann", job, "192.0.2.1", detail=detail, at=at)
                for _ in range(10_000)
            ]
        )
    size, used = await journal.audit_size(), (await journal.pages()).used

    await Retention(journal, RetentionSettings(size=2 * MIB), audit_days=7).tend()

    assert 4 * MIB < used
    assert 0.7 * used < size < 1.3 * used
    assert [each.job_id for each in await journal.jobs()] == [kept.job_id]
    [oldest] = await journal.audit(AuditFilter(), after=0, limit=1)
    assert oldest.id == 10_001


async def test_what_does_not_fit_goes_oldest_first_and_no_more_than_that(journal: Journal) -> None:
    jobs = [await a_job(journal, age=1 / (n + 1), printed=MIB) for n in range(60)]

    await Retention(journal, RetentionSettings(size=30 * MIB)).tend()

    kept = {job.job_id for job in await journal.jobs(limit=200)}
    assert kept == {job.job_id for job in jobs[-len(kept) :]}
    assert 19 <= len(kept) <= 29
    assert files(journal) == kept


async def test_unfinished_jobs_stay_even_if_they_do_not_fit(
    journal: Journal, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = await a_job(journal, age=99, printed=3 * MIB, state="queued")
    retention = Retention(journal, RetentionSettings(size=MIB))

    await retention.tend()
    await retention.tend()

    assert (await journal.job(waiting.job_id)) is not None
    assert files(journal) == {waiting.job_id}
    assert capsys.readouterr().out.count("larger than it may be") == 1


async def test_a_removal_that_was_cut_off_is_finished_the_next_time(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await a_job(journal, age=31, printed=10)

    def fail(job_id: str) -> None:
        raise PermissionError(job_id)

    with monkeypatch.context() as patch:
        patch.setattr(journal.output, "remove", fail)
        with pytest.raises(PermissionError):
            await Retention(journal, RetentionSettings(days=30)).tend()
    cut_off = (await journal.job(old.job_id), files(journal))
    await Retention(journal, RetentionSettings(days=30)).tend()

    assert cut_off == (None, {old.job_id})
    assert files(journal) == set()


async def test_output_of_nobody_goes_when_its_time_is_over(journal: Journal) -> None:
    stranger, late_stranger = new_job_id(), new_job_id()
    for job_id in (stranger, late_stranger):
        journal.output.append(job_id, "stdout", b"whose?")
        journal.output.close(job_id)
    waiting = await a_job(journal, age=99, printed=10, state="queued")
    for job_id in (stranger, waiting.job_id):
        [file] = journal.output.folder.rglob(f"{job_id}.*")
        os.utime(file, (1_000, 1_000))

    await Retention(journal, RetentionSettings(days=30)).tend()

    assert files(journal) == {late_stranger, waiting.job_id}


@pytest.mark.capability("N23")
async def test_artifacts_count_and_go_with_their_job(journal: Journal) -> None:
    artifacts = Artifacts(journal)
    jobs = [await a_job(journal, age=age) for age in range(12, 0, -1)]
    for job in jobs:
        draft = artifacts.new_draft()
        artifacts.path(draft).write_bytes(job.job_id.encode() * 10_000)
        await artifacts.keep(
            draft, job_id=job.job_id, name="out", title=None, media_type="a/b", expires_at=None
        )
    assert await artifacts.size() == 12 * 320_000

    await Retention(journal, RetentionSettings(size=3 * MIB)).tend()

    assert [await journal.job(job.job_id) is None for job in jobs] == 10 * [True] + 2 * [False]
    assert await artifacts.of(jobs[0].job_id) == []
    assert len([*journal.contents.folder.glob("contents/??/*")]) == 2
