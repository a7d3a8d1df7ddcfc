"""Takes jobs in, runs them in order, and stops them on request."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import structlog

from ..access.rules import Right
from ..protocol.errors import Unavailable, UnknownQuestion
from ..protocol.jobs import Intake, Job
from .cancellation import Cancellation
from .claims import claim_of
from .course import Course
from .gate import Gate
from .recovery import Recovery
from .requests import require_earlier
from .submission import Submission

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ..engine import Scheduler
    from ..journal import Journal
    from ..protocol.errors import Error
    from ..tasks import Caller, Registry, Task
    from .attempt import Surroundings
    from .audience import Audience
    from .audit import Audit
    from .preparation import Preparation
    from .priorities import Priorities
    from .publisher import Publisher
    from .requests import Accepted, Request
    from .rights import Rights
    from .unended import Unended

log = structlog.get_logger()


class Executor:
    """
    The jobs of one node that have not ended.

    Every change goes to the journal first; what is told to anybody has been committed.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        scheduler: Scheduler,
        publisher: Publisher,
        audience: Audience,
        rights: Rights,
        unended: Unended,
        preparation: Preparation,
        surroundings: Surroundings,
        priorities: Priorities,
        audit: Audit,
        paused: Path,
    ) -> None:
        """The file *paused* is there as long as the queue is paused, also over a restart."""
        course = Course(
            unended,
            journal,
            scheduler,
            publisher,
            audience,
            rights,
            preparation,
            audit,
            surroundings,
            intake=Intake.PAUSED if paused.exists() else Intake.OPEN,
        )
        self.scheduler = scheduler
        self.gate = Gate(
            course.waiting,
            course.batches,
            unended,
            course.activities,
            paused,
            on_change=self.announce,
            on_open=course.start,
        )
        """Whether jobs are taken and started."""
        self._submission = Submission(
            self.gate, preparation, priorities, unended, course, journal, publisher, audit
        )
        self._recovery = Recovery(journal, preparation, unended, course)
        self._cancellation = Cancellation(unended, course, journal, audit)
        self._unended = unended
        self._course = course
        self._journal = journal
        self._publisher = publisher
        self._preparation = preparation
        self._priorities = priorities
        self._audit = audit
        self._limits = surroundings.limits

    @property
    def registry(self) -> Registry:
        """The tasks that can be run."""
        return self._preparation.registry

    async def recover(self) -> None:
        """
        Take up what an earlier run of the executor left behind.

        Its processes must be gone. Jobs that waited wait again. Jobs that ran end as had
        been decided before, or run again if their task allows it, or have become `lost`.
        """
        await self._recovery.run()

    async def submit(
        self,
        requests: Sequence[Request],
        caller: Caller,
        *,
        session: int,
        answered: asyncio.Future[None],
        action: str = "exec",
    ) -> list[Accepted]:
        """
        Accept all *requests* of *caller* or none; they are durable when this returns.

        *action* is what the audit log calls it. A request with the key of an earlier one is
        answered with the job of that one. The events of new jobs go out once the caller has
        been *answered*.

        Raises:
            UnknownTask: No such task that the caller may see or run.
            NotAuthorized: It may not run the task, or not with these arguments.
            InvalidArguments: Arguments or options that the task refuses.
            TooLarge: An argument, or all of them together, exceed what a program can take.
            TaskError: The task's own code failed.
            DuplicateJob: A key was used before, for something else.
            QueueFull: As many jobs wait as may wait, of all or of this caller.
            RateLimited: The caller has asked for one of the tasks too often.
            Draining: The executor takes no more jobs.
            JournalError: The journal cannot be read or written.
        """
        return await self._submission.submit(
            requests, caller, session=session, answered=answered, action=action
        )

    async def check(self, request: Request, caller: Caller) -> dict[str, Any]:
        """
        What running *request* would do: the `argv` of its program, if it has one, `timeout`
        and `limits`, its `position`, why it would be `waiting`, and the `intake`.

        Raises:
            UnknownTask, NotAuthorized, InvalidArguments, TooLarge, TaskError: As for `submit`.
        """
        require_earlier([request])
        await self._preparation.task(request.task, caller, Right.SEE)
        ready = await self._preparation.prepare(request, caller)
        granted = await self._priorities.of(caller)
        claim = claim_of(ready.task)
        turn = {"priority": request.priority + granted, "lead": granted}
        return {
            **ready.task.preview(ready.arguments),
            "timeout": ready.timeout,
            "limits": self.limits(ready.task),
            "position": self._course.waiting.position_for(caller.authid, claim, **turn),
            "waiting": self._course.waiting.reason_for(caller.authid, claim, **turn),
            "intake": self.gate.intake.value,
        }

    async def cancel(
        self, job_ids: Sequence[str], caller: Caller, *, reason: str | None, at_once: bool
    ) -> dict[str, str | Error]:
        """
        Stop jobs for *caller*: of each `removed_from_queue`, `stopping`, or `already_<state>`.

        The wish is durable when this returns. Programs are asked politely first and killed,
        with all that they started, after their task's grace; without delay if *at_once*, or
        if the job was being stopped already. Jobs that wait are removed before others are
        stopped, many by one write.

        Instead, for a job:
            UnknownJob: There is no such job.
            Unavailable: The job is stopped, but the wish cannot be made durable just now; or it
                has ended, but that cannot be made durable, or be read, just now.
            NotAuthorized: The task refuses; it cannot refuse an operator who says *at_once*.
        """
        return await self._cancellation.cancel(job_ids, caller, reason=reason, at_once=at_once)

    async def answer(self, job_id: str, caller: Caller, question: str, value: Any) -> None:
        """
        Give a running job the answer of *caller* to its *question*; it is durable then.

        Raises:
            UnknownQuestion: The job does not ask this, or has its answer.
            InvalidArguments: The answer does not fit the question.
            Unavailable: The job has its answer only when the journal can be written again.
        """
        live = self._unended.get(job_id)
        if live is None:
            raise UnknownQuestion(f"Job {job_id} has ended; it asks nothing any more")
        by = caller.authid
        audit = self._audit.record(
            caller, "answer", job_id, owner=live.job.owner, question=question
        )
        # What has been begun is finished even if the caller leaves meanwhile.
        hindrance = await asyncio.shield(
            self._course.activities.begin(live.answer(question, value, by, audit))
        )
        if hindrance is not None:
            raise Unavailable(
                "The job has its answer as soon as that is recorded. " + hindrance.sentence
            ) from hindrance
        log.info("Question answered", job_id=job_id, task=live.job.task, question=question, by=by)

    def limits(self, task: Task) -> dict[str, Any]:
        """What jobs of *task* may use up here; None is as much as there is."""
        return asdict(task.limits.within(self._limits))

    async def task(self, name: str, caller: Caller) -> Task:
        """
        The task called *name*, which *caller* may see.

        Raises:
            UnknownTask: There is none that it may see or run.
            NotAuthorized: It may run, but not see it.
        """
        return await self._preparation.task(name, caller, Right.SEE)

    def reload(self, registry: Registry) -> None:
        """Take *registry* for new jobs from now on; jobs that there are keep the task they have."""
        self._preparation.registry = registry
        self.announce()

    def live(self, job_id: str) -> Job | None:
        """The job as it is this moment, if it has not ended."""
        return self._unended.job(job_id)

    def files_in_use(self) -> set[str]:
        """The ids of the uploads that jobs need which have not ended."""
        return self._unended.files()

    def position(self, job_id: str) -> int | None:
        """The place of a job among those that wait, from 1; None if it does not wait."""
        return self._course.waiting.position(job_id)

    def waiting(self, job: Job) -> dict[str, Any] | None:
        """Why a job waits, in a `code` and a `text`; None if it does not."""
        return self._course.waiting.reason(job) if job.job_id in self._unended else None

    def limit(self, *, slots: int, groups: Mapping[str, int], slots_per_user: int | None) -> None:
        """Have other numbers of slots until the next start; what runs goes on."""
        self.scheduler.limit(slots=slots, groups=groups, slots_per_owner=slots_per_user)
        self._course.start()

    def oldest(self) -> float | None:
        """For how many seconds the job has waited that waits the longest; None if none waits."""
        return self._unended.oldest()

    def announce(self) -> None:
        """Tell everybody how many tasks there are, and whether jobs are taken and started."""
        self._publisher.announce(len(self.registry), self.gate.intake)
