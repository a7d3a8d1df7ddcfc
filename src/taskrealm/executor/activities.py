"""What is being done for jobs at this moment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


class Activities:
    """Work for jobs that goes on whether or not anybody waits for it, until it is done."""

    def __init__(self) -> None:
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[Any]] = set()

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Do some *work*."""
        task = asyncio.create_task(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)
        return task

    def run(self, job_id: str, work: Coroutine[Any, Any, None]) -> None:
        """Do the *work* that runs a job, which calls `ran` at its end."""
        self._runs[job_id] = asyncio.create_task(work)

    def ran(self, job_id: str) -> None:
        """What runs a job does nothing any more; a callback would take a pass of the loop to say so."""
        del self._runs[job_id]

    async def quiet(self, rests: Callable[[str], bool]) -> None:
        """Wait until nothing is being done but to run jobs of which each *rests*."""
        while busy := self._others.union(
            task for job_id, task in self._runs.items() if not rests(job_id)
        ):
            await asyncio.wait(busy, return_when=asyncio.FIRST_COMPLETED)
