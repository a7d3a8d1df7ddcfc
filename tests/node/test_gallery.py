"""The tasks of the reference node do on a node what they say, with real files."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.needs import needs
from tests.site import client
from tests.site.jobs import LIMIT, events_of, until

from taskrealm.client import JobCancelled, JobFailed
from taskrealm.protocol.errors import InvalidArguments
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from tests.nodes import Node


def products(site: Node) -> dict[str, tuple[str, int]]:
    """What the database holds, as another program sees it."""
    file = site.folder.root / "files" / "products.sqlite"
    with closing(sqlite3.connect(file)) as database:
        rows = database.execute("SELECT * FROM products").fetchall()
    return {number: (name, cents) for number, name, cents in rows}


def write(site: Node, name: str, *lines: str) -> str:
    text = "\n".join(["number,name,price", *lines, ""])
    (site.folder.root / "files" / name).write_text(text, encoding="utf-8-sig")
    return name


@pytest.mark.capability("A15", "U9", "G1")
async def test_a_table_is_imported_with_a_word_on_each_line_that_is_wrong(site: Node) -> None:
    first = write(site, "first.csv", "1,Nut,0.25", '2,"Bolt, long",3', ",Nobody,1", "3,Nail,cheap")
    second = write(site, "second.csv", "2,Bolt,4.10", "4,Screw,-1")
    async with client(site, "shop_clerk") as clerk:
        job = await clerk.exec("table.import", {"source": first, "mistakes": 2})
        assert await job.result(LIMIT) == {"imported": 2, "wrong": 2}
        events = await events_of(job)
        told = [each.data for each in events if each.type is EventType.MESSAGE]
        assert [(each["level"], each["data"]["line"]) for each in told] == [
            ("error", 4),
            ("error", 5),
        ]
        assert products(site) == {"1": ("Nut", 25), "2": ("Bolt, long", 300)}

        with pytest.raises(
            JobFailed, match="1 lines are wrong, and 0 may be; nothing was imported"
        ):
            await (await clerk.exec("table.import", [second])).result(LIMIT)
        assert products(site)["2"] == ("Bolt, long", 300)


@pytest.mark.capability("G1", "C2")
async def test_a_table_whose_import_is_cancelled_leaves_the_database_as_it_was(site: Node) -> None:
    name = write(site, "many.csv", *(f"m{number},Thing,1" for number in range(2_000_000)))
    async with client(site, "shop_clerk") as clerk:
        job = await clerk.exec("table.import", [name])
        await until(job, EventType.PROGRESS)
        await job.cancel()
        with pytest.raises(JobCancelled):
            await job.result(LIMIT)

    assert (
        await asyncio.to_thread(lambda: [each for each in products(site) if each[0] == "m"]) == []
    )


@pytest.mark.capability("N18")
async def test_old_files_are_deleted_once_somebody_has_said_yes(site: Node) -> None:
    folder = site.folder.root / "files" / "scratch"
    folder.mkdir()
    for name, age in (("old.txt", 40), ("older.txt", 50), ("new.txt", 1)):
        (folder / name).write_text("text")
        os.utime(folder / name, (time.time() - age * 86_400,) * 2)
    async with client(site, "shop_clerk") as clerk:
        for answer, deleted in ((False, 0), (True, 2)):
            job = await clerk.exec("files.clean", ["scratch"])
            asked = await until(job, EventType.QUESTION)
            assert "Delete 2 files" in asked.data["text"]
            assert "old.txt, older.txt?" in asked.data["text"]
            assert len(list(folder.iterdir())) == 3
            await job.answer(asked.data["question"], answer)
            assert (await job.result(LIMIT))["deleted"] == deleted

        assert [path.name for path in folder.iterdir()] == ["new.txt"]
        assert (await (await clerk.exec("files.clean", ["nowhere"])).result(LIMIT))["deleted"] == 0


@pytest.mark.capability("N8")
async def test_a_folder_is_backed_up_and_the_copy_says_how_far_it_is(site: Node) -> None:
    needs("rsync")
    folder = site.folder.root / "files" / "letters"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "one.txt").write_bytes(os.urandom(3_000_000))
    (folder / "two.txt").write_bytes(os.urandom(3_000_000))
    async with client(site, "shop_clerk") as clerk:
        first = await clerk.exec("archive.backup", ["letters"])
        assert (await first.result(LIMIT))["copied"] == 2
        fractions = [
            event.data["fraction"]
            for event in await events_of(first)
            if event.type is EventType.PROGRESS
        ]
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1.0
        (folder / "two.txt").unlink()
        second = await (await clerk.exec("archive.backup", ["letters"])).result(LIMIT)
        assert (second["copied"], second["removed"]) == (0, 1)
        with pytest.raises(InvalidArguments, match="there is no folder files/nowhere"):
            await clerk.exec("archive.backup", ["nowhere"])

    copy = site.folder.root / "files" / "backups" / "letters"
    assert (copy / "a" / "one.txt").read_bytes() == (folder / "a" / "one.txt").read_bytes()
    assert not (copy / "two.txt").exists()


@pytest.mark.capability("M2", "M5", "N11")
async def test_thumbnails_are_made_of_the_images_of_a_folder(site: Node) -> None:
    ffmpeg = needs("ffmpeg")
    folder = site.folder.root / "files" / "pictures"
    folder.mkdir()
    for name in ("sea.png", "wood.jpg"):
        picture = ["-f", "lavfi", "-i", "testsrc=size=800x600", "-frames:v", "1", folder / name]
        subprocess.run([ffmpeg, "-v", "error", *picture], check=True, stdin=subprocess.DEVNULL)
    (folder / "broken.png").write_text("no picture")
    (folder / "notes.txt").write_text("no picture either")
    async with client(site, "shop_painter") as painter:
        job = await painter.exec("images.thumbnails", {"folder": "pictures", "width": 100})
        result = await job.result(LIMIT)

        assert result["made"] == ["sea.jpg", "wood.jpg"]
        assert list(result["failed"]) == ["broken.png"]
        left = [
            await painter.job(child["job_id"]).artifacts()
            async for child in painter.jobs(parent=job.job_id, state="succeeded")
        ]
        assert sorted(artifact.name for (artifact,) in left) == ["sea.jpg", "wood.jpg"]
        assert all([(await artifact.read()).startswith(b"\xff\xd8") for (artifact,) in left])
        with pytest.raises(JobFailed, match="There is no folder files/nowhere"):
            await (await painter.exec("images.thumbnails", ["nowhere"])).result(LIMIT)


@pytest.mark.capability("N11")
async def test_a_report_of_all_files_is_made(site: Node) -> None:
    (site.folder.root / "files" / "<b>.txt").write_text("12345")
    async with client(site, "shop_auditor") as auditor:
        job = await auditor.exec("files.report")
        assert (await job.result(LIMIT))["bytes"] >= 5
        report = await job.artifact("report.html")

        page = (await report.read()).decode()
        assert (report.media_type, report.title) == ("text/html", "Report")
        assert "<td>&lt;b&gt;.txt<td>5 bytes" in page
        assert "for shop_auditor" in page


async def test_a_thumbnail_is_no_larger_than_its_image(site: Node) -> None:
    ffmpeg = needs("ffmpeg")
    image = site.folder.root / "files" / "-small.png"
    picture = ["-f", "lavfi", "-i", "testsrc=size=64x48", "-frames:v", "1", f"file:{image}"]
    subprocess.run([ffmpeg, "-v", "error", *picture], check=True, stdin=subprocess.DEVNULL)
    async with client(site, "shop_painter") as painter:
        job = await painter.exec("images.thumbnail", ["-small.png"])
        made = await job.result(LIMIT)
        artifact = await job.artifact("small.jpg")

        assert made == {"image": "-small.png", "thumbnail": "small.jpg", "bytes": artifact.size}
        assert artifact.media_type == "image/jpeg"
