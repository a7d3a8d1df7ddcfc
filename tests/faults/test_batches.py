"""Batches go on over kills and stops of the executor, and find their way through the narrowest queue."""

from __future__ import annotations

import asyncio
import functools
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.nodes import Node, Watch, comes_true, the_one
from tests.site import client, make_site
from tests.site.jobs import LIMIT, end_of, events_of, first_line, until

from taskrealm.client import JobFailed, Request
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(120)

EXECUTOR = "components/executor.py"


@pytest.fixture(scope="module")
def site() -> Iterator[Node]:
    """A node with one slot and room for one waiting job, to be harmed; each test leaves it well."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path), settings="queue_limit = 1\nqueue_limit_per_user = 1\n")
        settings = folder.settings_file.read_text()
        folder.settings_file.write_text(settings.replace("slots = 2", "slots = 1"))
        with Node(folder) as node:
            node.until("READY")
            yield node


def has_begun(log: Path, number: int) -> bool:
    return log.exists() and f"{number} begins" in log.read_text()


def kill_executor(site: Node) -> None:
    Watch([the_one(site.folder, EXECUTOR)]).kill()


@pytest.mark.capability("Q9", "M9")
async def test_one_slot_and_a_queue_of_one_are_enough_for_batches_within_batches(
    site: Node, tmp_path: Path
) -> None:
    async with client(site, "batch_narrow") as user:
        trees = [
            await user.exec("batches.tree", {"log": str(tmp_path / f"{n}"), "depth": 2})
            for n in range(2)
        ]

        assert [await job.result(LIMIT) for job in trees] == [8, 8]


@pytest.mark.capability("M9")
async def test_a_batch_holds_no_slot_while_its_children_wait(site: Node, tmp_path: Path) -> None:
    go = tmp_path / "go"
    script = f"echo up; while [ ! -e {go} ]; do sleep 0.02; done"
    async with (
        client(site, "batch_holds") as user,
        client(site, "batch_oper", "operator") as operator,
    ):
        job = await user.exec("batches.all_scripts", {"scripts": [script] * 2})
        await until(job, EventType.PROGRESS)
        first, _ = await job.children()
        await first_line(first)
        statistics = await operator.statistics()
        go.touch()
        await job.result(LIMIT)

    assert statistics["running"] == 1


async def test_a_killed_executor_costs_a_batch_the_child_that_ran_and_nothing_else(
    site: Node, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with client(site, "batch_survivor") as user:
        arguments = {"log": str(log), "count": 4, "seconds": "600"}
        job = await user.exec("batches.survivors", arguments)
        await until(job, EventType.PROGRESS)
        children = await job.children()
        for child in children[:2]:
            await until(child, EventType.STARTED)
            await comes_true(functools.partial(has_begun, log, children.index(child) + 1))
            kill_executor(site)
            assert (await end_of(child)).type is EventType.LOST
        for child in children[2:]:
            await until(child, EventType.STARTED)
            await child.cancel(now=True)
        result = await job.result(LIMIT)
        events = await events_of(job)

    assert [each["state"] for each in result["children"]] == ["lost"] * 2 + ["cancelled"] * 2
    begun = Counter(line for line in log.read_text().splitlines() if "begins" in line)
    assert max(begun.values()) == 1
    assert begun.keys() >= {"1 begins", "2 begins"}
    # It is one run, which the kills have not ended.
    assert [each.type for each in events if each.type is not EventType.PROGRESS] == [
        "queued",
        "started",
        "succeeded",
    ]


async def test_a_lost_child_stops_a_batch_that_stops_on_failure(site: Node, tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with client(site, "batch_stops") as user:
        job = await user.exec("batches.steps", {"log": str(log), "count": 3, "seconds": "600"})
        await comes_true(functools.partial(has_begun, log, 1))
        kill_executor(site)
        with pytest.raises(JobFailed, match=r"Child 1 of 3 .*the executor died"):
            await job.result(LIMIT)
        last = [await end_of(child) for child in await job.children()]

    assert [each.type for each in last] == ["lost", "cancelled", "cancelled"]
    assert log.read_text() == "1 begins\n"


async def test_the_last_step_runs_again_if_its_executor_dies_and_the_task_allows_it(
    site: Node, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    async with client(site, "batch_slow") as user:
        job = await user.exec("batches.slow", {"mark": str(mark)})
        await comes_true(mark.exists)
        kill_executor(site)
        assert await job.result(LIMIT) == "once"
        [child] = await job.children()
        events = await events_of(child)

    assert [each.type for each in events].count(EventType.STARTED) == 1


async def test_a_batch_that_is_being_cancelled_ends_with_its_children_if_the_executor_dies(
    site: Node,
) -> None:
    async with client(site, "batch_torn") as user:
        job = await user.exec("batches.patients", {"count": 2})
        await until(job, EventType.PROGRESS)
        first, second = await job.children()
        await first_line(first)
        await job.cancel("enough")
        await until(first, EventType.STOPPING)
        kill_executor(site)
        last = await end_of(job)
        ends = [await end_of(each) for each in (first, second)]

    assert (last.type, last.data["by"]) == (EventType.CANCELLED, "batch_torn")
    assert {each.type for each in ends} <= {EventType.CANCELLED, EventType.LOST}
    assert last.seq is not None
    assert all(each.seq is not None and each.seq < last.seq for each in ends)


async def test_what_waits_for_another_job_waits_over_a_kill(site: Node, tmp_path: Path) -> None:
    go = tmp_path / "go"
    script = f"echo up; while [ ! -e {go} ]; do sleep 0.02; done"
    async with client(site, "batch_after") as user:
        first = await user.exec("probe.shell", {"script": script})
        await first_line(first)
        job = await user.exec("probe.printed", ["after"], after=[first])
        kill_executor(site)
        end = await end_of(job)

    assert end.type is EventType.CANCELLED
    assert first.job_id in end.data["reason"]


async def test_a_batch_goes_on_in_the_next_node_when_this_one_is_stopped_in_order(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path), settings="drain_limit = 60\n")
        with Node(folder) as node:
            node.until("READY")
            async with client(node, "batch_drain") as user:
                arguments = {"log": str(log), "count": 3, "seconds": "2"}
                job = await user.exec("batches.steps", arguments)
                await comes_true(functools.partial(has_begun, log, 1))
            # The child that runs has time to end; no other one starts, and the batch waits.
            assert await asyncio.to_thread(node.stop) == 0
            stopped = log.read_text()
        with Node(folder) as node:
            node.until("READY")
            async with client(node, "batch_drain") as user:
                job = user.job(job.job_id)
                result = await job.result(LIMIT)

    assert stopped == "1 begins\n1 ends\n"
    assert result["counts"] == {"succeeded": 3}
    assert log.read_text().split() == "1 begins 1 ends 2 begins 2 ends 3 begins 3 ends".split()


@pytest.mark.capability("M9")
async def test_batches_that_wait_in_a_queue_of_one_are_never_refused_a_child(
    site: Node, tmp_path: Path
) -> None:
    async with client(site, "batch_full") as user:
        [job, second] = await user.exec_many(
            [
                Request("batches.couples", {"log": str(tmp_path / "log"), "count": 6}),
                Request("batches.couples", {"log": str(tmp_path / "log"), "count": 6}),
            ]
        )
        result = await job.result(LIMIT)
        other = await second.result(LIMIT)

    assert result["counts"] == other["counts"] == {"succeeded": 6}
