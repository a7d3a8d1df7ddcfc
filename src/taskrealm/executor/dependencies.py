"""Which jobs wait until others have succeeded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..journal import JournalError
from ..protocol.jobs import EventType, Job, State
from .attempt import Ending
from .record import JOURNAL_RETRY
from .summary import error_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Mapping

    from ..journal import Journal
    from .activities import Activities


class Dependencies:
    """
    For each job the others that it still waits for.

    Nobody waits in a circle: who waits names jobs that were there before it.
    """

    def __init__(self) -> None:
        self._missing: dict[str, set[str]] = {}
        self._dependents: dict[str, set[str]] = {}

    def add(self, job_id: str, after: Iterable[str]) -> None:
        """Let a job wait for those in *after*."""
        missing = set(after)
        if missing:
            self._missing[job_id] = missing
            for each in missing:
                self._dependents.setdefault(each, set()).add(job_id)

    def holds(self, job_id: str) -> bool:
        """Whether a job still waits for others."""
        return job_id in self._missing

    def missing(self, job_id: str) -> list[str]:
        """The jobs that a job still waits for."""
        return sorted(self._missing.get(job_id, ()))

    def dependents(self, job_id: str) -> list[str]:
        """The jobs that still wait for a job."""
        return sorted(self._dependents.get(job_id, ()))

    def settle(self, job_id: str, other: str) -> bool:
        """A job waits for one *other* no more; whether it now waits for none at all."""
        missing = self._missing.get(job_id, set())
        if other not in missing:
            return False
        missing.remove(other)
        self._drop(job_id, other)
        if missing:
            return False
        del self._missing[job_id]
        return True

    def remove(self, job_id: str) -> None:
        """A job waits for nothing any more."""
        for other in self._missing.pop(job_id, ()):
            self._drop(job_id, other)

    def _drop(self, job_id: str, other: str) -> None:
        dependents = self._dependents[other]
        dependents.remove(job_id)
        if not dependents:
            del self._dependents[other]


class Successors:
    """
    Jobs that may run only when others have succeeded.

    Each is told of once: that it waits for no other any more, or that it cannot run at all.
    """

    def __init__(
        self,
        journal: Journal,
        unended: Container[str],
        activities: Activities,
        *,
        on_free: Callable[[str], None],
        on_refused: Callable[[Mapping[str, Ending]], None],
    ) -> None:
        """
        *unended* are the ids of all jobs that have not ended. *on_free* is told of a job that
        waits for no other any more, and *on_refused* how each of those ends that cannot run.
        """
        self._journal = journal
        self._unended = unended
        self._activities = activities
        self._on_free = on_free
        self._on_refused = on_refused
        self._dependencies = Dependencies()

    def add(self, job: Job) -> None:
        """Let *job* wait for those that it shall run after, if there are any."""
        self._dependencies.add(job.job_id, job.after)

    def holds(self, job_id: str) -> bool:
        """Whether a job still waits for others."""
        return self._dependencies.holds(job_id)

    def look(self, job_id: str) -> None:
        """See which of the jobs that a job waits for have ended already."""
        if self.holds(job_id):
            self._activities.begin(self._look(job_id))

    def forget(self, job_id: str) -> None:
        """There will be no such job after all."""
        self._dependencies.remove(job_id)

    def ended(self, jobs: Collection[Job]) -> None:
        """The ends of *jobs* are durable."""
        refused: dict[str, Ending] = {}
        for job in jobs:
            self._dependencies.remove(job.job_id)
        for job in jobs:
            for job_id in self._dependencies.dependents(job.job_id):
                refused |= self._go_on(job_id, job.job_id, job)
        if refused:
            self._on_refused(refused)

    async def _look(self, job_id: str) -> None:
        for other_id in self._dependencies.missing(job_id):
            while other_id not in self._unended:
                try:
                    other = await self._journal.job(other_id)
                except JournalError:
                    await asyncio.sleep(JOURNAL_RETRY)
                    continue
                if refused := self._go_on(job_id, other_id, other):
                    self._on_refused(refused)
                break

    def _go_on(self, job_id: str, other_id: str, other: Job | None) -> dict[str, Ending]:
        """A job that waits for *other* need not do so any more, or it is refused: then gives how."""
        if not self._dependencies.holds(job_id):
            return {}
        ending = refusal(other, other_id)
        if ending is not None:
            self._dependencies.remove(job_id)
            return {job_id: ending}
        if self._dependencies.settle(job_id, other_id):
            self._on_free(job_id)
        return {}


def refusal(other: Job | None, job_id: str) -> Ending | None:
    """How a job ends that waits for *other*, called *job_id*; None if that has succeeded."""
    if other is not None and other.state is State.SUCCEEDED:
        return None
    why = "is not known any more" if other is None else f"did not succeed: {error_of(other)}"
    reason = f"job {job_id}, which it waits for, {why}"
    return Ending(EventType.CANCELLED, {"by": "system", "reason": reason, "duration": None})
