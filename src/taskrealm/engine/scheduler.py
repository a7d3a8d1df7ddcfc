"""Decides which job starts next; pure logic without I/O or clock."""

from __future__ import annotations

import itertools
import math

from sortedcontainers import SortedList

from ..protocol.errors import QueueFull


class Scheduler:
    """
    Jobs that wait for one of a fixed number of worker slots.

    A higher priority starts first. One point of priority counts as one second of earlier
    submission, so that no job waits for ever; jobs that are equal by this measure start in
    the order they were added. Adding, taking and asking for a place take time that grows
    with the logarithm of the number of waiting jobs.
    """

    def __init__(self, *, slots: int, queue_limit: int) -> None:
        self._slots = slots
        self._queue_limit = queue_limit
        self._arrivals = itertools.count()
        self._order: SortedList[tuple[float, int, str]] = SortedList()
        self._waiting: dict[str, tuple[float, int, str]] = {}
        self._running: set[str] = set()

    @property
    def slots(self) -> int:
        """How many jobs may run at once."""
        return self._slots

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many jobs occupy a slot."""
        return len(self._running)

    def require_room(self, count: int = 1) -> None:
        """
        Make sure that *count* more jobs may be added.

        A job that can start at once needs no room in the queue.

        Raises:
            QueueFull: More jobs would wait than may wait.
        """
        if self.running + self.waiting + count > self._slots + self._queue_limit:
            raise QueueFull(limit=self._queue_limit)

    def add(self, job_id: str, *, priority: int, submitted_at: float) -> None:
        """
        Let a job wait; *submitted_at* is in seconds since any fixed moment.

        Never refuses for want of room: jobs that were accepted before a restart come back
        even above the limit.

        Raises:
            ValueError: The job waits or runs already.
        """
        if job_id in self._waiting or job_id in self._running:
            raise ValueError(f"Job {job_id} waits or runs already")
        entry = (_rank(priority, submitted_at), next(self._arrivals), job_id)
        self._order.add(entry)
        self._waiting[job_id] = entry

    def remove(self, job_id: str) -> bool:
        """Forget a waiting job; False if it does not wait."""
        entry = self._waiting.pop(job_id, None)
        if entry is None:
            return False
        self._order.remove(entry)
        return True

    def take(self) -> str | None:
        """The next job that may start, which now occupies a slot; None if there is none."""
        if not self._waiting or self.running >= self._slots:
            return None
        job_id: str = self._order.pop(0)[-1]
        del self._waiting[job_id]
        self._running.add(job_id)
        return job_id

    def release(self, job_id: str) -> None:
        """
        Free the slot of a job that has ended.

        Raises:
            KeyError: The job occupies no slot.
        """
        self._running.remove(job_id)

    def position(self, job_id: str) -> int | None:
        """The place of a job among those waiting, from 1; None if it does not wait."""
        entry = self._waiting.get(job_id)
        return None if entry is None else self._ahead_of(entry) + 1

    def position_for(self, *, priority: int, submitted_at: float) -> int:
        """The place among those waiting, from 1, that a job added now would get."""
        # Infinity stands behind every arrival so far, hence behind all jobs of equal rank.
        return self._ahead_of((_rank(priority, submitted_at), math.inf, "")) + 1

    def _ahead_of(self, entry: tuple[float, float, str]) -> int:
        place: int = self._order.bisect_left(entry)
        return place


def _rank(priority: int, submitted_at: float) -> float:
    return submitted_at - priority
