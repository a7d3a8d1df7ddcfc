"""A job that has not ended, and each change of it on its way to the journal."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from ..journal import Entry, JournalError, WriteRefused
from ..protocol import uris
from ..protocol.jobs import Delivery, EventType, Job, State, now
from .attempt import Attempt, Ending, failure
from .feed import OutputFeed, ProgressFeed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..journal import Journal
    from ..protocol.jobs import Event
    from ..tasks import Arguments, Task
    from .attempt import Surroundings
    from .audience import Audience
    from .publisher import Publisher

log = structlog.get_logger()

JOURNAL_RETRY = 1.0  # seconds between two tries to write what must not be forgotten


class LiveJob:
    """
    One job from accepted to ended.

    The journal gets every change first: "running" before the program is started, the wish
    to stop before the signal, the end before anybody hears of it.
    """

    def __init__(
        self,
        job: Job,
        task: Task,
        arguments: Arguments,
        journal: Journal,
        publisher: Publisher,
        audience: Audience,
    ) -> None:
        self.job = job
        self.task = task
        self._arguments = arguments
        self._journal = journal
        self._publisher = publisher
        self._audience = audience
        self._topic = uris.output_topic(job.owner, job.job_id)
        self._progress = ProgressFeed(self._report)
        self._attempt: Attempt | None = None
        self._stop: Ending | None = None
        self._stop_recorded: asyncio.Future[None] | None = None
        self._timing_out: asyncio.Future[None] | None = None
        self._is_ending = False
        self._ended: asyncio.Future[State] = asyncio.get_running_loop().create_future()

    @property
    def is_stopping(self) -> bool:
        """Whether somebody or something has decided that the job shall stop."""
        return self._stop is not None

    @property
    def is_ending(self) -> bool:
        """Whether the job has ended but for the journal's word."""
        return self._is_ending

    async def ended(self) -> State:
        """Wait until the end of the job is durable; gives its terminal state."""
        return await asyncio.shield(self._ended)

    async def run(self, surroundings: Surroundings, free_slot: Callable[[], None]) -> None:
        """Run the program once and end the job; *free_slot* is called when the program is gone."""
        try:
            ending = await self._run(surroundings)
        except Exception:
            log.exception("Running a job failed", job_id=self.job.job_id)
            ending = failure("The executor failed to run the job; its log says why")
        if self._stop is not None:
            kept: dict[str, Any] = {
                key: ending.data[key] for key in ("duration", "stderr_tail") if key in ending.data
            }
            ending = Ending(self._stop.type, {**self._stop.data, **kept})
        # The next program may start while this end is being written.
        written = asyncio.ensure_future(self.end(ending))
        free_slot()
        await written

    async def stop(self, ending: Ending, grace: float) -> None:
        """
        Let the running job end as *ending* says: politely, and by force after *grace* seconds.

        The first reason to stop is the one that counts; later ones may only hurry.
        """
        if self._stop is None:
            self._stop = ending
            data = {"by": ending.data.get("by"), "reason": ending.data.get("reason")}
            self.job = replace(self.job, state=State.STOPPING, cancel=data)
            self._stop_recorded = asyncio.ensure_future(
                self._record(EventType.STOPPING, {**data, "grace": grace})
            )
        if self._stop_recorded is not None:
            await asyncio.shield(self._stop_recorded)
        if self._attempt is not None:
            self._attempt.stop(grace)

    async def end(self, ending: Ending) -> None:
        """Make *ending* durable; nothing happens to the job afterwards."""
        self._is_ending = True
        progress = self._progress.take()
        if progress is not None:
            self._report(progress)
        self.job = replace(
            self.job, state=State(ending.type), ended_at=now(), outcome=dict(ending.data)
        )
        try:
            await self._record(ending.type, ending.data)
        except WriteRefused as error:
            log.error("An end was refused", job_id=self.job.job_id, error=str(error))
            ending = failure("The end of the job could not be recorded; the log says why")
            self.job = replace(self.job, state=State.FAILED, outcome=dict(ending.data))
            await self._record(ending.type, ending.data)
        self._ended.set_result(self.job.state)
        log.info(
            "Job ended",
            job_id=self.job.job_id,
            task=self.job.task,
            state=self.job.state.value,
        )

    async def _run(self, surroundings: Surroundings) -> Ending:
        if self._stop is None:
            self.job = replace(
                self.job, state=State.RUNNING, attempt=self.job.attempt + 1, started_at=now()
            )
            await self._record(EventType.STARTED, {})
        if self._stop is not None:
            return failure("The job was stopped before its program was started")
        output = OutputFeed(self._is_watched, self._publish_output)
        self._attempt = Attempt(
            self.job,
            self.task,
            self._arguments,
            surroundings,
            output=output,
            progress=self._progress,
        )
        timer = asyncio.get_running_loop().call_later(self.job.timeout, self._time_out)
        try:
            return await self._attempt.run()
        finally:
            timer.cancel()

    def _time_out(self) -> None:
        data = {"timeout": self.job.timeout, "reason": f"time limit of {self.job.timeout:g} s"}
        ending = Ending(EventType.TIMED_OUT, data)
        self._timing_out = asyncio.ensure_future(self.stop(ending, self.task.grace))

    def _report(self, progress: dict[str, Any]) -> None:
        self.job = replace(self.job, progress=progress)
        written = self._journal.write([Entry(self.job, EventType.PROGRESS, progress, now())])
        written.add_done_callback(_log_failure)

    def _is_watched(self) -> bool:
        return self.job.deliver is not Delivery.NONE and self._audience.watches(self._topic)

    def _publish_output(self, chunk: dict[str, Any]) -> None:
        self._publisher.publish_output(self.job.owner, self.job.job_id, chunk)

    async def _record(self, type: EventType, data: dict[str, Any]) -> None:
        """
        Write what must not be forgotten; while the journal cannot, try again and again.

        Raises:
            WriteRefused: What was to be written is at fault itself.
        """
        entry = Entry(self.job, type, data, now())
        while True:
            try:
                await self._journal.write([entry])
            except WriteRefused:
                raise
            except JournalError as error:
                log.error("The journal cannot be written", error=str(error))
                await asyncio.sleep(JOURNAL_RETRY)
            else:
                return


def _log_failure(written: asyncio.Future[list[Event]]) -> None:
    if not written.cancelled() and (error := written.exception()) is not None:
        log.error("A progress report was not written", error=str(error))
