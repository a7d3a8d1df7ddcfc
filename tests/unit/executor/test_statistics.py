"""Rates and durations, counted as events are committed."""

from __future__ import annotations

from typing import Any

import pytest

from taskrealm.executor import statistics
from taskrealm.executor.statistics import SAMPLES, Statistics
from taskrealm.protocol.jobs import Event, EventType, now


def event(type: str, task: str = "convert", **data: Any) -> Event:
    return Event("ann", "a", 1, "1", 1, task, EventType(type), now(), 1, data)


class Clock:
    """Seconds that pass as they are told to."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(statistics.time, "monotonic", clock)
    return clock


def test_rates_are_per_minute_over_one_five_and_fifteen_minutes(clock: Clock) -> None:
    counted = Statistics()
    for _ in range(20):
        counted.note([event("queued"), event("progress", fraction=0.5)])
        clock.seconds += 60
    counted.note([event("queued")] * 9)

    rates = counted.rates()

    assert rates["1"] == {"queued": 10}
    assert rates["5"]["queued"] == pytest.approx((9 + 5) / 5)
    assert rates["15"]["queued"] == pytest.approx((9 + 15) / 15)


def test_rates_of_a_young_executor_are_over_the_time_that_there_was(clock: Clock) -> None:
    counted = Statistics()
    counted.note([event("queued")] * 10)
    clock.seconds += 30

    assert counted.rates()["15"] == {"queued": 20}


def test_durations_are_told_by_task_and_bounded(clock: Clock) -> None:
    counted = Statistics()
    counted.note([event("succeeded", duration=float(n)) for n in range(1_000)])
    counted.note([event("cancelled", task="waited", duration=None)])

    durations = counted.durations()

    assert list(durations) == ["convert"]
    assert durations["convert"] == {
        "count": 1_000,
        "mean": 499.5,
        "median": 1_000.0 - SAMPLES / 2,
        "p95": 1_000.0 - SAMPLES / 20,
        "longest": 999.0,
    }


def test_what_is_kept_does_not_grow_with_time(clock: Clock) -> None:
    counted = Statistics()
    for _ in range(2_000):
        counted.note([event("queued")])
        clock.seconds += 5

    assert len(counted._steps) <= 15 * 60 / statistics.STEP + 1
