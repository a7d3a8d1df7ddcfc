"""How busy the executor was: the peaks of each step, in bounded room."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from taskrealm.executor import load as module
from taskrealm.executor.load import COLUMNS, RINGS, Load, Sample

if TYPE_CHECKING:
    from collections.abc import Callable

IDLE = Sample(running=0, queued=0, delayed=0, slots_used=0, slots=2, lag=0.0)
START = 1_800_000_000.0  # seconds since 1970; begins a step of every ring


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock to so many seconds behind the start."""

    def put(seconds: float) -> None:
        monkeypatch.setattr(module.time, "time", lambda: START + seconds)

    return put


def test_a_sample_has_the_most_of_its_step(at: Callable[[float], None]) -> None:
    load = Load(lambda: IDLE)
    for second, queued in enumerate((0, 7, 3, *[0] * 9, 2)):
        load.add(replace(IDLE, queued=queued), START + second)
    at(13)
    told = load.told(60)

    queued_column = told["columns"].index("queued")
    assert told["step"] == 10
    assert [(row[0] - START, row[queued_column]) for row in told["samples"]] == [(0, 7), (10, 2)]
    assert told["columns"] == ["at", *COLUMNS]


@pytest.mark.parametrize(
    ("span", "step"), [(60, 10), (3_600, 10), (3_601, 60), (86_400, 60), (604_800, 600)]
)
def test_the_longer_the_span_the_coarser_the_step(
    at: Callable[[float], None], span: int, step: int
) -> None:
    load = Load(lambda: IDLE)
    for seconds in range(0, 2 * span, step):
        load.add(IDLE, START + seconds)
    at(2 * span - step)
    told = load.told(span)

    assert told["step"] == step
    whole = -(-span // step)
    assert len(told["samples"]) in (whole, whole + 1)
    assert len(told["samples"]) <= max(ring.most for ring in RINGS)


def test_a_clock_that_is_put_back_loses_no_peak(at: Callable[[float], None]) -> None:
    load = Load(lambda: IDLE)
    load.add(IDLE, START + 60)
    load.add(replace(IDLE, running=2), START)
    at(61)

    [row] = load.told(60)["samples"]
    assert row[told_at("running")] == 2


async def test_it_looks_by_itself_and_finds_how_late_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = asyncio.Event()

    def look() -> Sample:
        looked.set()
        return IDLE

    monkeypatch.setattr(module, "TICK", 0.01)
    load = Load(look)
    running = asyncio.create_task(load.run())
    await asyncio.wait_for(looked.wait(), 5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert load.lag > 0
    assert load.told(60)["samples"]


def told_at(name: str) -> int:
    return 1 + COLUMNS.index(name)
