"""Nobody gets at the files of others, and nothing but what was left in its folder gets out of a job."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from tests.site import client, session
from tests.site.jobs import LIMIT, events_of

from taskrealm.client import File, JobFailed
from taskrealm.protocol import uris
from taskrealm.protocol.errors import (
    Error,
    InvalidArguments,
    TooLarge,
    UnknownArtifact,
    UnknownUpload,
)
from taskrealm.protocol.jobs import EventType
from taskrealm.tasks.media import clean_name

if TYPE_CHECKING:
    from pathlib import Path

    from tests.nodes import Node

    from taskrealm.wire import Session

SECRET = b"nobody else's business"


async def begin(peer: Session, size: int, **more: Any) -> str:
    upload: str = (await peer.call(uris.UPLOAD_BEGIN, "a.txt", size, **more))["upload"]
    return upload


@pytest.mark.capability("N10")
@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("../../etc/passwd", "passwd"),
        ("..", "file"),
        ("/etc/passwd", "passwd"),
        ("C:\\Windows\\notepad.exe", "notepad.exe"),
        ("-rf", "rf"),
        (".bashrc", "bashrc"),
        ("a\nb\x1b[31m.txt", "a b [31m.txt"),
        ("a\u202egnp.exe", "a gnp.exe"),
        ("  ", "file"),
        ("e\u0301.txt", "é.txt"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("\ud800.txt", "txt"),
        ("…" * 200, "…" * 66),
    ],
)
def test_a_name_is_never_more_than_the_name_of_a_file(name: str, cleaned: str) -> None:
    assert clean_name(name) == cleaned
    assert len(clean_name(name).encode()) <= 200


@pytest.mark.capability("N10")
async def test_a_hostile_name_stays_in_the_folder_of_the_job(site: Node) -> None:
    async with client(site, "paper_mallory") as mallory:
        for name in ("../../../evil.txt", "--version", "a\0b", ".taskrealm"):
            try:
                job = await mallory.exec("papers.look", [File(b"x", name)])
            except InvalidArguments as refusal:
                assert "NUL" in str(refusal)  # noqa: PT017
                continue
            [look] = await job.result(LIMIT)

            assert look["is_here"]
            assert look["name"][0] not in ".-"
    assert not list(site.folder.root.rglob("*evil.txt"))


@pytest.mark.capability("N10")
async def test_pieces_have_their_order_and_their_end(site: Node) -> None:
    peer = await session(site, "paper_mallory")
    upload = await begin(peer, 10)
    for offset, data, reason in (
        (5, b"later", "must be 0, the number of bytes that are here"),
        (0, b"more than ten", "must end at byte 10"),
        (-1, b"x", "whole number from 0"),
        (0, "text", "must be bytes"),
        (0, 5, "must be bytes"),
    ):
        with pytest.raises(InvalidArguments, match=reason):
            await peer.call(uris.UPLOAD_APPEND, upload, offset, data)
    with pytest.raises(InvalidArguments, match="has 0 of 10 bytes"):
        await peer.call(uris.UPLOAD_FINISH, upload)
    await peer.call(uris.UPLOAD_APPEND, upload, 0, b"0123456789")
    with pytest.raises(InvalidArguments, match="must be 10"):
        await peer.call(uris.UPLOAD_APPEND, upload, 0, b"0123456789")
    done = await peer.call(uris.UPLOAD_FINISH, upload)
    with pytest.raises(InvalidArguments, match="is finished: nothing can be added"):
        await peer.call(uris.UPLOAD_APPEND, upload, 10, b"")

    assert done == await peer.call(uris.UPLOAD_FINISH, upload)
    assert done["sha256"] == hashlib.sha256(b"0123456789").hexdigest()
    await peer.leave()


@pytest.mark.capability("N10")
async def test_lies_about_size_and_checksum_lead_nowhere(site: Node) -> None:
    peer = await session(site, "paper_mallory")
    for refused in (
        {"size": 2**60},
        {"size": -1},
        {"size": True},
        {"size": 1, "sha256": "../../x"},
        {"size": 1, "sha256": "A" * 64},
        {"size": 1, "media_type": "text/html\r\nX-Evil: 1"},
        {"size": 1, "media_type": 5},
    ):
        with pytest.raises((InvalidArguments, TooLarge)):
            await begin(peer, **refused)
    upload = await begin(peer, 3, sha256=hashlib.sha256(b"abc").hexdigest())
    await peer.call(uris.UPLOAD_APPEND, upload, 0, b"abd")
    with pytest.raises(InvalidArguments, match="is not that of the bytes that came"):
        await peer.call(uris.UPLOAD_FINISH, upload)

    with pytest.raises(UnknownUpload):
        await peer.call(uris.UPLOAD_STATUS, upload)
    await peer.leave()


@pytest.mark.capability("N10")
async def test_to_know_a_checksum_is_not_to_have_the_file(site: Node) -> None:
    async with client(site, "paper_ann") as ann:
        await ann.upload(SECRET, name="a.txt")
    peer = await session(site, "paper_mallory")
    begun = await peer.call(
        uris.UPLOAD_BEGIN, "a.txt", len(SECRET), sha256=hashlib.sha256(SECRET).hexdigest()
    )

    assert begun["offset"] == 0
    await peer.leave()


@pytest.mark.capability("N10")
@pytest.mark.parametrize(
    "upload",
    ["", "..", "../journal.sqlite", "file_" + 32 * "0", "file_" + 32 * "/", "left_1", 5, None],
)
async def test_an_id_is_never_a_path(site: Node, upload: Any) -> None:
    peer = await session(site, "paper_mallory")
    for call in (
        peer.call(uris.UPLOAD_STATUS, upload),
        peer.call(uris.UPLOAD_APPEND, upload, 0, b"x"),
        peer.call(uris.UPLOAD_FINISH, upload),
        peer.call(uris.UPLOAD_REMOVE, upload),
    ):
        with pytest.raises((UnknownUpload, InvalidArguments)):
            await call
    await peer.leave()


@pytest.mark.capability("P7")
async def test_pieces_that_are_not_awaited_do_not_pile_up(site: Node) -> None:
    peer = await session(site, "paper_mallory")
    upload = await begin(peer, 100_000)
    answers = await asyncio.gather(
        *(peer.call(uris.UPLOAD_APPEND, upload, 0, b"x" * 100) for _ in range(50)),
        return_exceptions=True,
    )

    assert sum(isinstance(each, dict) for each in answers) == 1
    assert all(isinstance(each, dict | InvalidArguments) for each in answers)
    assert (await peer.call(uris.UPLOAD_STATUS, upload))["offset"] == 100
    await peer.leave()


@pytest.mark.capability("N11")
@pytest.mark.parametrize(
    "script",
    [
        pytest.param("ln -s {secret} out.txt", id="a symbolic link"),
        pytest.param("mkfifo out.txt", id="a pipe"),
        pytest.param("mkdir out.txt", id="a folder"),
        pytest.param(
            "python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('out.txt')\"",
            id="a socket",
        ),
        pytest.param("rm -rf $PWD; ln -s {folder} $PWD", id="its whole folder is a link"),
    ],
)
async def test_only_regular_files_below_its_folder_get_out_of_a_job(
    site: Node, tmp_path: Path, script: str
) -> None:
    (tmp_path / "out.txt").write_bytes(SECRET)
    words = script.format(secret=tmp_path / "out.txt", folder=tmp_path)
    async with client(site, "paper_mallory") as mallory:
        job = await mallory.exec("papers.leave", [words])
        with pytest.raises(JobFailed, match=r"out\.txt was not kept: "):
            await job.result(LIMIT)

        assert await job.artifacts() == []
    assert (tmp_path / "out.txt").read_bytes() == SECRET


@pytest.mark.capability("N11")
async def test_patterns_follow_no_links(site: Node, tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(SECRET)
    script = (
        f"ln -s {tmp_path} pages; mkdir deep; ln -s {tmp_path} deep/a; ln -s / deep/root;"
        f"ln -s {tmp_path}/1.png 1.mov; echo mine > 2.mov"
    )
    async with client(site, "paper_mallory") as mallory:
        job = await mallory.exec("papers.leave", [script])
        await job.result(LIMIT)

        assert {each.name: await each.read() for each in await job.artifacts()} == {
            "2.mov": b"mine\n"
        }


@pytest.mark.capability("N11")
async def test_a_file_with_another_name_elsewhere_is_copied(site: Node, tmp_path: Path) -> None:
    elsewhere = site.folder.root / "files" / "h7-linked"
    script = f"echo first > out.txt; ln out.txt {elsewhere}"
    async with client(site, "paper_mallory") as mallory:
        job = await mallory.exec("papers.leave", [script])
        await job.result(LIMIT)
        elsewhere.write_bytes(b"other")
        [artifact] = await job.artifacts()

        assert await artifact.read() == b"first\n"
    elsewhere.unlink()


@pytest.mark.capability("N11")
@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../../../etc/passwd", "sub/../../x", "..", "", "link", "a\0b"]
)
async def test_a_program_cannot_report_a_file_outside_its_folder(site: Node, path: str) -> None:
    code = f"""
import json, os
os.symlink("/etc/passwd", "link")
with open(os.environ["TASKREALM_REPORT"], "w") as pipe:
    print(json.dumps({{"file": {path!r}}}), file=pipe)
"""
    async with client(site, "paper_mallory") as mallory:
        job = await mallory.exec("papers.program", [code])
        events = await events_of(job)

        assert await job.artifacts() == []
    assert not any(event.type is EventType.ARTIFACT for event in events)
    told = str([event.data for event in events])
    assert "was not kept" in told or "A report was not understood" in told


@pytest.mark.capability("N11")
@pytest.mark.parametrize(
    "name", ["../out.txt", "/etc/passwd", "out.txt/..", "", "result.json", "no.txt", 5, None]
)
async def test_the_name_of_an_artifact_is_never_a_path(site: Node, name: Any) -> None:
    async with client(site, "paper_mallory") as mallory:
        job = await mallory.exec("papers.leave", ["echo text > out.txt"])
        await job.result(LIMIT)
    peer = await session(site, "paper_mallory")
    with pytest.raises((UnknownArtifact, InvalidArguments)):
        await peer.call(uris.ARTIFACT, job.job_id, name)
    for offset, limit in ((-1, 10), (0, 0), (0, "x")):
        with pytest.raises(InvalidArguments):
            await peer.call(uris.ARTIFACT, job.job_id, "out.txt", offset, limit)

    behind = await peer.call(uris.ARTIFACT, job.job_id, "out.txt", 1_000)
    assert (behind["data"], behind["end"]) == (b"", True)
    await peer.leave()


async def test_what_the_node_keeps_of_files_is_for_its_owner_alone(site: Node) -> None:
    async with client(site, "paper_ann") as ann:
        await ann.upload(SECRET)
    files = site.folder.journal / "files"

    for path in (files, *files.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


async def test_no_answer_tells_a_path_of_the_node(site: Node) -> None:
    async with client(site, "paper_mallory") as mallory:
        for script in ("mkfifo out.txt", "ln -s /nowhere out.txt"):
            job = await mallory.exec("papers.leave", [script])
            with pytest.raises(JobFailed) as failure:
                await job.result(LIMIT)

            assert str(site.folder.root) not in str(failure.value)
        with pytest.raises(Error) as refusal:
            await mallory.exec("papers.look", ["../x"])

        assert str(site.folder.root) not in str(refusal.value)
