"""Files that users send: whole, checked, resumed, theirs alone, and read-only for the job."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.nodes import Node, Watch, comes_true, the_one
from tests.site import client, make_site, session
from tests.site.jobs import LIMIT, occupy_slots

from taskrealm.client import BlockingClient, File, Request
from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidArguments, TooLarge, UnknownUpload

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskrealm.client import Client

MIB = 1_048_576


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def contents(site: Node) -> set[str]:
    """The checksums of all contents that the node keeps."""
    return {path.name for path in (site.folder.journal / "files" / "contents").glob("??/*")}


async def result_of(client: Client, task: str, arguments: Any) -> Any:
    job = await client.exec(task, arguments)
    return await job.result(LIMIT)


@pytest.mark.capability("N10")
async def test_a_file_reaches_its_job_as_it_was_for_reading_only(site: Node) -> None:
    data = os.urandom(3 * MIB + 17)
    async with client(site, "paper_ann") as ann:
        seen: list[float] = []
        file = await ann.upload(data, name="Brücke über.mov", on_progress=seen.append)
        [look] = await result_of(ann, "papers.look", {"source": file})

    assert look["sha256"] == sha256(data)
    assert (look["name"], look["mode"], look["is_here"]) == ("Brücke über.mov", "0o400", True)
    assert seen == sorted(seen)
    assert seen[0] == 0.0
    assert seen[-1] == 1.0
    assert len(seen) > 3


@pytest.mark.capability("N10")
async def test_paths_and_files_among_the_arguments_are_sent_first(
    site: Node, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_bytes(b"one")
    several = [File(b"two", "a.txt"), File(io.BytesIO(b"three")), File(b"", "empty")]
    async with client(site, "paper_path") as ann:
        looks = await result_of(ann, "papers.look", {"source": tmp_path / "a.txt", "more": several})
        [job] = await ann.exec_many([Request("papers.look", [tmp_path / "a.txt"])])
        again = await job.result(LIMIT)

    assert [look["sha256"] for look in looks] == [
        sha256(each) for each in (b"one", b"two", b"three", b"")
    ]
    assert {look["name"] for look in looks} == {"a.txt", "a-2.txt", "file", "empty"}
    assert again[0]["sha256"] == sha256(b"one")


@pytest.mark.capability("N10", "S5")
@pytest.mark.parametrize(
    ("file", "reason"),
    [
        pytest.param(File(b"x" * 10_001, "a.mov"), "at most 10000 bytes", id="too large"),
        pytest.param(File(b"x", "a.txt"), "must be of .mov, video/*; a.txt is not", id="by name"),
        pytest.param(
            File(b"%PDF-1.7 and so on", "a.mov"), "is application/pdf by its content", id="a lie"
        ),
        pytest.param("file_" + 32 * "0", "must be the id of a file", id="no such file"),
        pytest.param("../../etc/passwd", "must be the id of a file", id="a path"),
    ],
)
async def test_a_file_that_does_not_fit_is_refused_by_field(
    site: Node, file: File | str, reason: str
) -> None:
    async with client(site, "paper_bad") as ann:
        for refused in (ann.exec("papers.film", {"source": file}),):
            with pytest.raises(InvalidArguments) as refusal:
                await refused

    assert set(refusal.value.fields) == {"source"}
    assert reason in refusal.value.fields["source"]


@pytest.mark.capability("N10")
@pytest.mark.parametrize("name", ["a.mov", "A.MOV", "a.mp4", "a.webm"])
async def test_a_file_of_an_accepted_kind_is_taken(site: Node, name: str) -> None:
    async with client(site, "paper_good") as ann:
        assert await result_of(ann, "papers.film", [File(b"film", name)]) == "film"


@pytest.mark.capability("N10")
async def test_the_files_of_others_are_as_if_they_were_not_there(site: Node) -> None:
    async with (
        client(site, "paper_ann") as ann,
        client(site, "paper_bob") as bob,
        client(site, "paper_boss", "operator") as boss,
    ):
        file = await ann.upload(b"mine", name="mine.txt")
        for other in (bob, boss):
            with pytest.raises(InvalidArguments, match="must be the id of a file"):
                await other.exec("papers.look", [file])
            with pytest.raises(UnknownUpload):
                await other.remove_upload(file)
        own = await ann.check("papers.look", [file])

    assert own["argv"][-1] == "mine.txt"


@pytest.mark.capability("N10")
async def test_equal_contents_are_kept_once_and_each_owner_can_drop_them(site: Node) -> None:
    data = os.urandom(MIB)
    async with client(site, "paper_ann") as ann, client(site, "paper_bob") as bob:
        files = await asyncio.gather(
            *(each.upload(data, name=name) for each in (ann, bob) for name in ("a", "b"))
        )
        assert len(set(files)) == 4
        assert await ann.upload(data, name="a") == files[0]
        assert sha256(data) in contents(site)
        for file in files[:2]:
            await ann.remove_upload(file)
        assert sha256(data) in contents(site)
        [look] = await result_of(bob, "papers.look", [files[2]])
        for file in files[2:]:
            await bob.remove_upload(file)

        assert look["sha256"] == sha256(data)
        await comes_true(lambda: sha256(data) not in contents(site))


@pytest.mark.capability("N10")
async def test_a_program_cannot_change_what_is_kept(site: Node) -> None:
    data = os.urandom(1_000)
    async with client(site, "paper_ann") as ann:
        file = await ann.upload(data)
        await result_of(ann, "papers.vandal", [file])
        [look] = await result_of(ann, "papers.look", [file])

    assert look["sha256"] == sha256(data)


@pytest.mark.capability("N10")
async def test_a_file_that_a_job_waits_for_cannot_be_removed(site: Node, tmp_path: Path) -> None:
    async with client(site, "paper_wait") as ann:
        file = await ann.upload(b"line\n")
        job = await ann.exec("papers.waits", [file, str(tmp_path / "go")])
        with pytest.raises(InvalidArguments, match="needed by a job"):
            await ann.remove_upload(file)
        (tmp_path / "go").touch()
        assert await job.result(LIMIT) == "line"
        await ann.remove_upload(file)

        with pytest.raises(InvalidArguments, match="must be the id"):
            await ann.exec("papers.look", [file])


async def test_an_unchanged_file_is_not_sent_again_and_a_key_stands_for_one_job(
    site: Node, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_bytes(b"the same")
    async with client(site, "paper_key") as ann:
        jobs = [await ann.exec("papers.look", [tmp_path / "a.txt"], key="one") for _ in range(2)]

    assert jobs[0].job_id == jobs[1].job_id


@pytest.mark.capability("N10")
async def test_a_program_without_an_event_loop_sends_and_fetches_files(
    site: Node, tmp_path: Path
) -> None:
    def work() -> tuple[bytes, Path]:
        url = f"ws://127.0.0.1:{site.port}/ws"
        with BlockingClient(url, token=site.issue("paper_sync")) as sync:
            file = sync.upload(b"some words", name="a.txt")
            job = sync.exec("papers.leave", {"script": 'cp "$1" out.txt', "source": file})
            job.result(LIMIT)
            [artifact] = job.artifacts()
            return artifact.read(), artifact.save(tmp_path)

    data, path = await asyncio.to_thread(work)

    assert data == path.read_bytes() == b"some words"
    assert path == tmp_path / "out.txt"


@pytest.mark.capability("N10")
async def test_limits_of_size_number_and_sum_are_told_before_anything_is_sent(
    short_path: Path,
) -> None:
    folder = make_site(short_path)
    with folder.settings_file.open("a") as settings:
        settings.write(
            "\n[files]\nupload_limit = 1000\nuser_limit = 1500\nuploads_per_user = 2\n"
            "lifetime = 1.0\n\n[retention]\ninterval = 0.2\n"
        )
    with Node(folder) as node:
        node.until("READY")
        async with client(node, "paper_ann") as ann, client(node, "paper_bob") as bob:
            with pytest.raises(TooLarge) as too_large:
                await ann.upload(b"x" * 1_001)
            await ann.upload(b"x" * 1_000, name="one")
            with pytest.raises(InvalidArguments, match="your files here have 1000 bytes"):
                await ann.upload(b"y" * 501, name="two")
            await ann.upload(b"y", name="three")
            with pytest.raises(InvalidArguments, match="one file too many: you have 2"):
                await ann.upload(b"z", name="four")
            jobs = await occupy_slots(bob)
            kept = await bob.upload(b"kept\n", name="kept")
            job = await bob.exec("papers.look", [kept])

            # What nobody uses goes; what a job waits for, stays.
            assert too_large.value.limit == 1_000
            await comes_true(lambda: contents(node) == {sha256(b"kept\n")})
            for each in jobs:
                await each.cancel(now=True)
            [look] = await job.result(LIMIT)
            assert look["sha256"] == sha256(b"kept\n")
            await comes_true(lambda: not contents(node))
            await ann.upload(b"again", name="one")


@pytest.mark.capability("N10")
async def test_an_upload_goes_on_where_it_was_when_the_executor_is_killed(
    short_path: Path,
) -> None:
    data = os.urandom(50 * MIB)
    watched: list[float] = []

    def killing(watch: Callable[[], None]) -> Callable[[float], None]:
        def take(fraction: float) -> None:
            if fraction > 0.5 and not any(each > 0.5 for each in watched):
                watch()
            watched.append(fraction)

        return take

    with Node(make_site(short_path)) as node:
        node.until("READY")
        executor = the_one(node.folder, "components/executor.py")
        killer = Watch([executor])
        async with client(node, "paper_ann") as ann:
            file = await ann.upload(data, name="big", on_progress=killing(killer.kill))
            assert the_one(node.folder, "components/executor.py") != executor
            status = Path(f"/proc/{the_one(node.folder, 'components/executor.py')}/status")
            peak = int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
            [look] = await result_of(ann, "papers.look", [file])

    assert look["sha256"] == sha256(data)
    assert watched == sorted(watched)
    # Half of the file went through this executor, and it read all of it.
    assert peak < 150 * MIB


async def test_a_restart_keeps_what_a_waiting_job_needs_and_sweeps_what_nobody_does(
    short_path: Path,
) -> None:
    folder = make_site(short_path, settings="drain_limit = 0.5\n")
    stray = folder.journal / "files" / "contents" / "ab" / ("ab" * 32)
    drafts = [folder.journal / "files" / "drafts" / name for name in ("left_1", "file_" + 32 * "0")]
    with Node(folder) as node:
        node.until("READY")
        async with client(node, "paper_ann") as ann:
            await occupy_slots(ann)
            job = await ann.exec("papers.look", [File(b"needed", "a.txt")])
        node.stop()
    for path in (stray, *drafts):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"stray")
    with Node(folder) as node:
        node.until("READY")
        async with client(node, "paper_ann") as ann:
            [look] = await ann.job(job.job_id).result(LIMIT)
            await comes_true(lambda: not any(path.exists() for path in (stray, *drafts)))

    assert look["sha256"] == sha256(b"needed")


async def test_an_empty_session_cannot_even_ask_how_far_a_foreign_upload_is(site: Node) -> None:
    ann, bob = await session(site, "paper_raw"), await session(site, "paper_eve")
    begun = await ann.call(uris.UPLOAD_BEGIN, "a.txt", 3)
    for call in (
        bob.call(uris.UPLOAD_STATUS, begun["upload"]),
        bob.call(uris.UPLOAD_APPEND, begun["upload"], 0, b"abc"),
        bob.call(uris.UPLOAD_FINISH, begun["upload"]),
        bob.call(uris.UPLOAD_REMOVE, begun["upload"]),
    ):
        with pytest.raises(UnknownUpload):
            await call

    assert (await ann.call(uris.UPLOAD_STATUS, begun["upload"]))["offset"] == 0
    await asyncio.gather(ann.leave(), bob.leave())
