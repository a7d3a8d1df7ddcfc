"""Follows single jobs from inside the executor, event by event."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from ..journal import Journal
    from ..protocol.jobs import Event

PAGE = 1_000  # events read at once


class Followers:
    """Hands the committed events of a job to whoever in this process waits for them."""

    def __init__(self) -> None:
        self._queues: dict[str, set[asyncio.Queue[Event]]] = {}

    def note(self, events: Iterable[Event]) -> None:
        """Take *events*, which the journal has just committed."""
        if self._queues:
            for event in events:
                for queue in self._queues.get(event.job_id, ()):
                    queue.put_nowait(event)

    async def events(self, journal: Journal, job_id: str) -> AsyncGenerator[Event]:
        """
        Every event of the job, from its first to its terminal one.

        Raises:
            JournalError: What happened before cannot be read.
        """
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._queues.setdefault(job_id, set()).add(queue)
        try:
            newest = 0
            more = True
            while more:
                page = await journal.job_events(job_id, since=newest, limit=PAGE)
                for event in page:
                    newest = event.job_seq
                    yield event
                more = len(page) == PAGE
            while True:
                event = await queue.get()
                # What was committed while we read may be among what we have read.
                if event.job_seq > newest:
                    newest = event.job_seq
                    yield event
        finally:
            self._queues[job_id].discard(queue)
            if not self._queues[job_id]:
                del self._queues[job_id]
