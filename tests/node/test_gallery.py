"""The tasks of the reference node do on a node what they say, with real files."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.site import client
from tests.site.jobs import LIMIT, events_of, until

from taskrealm.client import JobCancelled, JobFailed
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
    async with client(site, "h8_clerk") as clerk:
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
    async with client(site, "h8_clerk") as clerk:
        job = await clerk.exec("table.import", [name])
        await until(job, EventType.PROGRESS)
        await job.cancel()
        with pytest.raises(JobCancelled):
            await job.result(LIMIT)

    assert (
        await asyncio.to_thread(lambda: [each for each in products(site) if each[0] == "m"]) == []
    )
