"""The ends of jobs that do not run, as many as end at once made durable together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import structlog

from ..journal import WriteRefused
from ..protocol.jobs import now
from .record import Record

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from ..journal import Entry, Journal, JournalError
    from .activities import Activities
    from .attempt import Ending
    from .live import LiveJob

log = structlog.get_logger()

End = tuple["LiveJob", "Ending"]
"""A job that does not run, and how it ends."""


class Ends:
    """
    Some ends on their way to the journal, by one write.

    A quiet job can do nothing else from the first moment on.
    """

    def __init__(
        self,
        ends: Sequence[End],
        journal: Journal,
        activities: Activities,
        on_durable: Callable[[Sequence[LiveJob]], None],
    ) -> None:
        """If there are several, each of the jobs is quiet; *on_durable* is told of all at once."""
        self.jobs = [live for live, _ in ends]
        self._ends = ends
        self._on_durable = on_durable
        if all(live.is_quiet for live in self.jobs):
            record, moment = Record(journal), now()
            steps = [live.begin_end(ending, record, moment) for live, ending in ends]
            work = self._write(record, steps)
        else:
            work = self._end_each()
        self.durable: asyncio.Task[None] = activities.begin(work)
        """Done when they are durable."""

    async def hindrance(self) -> JournalError | None:
        """Wait until they are durable, but not for a journal that cannot be written: gives why."""
        if not self.durable.done():
            # Those that end together have one record.
            hindrance = await self.jobs[0].hindrance(self.durable)
            if hindrance is not None:
                return hindrance
        self.durable.result()
        return None

    async def _write(self, record: Record, steps: Sequence[Entry]) -> None:
        try:
            await record.add(*steps)
        except WriteRefused:
            # One of them is at fault, which must not keep the others from ending.
            await self._end_each()
            return
        for live, step in zip(self.jobs, steps, strict=True):
            live.conclude(step.job)
        if len(steps) > 1:
            states = Counter(live.job.state.value for live in self.jobs)
            log.info("Jobs ended", count=len(steps), states=dict(states))
        else:
            self.jobs[0].log_end()
        self._on_durable(self.jobs)

    async def _end_each(self) -> None:
        for live, ending in self._ends:
            await live.end(ending)
        self._on_durable(self.jobs)
