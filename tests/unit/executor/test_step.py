"""Work of the executor for a job: it ends when told to, or is left alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from taskrealm.executor.step import Step, StepStopped

LIMIT = 30.0  # seconds


async def outcome(step: Step) -> Any:
    async with asyncio.timeout(LIMIT):
        return await step.outcome()


async def for_ever(cancelled: list[str], *, refusals: int = 0) -> None:
    """Wait, and refuse so many times to be cancelled."""
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append("cancelled")
            if len(cancelled) > refusals:
                raise


async def later(result: str) -> str:
    await asyncio.sleep(0.01)
    return result


async def test_what_is_left_in_peace_gives_what_it_made() -> None:
    assert await outcome(Step(later("made"))) == "made"


async def test_what_fails_says_how() -> None:
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await outcome(Step(fail()))


async def test_what_can_be_stopped_is_stopped_at_once() -> None:
    cancelled: list[str] = []
    step = Step(for_ever(cancelled))
    asyncio.get_running_loop().call_later(0.01, step.stop, 600.0)

    with pytest.raises(StepStopped):
        await outcome(step)
    assert cancelled == ["cancelled"]


async def test_what_refuses_to_stop_is_given_up_after_its_grace() -> None:
    cancelled: list[str] = []
    step = Step(for_ever(cancelled, refusals=2))
    asyncio.get_running_loop().call_later(0.01, step.stop, 0.05)

    with pytest.raises(StepStopped):
        await outcome(step)
    assert cancelled == ["cancelled"]


async def test_a_second_stop_shortens_the_grace() -> None:
    step = Step(for_ever([], refusals=3))
    loop = asyncio.get_running_loop()
    loop.call_later(0.01, step.stop, 600.0)
    loop.call_later(0.05, step.stop, 0.0)

    with pytest.raises(StepStopped):
        await outcome(step)
