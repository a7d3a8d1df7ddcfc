"""Schedules while the clock is set, the executor is killed, and the node does not run."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.faults.test_clock import COMPONENT
from tests.needs import needs
from tests.nodes import ROOT, Node, Watch, the_one
from tests.site import client, make_site
from tests.site.jobs import LIMIT, end_of, until

from taskrealm.protocol.errors import InvalidArguments, NotAuthorized, Unavailable
from taskrealm.protocol.jobs import EventType
from taskrealm.wire import Disconnected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrealm.client import Client

MINUTE = 60  # seconds
DAY = 86_400  # seconds
LIVE = ("queued", "running")

TASKS = """
from __future__ import annotations

from taskrealm.tasks import CommandTask, Schedule

class Clean(CommandTask):
    name = "clean"
    command = ("true",)
    roles = frozenset({{"operator"}})
    schedules = [
        Schedule("{daily}", name="skips", owner="clock_skips"),
        Schedule("{daily}", name="once", owner="clock_once", missed="once", zone="UTC"),
        Schedule("0 * * * *", name="hourly", owner="clock_all", missed="all"),
        Schedule("{daily}", name="later", owner="clock_later", missed="once", jitter=0.5),
    ]
"""

SETTINGS = """
# A run lasts longer than any test.
drain_limit = 0

[[schedules]]
name = "nap"
task = "probe.nap"
cron = "* * * * *"
arguments = {seconds = 600}
owner = "clock_nap"
overlap = "skip"

[[schedules]]
name = "odd"
task = "probe.even"
cron = "0 0 1 1 *"
arguments = {number = 3}
"""

pytestmark = pytest.mark.timeout(180)


class Site:
    """
    A node with schedules, whose executor has a wall clock that can be set.

    It is the same for all tests: each sets the clock forward, and counts from where it began.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self._offset = 0

    def forward(self, seconds: int) -> None:
        """Set the executor's wall clock forward by some *seconds*, or back."""
        self._offset += seconds
        draft = self.node.folder.root / "clock.draft"
        draft.write_text(f"{self._offset:+d}\n")
        os.replace(draft, self.node.folder.root / "clock")

    def kill_executor(self) -> None:
        Watch([the_one(self.node.folder, "components/executor.py")]).kill()

    async def made(self, root: Client) -> Counter[str]:
        """How many jobs each schedule has made, once all have looked at the clock."""
        # Whoever is resumed looks at once, and is listed when that is done.
        await insist(lambda: root.schedule("odd", "resume"))
        await root.schedules()
        return await insist(lambda: schedules_of_jobs(root))


async def schedules_of_jobs(root: Client) -> Counter[str]:
    return Counter([job["schedule"] async for job in root.jobs()])


async def insist(question: Any) -> Any:
    """The answer to *question*, also where the executor is just coming back."""
    async with asyncio.timeout(LIMIT):
        while True:
            try:
                return await question()
            except (Unavailable, Disconnected):
                await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    needs("faketime")
    [library] = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path), settings=SETTINGS)
        components = folder.root / "components"
        (components / "real.py").write_text((ROOT / "components" / "executor.py").read_text())
        (components / "executor.py").write_text(COMPONENT.format(library=library))
        noon = datetime.now(UTC) + timedelta(hours=12)
        daily = f"{noon.minute} {noon.hour} * * *"
        (folder.root / "tasks" / "clean.py").write_text(TASKS.format(daily=daily))
        node = Node(folder)
        site = Site(node)
        site.forward(0)
        with node:
            node.until("READY")
            yield site


@pytest.mark.capability("N16")
@pytest.mark.fault("F35")
async def test_each_run_is_made_once_by_its_rule_whatever_the_clock_and_the_executor_do(
    site: Site,
) -> None:
    async with client(site.node, "root", "operator") as root:
        before = await site.made(root)
        site.forward(DAY)
        after = await site.made(root)
        site.forward(-DAY)
        back = await site.made(root)
        site.forward(DAY)
        site.kill_executor()
        restarted = await site.made(root)
        later = [job async for job in root.jobs(owner="clock_later")]
        owners = {job["schedule"]: job async for job in root.jobs(task="clean")}

    assert after["once"] - before["once"] == 1
    assert after["later"] - before["later"] == 1
    assert 23 <= after["hourly"] - before["hourly"] <= 25
    assert after["skips"] == before["skips"]
    for counts in (back, restarted):
        assert {name: counts[name] for name in ("once", "hourly", "skips", "later")} == {
            name: after[name] for name in ("once", "hourly", "skips", "later")
        }
    assert 0 <= later[0]["delay"] <= 0.5
    assert (owners["once"]["owner"], owners["once"]["submitted_by"]) == ("clock_once", "system")
    assert owners["once"]["role"] == "operator"


@pytest.mark.capability("N16")
async def test_what_was_missed_while_the_node_was_down_is_made_up_for_by_rule(site: Site) -> None:
    async with client(site.node, "root", "operator") as root:
        before = await site.made(root)
        site.kill_executor()
        site.forward(DAY)
        after = await site.made(root)
        ends = [
            await end_of(root.job(job["job_id"])) async for job in root.jobs(owner="clock_once")
        ]

    assert (after["once"] - before["once"], after["skips"] - before["skips"]) == (1, 0)
    assert 23 <= after["hourly"] - before["hourly"] <= 25
    assert [end.type for end in ends] == ["succeeded"] * after["once"]


@pytest.mark.capability("N16")
async def test_a_run_is_left_out_while_the_one_before_lasts(site: Site) -> None:
    async with client(site.node, "root", "operator") as root:
        site.forward(MINUTE)
        first = (await site.made(root))["nap"]
        site.forward(MINUTE)
        second = (await site.made(root))["nap"]
        [job] = [
            root.job(each["job_id"]) async for each in root.jobs(owner="clock_nap", state=LIVE)
        ]
        await until(job, EventType.STARTED)
        await job.cancel(now=True)
        await end_of(job)
        site.forward(MINUTE)
        third = (await site.made(root))["nap"]

    assert first
    assert (second, third) == (first, first + 1)


@pytest.mark.capability("N16", "L1")
async def test_operators_see_pause_resume_and_run_schedules(site: Site) -> None:
    async with (
        client(site.node, "root", "operator") as root,
        client(site.node, "clock_stranger") as stranger,
    ):
        with pytest.raises(NotAuthorized):
            await stranger.schedules()
        told = {each["name"]: each for each in await root.schedules()}
        before = await site.made(root)
        assert (await root.schedule("once", "pause"))["paused"]
        site.kill_executor()
        await insist(root.schedules)
        site.forward(DAY)
        paused = await site.made(root)
        resumed = await root.schedule("once", "resume")
        after = await site.made(root)
        ran = await root.schedule("once", "run")
        await root.job(ran["job_id"]).result(LIMIT)
        with pytest.raises(InvalidArguments, match="must be even"):
            await root.schedule("odd", "run")
        for wrong in (("nothing", "pause"), ("once", "stop")):
            with pytest.raises(InvalidArguments):
                await root.schedule(*wrong)
        listed = command(site, "schedule", "ls")
        following = command(site, "schedule", "next", "once")

    assert set(told) == {"skips", "once", "hourly", "later", "nap", "odd", "timing.yearly"}
    assert len(told["once"]["next"]) == 5
    first, second = (datetime.fromisoformat(each) for each in told["once"]["next"][:2])
    assert second - first == timedelta(days=1)
    assert (told["nap"]["owner"], told["nap"]["overlap"]) == ("clock_nap", "skip")
    assert paused["once"] == after["once"] == before["once"]
    assert not resumed["paused"]
    assert "hourly" in listed
    assert ran["job_id"] in listed
    assert len(following.splitlines()) == 5


def command(site: Site, *words: str) -> str:
    """What the command line prints for the node's operator."""
    done = subprocess.run(
        [sys.executable, "-m", "taskrealm", *words],
        cwd=site.node.folder.root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    return done.stdout
