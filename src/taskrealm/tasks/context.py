"""What a Python task is told about the job that it runs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from .definition import Caller


class Cancelled(BaseException):
    """
    The job was asked to stop; raised inside a function wherever it is just then.

    It is no `Exception`, so that it passes by those who catch these. Who catches it has the
    task's `grace` to clean up, and may as well return.
    """


@dataclass(frozen=True, slots=True)
class Context:
    """One run of a job, as its own code sees it."""

    job_id: str
    task: str
    attempt: int
    """1 at the first run of the job."""
    caller: Caller
    """For whom the job runs, in which role, and who asked for it."""
    directory: Path
    """A private directory, which is also the working directory; removed after the job."""
    deadline: float
    """When its time is up, as `time.monotonic` tells the time."""
    cancelled: Event = field(default_factory=Event, repr=False, compare=False)
    """Set once the job was asked to stop: for threads, which no exception reaches."""

    @property
    def owner(self) -> str:
        """The user for whom the job runs."""
        return self.caller.authid

    @property
    def remaining(self) -> float:
        """Seconds until the time of the job is up."""
        return max(0.0, self.deadline - time.monotonic())

    @property
    def is_cancelled(self) -> bool:
        """Whether the job was asked to stop."""
        return self.cancelled.is_set()
