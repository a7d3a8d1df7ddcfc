"""What a client hears, held to the numbers of the events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskrealm.cli.hearing import Hearing
from taskrealm.protocol.jobs import Event

if TYPE_CHECKING:
    from collections.abc import Iterable

JOBS = ("a", "b")


def hearing(heard: Iterable[tuple[int, str, int, str]]) -> Hearing:
    """What a client knows that has heard these events: seq, job, its own number and type."""
    found = Hearing()
    for seq, job_id, job_seq, kind in heard:
        found.take(
            Event.from_dict(
                {
                    "epoch": "e",
                    "seq": seq,
                    "job_id": job_id,
                    "job_seq": job_seq,
                    "task": "demo.count",
                    "owner": "ana",
                    "type": kind,
                    "at": "2030-01-01T00:00:00+00:00",
                    "attempt": 1,
                }
            )
        )
    return found


WHOLE = [
    (7, "a", 1, "queued"),
    (8, "b", 1, "queued"),
    (9, "a", 2, "started"),
    (10, "a", 3, "succeeded"),
    (11, "b", 2, "cancelled"),
]


def test_two_jobs_that_were_heard_to_their_ends_are_complete() -> None:
    found = hearing(WHOLE)

    assert (found.events, found.missed, found.repeated) == (5, 0, 0)
    assert found.ends == {"a": "succeeded", "b": "cancelled"}
    assert list(found.incomplete(JOBS)) == []


@pytest.mark.parametrize(
    ("heard", "missed", "repeated", "incomplete"),
    [
        pytest.param([*WHOLE[:2], *WHOLE[3:]], 1, 0, ["a"], id="one in the middle is missing"),
        pytest.param(WHOLE[1:], 0, 0, ["a"], id="the first of a job is missing"),
        pytest.param(WHOLE[:-1], 0, 0, ["b"], id="the end of a job is missing"),
        pytest.param([*WHOLE, WHOLE[-1]], 0, 1, ["b"], id="the last comes twice"),
        pytest.param(
            [*WHOLE[:2], WHOLE[3], WHOLE[2], WHOLE[4]], 1, 1, ["a"], id="two change places"
        ),
        pytest.param([], 0, 0, ["a", "b"], id="nothing was heard"),
    ],
)
def test_whatever_is_missing_or_repeated_shows(
    heard: list[tuple[int, str, int, str]], missed: int, repeated: int, incomplete: list[str]
) -> None:
    found = hearing(heard)

    assert (found.missed, found.repeated) == (missed, repeated)
    assert list(found.incomplete(JOBS)) == incomplete
