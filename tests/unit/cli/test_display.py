"""What happened to a job, in words for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from taskrealm.cli.display import Lines, as_json, bar_of, clock, sentence_of, write_output
from taskrealm.client import OutputChunk
from taskrealm.protocol.jobs import Event, EventType


def event(kind: str, **data: Any) -> Event:
    """One event of a job with these data."""
    now = datetime(2030, 1, 1, tzinfo=UTC)
    return Event("ana", "e", 1, "f" * 32, 1, "date", EventType(kind), now, 1, data)


@pytest.mark.parametrize(
    ("happened", "sentence"),
    [
        pytest.param(event("queued", position=0), f"Job {'f' * 32}", id="no queue"),
        pytest.param(
            event("queued", position=3), f"Job {'f' * 32} is number 3 in the queue", id="a queue"
        ),
        pytest.param(event("started"), "Started", id="started"),
        pytest.param(
            event("progress", fraction=0.5, message="half", eta=90.0),
            " 50 % half about 1 min 30 s left",
            id="progress",
        ),
        pytest.param(
            event("stopping", by="ana", reason=None, grace=10.0),
            "Stopping by ana; what has not ended in 10 s is killed",
            id="stopping",
        ),
        pytest.param(
            event("succeeded", result={"lines": 3}, duration=1.25),
            "Succeeded after 1.2 s: {'lines': 3}",
            id="a result",
        ),
        pytest.param(
            event("succeeded", result="printed", duration=61.0),
            "Succeeded after 1 min 1 s",
            id="a result that has been printed",
        ),
        pytest.param(
            event("artifact", name="result.json", media_type="application/json", size=1_234_567),
            f"Left result.json, 1 234 567 bytes; taskrealm get {'f' * 32} fetches it",
            id="a file",
        ),
        pytest.param(
            event("failed", error="exit code 3", duration=0.0),
            "Failed after 0.0 s: exit code 3",
            id="failed",
        ),
        pytest.param(
            event("cancelled", by="ana", reason="\x1b[2J", duration=None),
            r"Cancelled by ana (\x1b[2J)",
            id="a reason that would steer the terminal",
        ),
        pytest.param(
            event("timed_out", timeout=2.5, duration=2.6), "Timed out after 2.5 s", id="timed out"
        ),
        pytest.param(event("lost", reason="crash"), "Lost: crash", id="lost"),
        pytest.param(event("expired", reason="no slot"), "Expired: no slot", id="expired"),
        pytest.param(
            event("retrying", reason="exit code 75", delay=2.0, retries_left=1),
            "Runs again in 2.0 s: exit code 75 (1 more after that)",
            id="runs again",
        ),
    ],
)
def test_an_event_is_a_sentence(happened: Event, sentence: str) -> None:
    assert sentence_of(happened) == sentence


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.96, "10.0 s"),
        (59.6, "1 min 0 s"),
        (3_599.0, "59 min 59 s"),
        (7_500, "2 h 5 min"),
    ],
)
def test_a_duration_is_read_at_a_glance(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_on_a_pipe_progress_is_a_line_for_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()

    for number in range(101):
        lines.event(event("progress", fraction=number / 100, message=None, eta=None))

    assert capsys.readouterr().err.split() == [
        part for number in range(10, 101, 10) for part in (str(number), "%")
    ]


@pytest.mark.parametrize("fraction", [None, 0.0, 0.333, 1.0])
def test_a_bar_is_always_of_the_same_width(fraction: float | None) -> None:
    bar = bar_of({"fraction": fraction, "message": "at\n work", "eta": None}).plain

    assert bar.count("━") + bar.count("─") == 30
    assert bar.endswith(r"at\n work")


@pytest.mark.capability("N7")
def test_output_that_was_not_kept_is_told_where_it_is_missing(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    write_output(OutputChunk("stdout", 0, 5, "begin"))
    write_output(OutputChunk("stdout", 1_234_572, 1_234_575, "end", skipped=1_234_567))
    write_output(OutputChunk("stderr", 0, 2, "é"))

    assert capfdbinary.readouterr() == (
        "begin\n… 1 234 567 bytes not kept …\nend".encode(),
        "é".encode(),
    )


def test_a_gap_is_a_number_in_json() -> None:
    assert as_json(OutputChunk("stdout", 9, 10, "x", skipped=4))["skipped"] == 4
