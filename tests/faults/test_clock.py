"""What a clock that is set, forward or back, does to jobs: nothing."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.needs import needs
from tests.nodes import ROOT, Node
from tests.site import client, make_site

from taskrealm.client import Request
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrealm.client import Job

LIMIT = 60.0  # seconds that anything may take

# Starts itself again with a wall clock that follows the file `clock`; monotonic time is real.
COMPONENT = """
import os, select, sys, time

if "LD_PRELOAD" not in os.environ:
    os.environ |= {{
        "LD_PRELOAD": "{library}",
        "FAKETIME_TIMESTAMP_FILE": os.path.abspath("clock"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }}
    os.execv(sys.executable, sys.orig_argv)

# The library refuses the system call by which Python sleeps.
time.sleep = lambda seconds: select.select([], [], [], seconds)

import runpy

runpy.run_path("components/real.py", run_name="__main__")
"""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def site() -> Iterator[Node]:
    """A node whose executor has a wall clock that can be set."""
    needs("faketime")
    # What comes with the program, for the architecture of this machine.
    [library] = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path))
        components = folder.root / "components"
        (components / "real.py").write_text((ROOT / "components" / "executor.py").read_text())
        (components / "executor.py").write_text(COMPONENT.format(library=library))
        set_clock(folder.root, 0)
        with Node(folder) as node:
            node.until("READY")
            yield node


def set_clock(root: Path, hours: int) -> None:
    """Let the executor's wall clock be off by *hours*."""
    draft = root / "clock.draft"
    draft.write_text(f"{hours * 3_600:+d}\n")
    os.replace(draft, root / "clock")


async def types_of(job: Job) -> list[EventType]:
    async with asyncio.timeout(LIMIT):
        return [event.type async for event in job]


@pytest.mark.fault("F35", "R10")
@pytest.mark.parametrize("hours", [1, -1, 24, -24])
async def test_limits_delays_and_the_queue_do_not_care_when_the_clock_is_set(
    site: Node, hours: int
) -> None:
    async with client(site, f"user{hours}") as user, client(site, "root", "operator") as root:
        set_clock(site.folder.root, 0)
        running = await user.exec("probe.nap", {"seconds": 2.5}, timeout=60)
        short = await user.exec("probe.nap", timeout=2)
        for job in (running, short):
            async for event in job:
                if event.type is EventType.STARTED:
                    break
        began = time.monotonic()
        delayed = await user.exec("date", delay=2, priority=1_000)
        await root.pause()
        first = (await user.exec_many([Request("date")] * 3))[-1]
        set_clock(site.folder.root, hours)
        second = (await user.exec_many([Request("date")] * 3))[0]
        stamp = (await second.snapshot())["submitted_at"]
        queued = asyncio.create_task(
            anext(event async for event in delayed if event.type == "queued")
        )
        async with asyncio.timeout(LIMIT):
            await queued
        waited = time.monotonic() - began
        await root.resume()

        assert abs((await first.snapshot())["submitted_at"] > stamp) == (hours < 0)
        assert 1.9 < waited < 2 + LIMIT / 2
        assert (await types_of(running))[-1] == "succeeded"
        assert (await types_of(short))[-1] == "timed_out"
        starts = {}
        for job in (first, second):
            async with asyncio.timeout(LIMIT):
                starts[job] = [event.seq async for event in job if event.type == "started"]
        assert starts[first] < starts[second]
        newest_first = [job["job_id"] async for job in user.jobs()]
        assert newest_first.index(second.job_id) < newest_first.index(first.job_id)
