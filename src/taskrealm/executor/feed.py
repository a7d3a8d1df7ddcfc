"""What a running job reports while it runs: output as it comes, and progress at a bearable rate."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..journal import LONGEST_CHARACTER, whole_characters

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..tasks import Progress

OUTPUT_INTERVAL = 0.05  # seconds that output may wait for more of it
OUTPUT_BATCH = 16 * 1024  # bytes of output that go out at once
OUTPUT_WINDOW = 64 * 1024  # bytes of output of one job that go out in an interval at most
PROGRESS_INTERVAL = 0.25  # seconds between two progress events of one job


class OutputFeed:
    """
    Publishes the output of one job while somebody watches it, up to a bearable rate.

    Chunks hold whole characters. What is printed faster is left out, as is what the router
    does not take: a hole in the offsets, shown by a later chunk without text if no other
    comes, tells watchers to ask the journal. So a flood costs everybody but those who
    want it little, and nobody has to hold it in memory.
    """

    def __init__(
        self,
        is_watched: Callable[[], bool],
        publish: Callable[[dict[str, Any]], bool],
        *,
        chunk: int,
    ) -> None:
        """
        *publish* says whether the chunk went out. *chunk* is the most bytes of output for
        one publication.
        """
        self._is_watched = is_watched
        self._publish = publish
        self._chunk = chunk
        self._pending: dict[str, bytearray] = {}
        self._ends: dict[str, int] = {}
        self._has_hole: set[str] = set()
        self._room = OUTPUT_WINDOW
        self._timer: asyncio.TimerHandle | None = None

    def add(self, stream: str, offset: int, data: bytes) -> None:
        """Take *data*, which was printed at *offset* of *stream*."""
        pending = self._pending.setdefault(stream, bytearray())
        self._ends[stream] = offset + len(data)
        if not self._is_watched():
            _pass_over(pending, data)
            return
        if len(data) > self._room and len(pending) + len(data) >= OUTPUT_BATCH:
            self._has_hole.add(stream)
            _pass_over(pending, data)
        else:
            pending += data
            if len(pending) >= OUTPUT_BATCH:
                self._send(stream, whole_characters(pending))
        self._wake()

    def close(self) -> None:
        """Publish what is left, also of a character that was never completed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._room = OUTPUT_WINDOW
        if self._pending and self._is_watched():
            for stream, pending in self._pending.items():
                self._send(stream, len(pending))

    def _wake(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(OUTPUT_INTERVAL, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._room = OUTPUT_WINDOW
        if not self._is_watched():
            self._has_hole.clear()
            return
        for stream, pending in self._pending.items():
            self._send(stream, whole_characters(pending))
        for stream in tuple(self._has_hole):
            self._send_part(stream, b"")
        if self._room < OUTPUT_WINDOW or self._has_hole:
            self._wake()

    def _send(self, stream: str, size: int) -> None:
        pending = self._pending[stream]
        while size > 0:
            part = bytes(pending[: min(size, self._chunk)])
            if len(part) < size:
                part = part[: whole_characters(part) or len(part)]
            if len(part) > self._room or not self._send_part(stream, part):
                self._has_hole.add(stream)
                del pending[:size]
                return
            del pending[: len(part)]
            size -= len(part)

    def _send_part(self, stream: str, part: bytes) -> bool:
        """Publish *part*, the beginning of what is pending; whether it went out."""
        offset = self._ends[stream] - len(self._pending[stream])
        went_out = self._publish(
            {
                "stream": stream,
                "offset": offset,
                "next": offset + len(part),
                "text": part.decode(errors="replace"),
            }
        )
        if went_out:
            self._room -= len(part)
            self._has_hole.discard(stream)
        return went_out


def _pass_over(pending: bytearray, data: bytes) -> None:
    """Let *pending*, and *data* behind it, go unpublished but for a character that is incomplete."""
    # No more than its end is copied, for of this there may be very much.
    pending += data[1 - LONGEST_CHARACTER :]
    del pending[: whole_characters(pending)]


class LatestFeed:
    """
    Thins out reports of which only the latest counts.

    The first and the last one always go out, those between at a bearable rate.
    """

    def __init__(self, emit: Callable[[dict[str, Any]], None]) -> None:
        self._emit = emit
        self._latest: dict[str, Any] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def add(self, report: dict[str, Any]) -> None:
        """Take a report."""
        self._latest = report
        if self._timer is None:
            self._tick()

    def take(self) -> dict[str, Any] | None:
        """Stop, and give the last report if it has not gone out yet."""
        if self._timer is not None:
            self._timer.cancel()
        latest, self._latest = self._latest, None
        return latest

    def _tick(self) -> None:
        self._timer = None
        if self._latest is not None:
            self._emit(self._latest)
            self._latest = None
            self._timer = asyncio.get_running_loop().call_later(PROGRESS_INTERVAL, self._tick)


class ProgressFeed:
    """Thins out the progress of one attempt, and never lets the fraction go backwards."""

    def __init__(self, emit: Callable[[dict[str, Any]], None]) -> None:
        self._feed = LatestFeed(emit)
        self._fraction: float | None = None

    def add(self, progress: Progress) -> None:
        """Take a report."""
        fraction = progress.fraction
        if self._fraction is not None:
            fraction = self._fraction if fraction is None else max(fraction, self._fraction)
        self._fraction = fraction
        self._feed.add({"fraction": fraction, "message": progress.message, "eta": progress.eta})

    def take(self) -> dict[str, Any] | None:
        """Stop, and give the last report if it has not gone out yet."""
        return self._feed.take()
