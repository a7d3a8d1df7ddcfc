"""What a session is limited to, within what its user may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Scope:
    """
    A part of what a user may do; the whole of it unless something is named.

    A scope never gives anything: it only takes away. What is limited to tasks or jobs sees
    nothing else of its user, neither other jobs nor their events.
    """

    tasks: tuple[str, ...] | None = None
    """Names of the only tasks, and whose jobs are the only ones; None for all."""
    jobs: tuple[str, ...] | None = None
    """Ids of the only jobs; None for all. With jobs named, nothing can be run."""
    read_only: bool = False
    """Whether it may only look."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is taken away."""
        return self.tasks is None and self.jobs is None and not self.read_only

    @property
    def is_narrow(self) -> bool:
        """Whether only some of the user's jobs can be seen."""
        return self.tasks is not None or self.jobs is not None

    def has_task(self, task: str) -> bool:
        """Whether *task* is inside; no task is where jobs are named."""
        return self.jobs is None and (self.tasks is None or task in self.tasks)

    def has_job(self, job_id: str, task: str) -> bool:
        """Whether the job *job_id* of *task* is inside."""
        return (self.jobs is None or job_id in self.jobs) and (
            self.tasks is None or task in self.tasks
        )

    def contains(self, other: Scope) -> bool:
        """Whether *other* takes away at least as much."""
        return (
            _contains(self.tasks, other.tasks)
            and _contains(self.jobs, other.jobs)
            and (other.read_only or not self.read_only)
        )

    def as_dict(self) -> dict[str, Any]:
        """It as it travels: only what is limited."""
        limited: dict[str, Any] = {}
        if self.tasks is not None:
            limited["tasks"] = list(self.tasks)
        if self.jobs is not None:
            limited["jobs"] = list(self.jobs)
        if self.read_only:
            limited["read_only"] = True
        return limited

    @classmethod
    def of(cls, limited: object) -> Scope:
        """
        The scope that travelled as *limited*.

        Raises:
            ValueError: It is not understood; to ignore what limits it would widen it.
        """
        if not isinstance(limited, Mapping):
            raise ValueError("A scope is a mapping")
        unknown = set(limited) - {"tasks", "jobs", "read_only"}
        if unknown:
            raise ValueError(
                f"A scope has tasks, jobs and read_only only, not {sorted(map(str, unknown))}"
            )
        return cls(
            _names("tasks", limited.get("tasks")),
            _names("jobs", limited.get("jobs")),
            _flag(limited.get("read_only", False)),
        )


WHOLE = Scope()
"""The scope of who is not limited."""


def _contains(outer: tuple[str, ...] | None, inner: tuple[str, ...] | None) -> bool:
    return outer is None or (inner is not None and set(inner) <= set(outer))


def _names(what: str, value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"{what} must be a list of texts")
    return tuple(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("read_only must be true or false")
    return value
