"""How the jobs of many users share the slots of a node, and what those hear who wait."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tests.site
from tests.nodes import Node
from tests.site import client, make_site, session
from tests.site.jobs import LIMIT, end_of, until

from taskrealm.client import Request
from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidArguments, NotAuthorized, RateLimited
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from taskrealm.client import Client, Job

SETTINGS = """
priority = "router/points.py:points_of"

[executor.groups]
pair = 1

[executor.priorities]
operator = 50
"""
POINTS = """
POINTS = {"turn_high": 3, "turn_zero": 0, "turn_low": -3, "turn_odd": "many"}

async def points_of(caller):
    if caller.authid == "turn_faulty":
        raise RuntimeError("no points today")
    return POINTS.get(caller.authid)
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[Node]:
    """A node with two slots, whose tasks share them in every way."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path), settings=SETTINGS)
        shutil.copy(Path(tests.site.__file__).with_name("queues.py"), folder.root / "tasks")
        (folder.root / "router" / "points.py").write_text(POINTS)
        with Node(folder) as node:
            node.until("READY")
            yield node


@pytest.fixture
async def root(shared: Node) -> AsyncIterator[Client]:
    """An operator; at the end nothing runs or waits any more, and all limits are as before."""
    async with client(shared, "root", "operator") as root:
        yield root
        await root.resume()
        jobs = [root.job(each["job_id"]) async for each in root.jobs(state=["queued", "running"])]
        for job in jobs:
            await job.cancel(now=True)
        for job in jobs:
            await end_of(job)
        await root.limits(slots=2, groups={"pair": 1}, slots_per_user=0)


@asynccontextmanager
async def started(user: Client, *tasks: str) -> AsyncIterator[list[Job]]:
    """Jobs of *tasks* that run."""
    jobs = [await user.exec(task) for task in tasks]
    for job in jobs:
        await until(job, EventType.STARTED)
    yield jobs


@pytest.mark.capability("N13", "U10")
@pytest.mark.parametrize(
    ("first", "second", "code", "text"),
    [
        pytest.param("queue.sole", "queue.sole", "task", "1 of the 1 jobs run", id="of the task"),
        pytest.param("queue.own", "queue.own", "task_user", "that one user may", id="of the user"),
        pytest.param(
            "queue.grouped",
            "queue.grouped",
            "group",
            "1 of the 1 slots of the group pair",
            id="group",
        ),
        pytest.param(
            "queue.plain", "queue.heavy", "slots", "1 of 2 slots are in use; it needs 2", id="slots"
        ),
    ],
)
async def test_a_job_that_waits_says_why_and_lets_others_pass(
    shared: Node, root: Client, first: str, second: str, code: str, text: str
) -> None:
    async with client(shared, "turn_ana") as ana, started(ana, first):
        foretold = await ana.check(second)
        waiting = await ana.exec(second)
        snapshot = await waiting.snapshot()
        listed = {each["job_id"]: each async for each in ana.jobs()}

        assert foretold["waiting"]["code"] == code
        assert foretold["position"] == snapshot["position"] == 1
        assert snapshot["waiting"]["code"] == code
        assert text in snapshot["waiting"]["text"]
        assert listed[waiting.job_id]["waiting"] == snapshot["waiting"]
        if code != "slots":
            other = await ana.exec("queue.plain")
            await until(other, EventType.STARTED)
            assert (await waiting.snapshot())["state"] == "queued"
            assert (await other.snapshot())["waiting"] is None


@pytest.mark.capability("N13")
async def test_slots_are_kept_for_a_heavy_job_and_light_ones_say_so(
    shared: Node, root: Client
) -> None:
    async with client(shared, "turn_hans") as hans, started(hans, "queue.plain") as [light]:
        heavy = await hans.exec("queue.heavy")
        late = await hans.exec("queue.plain")
        weightless = await hans.exec("queue.weightless")
        await until(weightless, EventType.STARTED)

        assert (await late.snapshot())["waiting"]["code"] == "turn"
        await light.cancel(now=True)
        await until(heavy, EventType.STARTED)
        assert (await late.snapshot())["waiting"]["code"] == "slots"
        assert (await root.limits())["used"] == 2


@pytest.mark.capability("N14", "Q10")
async def test_a_flood_of_one_user_costs_another_one_job_at_most(
    shared: Node, root: Client
) -> None:
    async with client(shared, "turn_flood") as flood, client(shared, "turn_one") as one:
        jobs = await flood.exec_many([Request("queue.plain")] * 500)
        for job in jobs[:2]:
            await until(job, EventType.STARTED)
        single = await one.exec("queue.plain")
        assert (await single.snapshot())["position"] == 1
        await jobs[0].cancel(now=True)
        await until(single, EventType.STARTED)

        assert (await jobs[2].snapshot())["state"] == "queued"
        await root.pause()
        assert (await jobs[2].snapshot())["waiting"]["code"] == "paused"


@pytest.mark.capability("Q5", "Q6")
@pytest.mark.parametrize(
    ("authid", "role", "points"),
    [
        pytest.param("turn_high", "user", 3, id="a function gives points"),
        pytest.param("turn_zero", "operator", 0, id="and none, whatever the role has"),
        pytest.param("turn_low", "user", -3, id="and takes some"),
        pytest.param(
            "turn_chief", "operator", 50, id="who is not known there has those of its role"
        ),
        pytest.param("turn_usual", "user", 0, id="which are none if nothing is said"),
        pytest.param("turn_faulty", "operator", 50, id="a function that fails decides nothing"),
        pytest.param("turn_odd", "operator", 50, id="nor does one that gives no number"),
    ],
)
async def test_the_node_grants_points_to_callers(
    shared: Node, root: Client, authid: str, role: str, points: int
) -> None:
    await root.pause()
    async with client(shared, authid, role) as caller:
        job = await caller.exec("queue.plain", priority=-7)
        snapshot = await job.snapshot()
        await job.cancel()

    assert (snapshot["priority"], snapshot["granted"]) == (points - 7, points)


@pytest.mark.capability("Q5", "Q8")
async def test_granted_points_go_before_others_and_chosen_ones_before_own_jobs(
    shared: Node, root: Client
) -> None:
    await root.pause()
    async with client(shared, "turn_pam") as pam, client(shared, "turn_boss", "operator") as boss:
        earlier = [await pam.exec("queue.plain", priority=5) for _ in range(3)]
        lowered = await pam.exec("queue.plain", priority=-1_000)
        latest = await pam.exec("queue.plain")
        granted = [await boss.exec("queue.plain") for _ in range(2)]
        places = [
            (await job.snapshot())["position"] for job in (*granted, *earlier, latest, lowered)
        ]

    assert places == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.capability("N15")
async def test_whoever_asks_too_often_is_told_when_to_come_back(shared: Node) -> None:
    async with client(shared, "turn_eve") as eve, client(shared, "turn_else") as other:
        first = await eve.exec("queue.rated", key="k")
        for _ in range(5):
            assert (await eve.exec("queue.rated", key="k")).job_id == first.job_id
        with pytest.raises(InvalidArguments):
            await eve.exec("queue.rated", {"number": -1})
        with pytest.raises(RateLimited):
            await eve.exec_many([Request("queue.rated")] * 2)
        await eve.exec("queue.rated")
        with pytest.raises(
            RateLimited, match=r"2 jobs of queue\.rated in 600 s: try again in"
        ) as no:
            await eve.exec("queue.rated")
        with pytest.raises(RateLimited, match="these are 3: ask for fewer"):
            await other.exec_many([Request("queue.rated")] * 3)
        await other.exec("queue.rated")

        assert 0 < no.value.retry_after <= 300
        [described] = [each for each in await eve.tasks() if each["name"] == "queue.rated"]
        assert described["rate"] == {"count": 2, "seconds": 600.0}


@pytest.mark.capability("Q11")
async def test_a_task_that_cannot_say_what_to_run_holds_no_slot(
    shared: Node, root: Client, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    marker.write_text("word")
    await root.pause()
    async with client(shared, "turn_bob") as bob:
        broken = [await bob.exec("queue.broken", {"marker": str(marker)}) for _ in range(5)]
        marker.unlink()
        await root.resume()
        ends = [await end_of(job) for job in broken]
        sound = await bob.exec("queue.plain")
        await until(sound, EventType.STARTED)

        assert {end.type for end in ends} == {EventType.FAILED}
        assert (await root.limits())["used"] == 1


@pytest.mark.capability("N13", "J5")
async def test_operators_change_limits_while_jobs_run(shared: Node, root: Client) -> None:
    async with client(shared, "turn_olga") as olga, started(olga, "queue.grouped", "queue.plain"):
        waiting = [await olga.exec(task) for task in ("queue.grouped", "queue.plain")]
        raised = await root.limits(slots=4, groups={"pair": 2})
        for job in waiting:
            await until(job, EventType.STARTED)
        lowered = await root.limits(slots=1, slots_per_user=1)

        assert raised == {"slots": 4, "used": 4, "groups": {"pair": 2}, "slots_per_user": None}
        assert lowered == {"slots": 1, "used": 4, "groups": {"pair": 2}, "slots_per_user": 1}
        late = await olga.exec("queue.plain")
        assert (await late.snapshot())["waiting"]["code"] == "user"


@pytest.mark.capability("N13")
async def test_limits_that_make_no_sense_are_refused_and_users_have_no_say(
    shared: Node, root: Client
) -> None:
    boss = await session(shared, "root", "operator")
    user = await session(shared, "turn_nosy")
    for wrong, field in (
        ({"slots": 0}, "slots"),
        ({"slots": True}, "slots"),
        ({"slots_per_user": -1}, "slots_per_user"),
        ({"groups": {"none": 1}}, "groups.none"),
        ({"groups": {"pair": "2"}}, "groups.pair"),
        ({"groups": 1}, "groups"),
    ):
        with pytest.raises(InvalidArguments) as refusal:
            await boss.call(uris.LIMITS, **wrong)
        assert list(refusal.value.fields) == [field]
    with pytest.raises(NotAuthorized):
        await user.call(uris.LIMITS)
    await boss.leave()
    await user.leave()


@pytest.mark.capability("N13", "J5")
async def test_the_command_line_shows_and_changes_limits(shared: Node, root: Client) -> None:
    def taskrealm(*words: str) -> str:
        command = [sys.executable, "-m", "taskrealm", *words]
        return subprocess.run(
            command,
            cwd=shared.folder.root,
            check=True,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        ).stdout

    words = ("queue", "limit", "--slots", "3", "--group", "pair", "2", "--per-user", "2")
    changed = await asyncio.to_thread(taskrealm, *words, "--json")
    shown = await asyncio.to_thread(taskrealm, "queue", "limit")

    assert json.loads(changed)["groups"] == {"pair": 2}
    assert "of 3 in use" in shown
    assert "group pair: 2" in shown
