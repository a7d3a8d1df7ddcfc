"""The attempts of a job as its events tell them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from taskrealm.executor.attempts import attempts_of
from taskrealm.protocol.jobs import Event, EventType, timestamp

START = datetime(2030, 1, 31, 8, tzinfo=UTC)


def event(number: int, kind: EventType, attempt: int, **data: Any) -> Event:
    at = START + timedelta(seconds=number)
    return Event("ann", "e", number, "job", number, "convert", kind, at, attempt, data)


def at(number: int) -> str:
    return timestamp(START + timedelta(seconds=number))


def test_each_attempt_says_when_it_was_and_how_it_ended() -> None:
    events = [
        event(1, EventType.STARTED, 1),
        event(2, EventType.RETRYING, 1, failure=75, reason="exit code 75"),
        event(3, EventType.STARTED, 2),
        event(4, EventType.RETRYING, 2, reason="the executor died"),
        event(5, EventType.STARTED, 3),
        event(6, EventType.FAILED, 3, error="exit code 1"),
    ]

    assert [tuple(each.values()) for each in attempts_of(events)] == [
        (1, at(1), at(2), 75, "exit code 75"),
        (2, at(3), at(4), "lost", "the executor died"),
        (3, at(5), at(6), "failed", "exit code 1"),
    ]


def test_a_job_that_ends_while_it_waits_leaves_its_attempts_as_they_were() -> None:
    events = [
        event(1, EventType.STARTED, 1),
        event(2, EventType.RETRYING, 1, failure="lost", reason="the executor died"),
        event(3, EventType.CANCELLED, 1, by="ann", reason=None),
    ]

    assert [each["end"] for each in attempts_of(events)] == ["lost"]
    assert attempts_of(events[2:]) == []


def test_an_attempt_that_lasts_has_no_end() -> None:
    [only] = attempts_of([event(1, EventType.STARTED, 1)])

    assert (only["ended_at"], only["end"], only["reason"]) == (None, None, None)
