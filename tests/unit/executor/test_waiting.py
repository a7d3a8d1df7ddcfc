"""Where waiting jobs stand: as new ones, after a delay, after a restart, while nothing starts."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.engine import Claim, Scheduler
from taskrealm.executor.audience import Audience
from taskrealm.executor.publisher import Publisher
from taskrealm.executor.waiting import Waiting
from taskrealm.protocol.errors import QueueFull
from taskrealm.protocol.jobs import Intake, Job, State

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime.now(UTC)


def waiting(
    *,
    slots: int = 1,
    queue_limit: int = 10,
    intake: Intake = Intake.OPEN,
    on_expired: Callable[[str], None] = lambda _: None,
) -> Waiting:
    audience = Audience()
    return Waiting(
        Scheduler(slots=slots, queue_limit=queue_limit),
        Publisher(audience, 65_536),
        audience,
        job_of=lambda _: None,
        claim_of=lambda _: Claim(),
        on_due=lambda _: None,
        on_expired=on_expired,
        intake=intake,
    )


def job(job_id: str, age: float = 0.0, **fields: Any) -> Job:
    """A job that was submitted *age* seconds ago, as the wall clock showed it."""
    submitted_at = NOW - timedelta(seconds=age)
    return Job(job_id, "convert", "ann", "ann", "user", {}, submitted_at, **fields)


def order(jobs: Waiting) -> list[str]:
    """The jobs in the order in which they start, one at a time."""
    order = []
    while (job_id := jobs.take()) is not None:
        order.append(job_id)
        jobs.release(job_id)
    return order


async def test_restored_jobs_start_in_order_of_submission_whatever_the_clock_said() -> None:
    jobs = waiting()
    for each in (job("a", age=60), job("b", age=-86_400), job("c", age=3_600), job("d")):
        jobs.restore(each)

    assert order(jobs) == ["a", "b", "c", "d"]


async def test_a_restored_job_waits_since_its_submission_or_since_it_was_due() -> None:
    jobs = waiting()
    jobs.restore(job("old", age=600))
    jobs.restore(job("was delayed", age=86_400, not_before=NOW - timedelta(seconds=30)))
    jobs.restore(job("urgent", priority=100))

    assert order(jobs) == ["old", "urgent", "was delayed"]


async def test_a_job_that_runs_again_keeps_its_turn() -> None:
    jobs = waiting()
    jobs.accept(new := job("new"))
    jobs.settle(new, is_durable=True)
    again = job("again", age=60, attempt=1)
    jobs.reserve(again)
    jobs.enter(again)

    assert order(jobs) == ["again", "new"]


async def test_a_delayed_job_fills_the_queue_but_has_no_place() -> None:
    jobs = waiting(queue_limit=1)
    later = job("later", state=State.DELAYED, delay=60.0, not_before=NOW + timedelta(seconds=60))

    assert jobs.accept(later) is None
    jobs.settle(later, is_durable=True)
    assert jobs.position("later") is None
    assert jobs.accept(job("now")) == 0
    with pytest.raises(QueueFull):
        jobs.require_room(1, "bob")
    assert jobs.remove("later")
    jobs.require_room(1, "bob")


async def test_a_job_that_could_not_be_recorded_is_forgotten() -> None:
    jobs = waiting(queue_limit=1)
    for number in range(5):
        jobs.accept(lost := job(str(number)))
        jobs.settle(lost, is_durable=False)

    assert jobs.take() is None
    assert jobs.position_for() == 0
    jobs.require_room(2, "ann")


async def test_jobs_about_to_wait_have_places_of_their_own_before_they_are_durable() -> None:
    jobs = waiting(slots=2)
    due = [job(job_id) for job_id in "abcd"]
    for each in due[:2]:
        jobs.reserve(each)  # whose time has just come
    places = [jobs.expect(due[0]), jobs.expect(due[1]), jobs.accept(due[2]), jobs.accept(due[3])]
    for each in due:
        jobs.settle(each, is_durable=True)

    assert places == [0, 0, 1, 2]
    assert [jobs.take(), jobs.take(), jobs.take()] == ["a", "b", None]
    assert [jobs.position(job_id) for job_id in "cd"] == places[2:]
    assert jobs.accept(job("e")) == 3


async def test_a_job_that_was_removed_before_it_was_durable_does_not_wait() -> None:
    jobs = waiting()
    for job_id in ("starts", "waits"):
        jobs.accept(gone := job(job_id))
        assert jobs.remove(job_id)
        assert jobs.position_for() == 0
        jobs.settle(gone, is_durable=True)

    assert jobs.take() is None


@pytest.mark.parametrize("intake", [Intake.PAUSED, Intake.DRAINING])
async def test_while_nothing_starts_every_job_has_a_place(intake: Intake) -> None:
    jobs = waiting(slots=3, intake=intake)
    places = []
    for job_id in "ab":
        places.append(jobs.accept(new := job(job_id)))
        jobs.settle(new, is_durable=True)

    assert places == [1, 2]
    assert jobs.take() is None
    jobs.intake = Intake.OPEN
    assert (jobs.take(), jobs.take()) == ("a", "b")


async def test_whoever_waits_too_long_is_told_once_and_who_has_started_never() -> None:
    expired: asyncio.Queue[str] = asyncio.Queue()
    jobs = waiting(on_expired=expired.put_nowait)
    soon = NOW + timedelta(seconds=0.05)
    for each in (job("starts", age=3, expires_at=soon), job("leaves", age=2, expires_at=soon)):
        jobs.reserve(each)
        jobs.enter(each)
    jobs.reserve(late := job("late", expires_at=soon))
    jobs.enter(late)
    assert jobs.take() == "starts"
    assert jobs.remove("leaves")

    async with asyncio.timeout(30):
        assert await expired.get() == "late"
    assert expired.empty()
