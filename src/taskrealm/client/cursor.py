"""One output stream, whole and in order, out of what arrives live and what is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

HELD_LIMIT = 1_000_000  # characters of live output held for a slow reader; more is read later


@dataclass(frozen=True, slots=True)
class OutputChunk:
    """
    The bytes of an output *stream* from `offset` to `next`, as text.

    `skipped` is how many bytes before `offset` are not delivered, because the node has not
    kept them: of a long stream it keeps the beginning and the end.
    """

    stream: str
    offset: int
    next: int
    text: str
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """From which offset to ask for output, and how often it had been interrupted by then."""

    offset: int
    interruptions: int


class OutputCursor:
    """
    A position in an output stream, and what arrived ahead of it.

    Every byte is delivered once, in order, or counted in `skipped`. Whoever holds this
    gives it what arrives live, takes what is ready, and asks as long as it `is_behind`;
    between an `ask` and its `answer` nothing is taken.

    It never awaits, so it is tested without a network.
    """

    def __init__(self, stream: str, offset: int) -> None:
        self.stream = stream
        self.is_behind = True
        """Whether output may be missing, so that it must be asked for."""
        self.has_ended = False
        """Whether the job has ended and everything was delivered."""
        self._position = offset
        self._interruptions = 0
        self._held: list[Mapping[str, Any]] = []
        self._held_length = 0

    def interrupt(self) -> None:
        """Output may have been missed up to this moment."""
        self.is_behind = not self.has_ended
        self._interruptions += 1

    def live(self, chunk: Mapping[str, Any]) -> None:
        """Take a *chunk* that was published."""
        self._held.append(chunk)
        self._held_length += len(chunk["text"])
        if self._held_length > HELD_LIMIT:
            self._hold([])
            self.interrupt()

    def take(self) -> list[OutputChunk]:
        """What arrived live and continues what was delivered."""
        ready: list[OutputChunk] = []
        waiting = []
        for chunk in self._held:
            if chunk["next"] <= self._position:
                continue
            if self.is_behind or chunk["offset"] != self._position:
                self.is_behind = True
                waiting.append(chunk)
            else:
                self._position = chunk["next"]
                ready.append(
                    OutputChunk(self.stream, chunk["offset"], chunk["next"], chunk["text"])
                )
        self._hold(waiting)
        return ready

    def ask(self) -> Ask:
        """What to ask of `taskrealm.output` now."""
        return Ask(self._position, self._interruptions)

    def answer(self, ask: Ask, page: Mapping[str, Any]) -> list[OutputChunk]:
        """What to deliver now that the answer to *ask* has arrived."""
        has_moved = page["next"] > self._position
        self._position = page["next"]
        self.has_ended = page["end"]
        # An overlap cannot be cut out of the text of a live chunk; its rest is asked for.
        self._hold([chunk for chunk in self._held if chunk["offset"] >= self._position])
        has_hole = bool(self._held) and self._held[0]["offset"] > self._position
        # Half a character may be there, which nobody gets before the other half has come.
        is_short = has_moved and page["next"] < page["size"]
        self.is_behind = not self.has_ended and (
            is_short or has_hole or ask.interruptions != self._interruptions
        )
        if not page["text"] and not page["skipped"]:
            return []
        return [
            OutputChunk(self.stream, page["offset"], page["next"], page["text"], page["skipped"])
        ]

    def _hold(self, chunks: list[Mapping[str, Any]]) -> None:
        self._held = chunks
        self._held_length = sum(len(chunk["text"]) for chunk in chunks)
