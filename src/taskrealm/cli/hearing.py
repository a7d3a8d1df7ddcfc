"""What one client hears of a user's events, and whether anything is missing from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..protocol.jobs import Event


@dataclass
class Hearing:
    """
    The events that one client has heard, in the order in which it heard them.

    The events of a user are numbered, and those of each of its jobs: so a hole shows.
    """

    events: int = 0
    """How many there were."""
    repeated: int = 0
    """How many of them were not newer than the one before."""
    missed: int = 0
    """How many numbers were left out in the user's stream."""
    ends: dict[str, str] = field(default_factory=dict)
    """The terminal event of each job that has ended, by job id."""
    _last: int | None = None
    _numbers: dict[str, list[int]] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Hear one more."""
        self.events += 1
        if event.seq is not None:
            if self._last is not None:
                self.repeated += event.seq <= self._last
                self.missed += max(0, event.seq - self._last - 1)
            self._last = max(event.seq, self._last or 0)
        self._numbers.setdefault(event.job_id, []).append(event.job_seq)
        if event.type.is_terminal:
            self.ends[event.job_id] = event.type.value

    def incomplete(self, jobs: Iterable[str]) -> Iterator[str]:
        """Those of *jobs* of which not every event was heard, once and in order, to the last."""
        for job_id in jobs:
            heard = self._numbers.get(job_id, [])
            if job_id not in self.ends or heard != list(range(1, len(heard) + 1)):
                yield job_id
