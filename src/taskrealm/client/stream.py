"""One user's stream of events, whole and in order, out of what arrives live and what is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

AHEAD_LIMIT = 10_000  # events kept that cannot be delivered yet; more are read again later


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask of `taskrealm.events`."""

    epoch: str | None
    since: int


@dataclass(frozen=True, slots=True)
class Page:
    """What an answer of `taskrealm.events` brought."""

    events: list[dict[str, Any]]
    is_reset: bool
    """Events between the last ones delivered and these are lost to this stream."""


class Stream:
    """
    A position in the stream of one user, and what arrived ahead of it.

    Events are delivered by their numbers, each once and none left out. Whoever holds this
    feeds it what arrives live, and asks `question` after everything it does: as long as
    there is one, events are missing, and its answer is to be given to `answered`.

    It never awaits, so it is tested without a network.
    """

    def __init__(self) -> None:
        self._epoch: str | None = None
        self._seq = 0
        self._ahead: dict[tuple[str | None, int], dict[str, Any]] = {}
        self._is_doubtful = True
        self._is_asking = False

    @property
    def is_placed(self) -> bool:
        """Whether the position is known; before, nothing is delivered."""
        return self._epoch is not None

    def take(self, publication: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """The events to deliver now that a *publication* has arrived."""
        ready: list[dict[str, Any]] = []
        for event in publication:
            if event["epoch"] != self._epoch or event["seq"] > self._seq + 1:
                self._keep(event)
            elif event["seq"] == self._seq + 1:
                self._seq += 1
                ready.append(event)
                if self._ahead:
                    self._reach_ahead(ready)
        return ready

    def doubt(self) -> None:
        """Events may have been missed: the connection was lost, or the executor was away."""
        self._is_doubtful = True

    def question(self) -> Question | None:
        """What to ask now, if anything; the next question waits for the answer to this one."""
        if self._is_asking or not self._is_doubtful:
            return None
        self._is_asking = True
        self._is_doubtful = False
        return Question(self._epoch, self._seq)

    def failed(self) -> None:
        """There will be no answer to the last question."""
        self._is_asking = False
        self._is_doubtful = True

    def answered(self, answer: Mapping[str, Any]) -> Page:
        """What to deliver now that the *answer* to the last question has arrived."""
        self._is_asking = False
        ready: list[dict[str, Any]] = []
        is_reset = False
        if answer["recovered"]:
            for event in answer["events"]:
                # Meanwhile some of these may have arrived live.
                if event["seq"] > self._seq:
                    self._seq = event["seq"]
                    ready.append(event)
        elif answer["epoch"] != self._epoch or answer["seq"] > self._seq:
            is_reset = self.is_placed
            self._epoch = answer["epoch"]
            self._seq = answer["seq"]
        if answer["more"]:
            self._is_doubtful = True
        self._reach_ahead(ready)
        self._prune_ahead()
        return Page(ready, is_reset)

    def _keep(self, event: dict[str, Any]) -> None:
        """Keep an *event* that is out of reach; asking brings what lies between."""
        if len(self._ahead) < AHEAD_LIMIT:
            self._ahead[event["epoch"], event["seq"]] = event
            self._is_doubtful = self._is_doubtful or not self._is_asking
        else:
            self._is_doubtful = True

    def _reach_ahead(self, ready: list[dict[str, Any]]) -> None:
        """Move the events that have come within reach to *ready*."""
        while (event := self._ahead.pop((self._epoch, self._seq + 1), None)) is not None:
            self._seq += 1
            ready.append(event)

    def _prune_ahead(self) -> None:
        """Drop what is behind us or of another epoch, and doubt if there was such or a hole."""
        for epoch, seq in tuple(self._ahead):
            if epoch != self._epoch:
                # Older or newer than where we are now? The next answer will tell.
                self._is_doubtful = True
                del self._ahead[epoch, seq]
            elif seq <= self._seq:
                del self._ahead[epoch, seq]
        if self._ahead:
            self._is_doubtful = True
