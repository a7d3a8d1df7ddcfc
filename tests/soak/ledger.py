"""What was asked of the node, what it answered, and what the clients heard."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class Answer(StrEnum):
    """What became of a request to run something."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNSURE = "unsure"  # the call failed in a way that leaves it open
    PENDING = "pending"


@dataclass(slots=True)
class Submission:
    """One job that somebody asked for; its token is the job's only tag."""

    token: str
    user: str
    task: str
    arguments: dict[str, Any]
    deliver: str
    group: str
    """Shared by those that were asked for in one call."""
    timeout: float | None = None
    answer: Answer = Answer.PENDING
    job_id: str = ""


@dataclass(frozen=True, slots=True)
class Cancellation:
    """An answer to a cancel."""

    job_id: str
    answer: str


@dataclass(slots=True)
class Hearing:
    """The events that one client heard, in the order in which it did."""

    user: str
    client: str
    is_resident: bool = True
    """Whether it has listened from the first event on."""
    is_open: bool = True
    """Whether it still listens, so that it must hear everything up to now."""
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def last(self) -> int:
        """The number of the last event heard."""
        return self.events[-1]["seq"] if self.events else 0


@dataclass(frozen=True, slots=True)
class Reading:
    """The output of a job as a client put it together, to the end."""

    job_id: str
    text: str


class Ledger:
    """Everything that has to add up in the end."""

    def __init__(self, timeline: Path) -> None:
        self.submissions: dict[str, Submission] = {}
        self.cancellations: list[Cancellation] = []
        self.hearings: list[Hearing] = []
        self.readings: list[Reading] = []
        self.followed: dict[str, list[dict[str, Any]]] = {}
        """The events of single jobs, as iterating over them gave them."""
        self.differences: list[str] = []
        self.counts: dict[str, int] = {}
        self.timeline = timeline
        self._began = time.monotonic()
        self._tokens = itertools.count()

    @property
    def age(self) -> float:
        """Seconds since the soak began."""
        return time.monotonic() - self._began

    def token(self) -> str:
        """The name of a new submission."""
        return f"soak-{next(self._tokens)}"

    def ask(self, submission: Submission) -> Submission:
        """Remember that something is about to be asked for."""
        self.submissions[submission.token] = submission
        return submission

    def count(self, what: str, number: int = 1) -> None:
        """Count one more of *what*."""
        self.counts[what] = self.counts.get(what, 0) + number

    def note(self, text: str) -> None:
        """Write *text* into the timeline."""
        with self.timeline.open("a") as file:
            file.write(f"{self.age:9.3f}  {text}\n")

    def differ(self, text: str) -> None:
        """Record something that must not be."""
        self.differences.append(text)
        self.note(f"DIFFERENCE  {text}")
