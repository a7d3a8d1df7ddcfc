"""Time: a clock that never jumps, what happens after some time, and pauses between attempts."""

from __future__ import annotations

import asyncio
import math
import random
import time
from typing import TYPE_CHECKING

from ..protocol.jobs import now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ..tasks import Retry

LOOK_INTERVAL = 30.0  # seconds between two looks at the wall clock, which may have been set


class SteadyClock:
    """What the wall clock showed at the start, and what has passed since: it never jumps."""

    def __init__(self) -> None:
        self._start = time.time() - time.monotonic()

    def time(self) -> float:
        """Seconds since the epoch, as far as the wall clock was right at the start."""
        return self._start + time.monotonic()


class Delays:
    """Jobs whose time has not come; *on_due* is told when it has."""

    def __init__(self, on_due: Callable[[str], None]) -> None:
        self._on_due = on_due
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def add(self, job_id: str, seconds: float) -> None:
        """Let a job wait for some *seconds*, whatever happens to the wall clock."""
        self._set(job_id, max(0.0, seconds), self._end, job_id)

    def add_until(self, job_id: str, moment: datetime) -> None:
        """Let a job wait until the wall clock shows *moment*, even if it is set meanwhile."""
        remaining = (moment - now()).total_seconds()
        if remaining <= LOOK_INTERVAL:
            self.add(job_id, remaining)
        else:
            self._set(job_id, LOOK_INTERVAL, self.add_until, job_id, moment)

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._timers

    def remove(self, job_id: str) -> None:
        """Let a job wait no longer; *on_due* is not told."""
        if (timer := self._timers.pop(job_id, None)) is not None:
            timer.cancel()

    def _set(self, job_id: str, seconds: float, action: Callable[..., None], *args: object) -> None:
        loop = asyncio.get_running_loop()
        self._timers[job_id] = loop.call_later(seconds, action, *args)

    def _end(self, job_id: str) -> None:
        del self._timers[job_id]
        self._on_due(job_id)


class Deadlines:
    """
    What happens to running jobs when their time is over.

    The loop has one timer for all of them, set anew only for one that comes earlier: most jobs
    are over long before.
    """

    def __init__(self) -> None:
        self._moments: dict[Callable[[], None], float] = {}
        self._next = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def add(self, seconds: float, action: Callable[[], None]) -> None:
        """Call *action* once after so many *seconds*, unless it is removed before."""
        moment = self._moments[action] = time.monotonic() + seconds
        if moment < self._next:
            self._wake_at(moment)

    def remove(self, action: Callable[[], None]) -> None:
        """Call *action* no more, if it has not been called."""
        self._moments.pop(action, None)

    def _wake_at(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = moment
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(moment - time.monotonic(), self._tell)

    def _tell(self) -> None:
        reached = time.monotonic()
        over = [action for action, moment in self._moments.items() if moment <= reached]
        for action in over:
            del self._moments[action]
        self._timer, self._next = None, math.inf
        if self._moments:
            self._wake_at(min(self._moments.values()))
        for action in over:
            action()


def pause_after(attempt: int, retry: Retry) -> float:
    """
    How many seconds a job waits after the given *attempt* before it runs again.

    At most twice as long after each attempt, up to a limit; and at random, so that jobs
    that failed together do not come back together.
    """
    longest = min(retry.longest, retry.pause * 2.0 ** (attempt - 1))
    return random.uniform(longest / 2, longest)
