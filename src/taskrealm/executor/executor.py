"""Takes jobs in, runs them in order, and stops them on request."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from ..journal import Entry, JournalError
from ..protocol.errors import (
    Error,
    InvalidArguments,
    NotAuthorized,
    Unavailable,
    UnknownJob,
    UnknownQuestion,
)
from ..protocol.jobs import EventType, Intake, Job, State, now
from ..tasks import TaskError
from .attempt import Ending, failure
from .batches import Batches
from .claims import claim_of
from .dependencies import Dependencies, refusal
from .entries import (
    LOST,
    decided_end_of,
    end_of,
    expired,
    orphaned,
    retry_of,
    setback_of,
    start_of,
    waiting_since,
)
from .gate import Gate
from .inputs import files_named
from .keys import Keys, require_first, require_same
from .live import LiveJob
from .preparation import Preparation
from .publisher import Recipient
from .rates import Rates
from .record import JOURNAL_RETRY
from .requests import (
    Accepted,
    Prepared,
    Request,
    answers_to,
    by_key,
    require_earlier,
    with_job_ids,
)
from .vault import SecretsLost
from .waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from pathlib import Path

    from ..engine import Scheduler
    from ..journal import Journal, Uploads
    from ..protocol.jobs import Event
    from ..tasks import Arguments, Caller, Registry, Task, UploadedFile
    from .attempt import Setback, Surroundings
    from .audience import Audience
    from .priorities import Priorities
    from .publisher import Publisher
    from .vault import Vault

log = structlog.get_logger()

T = TypeVar("T")


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
        arguments_limit: int,
        paused: Path,
        uploads: Uploads,
        vault: Vault,
        priorities: Priorities,
    ) -> None:
        """
        *timeout* is how many seconds a job may run unless its task says otherwise, and
        *arguments_limit* how many bytes of JSON its arguments may be. The file *paused* is
        there as long as the queue is paused, also over a restart. *uploads* are the files
        that arguments may name.
        """
        self._journal = journal
        self.scheduler = scheduler
        self._publisher = publisher
        self._audience = audience
        self._uploads = uploads
        self._vault = vault
        self._waiting = Waiting(
            scheduler,
            publisher,
            audience,
            job_of=self.live,
            claim_of=lambda job_id: claim_of(self._live[job_id].task),
            on_due=self._on_due,
            on_expired=self._on_expired,
            intake=Intake.PAUSED if paused.exists() else Intake.OPEN,
        )
        self._preparation = Preparation(
            registry,
            journal,
            audience,
            job_of=self.live,
            uploads=uploads,
            vault=vault,
            timeout=timeout,
            arguments_limit=arguments_limit,
        )
        self._keys = Keys()
        self._priorities = priorities
        self._rates = Rates(journal)
        self._live: dict[str, LiveJob] = {}
        self._dependencies = Dependencies()
        self._batches = Batches(
            journal,
            self._waiting,
            self._live,
            prepare=self._preparation.prepare,
            make=lambda request, ready, caller: self._preparation.new_job(
                request, ready, caller, None
            ),
            hold=self._hold,
            forget=self._forget,
            let_wait=lambda live: self._spawn(self._let_wait(live)),
            stop=self._halt,
            start=self._start_waiting,
        )
        self._surroundings = replace(surroundings, batches=self._batches)
        self._running: dict[asyncio.Task[Any], str] = {}
        self.gate = Gate(
            self._waiting,
            self._batches,
            self._live,
            self._running,
            paused,
            on_change=self.announce,
            on_open=self._start_waiting,
        )
        """Whether jobs are taken and started."""

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
        entries: list[Entry] = []
        for job in await self._journal.unfinished():
            entry = self._resume(job, await files_named(self._uploads, job.owner, job.arguments))
            if entry is not None:
                entries.append(entry)
        if entries:
            # The end of a batch comes after those of its children, which were submitted later.
            entries.reverse()
            await self._journal.write(entries)
            log.warning("Jobs did not survive the executor that ran them", count=len(entries))
        for live in tuple(self._live.values()):
            if live.job.state is State.RUNNING:
                self._spawn(self._run(live), live.job.job_id)
            elif self._dependencies.holds(live.job.job_id):
                self._spawn(self._look_for(live))
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

        A request with the key of an earlier one is answered with the job of that one. The
        events of new jobs go out once the caller has been *answered*.

        Raises:
            UnknownTask: No such task, or none that the caller's role may run.
            InvalidArguments: Arguments or options that the task refuses.
            TooLarge: An argument, or all of them together, exceed what a program can take.
            TaskError: The task's own code failed.
            DuplicateJob: A key was used before, for something else.
            QueueFull: As many jobs wait as may wait, of all or of this caller.
            RateLimited: The caller has asked for one of the tasks too often.
            Draining: The executor takes no more jobs.
            JournalError: The journal cannot be read or written.
        """
        require_earlier(requests)
        requests = [self._preparation.with_secrets_named(each) for each in requests]
        named = by_key(requests)
        keys = [name for name in named if isinstance(name, str)]
        release = await self._keys.claim(caller.authid, keys)
        written: asyncio.Future[list[Event]] | None = None
        try:
            answers = await self._found(named, keys, caller.authid)
            fresh = [(name, named[name]) for name in named if name not in answers]
            prepared = [await self._preparation.prepare(request, caller) for _, request in fresh]
            if fresh:
                granted = await self._priorities.of(caller)
                await self._rates.recall(caller.authid, [ready.task for ready in prepared])
                self.gate.require_room(len(fresh), caller.authid)
                self._rates.spend(caller.authid, [ready.task for ready in prepared])
                accepted = []
                for (name, request), ready in zip(fresh, prepared, strict=True):
                    whole = with_job_ids(request, requests, answers)
                    answers[name] = self._accept(whole, ready, caller, session, granted)
                    accepted.append(answers[name])
                self._publisher.hold(
                    caller.authid, [each.job.job_id for each in accepted], answered
                )
                written = self._journal.write([start_of(each) for each in accepted])
                written.add_done_callback(functools.partial(self._enter, accepted))
        finally:
            # Whoever waits for a key finds its job in the journal then.
            if written is None:
                release()
            else:
                written.add_done_callback(lambda _: release())
        if written is not None:
            # The caller may leave while this is written; the jobs stay.
            await asyncio.shield(written)
        return answers_to(requests, answers)

    async def check(self, request: Request, caller: Caller) -> dict[str, Any]:
        """
        What running *request* would do: the `argv` of its program, if it has one, `timeout`
        and `limits`, its `position`, why it would be `waiting`, and the `intake`.

        Raises:
            UnknownTask, InvalidArguments, TooLarge, TaskError: As for `submit`.
        """
        require_earlier([request])
        ready = await self._preparation.prepare(request, caller)
        granted = await self._priorities.of(caller)
        claim = claim_of(ready.task)
        turn = {"priority": request.priority + granted, "lead": granted}
        return {
            **ready.task.preview(ready.arguments),
            "timeout": ready.timeout,
            "limits": self.limits(ready.task),
            "position": self._waiting.position_for(caller.authid, claim, **turn),
            "waiting": self._waiting.reason_for(caller.authid, claim, **turn),
            "intake": self.gate.intake.value,
        }

    async def cancel(
        self, job_id: str, caller: Caller, *, reason: str | None, at_once: bool
    ) -> str:
        """
        Stop a job for *caller*: `removed_from_queue`, `stopping`, or `already_<state>`.

        The wish is durable when this returns. The program is asked politely first and
        killed, with all that it started, after its task's grace; without delay if
        *at_once*, or if the job was being stopped already.

        Raises:
            UnknownJob: There is no such job.
            Unavailable: The job is stopped, but the wish cannot be made durable just now.
            JournalError: It has ended, but that cannot be made durable just now; or there
                may be such a job, but the journal cannot be read.
            NotAuthorized: The task refuses; it cannot refuse an operator who says *at_once*.
        """
        live = self._live.get(job_id)
        if live is not None and not live.is_ending:
            if not (at_once and caller.role == "operator"):
                await _ask_task(live, caller)
            # It may have ended meanwhile.
            live = self._live.get(job_id)
        if live is None:
            job = await self._journal.job(job_id)
            if job is None:
                raise UnknownJob(f"There is no job {job_id!r}")
            return f"already_{job.state}"
        if live.is_ending:
            return f"already_{await live.ended()}"
        by = caller.authid
        log.info(
            "Cancel accepted",
            job_id=job_id,
            task=live.job.task,
            owner=live.job.owner,
            by=by,
            role=caller.role,
            reason=reason,
            now=at_once,
        )
        ending = Ending(EventType.CANCELLED, {"by": by, "reason": reason, "duration": None})
        # What has been begun is finished even if the caller leaves meanwhile.
        if self._withdraw(live):
            _require_durable(await live.hindrance(self._spawn(self._end(live, ending))))
            return "removed_from_queue"
        grace = 0.0 if at_once or live.is_stopping else live.task.grace
        _require_durable(await asyncio.shield(self._spawn(live.stop(ending, grace))))
        # Its program may have ended just before.
        return "stopping" if live.is_stopping else f"already_{await live.ended()}"

    async def answer(self, job_id: str, caller: Caller, question: str, value: Any) -> None:
        """
        Give a running job the answer of *caller* to its *question*; it is durable then.

        Raises:
            UnknownQuestion: The job does not ask this, or has its answer.
            InvalidArguments: The answer does not fit the question.
            Unavailable: The job has its answer only when the journal can be written again.
        """
        live = self._live.get(job_id)
        if live is None:
            raise UnknownQuestion(f"Job {job_id} has ended; it asks nothing any more")
        by = caller.authid
        # What has been begun is finished even if the caller leaves meanwhile.
        hindrance = await asyncio.shield(self._spawn(live.answer(question, value, by)))
        if hindrance is not None:
            raise Unavailable(
                "The job has its answer as soon as that is recorded. " + hindrance.sentence
            ) from hindrance
        log.info("Question answered", job_id=job_id, task=live.job.task, question=question, by=by)

    def limits(self, task: Task) -> dict[str, Any]:
        """What jobs of *task* may use up here; None is as much as there is."""
        return asdict(task.limits.within(self._surroundings.limits))

    def task(self, name: str, caller: Caller) -> Task:
        """
        The task called *name*.

        Raises:
            UnknownTask: There is none, or none that *caller* may run.
        """
        return self._preparation.task(name, caller)

    def reload(self, registry: Registry) -> None:
        """Take *registry* for new jobs from now on; jobs that there are keep the task they have."""
        self._preparation.registry = registry
        self.announce()

    def live(self, job_id: str) -> Job | None:
        """The job as it is this moment, if it has not ended."""
        live = self._live.get(job_id)
        return None if live is None else live.job

    def files_in_use(self) -> set[str]:
        """The ids of the uploads that jobs need which have not ended."""
        return {file for live in self._live.values() for file in live.arguments.files}

    def position(self, job_id: str) -> int | None:
        """The place of a job among those that wait, from 1; None if it does not wait."""
        return self._waiting.position(job_id)

    def waiting(self, job: Job) -> dict[str, Any] | None:
        """Why a job waits, in a `code` and a `text`; None if it does not."""
        return self._waiting.reason(job) if job.job_id in self._live else None

    def limit(self, *, slots: int, groups: Mapping[str, int], slots_per_user: int | None) -> None:
        """Have other numbers of slots until the next start; what runs goes on."""
        self.scheduler.limit(slots=slots, groups=groups, slots_per_owner=slots_per_user)
        self._start_waiting()

    def oldest(self) -> float | None:
        """For how many seconds the job has waited that waits the longest; None if none waits."""
        waiting = [
            (job.not_before or job.submitted_at).timestamp()
            for live in self._live.values()
            if (job := live.job).state is State.QUEUED
        ]
        return max(0.0, now().timestamp() - min(waiting)) if waiting else None

    def announce(self) -> None:
        """Tell everybody how many tasks there are, and whether jobs are taken and started."""
        self._publisher.announce(len(self.registry), self.gate.intake)

    async def _found(
        self, named: Mapping[str | int, Request], keys: Sequence[str], owner: str
    ) -> dict[str | int, Accepted]:
        """The jobs of *owner* that there are already under *keys*."""
        found: dict[str | int, Accepted] = {}
        for recorded in await self._journal.jobs_by_key(owner, keys) if keys else ():
            job = self.live(recorded.job_id) or recorded
            assert job.key is not None
            require_same(named[job.key], job)
            require_first(self.registry.get(job.task), job)
            found[job.key] = Accepted(job, self.position(job.job_id), is_new=False)
        return found

    def _accept(
        self, request: Request, ready: Prepared, caller: Caller, session: int, granted: int
    ) -> Accepted:
        """A job made of *request*, which is known from now on, but not durable yet."""
        job = self._preparation.new_job(request, ready, caller, session, granted)
        self._hold(job, ready.task, ready.arguments)
        self._dependencies.add(job.job_id, job.after)
        return Accepted(job, self._waiting.accept(job))

    def _hold(self, job: Job, task: Task, arguments: Arguments) -> None:
        """Count a job among those that have not ended."""
        self._live[job.job_id] = self._new_live(job, task, arguments)

    def _forget(self, job_id: str) -> None:
        """There will be no such job after all."""
        del self._live[job_id]
        self._publisher.forget(job_id)
        self._dependencies.remove(job_id)

    def _new_live(self, job: Job, task: Task, arguments: Arguments) -> LiveJob:
        if job.session is not None:
            recipient = Recipient(job.submitted_by, job.session, job.client)
            self._publisher.address(job.job_id, recipient)
        return LiveJob(
            job,
            task,
            arguments,
            self._journal,
            self._publisher,
            self._audience,
            on_progress=None if job.parent is None else self._batches.moved,
        )

    def _enter(self, accepted: list[Accepted], written: asyncio.Future[list[Event]]) -> None:
        """Let jobs wait for their turn, now that they are durable; or forget them."""
        is_durable = written.exception() is None
        for each in accepted:
            job = each.job
            self._waiting.settle(job, is_durable=is_durable)
            if not is_durable:
                self._rates.give_back(job.owner, self._live[job.job_id].task)
                self._forget(job.job_id)
                continue
            if self._dependencies.holds(job.job_id):
                self._spawn(self._look_for(self._live[job.job_id]))
            log.info(
                "Job accepted",
                job_id=job.job_id,
                task=job.task,
                owner=job.owner,
                submitted_by=job.submitted_by,
            )
        self._start_waiting()

    def _resume(self, job: Job, files: Mapping[str, UploadedFile]) -> Entry | None:
        """Take up a job that an earlier executor left; gives the entry that this needs, if any."""
        has_run = job.state in (State.RUNNING, State.STOPPING)
        if job.parent is not None and job.parent not in self._live:
            return end_of(job, (has_run and decided_end_of(job)) or orphaned(job, has_run=has_run))
        task = self.registry.get(job.task)
        goes_on = job.state is State.RUNNING and job.step == "children"
        ending = (decided_end_of(job) or LOST) if has_run and not goes_on else None
        setback = None
        if ending is not None and (
            task is None or (setback := setback_of(job, ending, task.retry)) is None
        ):
            return end_of(job, ending)
        if task is None:
            return end_of(job, failure(f"The task {job.task!r} is not defined any more"))
        if job.state is State.QUEUED and job.expires_at is not None and job.expires_at <= now():
            return end_of(job, expired(job))
        try:
            secrets = self._vault.open(job.job_id, job.sealed)
            arguments = task.restore(job.arguments, secrets, files)
        except SecretsLost as error:
            return end_of(job, ending or failure(str(error)))
        except InvalidArguments as error:
            reason = f"The task has changed and refuses the arguments: {error}"
            return end_of(job, ending or failure(reason))
        entry = None if setback is None else retry_of(job, setback, task.retry)
        if entry is not None:
            job = entry.job
        self._hold(job, task, arguments)
        if job.parent is not None:
            self._batches.count(job)
        if goes_on:
            self._batches.go_without_slot(job.job_id)
        elif job.parent is not None and job.state is State.DELAYED and job.attempt == 0:
            self._batches.keep_back(job)
        else:
            if job.state is State.DELAYED and job.attempt == 0:
                self._dependencies.add(job.job_id, job.after)
            self._waiting.restore(job)
        return entry

    def _on_due(self, job_id: str) -> None:
        if not self._dependencies.holds(job_id):
            self._spawn(self._let_wait(self._live[job_id]))

    async def _look_for(self, live: LiveJob) -> None:
        """See which of the jobs that a job waits for have ended already."""
        for job_id in self._dependencies.missing(live.job.job_id):
            while job_id not in self._live:
                try:
                    other = await self._journal.job(job_id)
                except JournalError:
                    await asyncio.sleep(JOURNAL_RETRY)
                    continue
                self._go_on_after(live.job.job_id, job_id, other)
                break

    def _go_on_after(self, job_id: str, other_id: str, other: Job | None) -> None:
        """A job that waits for *other* need not do so any more, or cannot run at all."""
        live = self._live.get(job_id)
        if live is None or not self._dependencies.holds(job_id):
            return
        ending = refusal(other, other_id)
        if ending is not None:
            self._dependencies.remove(job_id)
            self._halt(live, ending)
        elif self._dependencies.settle(job_id, other_id) and not self._waiting.is_early(job_id):
            self._spawn(self._let_wait(live))

    async def _let_wait(self, live: LiveJob) -> None:
        """Let a job wait for a slot, now that its time has come."""
        if live.is_ending:
            return
        job = waiting_since(replace(live.job, state=State.QUEUED, retry_at=None), now())
        position = self._waiting.expect(job)
        is_durable = False
        try:
            await live.wait(Entry(job, EventType.QUEUED, {"position": position}))
            is_durable = not live.is_ending
        finally:
            self._waiting.settle(job, is_durable=is_durable)
        self._start_waiting()

    def _on_expired(self, job_id: str) -> None:
        live = self._live[job_id]
        self._waiting.remove(job_id)
        self._spawn(self._end(live, expired(live.job)))

    def _try_again(self, live: LiveJob, setback: Setback) -> None:
        """Let a job wait for its next attempt."""
        entry = retry_of(live.job, setback, live.task.retry)
        log.info(
            "Job runs again",
            job_id=live.job.job_id,
            task=live.job.task,
            owner=live.job.owner,
            attempt=live.job.attempt,
            failure=setback.failure,
        )
        again = self._new_live(entry.job, live.task, live.arguments)
        self._live[entry.job.job_id] = again
        self._waiting.reserve(entry.job)
        self._waiting.delay(entry.job)
        self._spawn(again.wait(entry))

    def _start_waiting(self) -> None:
        """Start jobs while there are free slots for them."""
        while (job_id := self._waiting.take()) is not None:
            if not self._batches.give_slot(job_id):
                self._spawn(self._run(self._live[job_id]), job_id)

    def _spawn(self, work: Coroutine[Any, Any, T], job_id: str = "") -> asyncio.Task[T]:
        """Do some *work*; *job_id* says which job it runs, if it does."""
        task = asyncio.create_task(work)
        self._running[task] = job_id
        task.add_done_callback(self._running.pop)
        return task

    async def _run(self, live: LiveJob) -> None:
        job_id = live.job.job_id

        def free_slot() -> None:
            if self._batches.end_run(job_id):
                self._waiting.release(job_id)
            self._start_waiting()

        setback = await live.run(self._surroundings, free_slot)
        if setback is None:
            self._let_go(live)
        else:
            self._try_again(live, setback)

    async def _end(self, live: LiveJob, ending: Ending) -> None:
        await live.end(ending)
        self._let_go(live)

    def _let_go(self, live: LiveJob) -> None:
        """The end of a job is durable: tell those that wait for it."""
        job = live.job
        del self._live[job.job_id]
        self._dependencies.remove(job.job_id)
        if job.parent is not None:
            self._batches.ended(job)
        for job_id in self._dependencies.dependents(job.job_id):
            self._go_on_after(job_id, job.job_id, job)

    def _withdraw(self, live: LiveJob) -> bool:
        """Let a job wait no more; False if it does not."""
        if live.job.state in (State.RUNNING, State.STOPPING):
            return False  # a batch that runs may wait for a slot
        job_id = live.job.job_id
        return self._waiting.remove(job_id) or self._batches.withdraw(job_id)

    def _halt(self, live: LiveJob, ending: Ending, grace: float = 0.0) -> None:
        """Let a job end as *ending* says, whether it waits or runs, without waiting for that."""
        if live.is_ending:
            return
        if self._withdraw(live):
            self._spawn(self._end(live, ending))
        else:
            self._spawn(live.stop(ending, grace))


def _require_durable(hindrance: JournalError | None) -> None:
    if hindrance is not None:
        raise Unavailable(
            "The job is stopped, but a crash would make that forgotten. " + hindrance.sentence
        ) from hindrance


async def _ask_task(live: LiveJob, caller: Caller) -> None:
    """
    Let the task of a job refuse that *caller* cancels it.

    Raises:
        NotAuthorized: It does. What fails to answer does not make a job unstoppable.
    """
    try:
        await live.task.ask_to_cancel(live.arguments, caller)
    except NotAuthorized:
        raise
    except (Error, TaskError):
        log.exception(
            "A task failed to say whether a job may be cancelled; it is cancelled",
            job_id=live.job.job_id,
            task=live.task.name,
            by=caller.authid,
        )
