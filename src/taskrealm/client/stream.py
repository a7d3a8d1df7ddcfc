"""A stream of numbered events, whole and in order, out of what arrives live and what is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

AHEAD_LIMIT = 10_000  # events kept that cannot be delivered yet; more are read again later


class Position(NamedTuple):
    """A place in a stream, right behind the event `seq` of `epoch`; without epoch, unknown."""

    epoch: str | None = None
    seq: int = 0


def place_in_stream(event: Mapping[str, Any]) -> Position:
    """Where *event* is in the stream of its user."""
    return Position(event["epoch"], event["seq"])


@dataclass(frozen=True, slots=True)
class Page:
    """What an answer of `taskrealm.events` brought."""

    events: list[dict[str, Any]]
    snapshot: list[dict[str, Any]] | None = None
    """Where the stream was taken up: the jobs that had not ended then, before `events`."""
    is_reset: bool = False
    """Whether events before those of this page are lost to this stream."""


class Stream:
    """
    A position in a stream of events, and what arrived ahead of it.

    Events are delivered by their numbers, each once and none left out. Whoever holds this
    feeds it what arrives live, and asks `question` after everything it does: as long as
    there is one, events may be missing, and its answer is to be given to `answered`.

    Four rules make it so, whatever the network does:

    - What has the next number is delivered, wherever it came from; a lower one is a repeat.
    - What has a higher number, or is of another epoch, waits, and is a reason to ask.
    - After everything that may have cost events there is a doubt, and one question for all
      doubts so far. A doubt while a question is open needs another question.
    - Only an answer can move the position over events, and only the answer to a question
      from where we still are: then they are lost, which the page says.

    It never awaits, so it is tested without a network. `web/client/src/stream.ts` is its twin.
    """

    def __init__(
        self,
        position: Position | None = None,
        *,
        place_of: Callable[[Mapping[str, Any]], Position] = place_in_stream,
        ahead_limit: int = AHEAD_LIMIT,
    ) -> None:
        """
        Go on from *position*; without one, the first answer says where the stream is.

        *place_of* tells where an event is; in the stream of its user unless given.
        """
        self._position = position or Position()
        self._is_first = position is None
        self._ahead: dict[Position, dict[str, Any]] = {}
        self._is_doubtful = position is None
        self._asked: Position | None = None
        self._place_of = place_of
        self._ahead_limit = ahead_limit

    @property
    def position(self) -> Position:
        """Right behind the newest event delivered."""
        return self._position

    @property
    def is_placed(self) -> bool:
        """Whether the position is known; before, nothing is delivered."""
        return self._position.epoch is not None

    def take(self, publication: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """The events to deliver now that a *publication* has arrived."""
        ready: list[dict[str, Any]] = []
        for event in publication:
            if self._is_next(event):
                self._step(event, ready)
                self._reach_ahead(ready)
            elif not self._is_behind(event):
                self._keep(event)
        return ready

    def doubt(self) -> None:
        """Events may have been missed: the connection was lost, or the executor was away."""
        self._is_doubtful = True

    def question(self) -> Position | None:
        """
        Where to ask from now, if anything is to be asked: for the events that follow.

        The next question waits for the answer to this one.
        """
        if self._asked is not None or not self._is_doubtful:
            return None
        self._is_doubtful = False
        self._asked = self._position
        return self._asked

    def failed(self) -> None:
        """There will be no answer to the last question."""
        self._asked = None
        self._is_doubtful = True

    def answered(self, answer: Mapping[str, Any]) -> Page:
        """What to deliver now that the *answer* to the last question has arrived."""
        is_from_here = self._asked == self._position
        self._asked = None
        ready: list[dict[str, Any]] = []
        snapshot = None
        is_reset = False
        if answer["recovered"]:
            for event in answer["events"]:
                # Meanwhile some of these may have arrived live.
                if self._is_next(event):
                    self._step(event, ready)
            if self._position.seq < answer["seq"]:
                self._is_doubtful = True
                if is_from_here and not ready:
                    # A hole in the journal itself: asking from here would never end.
                    self._position = Position()
        elif is_from_here:
            snapshot = answer["jobs"]
            is_reset = not self._is_first
            self._is_first = False
            self._position = Position(answer["epoch"], answer["seq"])
        else:
            # Too old an answer to say that events are lost: some have arrived since.
            self._is_doubtful = True
        self._reach_ahead(ready)
        self._prune_ahead()
        return Page(ready, snapshot, is_reset)

    def _is_next(self, event: dict[str, Any]) -> bool:
        here, place = self._position, self._place_of(event)
        return place.seq == here.seq + 1 and place.epoch == here.epoch

    def _is_behind(self, event: dict[str, Any]) -> bool:
        place = self._place_of(event)
        return place.epoch == self._position.epoch and place.seq <= self._position.seq

    def _step(self, event: dict[str, Any], ready: list[dict[str, Any]]) -> None:
        self._position = self._place_of(event)
        ready.append(event)

    def _keep(self, event: dict[str, Any]) -> None:
        """Keep an *event* that is out of reach; asking brings what lies between."""
        if len(self._ahead) < self._ahead_limit:
            self._ahead[self._place_of(event)] = event
            # An open question may bring it within reach; its answer will tell.
            self._is_doubtful = self._is_doubtful or self._asked is None
        else:
            self._is_doubtful = True

    def _reach_ahead(self, ready: list[dict[str, Any]]) -> None:
        """Move the events that have come within reach to *ready*."""
        while self._ahead:
            here = self._position
            event = self._ahead.pop(Position(here.epoch, here.seq + 1), None)
            if event is None:
                return
            self._step(event, ready)

    def _prune_ahead(self) -> None:
        """Drop what is behind us or of another epoch, and doubt if there was such or a hole."""
        for place, event in tuple(self._ahead.items()):
            if place.epoch != self._position.epoch:
                # Older or newer than where we are now? The next answer will tell.
                self._is_doubtful = True
                del self._ahead[place]
            elif self._is_behind(event):
                del self._ahead[place]
        if self._ahead:
            self._is_doubtful = True
