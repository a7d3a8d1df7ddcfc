"""What programs report while the journal cannot be written: nothing of it is lost or out of order."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.site import client

from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from pathlib import Path

    from tests.nodes import Node

LIMIT = 60.0  # seconds

REPORTS = """
import os, sys, time
from taskrealm.tasks import report
report.message("ready")
while not os.path.exists({go!r}):
    time.sleep(0.02)
for number in range(900):
    report.message(str(number), data="x" * 100)
"""


@pytest.mark.fault("R9")
@pytest.mark.capability("U9")
async def test_messages_wait_while_the_journal_is_locked(site: Node, tmp_path: Path) -> None:
    go = tmp_path / "go"
    complaints = log_of(site).count("cannot be written")
    async with client(site, "patient") as ana:
        job = await ana.exec("steps.python", {"source": REPORTS.format(go=str(go))})
        async with asyncio.timeout(LIMIT):
            async for event in job:
                if event.type is EventType.MESSAGE:
                    break
            with closing(sqlite3.connect(site.folder.journal / "journal.sqlite")) as other:
                other.execute("begin immediate")
                go.touch()
                while True:
                    if log_of(site).count("cannot be written") > complaints:
                        break
                    await asyncio.sleep(0.05)
                other.rollback()
            events = [event async for event in job]

    told = [event.data["text"] for event in events if event.type is EventType.MESSAGE]
    assert told == ["ready", *map(str, range(900))]
    assert events[-1].type is EventType.SUCCEEDED


def log_of(site: Node) -> str:
    return site.folder.log("executor").read_text()
