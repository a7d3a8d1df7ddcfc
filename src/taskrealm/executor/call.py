"""A call of a method of a batch, which runs outside the executor."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from ..protocol.jobs import EventType
from ..tasks.batch import answer
from .commands import CommandAttempt
from .feed import ProgressFeed

if TYPE_CHECKING:
    from pathlib import Path

    from ..protocol.jobs import Job
    from ..tasks import Arguments, BatchTask
    from .attempt import Ending, Reporter, Surroundings

log = structlog.get_logger()


class Call:
    """
    One method of a batch, called in a process of its own.

    It is stopped and limited like the program of any job, and what it prints is the output
    of the batch.
    """

    def __init__(
        self,
        job: Job,
        task: BatchTask,
        arguments: Arguments,
        surroundings: Surroundings,
        reporter: Reporter,
    ) -> None:
        self._job = job
        self._task = task
        self._arguments = arguments
        self._surroundings = surroundings
        # How far a batch is, its children say.
        self._reporter = replace(reporter, progress=ProgressFeed(lambda _: None))
        self._file = surroundings.folders.pipe(job.job_id).with_suffix(".answer")
        self._attempt: CommandAttempt | None = None
        self._grace: float | None = None

    def stop(self, grace: float) -> None:
        """Ask the method to end, and kill its process after *grace* seconds."""
        self._grace = grace
        if self._attempt is not None:
            self._attempt.stop(grace)

    async def children(self) -> tuple[Ending, list[dict[str, Any]]]:
        """How the call of `children` ended, and the children that it gave."""
        try:
            ending = await self._run("children")
            if ending.type is not EventType.SUCCEEDED:
                return ending, []
            answered = await asyncio.to_thread(answer, self._file)
            return ending, answered["children"]
        finally:
            await asyncio.to_thread(self._file.unlink, missing_ok=True)

    async def gather(self, finished: Path) -> Ending:
        """How the call of `gather` ended; the children are in the file *finished*."""
        try:
            return await self._run("gather", finished=str(finished))
        finally:
            await asyncio.to_thread(self._file.unlink, missing_ok=True)

    async def _run(self, method: str, **given: Any) -> Ending:
        program, arguments = self._task.call(method, self._arguments, self._file, **given)
        self._attempt = CommandAttempt(
            self._job, program, arguments, self._surroundings, self._reporter
        )
        if self._grace is not None:
            self._attempt.stop(self._grace)
        ending = await self._attempt.run()
        if ending.type is not EventType.SUCCEEDED:
            await asyncio.to_thread(self._log_trace, method)
        return ending

    def _log_trace(self, method: str) -> None:
        try:
            trace = answer(self._file)["trace"]
        except (OSError, ValueError):  # it never came so far as to answer
            return
        if trace is not None:
            job = self._job
            log.error(
                "A batch failed", job_id=job.job_id, task=job.task, method=method, trace=trace
            )
