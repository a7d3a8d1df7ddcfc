"""Python code as tasks, on a running node: results, reports, ends, and what it costs."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.nodes import the_one
from tests.site import SLOTS, client
from tests.site.jobs import end_of, events_of, until

from taskrealm.client import JobCancelled, JobFailed, JobTimedOut, Request
from taskrealm.protocol.errors import InvalidArguments
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from tests.nodes import Node

    from taskrealm.client import Client, Job

LIMIT = 60.0  # seconds


async def appears(path: Path) -> None:
    async with asyncio.timeout(LIMIT):
        while True:
            if path.exists():
                return
            await asyncio.sleep(0.02)


async def printed_by(job: Job, stream: str = "stdout") -> str:
    async with asyncio.timeout(LIMIT):
        return "".join([chunk.text async for chunk in job.output(stream)])


async def result(user: Client, task: str, *args: Any, **kwargs: Any) -> Any:
    return await (await user.exec(task, kwargs or list(args))).result(LIMIT)


@pytest.mark.capability("A15", "A16")
async def test_a_function_knows_its_job_and_for_whom_it_runs(site: Node) -> None:
    async with client(site, "code_ana") as ana:
        own = await ana.exec("func.who", {"word": "hi"}, timeout=30.0)
        told = await own.result(LIMIT)

    assert told["remaining"] <= 30
    assert told["pid"] != the_one(site.folder, "components/executor.py")
    assert {
        name: told[name] for name in ("word", "job_id", "attempt", "owner", "submitted_by", "role")
    } == {
        "word": "hi",
        "job_id": own.job_id,
        "attempt": 1,
        "owner": "code_ana",
        "submitted_by": "code_ana",
        "role": "user",
    }
    assert (told["directory"], told["is_cancelled"], told["main_thread"]) == (True, False, True)


@pytest.mark.capability("A14", "A15")
async def test_coroutines_and_classes_are_tasks_as_well(site: Node) -> None:
    async with client(site, "code_ana") as ana:
        place = await result(ana, "func.place", day="2026-02-28")
        whole = await result(ana, "func.whole", 7)
        with pytest.raises(InvalidArguments, match="number: must be a valid integer"):
            await ana.exec("func.whole", ["7"])

    assert place == {"day": "2026-02-28", "path": "here"}
    assert whole == "7 for code_ana"


@pytest.mark.capability("A15", "U8")
async def test_what_a_generator_yields_is_reported_while_it_runs(site: Node) -> None:
    async with client(site, "code_ana") as ana:
        events = await events_of(await ana.exec("func.steps"))
        ticks = await events_of(await ana.exec("func.ticks"))

    progress = [each.data for each in events if each.type is EventType.PROGRESS]
    messages = [each.data for each in events if each.type is EventType.MESSAGE]
    assert (progress[-1]["fraction"], progress[-1]["message"]) == (0.5, "half")
    assert [(each["level"], each["text"], each["data"]) for each in messages] == [
        ("info", "a message", None),
        ("warning", "careful", {"free": 1}),
        ("info", "as programs do", None),
    ]
    assert events[-1].data["result"] == "done"
    assert [each.type for each in ticks[-3:]] == [
        EventType.PROGRESS,
        EventType.MESSAGE,
        EventType.SUCCEEDED,
    ]


@pytest.mark.capability("A15", "X8")
async def test_an_exception_is_a_sentence_for_the_owner_and_a_traceback_in_the_output(
    site: Node,
) -> None:
    async with client(site, "code_ana") as ana:
        job = await ana.exec("func.fails", ["error"])
        end = await end_of(job)
        said = await end_of(await ana.exec("func.fails", ["said"]))
        stderr = await printed_by(job, "stderr")

    assert end.type is EventType.FAILED
    assert (end.data["error"], end.data["exit_code"]) == ("ValueError: no such album", 1)
    assert end.data["stderr_tail"] == stderr
    assert stderr.startswith("Traceback (most recent call last):\n")
    assert "/functions.py" in stderr.splitlines()[1]
    assert (said.data["error"], said.data["stderr_tail"]) == ("The album is empty", "")


@pytest.mark.capability("C6")
@pytest.mark.parametrize("task", ["func.waits", "func.awaits"])
async def test_a_cancelled_function_cleans_up_and_ends_cancelled(
    site: Node, tmp_path: Path, task: str
) -> None:
    async with client(site, "code_ana") as ana:
        job = await ana.exec(task, [str(tmp_path / "mark")])
        await appears(tmp_path / "mark.began")
        assert await job.cancel("enough") == "stopping"
        end = await end_of(job)

    assert (tmp_path / "mark.cleaned").exists()
    assert (end.type, end.data["reason"]) == (EventType.CANCELLED, "enough")


@pytest.mark.capability("C6", "X4", "X5")
async def test_a_function_that_goes_on_is_killed_after_its_grace_or_at_once_when_asked_again(
    site: Node, tmp_path: Path
) -> None:
    async with client(site, "code_ana") as ana:
        endless = await ana.exec("func.loops", [str(tmp_path / "loop")], timeout=0.5)
        with pytest.raises(JobTimedOut):
            await endless.result(LIMIT)
        stubborn = await ana.exec("func.waits", {"mark": str(tmp_path / "mark"), "stubborn": True})
        await appears(tmp_path / "mark.began")
        await stubborn.cancel()
        await until(stubborn, EventType.STOPPING)
        await stubborn.cancel(now=True)
        end = await end_of(stubborn)

    assert (end.type, end.data["signal"]) == (EventType.CANCELLED, "SIGKILL")


@pytest.mark.capability("X4")
async def test_a_greedy_function_is_ended_with_the_name_of_the_limit(site: Node) -> None:
    async with client(site, "code_ana") as ana:
        greedy = await ana.exec("func.eats", [200_000_000])
        with pytest.raises(JobFailed, match="more than its limit of 100 MB of memory"):
            await greedy.result(LIMIT)
        modest = await result(ana, "func.eats", 30_000_000)

    assert modest == 30_000_000


@pytest.mark.capability("A15")
async def test_a_job_that_does_nothing_starts_no_interpreter(site: Node) -> None:
    executor = the_one(site.folder, "components/executor.py")
    async with client(site, "code_ana") as ana:
        # Earlier tests may have worn out the workers: until then others are started.
        jobs = await ana.exec_many([Request("func.who")] * SLOTS * 2)
        for job in jobs:
            await job.result(LIMIT)
        born = []
        for _ in range(5):
            before = processes_ever()
            jobs = await ana.exec_many([Request("func.who")] * 50)
            pids = {(await job.result(LIMIT))["pid"] for job in jobs}
            born.append(processes_ever() - before)
            assert len(pids) <= SLOTS
            assert all(parent_of(pid) == executor for pid in pids)
            if born[-1] < 50:
                break

    # Others use the machine as well: but not always for 50 processes or threads in that time.
    assert min(born) < 50


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def processes_ever() -> int:
    """How many processes and threads this machine has started since it runs."""
    lines = Path("/proc/stat").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("processes "))


@pytest.mark.capability("A15", "X9")
async def test_a_long_result_of_a_function_arrives_whole(site: Node) -> None:
    async with client(site, "code_ana") as ana:
        long = await result(ana, "func.repeats", "x", 3_000_000)
        with pytest.raises(JobFailed, match="The function made a result of 20000002 bytes"):
            await result(ana, "func.repeats", "x", 20_000_000)

    assert long == "x" * 3_000_000


@pytest.mark.capability("A15")
async def test_a_function_has_a_chosen_environment_like_a_program(site: Node) -> None:
    async with client(site, "code_ana") as ana:
        names = await result(ana, "func.environment")

    assert "PYTHONPATH" not in names
    assert {"PATH", "HOME", "TMPDIR", "TASKREALM_JOB_ID", "TASKREALM_COOKIE"} <= set(names)
    assert set(names) - set(os.environ) <= {name for name in names if "TASKREALM" in name} | {
        "TMPDIR"
    }


async def test_a_function_that_prints_too_much_is_bounded_like_a_program(site: Node) -> None:
    async with client(site, "code_ana") as ana:
        job = await ana.exec("func.floods")
        with pytest.raises(JobFailed, match=r"^The function printed more than 100000 bytes"):
            await job.result(LIMIT)


@pytest.mark.capability("A15", "A3")
async def test_functions_are_listed_like_other_tasks(site: Node) -> None:
    async with client(site, "code_ana") as ana:
        found = {each["name"]: each for each in await ana.tasks()}

    assert found["func.who"]["title"] == "Say what the job knows about itself"
    assert list(found["func.who"]["parameters"]["properties"]) == ["word"]


async def test_a_cancelled_job_leaves_its_slot_to_the_next(site: Node, tmp_path: Path) -> None:
    async with client(site, "code_ana") as ana:
        held = [await ana.exec("func.waits", [str(tmp_path / str(n))]) for n in range(SLOTS)]
        after = await ana.exec("func.nothing")
        for number, job in enumerate(held):
            await appears(tmp_path / f"{number}.began")
            await job.cancel()
        for job in held:
            with pytest.raises(JobCancelled):
                await job.result(LIMIT)

        assert await after.result(LIMIT) is None
