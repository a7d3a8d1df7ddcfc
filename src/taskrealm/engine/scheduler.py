"""Decides which job starts next; pure logic without I/O or clock."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sortedcontainers import SortedList

from ..protocol.errors import QueueFull

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Claim:
    """
    What a job takes up while it runs, and beside how many others it may.

    A job that takes no slot starts at once, whatever runs.
    """

    task: str = ""
    slots: int = 1
    group: str | None = None
    most_running: int | None = None
    """How many jobs of the task may run at once."""
    most_running_per_user: int | None = None
    """How many jobs of the task may run at once for one owner."""


ONE_SLOT = Claim()
"""The claim of a job of which nothing else is known."""


class _Waiting(NamedTuple):
    """A waiting job in the order in which jobs start."""

    rank: float
    arrival: float
    job_id: str


class Scheduler:
    """
    Jobs that wait for one of a fixed number of worker slots.

    A higher priority starts first. One point of priority counts as one second of waiting,
    so that no job waits for ever; jobs that are equal by this measure start in the order
    they were added. Adding, taking and asking for a place take time that grows with the
    logarithm of the number of waiting jobs.

    Of all the jobs that wait, *owner_limit* may belong to one owner, so that nobody takes
    up the whole queue. Room can be reserved for a job that does not wait for a slot yet: it
    has no place, but fills the queue like the others.
    """

    def __init__(self, *, slots: int, queue_limit: int, owner_limit: int | None = None) -> None:
        """Without *owner_limit*, all jobs of the queue may belong to one owner."""
        self._slots = slots
        self._queue_limit = queue_limit
        self._owner_limit = queue_limit if owner_limit is None else owner_limit
        self._arrivals = itertools.count()
        self._order: SortedList[_Waiting] = SortedList()
        self._weightless: SortedList[_Waiting] = SortedList()
        self._waiting: dict[str, _Waiting] = {}
        self._reserved: set[str] = set()
        self._owners: dict[str, str] = {}
        self._load: Counter[str] = Counter()
        self._claims: dict[str, Claim] = {}
        self._running: dict[str, Claim] = {}

    @property
    def slots(self) -> int:
        """How many jobs may run at once."""
        return self._slots

    @property
    def queue_limit(self) -> int:
        """How many jobs may wait."""
        return self._queue_limit

    @property
    def owner_limit(self) -> int:
        """How many jobs of one owner may wait."""
        return self._owner_limit

    @property
    def waiting(self) -> int:
        """How many jobs wait for a slot."""
        return len(self._waiting)

    @property
    def reserved(self) -> int:
        """For how many more jobs room is reserved."""
        return len(self._reserved)

    @property
    def running(self) -> int:
        """How many jobs run."""
        return len(self._running)

    @property
    def used(self) -> int:
        """How many slots running jobs occupy."""
        return sum(claim.slots for claim in self._running.values())

    def require_room(self, count: int = 1, *, owner: str = "") -> None:
        """
        Make sure that *count* more jobs of *owner* may be added.

        A job that can start at once needs no room in the queue.

        Raises:
            QueueFull: More jobs would wait than may wait, of all or of this owner.
        """
        free = max(0, self._slots - self.used)
        if self.waiting + self.reserved + count > free + self._queue_limit:
            raise QueueFull(limit=self._queue_limit)
        if self._load[owner] + count > free + self._owner_limit:
            raise QueueFull(
                f"{self._load[owner]} jobs of {owner} wait, and {self._owner_limit} may: there is "
                f"no room for {count} more until some have started or are cancelled",
                limit=self._owner_limit,
            )

    def add(
        self,
        job_id: str,
        *,
        priority: int,
        since: float,
        owner: str = "",
        claim: Claim = ONE_SLOT,
    ) -> None:
        """
        Let a job wait for a slot, as if it waited *since*: in seconds from any fixed moment.

        Never refuses for want of room: jobs that were accepted before a restart come back
        even above the limit.

        Raises:
            ValueError: The job waits or runs already.
        """
        if job_id in self._reserved:
            self._reserved.remove(job_id)
        else:
            self._enter(job_id, owner)
        entry = _Waiting(_rank(priority, since), next(self._arrivals), job_id)
        self._claims[job_id] = claim
        (self._order if claim.slots else self._weightless).add(entry)
        self._waiting[job_id] = entry

    def reserve(self, job_id: str, *, owner: str = "") -> None:
        """
        Keep room for a job that cannot start yet; `add` lets it wait for a slot.

        Raises:
            ValueError: The job waits or runs already.
        """
        self._enter(job_id, owner)
        self._reserved.add(job_id)

    def remove(self, job_id: str) -> bool:
        """Forget a job that waits or has room reserved; False if it does neither."""
        if job_id in self._reserved:
            self._reserved.remove(job_id)
        elif (entry := self._waiting.pop(job_id, None)) is not None:
            (self._order if self._claims.pop(job_id).slots else self._weightless).remove(entry)
        else:
            return False
        self._leave(job_id)
        return True

    def take(self) -> str | None:
        """The next job that may start, which now occupies a slot; None if there is none."""
        if self._weightless:
            job_id: str = self._weightless.pop(0).job_id
        elif self._order and self.used < self._slots:
            job_id = self._order.pop(0).job_id
        else:
            return None
        del self._waiting[job_id]
        self._leave(job_id)
        self._running[job_id] = self._claims.pop(job_id)
        return job_id

    def release(self, job_id: str) -> None:
        """
        Free the slot of a job that runs no longer.

        Raises:
            KeyError: The job occupies no slot.
        """
        del self._running[job_id]

    def position(self, job_id: str) -> int | None:
        """The place of a job among those waiting, from 1; None if it does not wait."""
        entry = self._waiting.get(job_id)
        return None if entry is None else self._ahead_of(entry) + 1

    def position_for(self, *, priority: int, since: float) -> int:
        """The place among those waiting, from 1, that a job added now would get."""
        # Infinity stands behind every arrival so far, hence behind all jobs of equal rank.
        return self._ahead_of(_Waiting(_rank(priority, since), math.inf, "")) + 1

    def front(self, count: int) -> Iterator[str]:
        """The first *count* jobs that wait for a slot, in the order in which they will start."""
        return (entry.job_id for entry in self._order.islice(0, count))

    def _enter(self, job_id: str, owner: str) -> None:
        if job_id in self._owners or job_id in self._running:
            raise ValueError(f"Job {job_id} waits or runs already")
        self._owners[job_id] = owner
        self._load[owner] += 1

    def _leave(self, job_id: str) -> None:
        owner = self._owners.pop(job_id)
        self._load[owner] -= 1
        if not self._load[owner]:
            del self._load[owner]

    def _ahead_of(self, entry: _Waiting) -> int:
        place: int = self._order.bisect_left(entry)
        return place


def _rank(priority: int, since: float) -> float:
    return since - priority
