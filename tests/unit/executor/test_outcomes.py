"""What is told of jobs that have ended: counts by state, and quantiles of those that succeeded."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from taskrealm.executor.outcomes import quantile, summary
from taskrealm.journal import Outcome
from taskrealm.protocol.jobs import State

MOMENT = datetime(2026, 11, 21, tzinfo=UTC)


def ended(state: State, duration: float | None) -> Outcome:
    return Outcome("a", f"{state} after {duration}", state, MOMENT, duration)


def test_what_is_usual_is_told_by_the_jobs_that_succeeded() -> None:
    told = summary(
        [
            ended(State.FAILED, 0.1),
            *(ended(State.SUCCEEDED, float(seconds)) for seconds in range(100, -1, -1)),
            ended(State.EXPIRED, None),
        ]
    )

    assert told["jobs"] == 103
    assert told["states"] == {"failed": 1, "succeeded": 101, "expired": 1}
    assert told["durations"] == {"n": 101, "p10": 10, "p50": 50, "p90": 90, "longest": 100}
    assert told["last"]["state"] == "failed"


@pytest.mark.parametrize("outcomes", [[], [ended(State.FAILED, 3.0)]], ids=["none", "no success"])
def test_without_a_success_nothing_is_usual(outcomes: list[Outcome]) -> None:
    assert summary(outcomes)["durations"] is None


@pytest.mark.parametrize(
    ("values", "part", "found"),
    [
        pytest.param([7.0], 0.9, 7.0, id="of one value"),
        pytest.param([1.0, 2.0], 0.5, 1.5, id="between two values"),
        pytest.param([1.0, 2.0, 4.0], 0.9, 3.6, id="nearer to the larger"),
        pytest.param([1.0, 2.0], 1.0, 2.0, id="the end"),
    ],
)
def test_quantiles_lie_between_their_neighbours(
    values: list[float], part: float, found: float
) -> None:
    assert quantile(values, part) == pytest.approx(found)
