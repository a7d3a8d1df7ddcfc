"""The steps of a job, or the ends of some, on their way into the journal."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..journal import JournalError, WriteRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..journal import Entry, Journal
    from ..protocol.jobs import Job

JOURNAL_RETRY = 1.0  # seconds between two tries to write what must not be forgotten


class Record:
    """Writes the steps of one job, one after the other, however long the journal cannot."""

    def __init__(self, journal: Journal, newest: Callable[[], Job] | None = None) -> None:
        """*newest* gives the job as it is by now; ends, after which nothing changes, need none."""
        self._journal = journal
        self._newest = newest
        self._turn = asyncio.Lock()  # its waiters go on in the order in which they came
        self._hindrance: JournalError | None = None

    @functools.cached_property
    def _hindered(self) -> asyncio.Event:
        # Made on first use: mostly the journal can be written, and nobody asks.
        return asyncio.Event()

    @property
    def is_busy(self) -> bool:
        """Whether a step is being written."""
        return self._turn.locked()

    async def add(self, *entries: Entry) -> None:
        """
        Write together what must not be forgotten; while the journal cannot, try again and again.

        Raises:
            WriteRefused: What was to be written is at fault itself.
        """
        async with self._turn:
            while True:
                try:
                    await self._journal.write(entries)
                except WriteRefused:
                    raise
                except JournalError as error:
                    self._hindrance = error
                    self._hindered.set()
                    await asyncio.sleep(JOURNAL_RETRY)
                    entries = tuple(self._renewed(each) for each in entries)
                else:
                    if self._hindrance is not None:
                        self._hindrance = None
                        self._hindered.clear()
                    return

    async def tried(self, step: asyncio.Future[Any]) -> JournalError | None:
        """Wait for *step*, but not for a journal that cannot be written: gives why it cannot."""
        hindered = asyncio.ensure_future(self._hindered.wait())
        try:
            await asyncio.wait((step, hindered), return_when=asyncio.FIRST_COMPLETED)
        finally:
            hindered.cancel()
        return None if step.done() else self._hindrance

    def _renewed(self, entry: Entry) -> Entry:
        # What has become of the job meanwhile must not be undone; an end is the last word.
        if self._newest is None or entry.job.state.is_terminal:
            return entry
        newest = self._newest()
        return replace(entry, job=newest) if entry.job.job_id == newest.job_id else entry
