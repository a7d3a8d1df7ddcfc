"""Which runs of a schedule are made, and which have been missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskrealm.tasks import Schedule
from taskrealm.tasks.schedule import MOST, TOLERANCE

NOON = datetime(2030, 1, 15, 12, tzinfo=UTC)


def due(missed: Any, *, since: float, late: float = 0.0) -> list[int]:
    """The hours of the runs made a little after noon, the last look *since* hours before."""
    now = NOON + timedelta(seconds=late)
    schedule = Schedule("0 * * * *", missed=missed)
    return [each.hour for each in schedule.due(NOON - timedelta(hours=since), now)]


@pytest.mark.parametrize(
    ("missed", "since", "late", "made"),
    [
        pytest.param("skip", 0.5, 0.01, [12], id="in time"),
        pytest.param("skip", 0.5, 59, [12], id="a little late"),
        pytest.param("skip", 0.5, 61, [], id="too late"),
        pytest.param("skip", 5, 1, [12], id="in time, with others that were missed"),
        pytest.param("once", 5, 600, [12], id="the last one is made up for"),
        pytest.param("all", 3, 600, [10, 11, 12], id="all are made up for"),
        pytest.param("all", 0, 600, [], id="it was seen to before"),
        pytest.param("all", -24, 0, [], id="the clock was set back"),
    ],
)
def test_runs_are_made_by_the_rule_for_those_that_were_missed(
    missed: str, since: float, late: float, made: list[int]
) -> None:
    assert due(missed, since=since, late=late) == made


def test_no_more_than_a_bound_is_made_up_for() -> None:
    minutes = Schedule("* * * * *", missed="all").due(NOON - timedelta(days=400), NOON)

    assert len(minutes) == MOST
    assert minutes[-1] == NOON


@given(
    missed=st.sampled_from(["skip", "once", "all"]),
    steps=st.lists(st.integers(-2_000, 5_000), max_size=30),
)
@settings(max_examples=200, deadline=None)
def test_whatever_the_clock_does_no_run_is_made_twice(missed: Any, steps: list[int]) -> None:
    schedule = Schedule("*/10 * * * *", zone="Europe/Berlin", missed=missed)
    now = seen = datetime(2030, 3, 31, 0, 30, tzinfo=UTC)
    made: list[datetime] = []
    for step in steps:
        now += timedelta(seconds=step)
        for each in schedule.due(seen, now):
            made.append(each)
            seen = each
            assert each <= now
            assert missed != "skip" or now - each <= TOLERANCE

    assert made == sorted(set(made))


@given(steps=st.lists(st.integers(1, 50), min_size=1, max_size=100))
@settings(max_examples=100, deadline=None)
def test_whoever_looks_often_enough_misses_nothing(steps: list[int]) -> None:
    schedule = Schedule("* * * * *")
    now = seen = start = NOON + timedelta(seconds=1)
    made = []
    for step in steps:
        now += timedelta(seconds=step)
        for each in schedule.due(seen, now):
            made.append(each)
            seen = each

    assert made == schedule.rhythm.between(start, now, 10_000)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"cron": "x"}, "cron is 'x'; it must be five words"),
        ({"zone": "Mars"}, "zone is 'Mars'; it must be a time zone"),
        ({"arguments": ["a"]}, "arguments must be a mapping by name"),
        ({"owner": ""}, "owner is ''; it must be the authid of a user"),
        ({"missed": "some"}, "missed is 'some'; it must be"),
        ({"overlap": "maybe"}, "overlap is 'maybe'; it must be"),
        ({"jitter": -1}, "jitter is -1; it must be seconds from 0 to 86400"),
        ({"name": "Ä"}, "name is 'Ä'; it must be of lower-case letters"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_each_setting_of_a_schedule_is_checked(settings: dict[str, Any], problem: str) -> None:
    [found] = Schedule(**{"cron": "0 3 * * *", **settings}).problems()

    assert found.startswith(problem)
