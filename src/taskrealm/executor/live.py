"""A job that has not ended, and each change of it on its way to the journal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from ..journal import Entry, WriteRefused
from ..protocol import uris
from ..protocol.jobs import Delivery, EventType, Job, State, now
from .attempt import Ending, Reporter, failure
from .entries import setback_of
from .feed import OutputFeed, ProgressFeed
from .kinds import attempt_at
from .notes import Notes
from .questions import Questions
from .record import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ..journal import AuditRecord, Journal, JournalError
    from ..protocol.jobs import Event
    from ..tasks import Arguments, Progress, Task
    from .attempt import Attempt, Setback, Surroundings
    from .audience import Audience
    from .publisher import Publisher
    from .questions import Question

log = structlog.get_logger()

KEPT = ("exit_code", "signal", "stderr_tail", "duration")
"""What the end of a program adds to the end of a job that was stopped."""


class LiveJob:
    """
    One job from accepted to ended.

    The journal gets every change first: "running" before the program is started, the wish
    to stop before the signal, the end before anybody hears of it. Very many may wait: what
    only a job needs that runs is made when that begins.
    """

    def __init__(
        self,
        job: Job,
        task: Task,
        arguments: Arguments,
        journal: Journal,
        publisher: Publisher,
        audience: Audience,
        on_progress: Callable[[Job], None] | None = None,
    ) -> None:
        """*on_progress* is told of the job whenever it has come further."""
        self.job = job
        self.task = task
        self.arguments = arguments
        self._journal = journal
        self._publisher = publisher
        self._audience = audience
        self._on_progress = on_progress
        self.is_shown = True
        """Whether its owner may read what it prints."""
        self._attempt: Attempt | None = None
        self._stop: Ending | None = None
        self._stop_recorded: asyncio.Future[None] | None = None
        self._told: asyncio.Future[None] | None = None
        self._timing_out: asyncio.Future[JournalError | None] | None = None
        self._is_ending = False
        self._ended: asyncio.Future[None] | None = None
        """What they wait for who want to know how the job has ended."""

    # Made on first use: most jobs need none but the first.
    _recorder: Record | None = None
    _progress: ProgressFeed | None = None
    _notes: Notes | None = None
    _asked: Questions | None = None

    @property
    def _record(self) -> Record:
        if self._recorder is None:
            self._recorder = Record(self._journal, lambda: self.job)
        return self._recorder

    @property
    def _questions(self) -> Questions:
        if self._asked is None:
            self._asked = Questions(self.job.job_id, self._record_question)
        return self._asked

    @property
    def is_stopping(self) -> bool:
        """Whether somebody or something has decided that the job shall stop."""
        return self._stop is not None

    @property
    def is_ending(self) -> bool:
        """Whether the job has ended but for the journal's word."""
        return self._is_ending

    @property
    def is_quiet(self) -> bool:
        """Whether the job does not run, and nothing of it is on its way to the journal."""
        if self._attempt is not None or self._stop is not None:
            return False
        return self._recorder is None or not self._recorder.is_busy

    def stops_as(self, ending: Ending) -> bool:
        """Whether the decision that the job shall stop was this one."""
        return self._stop is ending

    async def ended(self) -> State:
        """
        Wait until the end of the job is durable; gives its terminal state.

        Raises:
            JournalError: It cannot be made durable just now.
        """
        if not self.job.state.is_terminal:
            if self._ended is None:
                self._ended = asyncio.get_running_loop().create_future()
            if hindrance := await self.hindrance(self._ended):
                raise hindrance
        return self.job.state

    async def hindrance(self, step: asyncio.Future[Any]) -> JournalError | None:
        """Wait for *step*, but not for a journal that cannot be written: gives why it cannot."""
        return await self._record.tried(step)

    async def wait(self, step: Entry) -> None:
        """
        Let the job wait for its time or for a slot, as *step* says; durable when this returns.

        Nothing is written any more if the job has been ended meanwhile.
        """
        if self._is_ending:
            return
        self.job = step.job
        try:
            await self._record.add(step)
        except WriteRefused:
            if not self._is_ending:
                raise

    async def enter_step(self, step: str, *entries: Entry) -> None:
        """
        Let a batch go on with its next *step*; durable, together with *entries*, when this returns.

        Raises:
            WriteRefused: One of them is at fault itself.
        """
        self.job = self.job.changed(step=step)
        await self._record.add(Entry(self.job, None), *entries)

    async def run(
        self, surroundings: Surroundings, free_slot: Callable[[], None]
    ) -> Setback | None:
        """
        Run the program once and end the job; *free_slot* is called when the program is gone.

        After a failure after which its task lets it run again the job has not ended: then
        this gives which one that was.
        """
        try:
            ending = await self._run(surroundings)
        except Exception:
            log.exception("Running a job failed", job_id=self.job.job_id)
            ending = failure("The executor failed to run the job; its log says why")
        if self._asked is not None:
            self._close_questions("ended")
        if self._setback(ending) is not None:
            free_slot()
            await self._finish_attempt()
            # Somebody may have cancelled it meanwhile.
            if (setback := self._setback(ending)) is not None:
                return setback
            await self.end(self._decided(ending))
            return None
        # From here on nobody can stop it any more: how it ended is decided.
        self._is_ending = True
        # The next program may start while this end is being written.
        free_slot()
        await self.end(self._decided(ending))
        return None

    async def stop(self, ending: Ending, grace: float) -> JournalError | None:
        """
        Let the running job end as *ending* says: politely, and by force after *grace* seconds.

        The first reason to stop is the one that counts; later ones may only hurry, but for
        one after which the job would run again. A reason that comes when the end is being
        recorded does nothing. It is durable when this returns, unless the journal cannot be
        written. Then the program is stopped all the same, or else one that fills the disk
        could not be, and this gives why the reason is not durable yet.
        """
        if self._is_ending:
            return None
        if self._stop is None or self._would_run_again(self._stop):
            self._stop = ending
            self._close_questions("cancelled")
            data = {"by": ending.data.get("by"), "reason": ending.data.get("reason")}
            self.job = self.job.changed(state=State.STOPPING, cancel=data)
            self._stop_recorded = asyncio.ensure_future(
                self._record.add(
                    Entry(
                        self.job,
                        EventType.STOPPING,
                        {**data, "grace": grace},
                        audit=ending.audit,
                    )
                )
            )
        hindrance = None
        if self._stop_recorded is not None:
            hindrance = await self.hindrance(self._stop_recorded)
            if hindrance is None:
                await self._stop_recorded
        if self._attempt is not None:
            self._attempt.stop(grace)
        return hindrance

    async def answer(
        self, question: str, value: Any, by: str, audit: AuditRecord
    ) -> JournalError | None:
        """
        Give the program the answer to its *question*; it is durable, with *audit*, when this returns.

        If the journal cannot be written, this gives why; the program has its answer later.

        Raises:
            UnknownQuestion: The program does not ask this, or has its answer.
            InvalidArguments: The answer does not fit the question.
        """
        return await self.hindrance(self._questions.answer(question, value, by, audit))

    async def end(self, ending: Ending) -> None:
        """Make *ending* durable; nothing happens to the job afterwards."""
        self._is_ending = True
        await self._finish_reports()
        try:
            if self._stop_recorded is not None:
                # Nothing follows an end, not even what the journal could not take at first.
                await self._stop_recorded
            # Nobody is told of an end that may still be forgotten: the job stays as it was.
            moment = now()
            ended = self._ended_as(ending, moment)
            steps = [Entry(ended, ending.type, ending.data, moment, ending.audit)]
            if ending.artifact is not None:
                steps.insert(0, Entry(self.job, EventType.ARTIFACT, ending.artifact, moment))
            await self._record.add(*steps)
        except WriteRefused as error:
            log.error("An end was refused", job_id=self.job.job_id, error=str(error))
            ending = failure("The end of the job could not be recorded; the log says why")
            ended = self._ended_as(ending, now())
            await self._record.add(Entry(ended, ending.type, ending.data))
        self.conclude(ended)
        self.log_end()

    def begin_end(self, ending: Ending, record: Record, moment: datetime) -> Entry:
        """
        The step by which a quiet job ends at that *moment* as *ending* says, for *record* to write.

        It can do nothing else any more: `conclude` follows, or else `end`.
        """
        self._is_ending = True
        self._recorder = record
        ended = self._ended_as(ending, moment)
        return Entry(ended, ending.type, ending.data, moment, ending.audit)

    def conclude(self, ended: Job) -> None:
        """The end of the job is durable, which makes it *ended*."""
        self.job = ended
        if self._ended is not None:
            self._ended.set_result(None)
        self._let_go()

    def log_end(self) -> None:
        """Tell the log how the job has ended."""
        log.info(
            "Job ended",
            job_id=self.job.job_id,
            task=self.job.task,
            owner=self.job.owner,
            state=str(self.job.state),
        )

    def _let_go(self) -> None:
        """Part with what holds this job itself: it goes when the last forgets it, not later."""
        self._attempt = None
        self._recorder = self._progress = self._notes = self._asked = None

    def _decided(self, ending: Ending) -> Ending:
        """How the job ends whose program has ended as *ending* says, if it does not run again."""
        if self._stop is None:
            return ending
        kept = {key: ending.data[key] for key in KEPT if key in ending.data}
        return Ending(self._stop.type, {**self._stop.data, **kept})

    def _setback(self, ending: Ending) -> Setback | None:
        return setback_of(self.job, self._decided(ending), self.task.retry)

    def _would_run_again(self, stop: Ending) -> bool:
        return setback_of(self.job, stop, self.task.retry) is not None

    async def _finish_attempt(self) -> None:
        """Let the journal have whatever comes before the word of the next attempt."""
        await self._finish_reports()
        while (recorded := self._stop_recorded) is not None and not recorded.done():
            await asyncio.wait({recorded})

    async def _finish_reports(self) -> None:
        if self._attempt is None:
            return  # nothing has run that could have told anything
        if self._told is not None:
            await self._told
        if self._progress is not None and (progress := self._progress.take()) is not None:
            self._report(progress)
        if self._notes is not None and (update := self._notes.take()) is not None:
            self._report_update(update)

    def _ended_as(self, ending: Ending, moment: datetime) -> Job:
        return self.job.changed(
            state=State(ending.type),
            ended_at=moment,
            questions=(),
            outcome=dict(ending.data),
        )

    async def _run(self, surroundings: Surroundings) -> Ending:
        # A batch goes on where an earlier executor has left it.
        goes_on = self.job.state is State.RUNNING
        if self._stop is None and not goes_on:
            moment = now()
            self.job = self.job.changed(
                state=State.RUNNING,
                attempt=self.job.attempt + 1,
                started_at=moment,
                expires_at=None,
            )
            await self._record.add(Entry(self.job, EventType.STARTED, at=moment))
            log.info(
                "Job started",
                job_id=self.job.job_id,
                task=self.job.task,
                owner=self.job.owner,
                attempt=self.job.attempt,
            )
        if self._stop is not None:
            return failure("The job was stopped before its program was started")
        output = OutputFeed(self._is_watched, self._publish_output, chunk=surroundings.output_chunk)
        reporter = Reporter(
            output, self._move, self._tell, self._tell_artifact, self._ask, self._update
        )
        self._attempt = attempt_at(self.job, self.task, self.arguments, surroundings, reporter)
        remaining = _remaining(self.job) if goes_on else self.job.timeout
        surroundings.deadlines.add(remaining, self._time_out)
        try:
            return await self._attempt.run()
        finally:
            surroundings.deadlines.remove(self._time_out)

    def _time_out(self) -> None:
        data = {"timeout": self.job.timeout, "reason": f"time limit of {self.job.timeout:g} s"}
        ending = Ending(EventType.TIMED_OUT, data)
        self._timing_out = asyncio.ensure_future(self.stop(ending, self.task.grace))

    def _move(self, progress: Progress) -> None:
        if self._progress is None:
            self._progress = ProgressFeed(self._report)
        self._progress.add(progress)

    def _report(self, progress: dict[str, Any]) -> None:
        self.job = self.job.changed(progress=progress)
        self._write(EventType.PROGRESS, progress)

    def _report_update(self, update: dict[str, Any]) -> None:
        self._write(EventType.UPDATED, update)

    def _write(self, type: EventType, data: dict[str, Any]) -> None:
        """
        Write what may be missed, for a later one says the same and more.

        It comes behind what was told before it, which may be on its way yet.
        """
        if self._told is not None and not self._told.done():
            self._told.add_done_callback(lambda _: self._write_now(type, data))
        else:
            self._write_now(type, data)

    def _write_now(self, type: EventType, data: dict[str, Any]) -> None:
        written = self._journal.write([Entry(self.job, type, data, now())])
        written.add_done_callback(_log_failure)
        if self._on_progress is not None:
            self._on_progress(self.job)

    def _update(self, tags: list[str], data: dict[str, Any]) -> None:
        if self._notes is None:
            self._notes = Notes(self._report_update)
        self.job, complaints = self._notes.add(self.job, tags, data)
        self._complain(complaints)

    def _ask(self, question: Question) -> None:
        problem = self._questions.ask(question)
        if problem is not None:
            self._complain([f"A question was not asked: {problem}"])

    def _complain(self, sentences: list[str]) -> None:
        if sentences:
            self._tell([{"level": "error", "text": text, "data": None} for text in sentences])

    def _tell(self, messages: list[dict[str, Any]]) -> asyncio.Future[None]:
        """Record *messages* behind what was told before; done when they are durable."""
        return self._record_told([(EventType.MESSAGE, each) for each in messages])

    def _tell_artifact(self, artifact: dict[str, Any]) -> asyncio.Future[None]:
        """Record that there is an *artifact*, likewise."""
        return self._record_told([(EventType.ARTIFACT, artifact)])

    def _record_question(
        self, type: EventType, data: dict[str, Any], audit: AuditRecord | None
    ) -> asyncio.Future[None]:
        """Record that the questions have changed; done when that is durable."""
        self.job = self.job.changed(questions=self._questions.open)
        return self._record_told([(type, data)], audit)

    def _close_questions(self, refused: str) -> None:
        self._questions.close(refused)
        if self.job.questions:
            self.job = self.job.changed(questions=())

    def _record_told(
        self, told: list[tuple[EventType, dict[str, Any]]], audit: AuditRecord | None = None
    ) -> asyncio.Future[None]:
        self._told = asyncio.ensure_future(self._record_behind(self._told, told, audit))
        return self._told

    async def _record_behind(
        self,
        earlier: asyncio.Future[None] | None,
        told: list[tuple[EventType, dict[str, Any]]],
        audit: AuditRecord | None,
    ) -> None:
        if earlier is not None:
            await earlier
        try:
            await self._record.add(
                *(Entry(self.job, type, data, audit=audit) for type, data in told)
            )
        except WriteRefused as error:
            log.error("What a program told was refused", job_id=self.job.job_id, error=str(error))

    def _is_watched(self) -> bool:
        return self.job.deliver is not Delivery.NONE and self._audience.watches(
            uris.output_topic(self.job.owner, self.job.job_id)
        )

    def _publish_output(self, chunk: dict[str, Any]) -> bool:
        return self._publisher.publish_output(self.job, chunk, shown=self.is_shown)


def _remaining(job: Job) -> float:
    """How many seconds a job may run on that began to run before the executor did."""
    assert job.started_at is not None
    return max(0.0, job.timeout - (now() - job.started_at).total_seconds())


def _log_failure(written: asyncio.Future[list[Event]]) -> None:
    if not written.cancelled() and (error := written.exception()) is not None:
        log.error("A report was not written", error=str(error))
