"""Jobs that run again after the failures that their task names, and those that wait too long."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.site import client
from tests.site.jobs import end_of, events_of, first_line, occupy_slots, until

from taskrealm.client import JobExpired, JobFailed, JobTimedOut
from taskrealm.protocol.errors import InvalidArguments
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from tests.nodes import Node

LIMIT = 60.0  # seconds that anything may take
UNTIL_THIRD = '[ "$TASKREALM_ATTEMPT" = 3 ] && echo made it || {}'


@pytest.mark.capability("N12")
@pytest.mark.parametrize(
    ("failure", "end"),
    [
        pytest.param("exit 75", 75, id="an exit code"),
        pytest.param("kill -KILL $$", "SIGKILL", id="a signal"),
        pytest.param("sleep 600", "timed_out", id="a time limit"),
    ],
)
async def test_a_job_runs_again_after_a_failure_that_its_task_names(
    site: Node, failure: str, end: str | int
) -> None:
    arguments = {"script": UNTIL_THIRD.format(failure)}
    async with client(site, "clock_ada") as ada:
        job = await ada.exec("timing.retried", arguments, timeout=0.5)
        result = await job.result(LIMIT)
        kinds = [(event.type, event.attempt) for event in await events_of(job)]
        retrying = await until(job, EventType.RETRYING)
        attempts = (await job.snapshot())["attempts"]

    assert result == "made it"
    if end != "timed_out":
        assert kinds == [
            ("queued", 0),
            ("started", 1),
            ("retrying", 1),
            ("queued", 1),
            ("started", 2),
            ("retrying", 2),
            ("queued", 2),
            ("started", 3),
            ("succeeded", 3),
        ]
    assert retrying.data["failure"] == end
    assert retrying.data["retries_left"] == 1
    assert retrying.data["delay"] <= 0.05
    assert [(each["attempt"], each["end"]) for each in attempts] == [
        (1, end),
        (2, end),
        (3, "succeeded"),
    ]
    assert all(each["started_at"] <= each["ended_at"] for each in attempts)


@pytest.mark.capability("N12")
async def test_a_function_runs_again_after_an_exception_that_its_task_names(site: Node) -> None:
    async with client(site, "clock_ada") as ada:
        connected = await ada.exec("timing.connects")
        failed = await ada.exec("timing.connects", {"failure": "ValueError"})
        result = await connected.result(LIMIT)
        retrying = await until(connected, EventType.RETRYING)
        end = await end_of(failed)

    assert result == "connected"
    assert retrying.data["failure"] == "ConnectionError"
    assert retrying.data["reason"].startswith("ConnectionResetError")
    assert (end.type, end.attempt, end.data["exception"]) == ("failed", 1, "ValueError")


@pytest.mark.capability("N12")
async def test_another_failure_ends_a_job_at_once(site: Node) -> None:
    async with client(site, "clock_ben") as ben:
        job = await ben.exec("timing.retried", {"script": "exit 1"})
        with pytest.raises(JobFailed) as failure:
            await job.result(LIMIT)

        assert failure.value.exit_code == 1
        assert [event.type for event in await events_of(job)] == ["queued", "started", "failed"]


@pytest.mark.capability("N12")
async def test_the_end_after_the_last_attempt_tells_the_last_failure(site: Node) -> None:
    script = '[ "$TASKREALM_ATTEMPT" = 3 ] && sleep 600 || exit 75'
    async with client(site, "clock_cid") as cid:
        job = await cid.exec("timing.retried", {"script": script}, timeout=0.5)
        lowered = await cid.exec("timing.retried", {"script": "exit 75"}, retries=1)
        with pytest.raises(JobTimedOut):
            await job.result(LIMIT)
        ends = [each["end"] for each in (await job.snapshot())["attempts"]]

        assert ends == [75, 75, "timed_out"]
        assert (await end_of(lowered)).attempt == 2


@pytest.mark.capability("N12")
async def test_what_an_attempt_has_reported_comes_before_the_word_of_the_next(site: Node) -> None:
    report = """python3 -c 'from taskrealm.tasks import report; report.message("tried")'"""
    script = f'{report}; [ "$TASKREALM_ATTEMPT" = 2 ] || exit 75'
    async with client(site, "clock_dan") as dan:
        job = await dan.exec("timing.retried", {"script": script})
        kinds = [event.type for event in await events_of(job)]

    assert kinds == [
        "queued",
        "started",
        "message",
        "retrying",
        "queued",
        "started",
        "message",
        "succeeded",
    ]


@pytest.mark.capability("N12", "C1")
async def test_a_cancel_ends_a_job_that_waits_for_its_next_attempt(site: Node) -> None:
    async with client(site, "clock_eva") as eva:
        job = await eva.exec("timing.patient")
        await until(job, EventType.RETRYING)
        answer = await job.cancel("enough")
        end = await end_of(job)

        assert answer == "removed_from_queue"
        assert (end.type, end.data["reason"]) == ("cancelled", "enough")
        assert [each["end"] for each in (await job.snapshot())["attempts"]] == [1]


@pytest.mark.capability("N12", "C2")
async def test_a_cancel_wins_over_a_time_limit_after_which_the_job_would_run_again(
    site: Node,
) -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    async with client(site, "clock_fay") as fay:
        job = await fay.exec("timing.retried", {"script": script}, timeout=0.3)
        assert await first_line(job) == "ready"
        await until(job, EventType.STOPPING)
        answer = await job.cancel("enough", now=True)
        events = await events_of(job)

    assert answer == "stopping"
    assert [event.type for event in events] == [
        "queued",
        "started",
        "stopping",
        "stopping",
        "cancelled",
    ]
    assert events[-1].data["by"] == "clock_fay"


@pytest.mark.capability("N16")
async def test_a_job_that_waits_too_long_for_a_slot_expires(site: Node) -> None:
    async with client(site, "clock_gil") as gil:
        blocking = await occupy_slots(gil)
        hasty = await gil.exec("date", expires=0.3)
        patient = await gil.exec("date", expires=60)
        delayed = await gil.exec("date", delay=0.5, expires=0.3)
        waits = await hasty.snapshot()
        with pytest.raises(JobExpired, match=r"no worker slot was free for it within 0\.3 s"):
            await hasty.result(LIMIT)
        histories = [await events_of(job) for job in (hasty, delayed)]
        for job in blocking:
            await job.cancel(now=True)
        started = [event.type for event in await events_of(patient)]

    assert waits["expires"] == 0.3
    assert waits["submitted_at"] < waits["expires_at"]
    assert [event.type for event in histories[0]] == ["queued", "expired"]
    assert [event.type for event in histories[1]] == ["delayed", "queued", "expired"]
    assert started == ["queued", "started", "succeeded"]


@pytest.mark.capability("N16")
async def test_a_job_that_started_in_time_never_expires(site: Node) -> None:
    script = '[ "$TASKREALM_ATTEMPT" = 2 ] || { sleep 1; exit 75; }'
    async with client(site, "clock_hal") as hal:
        job = await hal.exec("timing.retried", {"script": script}, expires=0.9, priority=1_000)
        async with asyncio.timeout(LIMIT):
            assert (await end_of(job)).type == "succeeded"
        assert (await job.snapshot())["expires_at"] is None


@pytest.mark.capability("N16")
async def test_the_time_in_the_queue_may_only_be_shortened(site: Node) -> None:
    async with client(site, "clock_ida") as ida:
        with pytest.raises(InvalidArguments) as refusal:
            await ida.exec("timing.fresh", expires=31)
        by_task = await (await ida.exec("timing.fresh")).snapshot()
        shorter = await (await ida.exec("timing.fresh", expires=5)).snapshot()

        assert refusal.value.fields == {"expires": "must not exceed the task's 30 s"}
        assert (by_task["expires"], shorter["expires"]) == (30.0, 5.0)
