"""How busy the executor has been: its queue, its slots and its event loop over time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import astuple, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..protocol.jobs import now, timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

TICK = 1.0  # seconds between two looks


class Ring(NamedTuple):
    """How finely something is remembered, and for how long."""

    step: float  # seconds that are one sample
    most: int  # samples


RINGS = (Ring(10.0, 360), Ring(60.0, 1_440), Ring(600.0, 1_008))
"""An hour by ten seconds, a day by minutes, a week by ten minutes."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The most that there was of everything within one step."""

    running: int
    queued: int
    delayed: int
    slots_used: int
    slots: int
    lag: float
    """Seconds that the event loop was late at most."""

    def over(self, other: Sample) -> Sample:
        """The most of both."""
        return Sample(*(max(pair) for pair in zip(astuple(self), astuple(other), strict=True)))


COLUMNS = tuple(field.name for field in fields(Sample))


class Load:
    """
    Looks once a second how busy the executor is, and remembers the peaks of each step.

    It is kept in memory, in bounded room, and begins anew with the executor.
    """

    def __init__(self, look: Callable[[], Sample]) -> None:
        """*look* tells how busy it is; the lag is found here."""
        self._look = look
        self._rings = {ring: deque[tuple[int, Sample]](maxlen=ring.most) for ring in RINGS}

    async def run(self) -> None:
        """Look again and again."""
        while True:
            due = time.monotonic() + TICK
            await asyncio.sleep(TICK)
            self.add(replace(self._look(), lag=max(0.0, time.monotonic() - due)), time.time())

    def add(self, sample: Sample, moment: float) -> None:
        """Remember *sample*, of a *moment* in seconds since 1970."""
        for ring, samples in self._rings.items():
            step = int(moment // ring.step)
            if samples and samples[-1][0] >= step:
                # Also where the clock was put back.
                samples[-1] = samples[-1][0], samples[-1][1].over(sample)
            else:
                samples.append((step, sample))

    def told(self, span: float) -> dict[str, Any]:
        """The samples of the last *span* seconds, as finely as they are kept for so long."""
        ring = next((each for each in RINGS if each.step * each.most >= span), RINGS[-1])
        first = (time.time() - span) // ring.step
        return {
            "at": timestamp(now()),
            "step": ring.step,
            "columns": ["at", *COLUMNS],
            "samples": [
                [step * ring.step, *astuple(sample)]
                for step, sample in self._rings[ring]
                if step >= first
            ],
        }

    @property
    def lag(self) -> float:
        """Seconds that the event loop was late at most, in the last minutes."""
        return max((sample.lag for _, sample in list(self._rings[RINGS[0]])[-30:]), default=0.0)
