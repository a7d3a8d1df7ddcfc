"""Sees to it that the journal does not grow for ever."""

from __future__ import annotations

import asyncio
import functools
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from ..journal import Artifacts, Census, JournalError, audit, retention
from ..protocol.jobs import now, timestamp

if TYPE_CHECKING:
    from ..journal import Journal
    from ..settings import RetentionSettings

log = structlog.get_logger()

AT_ONCE = 100  # jobs whose time is over, forgotten in one step
AT_ONCE_FOR_ROOM = 10  # jobs forgotten in one step to make room, so that it is not too many
PAUSE = 0.02  # seconds between two steps, in which the disk belongs to the jobs


class Retention:
    """
    Forgets finished jobs, with all that they left, when their time or room is over.

    A job that has not ended is never touched.
    """

    def __init__(
        self, journal: Journal, settings: RetentionSettings, *, audit_days: float = 365.0
    ) -> None:
        """*audit_days* is how long the records of the audit log are kept."""
        self._journal = journal
        self._settings = settings
        self._audit_days = audit_days
        self._artifacts = Artifacts(journal)
        self._census = Census(journal.output.folder)
        self._is_full = False

    async def run(self) -> None:
        """Look after the journal now and then, until cancelled."""
        while True:
            try:
                await self.tend()
            except (JournalError, OSError) as error:
                # What was not done is done the next time.
                log.warning("Old jobs could not be removed", error=str(error))
            await asyncio.sleep(self._settings.interval)

    async def tend(self) -> None:
        """Forget what is too old, and then as much as does not fit."""
        end = now() - timedelta(days=self._settings.days)
        forgotten = 0
        await self._clear()
        while count := await self._forget(timestamp(end), AT_ONCE):
            forgotten += count
        await self._count(end.timestamp())
        while await self.size() > self._settings.size:
            count = await self._forget(retention.EVER, AT_ONCE_FOR_ROOM)
            forgotten += count
            self._warn(not count)
            if not count:
                break
        else:
            self._warn(False)
        await self._forget_records()
        await self._shrink()
        if forgotten:
            log.info("Old jobs removed", count=forgotten, size=await self.size())

    async def _forget(self, before: str, limit: int) -> int:
        count = await self._journal.change(
            functools.partial(retention.forget, before=before, limit=limit)
        )
        await self._clear()
        return count

    async def _forget_records(self) -> None:
        """Remove the records of the audit log whose time is over."""
        await self._journal.change(functools.partial(audit.keep, days=self._audit_days))
        while count := await self._journal.change(audit.forget):
            log.info("Old audit records removed", count=count)
            await asyncio.sleep(PAUSE)

    async def _clear(self) -> None:
        """Remove events, output and artifacts of all jobs that are forgotten."""
        output = self._journal.output
        while gone := await self._journal.change(retention.clear):
            await self._artifacts.forget(gone)
            for each in gone:
                size = sum(stream.kept for stream in output.sizes(each.job_id).values())
                await asyncio.to_thread(output.remove, each.job_id)
                self._census.deduct(each.job_id, size)
            await self._journal.change(functools.partial(retention.finish, gone=gone))
            await asyncio.sleep(PAUSE)

    async def _count(self, end: float) -> None:
        """Count the output, and remove what has long belonged to no job."""
        for part in await asyncio.to_thread(self._census.parts):
            old = await asyncio.to_thread(self._census.count, part, before=end)
            if strangers := old - await self._journal.known(old):
                log.warning("Output of unknown jobs removed", count=len(strangers), part=part)
                for job_id in strangers:
                    await asyncio.to_thread(self._journal.output.remove, job_id)
                await asyncio.to_thread(self._census.count, part, before=end)
            await asyncio.sleep(self._census.rest)

    async def size(self) -> int:
        """Bytes of what goes when there is no room: jobs do not make room for the audit log."""
        files = await self._artifacts.size()
        database = (await self._journal.pages()).used - await self._journal.audit_size()
        return self._census.size + files + max(0, database)

    async def _shrink(self) -> None:
        while (pages := await self._journal.pages()).is_hollow:
            await self._journal.change(retention.shrink)
            await asyncio.sleep(PAUSE)
            if (await self._journal.pages()).count == pages.count:
                break  # a file of an early version

    def _warn(self, is_full: bool) -> None:
        if is_full and not self._is_full:
            log.error(
                "The journal is larger than it may be, and no finished job is left to remove:"
                " set retention.size higher, or let jobs print less",
                limit=self._settings.size,
            )
        self._is_full = is_full
