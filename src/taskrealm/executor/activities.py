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
        self._running: dict[asyncio.Task[Any], str] = {}

    def begin(self, work: Coroutine[Any, Any, T], job_id: str = "") -> asyncio.Task[T]:
        """Do some *work*; *job_id* says which job it runs, if it does."""
        task = asyncio.create_task(work)
        self._running[task] = job_id
        task.add_done_callback(self._running.pop)
        return task

    async def quiet(self, rests: Callable[[str], bool]) -> None:
        """Wait until nothing is being done but to run jobs of which each *rests*."""
        while busy := [task for task, job_id in self._running.items() if not rests(job_id)]:
            await asyncio.wait(busy, return_when=asyncio.FIRST_COMPLETED)
