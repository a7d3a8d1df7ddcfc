"""A task's own code around its program: it may refuse and clean up, but never outstays its job."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.nodes import the_one
from tests.site import SLOTS, client, programs_of, session
from tests.site.jobs import first_line, until

from taskrealm.client import JobCancelled, JobFailed, JobTimedOut
from taskrealm.protocol import uris
from taskrealm.protocol.errors import NotAuthorized
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from tests.nodes import Node


LIMIT = 60.0  # seconds


async def appears(path: Path) -> None:
    async with asyncio.timeout(LIMIT):
        while True:
            if path.exists():
                return
            await asyncio.sleep(0.02)


def logged(site: Node, event: str, **data: Any) -> list[dict[str, Any]]:
    """What the executor has logged with these words."""
    lines = map(json.loads, site.folder.log("executor").read_text().splitlines())
    wanted = {"event": event, **data}
    return [line for line in lines if wanted.items() <= line.items()]


@pytest.mark.capability("C6")
async def test_a_program_that_cleans_up_within_its_grace_is_left_to_finish(
    site: Node, tmp_path: Path
) -> None:
    async with client(site, "tidy") as ana:
        job = await ana.exec("steps.cleans_up", [str(tmp_path / "mark")])
        assert await first_line(job) == "ready"
        assert await job.cancel("enough") == "stopping"
        async with asyncio.timeout(LIMIT):
            printed = "".join([chunk.text async for chunk in job.output("stdout")])
            *_, last = [event async for event in job]

        assert printed == "ready\ncleaning\nclean\n"
        assert (tmp_path / "mark.cleaned").exists()
        assert (last.type, last.data["by"]) == (EventType.CANCELLED, "tidy")
        assert "signal" not in last.data or last.data["signal"] is None


@pytest.mark.capability("C6")
async def test_a_task_may_refuse_to_be_cancelled(site: Node) -> None:
    async with client(site, "owner") as owner, client(site, "boss", "operator") as boss:
        job = await owner.exec("steps.guarded")
        await until(job, EventType.STARTED)
        for refused in (job, boss.job(job.job_id)):
            with pytest.raises(NotAuthorized, match=r"^Only nobody may stop this$"):
                await refused.cancel()
        with pytest.raises(NotAuthorized, match="Only nobody may stop this"):
            await job.cancel(now=True)

        assert (await job.snapshot())["state"] == "running"
        assert (await job.snapshot())["cancel"] is None
        assert await boss.job(job.job_id).cancel(now=True) == "stopping"
        with pytest.raises(JobCancelled):
            await job.result(LIMIT)


@pytest.mark.capability("C6")
async def test_a_task_is_asked_who_cancels_and_also_of_jobs_that_wait(site: Node) -> None:
    async with client(site, "owner") as owner, client(site, "boss", "operator") as boss:
        held = [await boss.exec("probe.nap", priority=1_000) for _ in range(SLOTS)]
        waiting = await owner.exec("steps.guarded", {"by": "boss"})
        with pytest.raises(NotAuthorized):
            await waiting.cancel()
        answer = await boss.job(waiting.job_id).cancel()
        for job in held:
            await job.cancel(now=True)

        assert answer == "removed_from_queue"


@pytest.mark.capability("C6")
async def test_a_task_that_fails_to_answer_leaves_it_to_operators_to_stop_its_job(
    site: Node,
) -> None:
    async with client(site, "owner") as owner, client(site, "chief", "operator") as chief:
        jobs = [await owner.exec("steps.clumsy", {"raises": each}) for each in (False, True)]
        for job in jobs:
            await until(job, EventType.STARTED)
            for now in (False, True):
                with pytest.raises(NotAuthorized, match="failed to say whether you may cancel"):
                    await job.cancel(now=now)
        answers = [await chief.job(job.job_id).cancel(now=True) for job in jobs]

        assert answers == ["stopping", "stopping"]
        for job in jobs:
            with pytest.raises(JobCancelled):
                await job.result(LIMIT)
            sentence = "A task failed to say whether a job may be cancelled; it goes on"
            lines = logged(site, sentence, job_id=job.job_id)
            assert [(line["by"], line["level"]) for line in lines] == 2 * [("owner", "error")]


@pytest.mark.capability("X11", "X4")
async def test_a_coroutine_that_makes_the_result_is_stopped_with_its_job(
    site: Node, tmp_path: Path
) -> None:
    async with client(site, "eater") as ana:
        cancelled = await ana.exec("steps.digests", [str(tmp_path / "cancelled")])
        await appears(tmp_path / "cancelled.began")
        late = await ana.exec("steps.digests", [str(tmp_path / "late")], timeout=0.5)
        assert await cancelled.cancel() == "stopping"
        with pytest.raises(JobCancelled):
            await cancelled.result(LIMIT)
        with pytest.raises(JobTimedOut):
            await late.result(LIMIT)

        assert (tmp_path / "cancelled.stopped").exists()
        assert (tmp_path / "late.stopped").exists()


@pytest.mark.capability("X11", "X4")
async def test_a_method_that_makes_the_result_is_stopped_and_killed_after_the_grace(
    site: Node, tmp_path: Path
) -> None:
    async with client(site, "eater") as ana:
        jobs = []
        for number in range(SLOTS):
            mark = tmp_path / str(number)
            jobs.append(await ana.exec("steps.chews", [str(mark)], timeout=30.0))
            await appears(Path(f"{mark}.began"))
        late = await ana.exec("steps.chews", [str(tmp_path / "late"), 20.0], timeout=0.5)
        next_one = await ana.exec("probe.nothing")
        began = time.monotonic()
        await jobs[0].cancel()
        await jobs[1].cancel(now=True)
        for job in jobs:
            with pytest.raises(JobCancelled):
                await job.result(LIMIT)
        with pytest.raises(JobTimedOut):
            await late.result(LIMIT)
        await next_one.result(LIMIT)

        # Their slots are free although they would have chewed for a minute.
        assert time.monotonic() - began < 20
        assert not [job for job in (*jobs, late) if programs_of(job.job_id)]


@pytest.mark.capability("X11", "X4")
async def test_a_step_in_an_endless_loop_is_ended_by_the_time_limit_of_its_job(site: Node) -> None:
    async with client(site, "eater") as ana:
        job = await ana.exec("func.parsed", ["loop"], timeout=0.5)
        with pytest.raises(JobTimedOut):
            await job.result(LIMIT)

        assert (await (await ana.exec("func.parsed", ["after"])).result(LIMIT))["text"] == "after"


@pytest.mark.capability("X11", "A13")
async def test_a_result_is_made_in_a_worker_and_a_mistake_in_it_stays_in_the_log(
    site: Node,
) -> None:
    async with client(site, "eater") as ana:
        results = [await (await ana.exec("func.parsed", [word])).result(LIMIT) for word in "ab"]
        wrong = await ana.exec("func.parsed", ["bad"])
        with pytest.raises(JobFailed, match=r"^func\.parsed: parse_result failed$"):
            await wrong.result(LIMIT)

        assert [each["printed"] for each in results] == ["a\n", "b\n"]
        assert the_one(site.folder, "components/executor.py") not in [e["pid"] for e in results]
        [line] = logged(site, "func.parsed: parse_result failed", job_id=wrong.job_id)
        assert "ValueError: nothing to be made of this" in line["trace"]


@pytest.mark.capability("A12", "X11")
async def test_a_task_may_prepare_what_its_program_needs(site: Node, tmp_path: Path) -> None:
    async with client(site, "maker") as ana:
        job = await ana.exec("func.prepared", ["bread"])
        empty = await ana.exec("func.prepared", [""])
        with pytest.raises(JobFailed, match=r"^There is nothing to print$"):
            await empty.result(LIMIT)

        assert await job.result(LIMIT) == "bread for maker"
        printed = [chunk.text async for chunk in job.output("stdout")]
        assert "".join(printed) == "preparing\nbread for maker\n"


@pytest.mark.capability("X11", "X4", "C6")
async def test_a_preparation_is_stopped_with_its_job(site: Node, tmp_path: Path) -> None:
    async with client(site, "maker") as ana:
        cancelled = await ana.exec("func.prepared", ["a", str(tmp_path / "cancelled")])
        late = await ana.exec("func.prepared", ["b", str(tmp_path / "late")], timeout=2.0)
        await appears(tmp_path / "cancelled.began")
        await cancelled.cancel()
        with pytest.raises(JobCancelled):
            await cancelled.result(LIMIT)
        with pytest.raises(JobTimedOut):
            await late.result(LIMIT)

        for name in ("cancelled", "late"):
            assert (tmp_path / f"{name}.cleaned").exists()
        assert "for maker" not in "".join([chunk.text async for chunk in late.output("stdout")])


@pytest.mark.capability("X11")
async def test_a_check_of_a_request_ends_with_the_call_or_the_caller(
    site: Node, tmp_path: Path
) -> None:
    async with asyncio.timeout(LIMIT):
        stays = await session(site, "ponderer")
        call = asyncio.create_task(stays.call(uris.EXEC, "steps.ponders", [str(tmp_path / "call")]))
        await appears(tmp_path / "call.began")
        call.cancel()
        await appears(tmp_path / "call.stopped")
        leaves = await session(site, "ponderer")
        gone = asyncio.create_task(
            leaves.call(uris.EXEC, "steps.ponders", [str(tmp_path / "caller")])
        )
        await appears(tmp_path / "caller.began")
        await leaves.leave()
        await appears(tmp_path / "caller.stopped")
        await asyncio.gather(call, gone, return_exceptions=True)

        assert (await stays.call(uris.JOBS))["jobs"] == []
        await stays.leave()
