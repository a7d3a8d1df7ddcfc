"""How often users may ask for a task."""

from __future__ import annotations

import math
import time
from collections import Counter
from typing import TYPE_CHECKING

from ..protocol.errors import RateLimited
from ..protocol.jobs import now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..journal import Journal
    from ..tasks import Rate, Task

KEPT = 10_000  # users of tasks whose latest requests are known; those who may ask again go first


class Bucket:
    """
    For how many jobs there is room: each takes one out, and it fills up at a steady pace.

    Its moments are those of a clock that never jumps.
    """

    def __init__(self, rate: Rate, taken_at: Iterable[float] = ()) -> None:
        """*taken_at* are the moments of jobs that took one out already, the oldest first."""
        self._level = float(rate.count)
        self._at = -math.inf
        for moment in taken_at:
            self._fill(rate, moment)
            self._level = max(0.0, self._level - 1)

    def wait_for(self, count: int, rate: Rate, at: float) -> float:
        """For how many seconds there is no room for *count* jobs."""
        self._fill(rate, at)
        return max(0.0, count - self._level) * rate.seconds / rate.count

    def take(self, count: int) -> None:
        """Take *count* out; less than none is given back."""
        self._level -= count

    def is_full(self, rate: Rate, at: float) -> bool:
        """Whether it is as if nobody had ever asked."""
        self._fill(rate, at)
        return self._level >= rate.count

    def _fill(self, rate: Rate, at: float) -> None:
        passed = max(0.0, at - self._at)
        self._level = min(float(rate.count), self._level + passed * rate.count / rate.seconds)
        self._at = max(self._at, at)


class Rates:
    """
    Makes sure that nobody asks for a task more often than it allows.

    After a restart the jobs in the journal count as before, as far as the wall clock was
    right when they were submitted.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._buckets: dict[tuple[str, str], tuple[Bucket, Rate]] = {}

    async def recall(self, owner: str, tasks: Iterable[Task]) -> None:
        """
        Learn how often *owner* has asked for *tasks* lately; to be called before `spend`.

        Raises:
            JournalError: The journal cannot be read.
        """
        for task in {task.name: task for task in tasks}.values():
            rate = task.rate
            if rate is None or (owner, task.name) in self._buckets:
                continue
            jobs = await self._journal.jobs(
                owner=owner, task=task.name, children=False, limit=rate.count
            )
            here, there = time.monotonic(), now()
            moments = [here - (there - job.submitted_at).total_seconds() for job in jobs]
            recent = sorted(each for each in moments if here - rate.seconds < each <= here)
            # Another call may have learned it meanwhile, and counted a job since.
            self._buckets.setdefault((owner, task.name), (Bucket(rate, recent), rate))

    def spend(self, owner: str, tasks: Sequence[Task]) -> None:
        """
        Count a job of each of *tasks*, or none.

        Raises:
            RateLimited: *owner* has asked for one of them too often.
        """
        limits = {task.name: task.rate for task in tasks if task.rate is not None}
        if not limits:
            return
        at = time.monotonic()
        wanted = Counter(task.name for task in tasks if task.rate is not None)
        for name, count in wanted.items():
            rate = limits[name]
            bucket, _ = self._buckets[owner, name]
            self._buckets[owner, name] = (bucket, rate)
            wait = bucket.wait_for(count, rate, at)
            if wait:
                raise RateLimited(_sentence(name, count, rate, wait), retry_after=wait)
        for name, count in wanted.items():
            self._buckets[owner, name][0].take(count)
        if len(self._buckets) > KEPT:
            self._forget(at)

    def give_back(self, owner: str, task: Task) -> None:
        """Count a job no longer that could not be recorded."""
        if task.rate is not None and (owner, task.name) in self._buckets:
            self._buckets[owner, task.name][0].take(-1)

    def _forget(self, at: float) -> None:
        self._buckets = {
            key: (bucket, rate)
            for key, (bucket, rate) in self._buckets.items()
            if not bucket.is_full(rate, at)
        }


def _sentence(task: str, count: int, rate: Rate, wait: float) -> str:
    allowed = f"A user may ask for {rate.count} jobs of {task} in {rate.seconds:g} s"
    if count > rate.count:
        return f"{allowed}, and these are {count}: ask for fewer at a time"
    return f"{allowed}: try again in {math.ceil(wait)} s"
