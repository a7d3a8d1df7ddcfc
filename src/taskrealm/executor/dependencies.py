"""Which jobs wait until others have succeeded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..protocol.jobs import EventType, Job, State
from .attempt import Ending
from .summary import error_of

if TYPE_CHECKING:
    from collections.abc import Iterable


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


def refusal(other: Job | None, job_id: str) -> Ending | None:
    """How a job ends that waits for *other*, called *job_id*; None if that has succeeded."""
    if other is not None and other.state is State.SUCCEEDED:
        return None
    why = "is not known any more" if other is None else f"did not succeed: {error_of(other)}"
    reason = f"job {job_id}, which it waits for, {why}"
    return Ending(EventType.CANCELLED, {"by": "system", "reason": reason, "duration": None})
