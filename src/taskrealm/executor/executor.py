"""Takes jobs in, runs them in order, and stops them on request."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import structlog

from ..journal import Entry
from ..protocol.errors import Draining, InvalidArguments, UnknownJob, UnknownTask
from ..protocol.jobs import Delivery, EventType, Job, State, new_job_id, now
from .attempt import Ending, failure
from .live import LiveJob

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from ..engine import Scheduler
    from ..journal import Journal
    from ..protocol.jobs import Event
    from ..tasks import Arguments, Caller, Registry, Task
    from .attempt import Surroundings
    from .audience import Audience
    from .publisher import Publisher

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to be run, and how."""

    task: str
    args: Sequence[Any] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    priority: int = 0
    timeout: float | None = None  # seconds; may only shorten what the task allows
    tags: tuple[str, ...] = ()
    deliver: Delivery = Delivery.USER


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to a request: the job as it was accepted, and its place in the queue."""

    job: Job
    position: int


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A request that its task has agreed to."""

    task: Task
    arguments: Arguments
    timeout: float


class Executor:
    """
    The jobs of one node that have not ended.

    Every change goes to the journal first; what is told to anybody has been committed.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        journal: Journal,
        scheduler: Scheduler,
        publisher: Publisher,
        audience: Audience,
        surroundings: Surroundings,
        timeout: float,
    ) -> None:
        """*timeout* is how many seconds a job may run unless its task says otherwise."""
        self.registry = registry
        self._journal = journal
        self._scheduler = scheduler
        self._publisher = publisher
        self._audience = audience
        self._surroundings = surroundings
        self._timeout = timeout
        self._live: dict[str, LiveJob] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._accepting = 0
        self._draining = False

    async def recover(self) -> None:
        """
        Take up what an earlier run of the executor left behind.

        Its processes must be gone. Jobs that waited wait again; jobs that ran have become
        `lost`, or have ended as had been decided before.
        """
        ended = []
        for job in await self._journal.unfinished():
            ending = self._resume(job) if job.state is State.QUEUED else _after_crash(job)
            if ending is not None:
                ended.append(_end_of(job, ending))
        if ended:
            await self._journal.write(ended)
            log.warning("Jobs ended with the executor that ran them", count=len(ended))
        self._start_waiting()

    async def submit(
        self,
        requests: Sequence[Request],
        caller: Caller,
        *,
        session: int,
        answered: asyncio.Future[None],
    ) -> list[Accepted]:
        """
        Accept all *requests* of *caller* or none; they are durable when this returns.

        Their events go out once the caller has been *answered*.

        Raises:
            UnknownTask: No such task, or none that the caller's role may run.
            InvalidArguments: Arguments or options that the task refuses.
            TooLarge: An argument, or all of them together, exceed what a program can take.
            TaskError: The task's own code failed.
            QueueFull: As many jobs wait as may wait.
            Draining: The executor is stopping.
            JournalError: The journal cannot be written.
        """
        prepared = [await self._prepare(request, caller) for request in requests]
        if self._draining:
            raise Draining("The executor is stopping and takes no more jobs; try again soon")
        self._scheduler.require_room(len(requests) + self._accepting)
        accepted = [
            self._accept(request, ready, caller, session)
            for request, ready in zip(requests, prepared, strict=True)
        ]
        self._publisher.hold(caller.authid, [each.job.job_id for each in accepted], answered)
        written = self._journal.write([_start_of(each) for each in accepted])
        written.add_done_callback(functools.partial(self._enter, accepted))
        # The caller may leave while this is written; the jobs stay.
        await asyncio.shield(written)
        return accepted

    async def check(self, request: Request, caller: Caller) -> dict[str, Any]:
        """
        What running *request* would do: its `argv`, its `timeout` and its queue `position`.

        Raises:
            UnknownTask, InvalidArguments, TooLarge, TaskError: As for `submit`.
        """
        ready = await self._prepare(request, caller)
        return {
            "argv": list(ready.task.argv(ready.arguments)),
            "timeout": ready.timeout,
            "position": self._position_for(request.priority, now().timestamp()),
        }

    async def cancel(self, job_id: str, *, by: str, reason: str | None, at_once: bool) -> str:
        """
        Stop a job: `removed_from_queue`, `stopping`, or `already_<state>`.

        The wish is durable when this returns. The program is asked politely first and
        killed, with all that it started, after its task's grace; without delay if
        *at_once*, or if the job was being stopped already.

        Raises:
            UnknownJob: There is no such job.
        """
        live = self._live.get(job_id)
        if live is None:
            job = await self._journal.job(job_id)
            if job is None:
                raise UnknownJob(f"There is no job {job_id!r}")
            return f"already_{job.state}"
        if live.is_ending:
            return f"already_{await live.ended()}"
        log.info("Cancel accepted", job_id=job_id, by=by, reason=reason)
        ending = Ending(EventType.CANCELLED, {"by": by, "reason": reason, "duration": None})
        # What has been begun is finished even if the caller leaves meanwhile.
        if self._scheduler.remove(job_id):
            await asyncio.shield(self._spawn(self._end(live, ending)))
            return "removed_from_queue"
        grace = 0.0 if at_once or live.is_stopping else live.task.grace
        await asyncio.shield(self._spawn(live.stop(ending, grace)))
        return "stopping"

    def live(self, job_id: str) -> Job | None:
        """The job as it is this moment, if it has not ended."""
        live = self._live.get(job_id)
        return None if live is None else live.job

    def position(self, job_id: str) -> int | None:
        """The place of a job among those that wait, from 1; None if it does not wait."""
        return self._scheduler.position(job_id)

    async def drain(self, limit: float) -> None:
        """
        Take no more jobs, start none, and wait until those that run have ended.

        What still runs after *limit* seconds is cancelled. Jobs that wait go on waiting
        and are taken up by the next executor.
        """
        self._draining = True
        if self._running:
            await asyncio.wait(self._running, timeout=limit)
        running = [live for live in self._live.values() if live.job.state is State.RUNNING]
        data = {"by": "system", "reason": "the node is stopping", "duration": None}
        ending = Ending(EventType.CANCELLED, data)
        await asyncio.gather(*(live.stop(ending, live.task.grace) for live in running))
        if self._running:
            await asyncio.wait(self._running)

    async def _prepare(self, request: Request, caller: Caller) -> _Prepared:
        task = self.registry.get(request.task)
        if task is None or caller.role not in task.roles:
            raise UnknownTask(f"There is no task {request.task!r} that you may run")
        limit = self._timeout if task.timeout is None else task.timeout
        if request.timeout is not None and request.timeout > limit:
            raise InvalidArguments(fields={"timeout": f"must not exceed the task's {limit:g} s"})
        arguments = await task.prepare(task.bind(request.args, request.kwargs), caller)
        return _Prepared(task, arguments, request.timeout or limit)

    def _accept(self, request: Request, ready: _Prepared, caller: Caller, session: int) -> Accepted:
        """A job made of *request*, which is known from now on, but not durable yet."""
        job = Job(
            job_id=new_job_id(),
            task=ready.task.name,
            owner=caller.authid,
            submitted_by=caller.submitted_by,
            role=caller.role,
            arguments=ready.arguments.values,
            submitted_at=now(),
            priority=request.priority,
            timeout=ready.timeout,
            tags=request.tags,
            deliver=request.deliver,
            session=session if request.deliver is Delivery.SESSION else None,
        )
        position = self._position_for(job.priority, job.submitted_at.timestamp())
        self._accepting += 1
        self._live[job.job_id] = self._new_live(job, ready.task, ready.arguments)
        return Accepted(job, position)

    def _position_for(self, priority: int, submitted_at: float) -> int:
        """The place in the queue that a job would get; 0 if it would start at once."""
        scheduler = self._scheduler
        free = max(0, scheduler.slots - scheduler.running)
        if scheduler.waiting + self._accepting < free:
            return 0
        place = scheduler.position_for(priority=priority, submitted_at=submitted_at)
        return place + max(0, self._accepting - free)

    def _new_live(self, job: Job, task: Task, arguments: Arguments) -> LiveJob:
        if job.session is not None:
            self._publisher.address(job.job_id, job.session)
        return LiveJob(job, task, arguments, self._journal, self._publisher, self._audience)

    def _enqueue(self, job: Job) -> None:
        self._scheduler.add(
            job.job_id, priority=job.priority, submitted_at=job.submitted_at.timestamp()
        )

    def _enter(self, accepted: list[Accepted], written: asyncio.Future[list[Event]]) -> None:
        """Let jobs wait for their turn, now that they are durable; or forget them."""
        self._accepting -= len(accepted)
        if written.exception() is not None:
            for each in accepted:
                del self._live[each.job.job_id]
            return
        for each in accepted:
            self._enqueue(each.job)
            log.info(
                "Job accepted",
                job_id=each.job.job_id,
                task=each.job.task,
                owner=each.job.owner,
                submitted_by=each.job.submitted_by,
            )
        self._start_waiting()

    def _resume(self, job: Job) -> Ending | None:
        """Let a job wait again, or say why it cannot."""
        task = self.registry.get(job.task)
        if task is None:
            return failure(f"The task {job.task!r} is not defined any more")
        try:
            arguments = task.restore(job.arguments)
        except InvalidArguments as error:
            return failure(f"The task has changed and refuses the arguments: {error}")
        self._live[job.job_id] = self._new_live(job, task, arguments)
        self._enqueue(job)
        return None

    def _start_waiting(self) -> None:
        """Start jobs while there are free slots for them."""
        while not self._draining and (job_id := self._scheduler.take()) is not None:
            self._spawn(self._run(self._live[job_id]))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _run(self, live: LiveJob) -> None:
        def free_slot() -> None:
            self._scheduler.release(live.job.job_id)
            self._start_waiting()

        await live.run(self._surroundings, free_slot)
        del self._live[live.job.job_id]

    async def _end(self, live: LiveJob, ending: Ending) -> None:
        await live.end(ending)
        del self._live[live.job.job_id]


def _start_of(accepted: Accepted) -> Entry:
    job = accepted.job
    return Entry(job, EventType.QUEUED, {"position": accepted.position}, job.submitted_at)


def _end_of(job: Job, ending: Ending) -> Entry:
    ended = replace(job, state=State(ending.type), ended_at=now(), outcome=dict(ending.data))
    return Entry(ended, ending.type, ending.data, now())


def _after_crash(job: Job) -> Ending:
    """How a job ended whose executor died while it ran."""
    if job.cancel is not None and job.cancel["by"] is None:
        return Ending(EventType.TIMED_OUT, {"timeout": job.timeout, "duration": None})
    if job.cancel is not None:
        return Ending(EventType.CANCELLED, {**job.cancel, "duration": None})
    return Ending(EventType.LOST, {"reason": "the executor died while the job ran"})
