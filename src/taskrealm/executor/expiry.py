"""Removes uploads and artifacts whose time is over, and what a crash has left of files."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from ..journal import JournalError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine
    from typing import Any

    from ..journal import Artifacts, Journal, Uploads

log = structlog.get_logger()

PAUSE = 0.02  # seconds between two steps, in which the disk belongs to the jobs


class Expiry:
    """Looks after the files of a node; what a job needs that has not ended is never touched."""

    def __init__(
        self,
        journal: Journal,
        uploads: Uploads,
        artifacts: Artifacts,
        in_use: Callable[[], Collection[str]],
        interval: float,
    ) -> None:
        """*in_use* gives the ids of the uploads that jobs need; *interval* is in seconds."""
        self._journal = journal
        self._uploads = uploads
        self._artifacts = artifacts
        self._in_use = in_use
        self._interval = interval
        self._parts: list[str] = []

    async def begin(self) -> None:
        """Remove what no job can be writing any more; for the time before the first one."""
        await self._artifacts.sweep_drafts()

    async def run(self) -> None:
        """Look after them now and then, until cancelled; all are looked at once, at first."""
        self._parts = self._journal.contents.parts()
        while self._parts:
            await self._tried(self._sweep())
        while True:
            await self._tried(self.tend())
            await asyncio.sleep(self._interval)

    async def tend(self) -> None:
        """Remove whatever has expired, and look through a small part of the others."""
        count = 1
        while count:
            count = await self._uploads.expire(self._in_use()) + await self._artifacts.expire()
            await asyncio.sleep(PAUSE)
        await self._uploads.sweep_drafts()
        await self._sweep()

    async def _sweep(self) -> None:
        if not self._parts:
            self._parts = self._journal.contents.parts()
        if self._parts and (count := await self._journal.sweep(self._parts.pop())):
            log.warning("Files removed that belonged to nobody", count=count)
        await asyncio.sleep(PAUSE)

    async def _tried(self, step: Coroutine[Any, Any, None]) -> None:
        try:
            await step
        except (JournalError, OSError) as error:
            # What was not done is done the next time.
            log.warning("Old files could not be removed", error=str(error))
