"""Refused calls are logged with who, what and why, and a flood of them is counted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from taskrealm.executor import refusals as refusals_module
from taskrealm.executor.refusals import PER_CALLER, PER_WINDOW, TRACEBACKS, Refusals
from taskrealm.protocol.errors import NotAuthorized, UnknownTask
from taskrealm.wire import Call

LIMIT = 30.0  # seconds


def call(authid: str) -> Call:
    answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    return Call(7, authid, "user", forwarded=False, answered=answered, room=no_wait)


async def no_wait() -> None:
    """There is room for every answer."""


def named(lines: list[Any], event: str) -> list[Any]:
    return [line for line in lines if line["event"] == event]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What is logged, as it grows."""
    monkeypatch.setattr(refusals_module, "WINDOW", 0.05)
    monkeypatch.setattr(refusals_module, "log", structlog.get_logger())
    with capture_logs() as lines:
        yield lines


async def summary_in(lines: list[Any]) -> Any:
    async with asyncio.timeout(LIMIT):
        while True:
            if found := named(lines, "More calls refused"):
                return found[-1]
            await asyncio.sleep(0.01)


async def test_a_refusal_says_who_what_and_why(lines: list[Any]) -> None:
    refusals = Refusals()
    refusals.refused("taskrealm.exec", call("ana"), UnknownTask("There is no task" + 999 * "x"))
    refusals.refused("taskrealm.events", call("bo"), NotAuthorized("Your own jobs only"))

    assert lines[0] == {
        "event": "Call refused",
        "log_level": "info",
        "procedure": "taskrealm.exec",
        "by": "ana",
        "role": "user",
        "session": 7,
        "error": "taskrealm.error.unknown_task",
        "reason": "There is no task" + 484 * "x",
    }
    assert (lines[1]["by"], lines[1]["log_level"]) == ("bo", "warning")


async def test_a_flood_of_one_caller_is_counted_and_hides_nobody_else(lines: list[Any]) -> None:
    refusals = Refusals()
    for _ in range(1_000):
        refusals.refused("taskrealm.exec", call("flood"), UnknownTask("no"))
    refusals.refused("taskrealm.exec", call("ana"), UnknownTask("no"))
    summary = await summary_in(lines)
    refusals.refused("taskrealm.exec", call("flood"), UnknownTask("again"))

    assert [line["by"] for line in named(lines, "Call refused")] == [
        *["flood"] * PER_CALLER,
        "ana",
        "flood",
    ]
    assert (summary["count"], summary["by"]) == (1_000 - PER_CALLER, {"flood": 1_000 - PER_CALLER})


async def test_a_flood_of_many_callers_is_counted_too(lines: list[Any]) -> None:
    refusals = Refusals()
    for number in range(5_000):
        refusals.refused("taskrealm.exec", call(f"user {number}"), UnknownTask("no"))
    summary = await summary_in(lines)

    assert len(named(lines, "Call refused")) == PER_WINDOW
    assert summary["count"] == 5_000 - PER_WINDOW
    assert len(summary["by"]) == 10


async def test_a_flood_of_failures_keeps_every_reference_but_few_tracebacks(
    lines: list[Any],
) -> None:
    refusals = Refusals()
    for number in range(100):
        refusals.failed("taskrealm.exec", RuntimeError("broken"), str(number))

    assert [line["reference"] for line in lines] == list(map(str, range(100)))
    assert sum(line["exc_info"] is not None for line in lines) == TRACEBACKS
