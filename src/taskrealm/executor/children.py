"""Which children of a batch run, and what their ends mean for it; pure logic."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..protocol.jobs import State

if TYPE_CHECKING:
    from collections.abc import Iterable

WINDOW = 100  # children of a batch without a limit of its own that wait for a slot or run


class Children:
    """
    The children of one batch, from when they are known until all have ended.

    No more than *parallel* of them are admitted at a time: these wait for a slot or run. The
    first that does not succeed stops the batch if it *stops*; then no more are admitted,
    and all that have not ended are to be cancelled.
    """

    def __init__(self, job_ids: Iterable[str], *, parallel: int | None, stops: bool) -> None:
        self._numbers = {job_id: number for number, job_id in enumerate(job_ids, start=1)}
        self._parallel = WINDOW if parallel is None else parallel
        self._stops = stops
        self._waiting = dict.fromkeys(self._numbers)
        self._admitted: set[str] = set()
        self._fractions: dict[str, float] = {}
        self._done = 0.0  # the sum of these
        self._ended: Counter[State] = Counter()
        self.failed: str | None = None
        """The child that stopped the batch."""
        self.is_stopping = False

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self._numbers)

    @property
    def ended(self) -> int:
        """How many have ended."""
        return self._ended.total()

    @property
    def counts(self) -> dict[str, int]:
        """How many have ended in each state."""
        return {state.value: count for state, count in sorted(self._ended.items())}

    @property
    def are_done(self) -> bool:
        """Whether all have ended."""
        return self.ended == self.total

    @property
    def fraction(self) -> float:
        """How much of all is done: children that have ended, and parts of those that run."""
        return min(1.0, (self.ended + self._done) / self.total) if self.total else 1.0

    def number(self, job_id: str) -> int:
        """The place of a child among all, from 1."""
        return self._numbers[job_id]

    def restore(self, job_id: str) -> None:
        """A child has been admitted before a restart."""
        del self._waiting[job_id]
        self._admitted.add(job_id)

    def admit(self) -> list[str]:
        """The next children that may wait for a slot, which from now on are admitted."""
        if self.is_stopping:
            return []
        room = max(0, self._parallel - len(self._admitted))
        chosen = [job_id for job_id, _ in zip(self._waiting, range(room), strict=False)]
        for job_id in chosen:
            self.restore(job_id)
        return chosen

    def move(self, job_id: str, fraction: float) -> None:
        """So much of a running child is done."""
        if job_id in self._admitted:
            self._done += fraction - self._fractions.get(job_id, 0.0)
            self._fractions[job_id] = fraction

    def end(self, job_id: str, state: State) -> None:
        """
        A child has ended in *state*.

        Raises:
            KeyError: It has ended before, or is no child of this batch.
        """
        if job_id in self._waiting:
            del self._waiting[job_id]
        else:
            self._admitted.remove(job_id)
        self._done -= self._fractions.pop(job_id, 0.0)
        self._ended[state] += 1
        if self._stops and state is not State.SUCCEEDED and not self.is_stopping:
            self.is_stopping = True
            self.failed = job_id

    def stop(self) -> None:
        """Admit no more."""
        self.is_stopping = True

    def unended(self) -> list[str]:
        """Those that have not ended, the last first: none takes the place of another."""
        return [*reversed(self._waiting), *self._admitted]
