"""Delays by a clock that never jumps, moments by the wall clock, and pauses that spread."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from taskrealm.executor import delays
from taskrealm.executor.delays import Deadlines, Delays, SteadyClock, pause_after
from taskrealm.tasks import Retry

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 30.0  # seconds


class Due:
    """Whose time has come, in order."""

    def __init__(self) -> None:
        self.jobs: list[str] = []
        self._news = asyncio.Event()

    def take(self, job_id: str) -> None:
        self.jobs.append(job_id)
        self._news.set()

    async def have(self, *jobs: str) -> None:
        async with asyncio.timeout(LIMIT):
            while self.jobs != list(jobs):
                self._news.clear()
                await self._news.wait()


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Sets the wall clock that delays look at, which they do often here."""
    monkeypatch.setattr(delays, "LOOK_INTERVAL", 0.01)

    def by(step: timedelta) -> None:
        monkeypatch.setattr(delays, "now", lambda: datetime.now(UTC) + step)

    return by


async def test_jobs_are_due_in_the_order_of_their_delays() -> None:
    due = Due()
    waiting = Delays(due.take)
    waiting.add("second", 0.05)
    waiting.add("first", 0.01)
    waiting.add("overdue", -3)

    await due.have("overdue", "first", "second")


async def test_a_removed_job_is_never_due() -> None:
    due = Due()
    waiting = Delays(due.take)
    waiting.add("removed", 0.01)
    waiting.add_until("removed too", datetime.now(UTC))
    waiting.add("stays", 0.02)
    waiting.remove("removed")
    waiting.remove("removed too")
    waiting.remove("unheard of")

    await due.have("stays")


async def test_deadlines_pass_in_their_order_whenever_they_were_set() -> None:
    due = Due()
    deadlines = Deadlines()
    deadlines.add(0.05, partial(due.take, "second"))
    deadlines.add(0.01, partial(due.take, "first"))
    deadlines.add(0.09, partial(due.take, "third"))
    deadlines.add(-3, partial(due.take, "overdue"))

    await due.have("overdue", "first", "second", "third")


async def test_a_removed_deadline_never_passes() -> None:
    due = Due()
    deadlines = Deadlines()
    removed = partial(due.take, "removed")
    deadlines.add(0.01, removed)
    deadlines.add(0.02, partial(due.take, "stays"))
    deadlines.remove(removed)
    deadlines.remove(removed)

    await due.have("stays")


async def test_a_deadline_may_be_set_by_one_that_passes() -> None:
    due = Due()
    deadlines = Deadlines()

    def go_on() -> None:
        due.take("first")
        deadlines.add(0.01, partial(due.take, "second"))

    deadlines.add(0.01, go_on)

    await due.have("first", "second")


async def test_a_moment_comes_when_the_wall_clock_is_set_to_it(
    set_clock: Callable[[timedelta], None],
) -> None:
    due = Due()
    waiting = Delays(due.take)
    waiting.add_until("in an hour", datetime.now(UTC) + timedelta(hours=1))
    waiting.add("in a minute", 60)
    set_clock(timedelta(hours=2))

    await due.have("in an hour")


async def test_a_moment_moves_away_when_the_wall_clock_is_set_back(
    set_clock: Callable[[timedelta], None],
) -> None:
    due = Due()
    waiting = Delays(due.take)
    waiting.add_until("soon", datetime.now(UTC) + timedelta(seconds=0.05))
    waiting.add("delayed", 0.2)
    set_clock(timedelta(hours=-1))

    await due.have("delayed")


@pytest.mark.parametrize(
    ("retry", "bounds"),
    [
        pytest.param(Retry(100), [(1, 1.0), (2, 2.0), (5, 16.0), (60, 300.0)], id="as usual"),
        pytest.param(
            Retry(100, pause=5.0, longest=30.0),
            [(1, 5.0), (2, 10.0), (4, 30.0), (100, 30.0)],
            id="as the task says",
        ),
    ],
)
def test_pauses_grow_up_to_a_limit(retry: Retry, bounds: list[tuple[int, float]]) -> None:
    for attempt, longest in bounds:
        pauses = [pause_after(attempt, retry) for _ in range(100)]

        assert longest / 2 <= min(pauses) <= max(pauses) <= longest


@pytest.mark.fault("F36")
def test_a_thousand_jobs_that_failed_together_do_not_come_back_together() -> None:
    pauses = [pause_after(3, Retry(5)) for _ in range(1_000)]

    for start in range(20):
        begin = 2.0 + start / 10
        assert sum(begin <= pause < begin + 0.1 for pause in pauses) < 150


def test_the_steady_clock_begins_with_the_wall_clock() -> None:
    assert SteadyClock().time() == pytest.approx(datetime.now(UTC).timestamp(), abs=1)
