"""Files that jobs leave: declared or reported, listed, fetched, checked, and gone in time."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.nodes import Node, comes_true
from tests.site import client, make_site
from tests.site.jobs import LIMIT, events_of, first_line, until

from taskrealm.client import File, JobCancelled, JobFailed
from taskrealm.protocol.errors import UnknownArtifact, UnknownJob
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from pathlib import Path

    from taskrealm.client import Client, Job

MIB = 1_048_576


async def left(client: Client, script: str, **more: Any) -> Job:
    """A job that has done what *script* says."""
    job = await client.exec("papers.leave", {"script": script, **more})
    await job.result(LIMIT)
    return job


async def contents_of(job: Job) -> dict[str, bytes]:
    return {each.name: await each.read() for each in await job.artifacts()}


@pytest.mark.capability("N11")
async def test_what_a_task_declares_is_there_for_its_owner_before_the_job_ends(site: Node) -> None:
    script = (
        "echo text > out.txt; mkdir -p pages deep/a/b; echo 1 > pages/1.png; echo 2 > pages/2.png;"
        "echo no > pages/3.txt; echo c > deep/a/b/c.csv; echo pdf > report.pdf; echo x > other"
    )
    async with client(site, "paper_art") as ann:
        job = await left(ann, script)
        found = {each.name: each for each in await job.artifacts()}
        events = await events_of(job)
        contents = await contents_of(job)

    assert contents == {
        "out.txt": b"text\n",
        "pages/1.png": b"1\n",
        "pages/2.png": b"2\n",
        "deep/a/b/c.csv": b"c\n",
        "report.pdf": b"pdf\n",
    }
    told = [event.data for event in events if event.type is EventType.ARTIFACT]
    assert {each["name"]: each["sha256"] for each in told} == {
        name: hashlib.sha256(data).hexdigest() for name, data in contents.items()
    }
    assert events[-1].type is EventType.SUCCEEDED
    report = found["report.pdf"]
    assert (report.title, report.media_type, report.size) == ("The report", "application/pdf", 4)
    assert report.expires_at is not None
    expires = datetime.fromisoformat(report.expires_at) - datetime.now(UTC)
    assert timedelta(days=1.9) < expires < timedelta(days=2.1)
    assert found["out.txt"].expires_at is None


@pytest.mark.capability("N11", "N10")
async def test_a_large_file_comes_in_and_goes_out_whole(site: Node, tmp_path: Path) -> None:
    data = os.urandom(20 * MIB + 5)
    seen: list[float] = []
    async with client(site, "paper_art") as ann:
        job = await left(ann, 'cp "$1" out.txt', source=File(data, "data.bin"))
        [artifact] = await job.artifacts()
        path = await artifact.save(tmp_path / "here", on_progress=seen.append)

    assert path.read_bytes() == data
    assert [each.name for each in tmp_path.iterdir()] == ["here"]
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.capability("N11")
async def test_artifacts_are_for_those_who_may_see_the_job(site: Node) -> None:
    async with (
        client(site, "paper_art") as ann,
        client(site, "paper_bob") as bob,
        client(site, "paper_boss", "operator") as boss,
    ):
        job = await left(ann, "echo text > out.txt")
        with pytest.raises(UnknownJob):
            await bob.job(job.job_id).artifacts()
        [artifact] = await job.artifacts()
        [seen] = await boss.job(job.job_id).artifacts()
        with pytest.raises(UnknownArtifact):
            await job.artifact("nothing")

    assert artifact.sha256 == seen.sha256


@pytest.mark.capability("N11")
async def test_a_missing_file_is_told_and_a_required_one_fails_the_job(site: Node) -> None:
    async with client(site, "paper_art") as ann:
        job = await left(ann, "true")
        messages = [each.data for each in await events_of(job) if each.type is EventType.MESSAGE]
        must = await ann.exec("papers.must_leave", ["true"])
        with pytest.raises(JobFailed, match=r"^The job left no file out\.txt$"):
            await must.result(LIMIT)

    assert [(each["level"], each["text"]) for each in messages] == [
        ("warning", f"The job left no file {name}")
        for name in ("out.txt", "report.pdf", "notes.log")
    ]


@pytest.mark.capability("N11")
async def test_a_job_that_fails_or_is_cancelled_leaves_only_what_is_always_left(
    site: Node,
) -> None:
    async with client(site, "paper_art") as ann:
        failed = await ann.exec(
            "papers.leave", {"script": "echo text > out.txt; echo why > notes.log; exit 3"}
        )
        with pytest.raises(JobFailed, match="exit code 3"):
            await failed.result(LIMIT)
        stopped = await ann.exec(
            "papers.leave", {"script": "echo why > notes.log; echo ready; sleep 600"}
        )
        assert await first_line(stopped) == "ready"
        await stopped.cancel()
        with pytest.raises(JobCancelled):
            await stopped.result(LIMIT)

        assert await contents_of(failed) == {"notes.log": b"why\n"}
        assert await contents_of(stopped) == {"notes.log": b"why\n"}


@pytest.mark.capability("N11", "N18")
async def test_a_program_reports_a_file_while_it_runs(site: Node, tmp_path: Path) -> None:
    go = tmp_path / "go"
    code = f"""
import os, pathlib, time
from taskrealm.tasks import report
os.makedirs("sub")
path = pathlib.Path("sub/first.bin")
path.write_bytes(b"first")
report.artifact(path, title="The first", name="Anfang: 1/first.bin")
while not os.path.exists({str(go)!r}):
    time.sleep(0.02)
pathlib.Path("last.txt").write_text("last")
"""
    async with client(site, "paper_art") as ann:
        job = await ann.exec("papers.program", [code])
        event = await until(job, EventType.ARTIFACT)
        early = await contents_of(job)
        go.touch()
        await job.result(LIMIT)
        late = await contents_of(job)

    assert (event.data["name"], event.data["title"]) == ("Anfang: 1/first.bin", "The first")
    assert early == {"Anfang: 1/first.bin": b"first"}
    assert late == {**early, "last.txt": b"last"}


@pytest.mark.capability("N11")
async def test_a_file_that_was_given_to_a_job_is_not_one_that_it_leaves(site: Node) -> None:
    async with client(site, "paper_art") as ann:
        job = await left(ann, "cp *.mov copy.mov", source=File(b"film", "a.mov"))

        assert await contents_of(job) == {"copy.mov": b"film"}


async def test_a_result_that_is_too_big_for_an_event_is_an_artifact_like_others(
    site: Node, tmp_path: Path
) -> None:
    async with client(site, "paper_art") as ann:
        job = await ann.exec("probe.talkative")
        result = await job.result(LIMIT)
        [artifact] = await job.artifacts()

        assert (artifact.name, artifact.media_type) == ("result.json", "application/json")
        assert json.loads(await artifact.read()) == result
        assert (await artifact.save(tmp_path)).name == "result.json"


@pytest.mark.capability("N11", "N23")
async def test_artifacts_are_limited_expire_and_go_with_their_job(short_path: Path) -> None:
    folder = make_site(short_path)
    with folder.settings_file.open("a") as settings:
        settings.write(
            "\n[files]\nartifact_limit = 1000\nartifacts_per_job = 2\nartifact_days = 0.00002\n"
            "\n[retention]\ninterval = 0.2\ndays = 0.0002\n"
        )

    def contents() -> set[str]:
        return {path.name for path in (folder.journal / "files" / "contents").glob("??/*")}

    with Node(folder) as node:
        node.until("READY")
        async with client(node, "paper_ann") as ann:
            large = await ann.exec("papers.leave", ["head -c 1001 /dev/zero > out.txt"])
            with pytest.raises(JobFailed, match="more than the 1000 bytes that are left"):
                await large.result(LIMIT)
            many = await ann.exec("papers.leave", ["mkdir pages; touch pages/{1,2,3}.png"])
            with pytest.raises(JobFailed, match="more than 2 files"):
                await many.result(LIMIT)
            short = await left(ann, "echo short > out.txt")
            long = await left(ann, "echo long > report.pdf")  # kept for two days
            short_sum = hashlib.sha256(b"short\n").hexdigest()
            long_sum = hashlib.sha256(b"long\n").hexdigest()
            await comes_true(lambda: short_sum not in contents())
            assert await short.artifacts() == []
            assert long_sum in contents()
            await comes_true(lambda: not contents())
            with pytest.raises(UnknownJob):
                await long.artifacts()


@pytest.mark.capability("N10", "N11")
async def test_a_function_is_given_files_and_leaves_some_as_well(site: Node) -> None:
    async with client(site, "paper_art") as ann:
        job = await ann.exec("papers.count", [File(b"one two one", "a.txt")])
        result = await job.result(LIMIT)
        contents = await contents_of(job)

    assert result == 3
    assert json.loads(contents["counts.json"]) == {"one": 2, "two": 1}
