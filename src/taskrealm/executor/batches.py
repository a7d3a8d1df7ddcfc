"""The batches that run, and what they ask of the executor for their children."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from ..journal import Entry
from ..protocol.errors import Error, InvalidArguments, NotAuthorized, UnknownJob
from ..protocol.jobs import EventType, Job, State, new_job_id, now
from ..tasks import BatchTask, TaskError
from .arguments import request_of
from .attempt import Ending, failure
from .callers import owner_of
from .summary import children_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..journal import Journal
    from ..tasks import Arguments, Caller, Task
    from .audit import Audit
    from .batch import BatchAttempt
    from .ends import End
    from .live import LiveJob
    from .preparation import Preparation
    from .requests import Prepared
    from .unended import Unended
    from .waiting import Waiting

log = structlog.get_logger()

NESTING_LIMIT = 8  # batches within each other
UNENDED_LIMIT = 100_000  # children of one owner that wait or run, of all batches together
AT_ONCE = 50  # children looked at before others have a turn


@dataclass(frozen=True, slots=True)
class Planned:
    """A child that will be recorded: accepted, or refused with its `ending`."""

    job: Job
    task: Task | None = None
    arguments: Arguments | None = None
    ending: Ending | None = None


class Batches:
    """
    Finds, starts and stops the children of batches.

    A child is a job like any other, with its batch as `parent`. Until its batch admits it, it
    is `delayed`, and takes no room in the queue.
    """

    def __init__(
        self,
        journal: Journal,
        waiting: Waiting,
        unended: Unended,
        preparation: Preparation,
        audit: Audit,
        *,
        let_wait: Callable[[LiveJob], object],
        stop: Callable[[Sequence[End], bool], None],
        start: Callable[[], None],
    ) -> None:
        """
        *let_wait* lets a job wait for a slot, *stop* ends some that wait or run, at once or
        not, *start* gives out slots that are free.
        """
        self.journal = journal
        self._waiting = waiting
        self._unended = unended
        self._preparation = preparation
        self._audit = audit
        self._let_wait = let_wait
        self._stop = stop
        self._start = start
        self._attempts: dict[str, BatchAttempt] = {}
        self._not_admitted: set[str] = set()
        self._slotless: set[str] = set()
        self._turns: dict[str, asyncio.Event] = {}
        self._load: Counter[str] = Counter()

    def enter(self, attempt: BatchAttempt) -> None:
        """A run of a batch begins."""
        self._attempts[attempt.job.job_id] = attempt

    def leave(self, attempt: BatchAttempt) -> None:
        """A run of a batch is over."""
        del self._attempts[attempt.job.job_id]

    def rests(self, job_id: str) -> bool:
        """Whether a job is a batch that only waits, and can go on in the next executor."""
        attempt = self._attempts.get(job_id)
        return attempt is not None and attempt.rests

    async def prepare(
        self, batch: Job, wanted: Sequence[Mapping[str, Any]], *, stops: bool
    ) -> list[Planned] | Ending:
        """
        The children that *batch* has *wanted*, each checked against the rights of its owner.

        The end of the batch if one is refused and the batch *stops*, or if they are too many.
        """
        if self._load[batch.owner] + len(wanted) > UNENDED_LIMIT:
            return failure(
                f"{self._load[batch.owner]} children of batches of {batch.owner} have not ended, and"
                f" {UNENDED_LIMIT} may be: there is no room for {len(wanted)} more"
            )
        caller = owner_of(batch)
        planned = []
        for number, each in enumerate(wanted, start=1):
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
            try:
                planned.append(await self._prepare_one(batch, each, caller))
            except (Error, TaskError) as error:
                if isinstance(error, TaskError):
                    log.exception("A child was refused", job_id=batch.job_id, number=number)
                else:
                    self._audit.refused_child(batch, each["task"], error)
                if stops:
                    return failure(f"Child {number} ({each['task']}) is refused: {error}")
                planned.append(_refused(batch, each, f"Refused: {error}"))
        return planned

    async def record(self, batch: Job, planned: Sequence[Planned]) -> None:
        """Make the children of *batch* durable, all at once."""
        entries = []
        for number, child in enumerate(planned, start=1):
            place = {"number": number, "of": len(planned)}
            if child.ending is not None:
                entries.append(Entry(child.job, EventType.FAILED, {**child.ending.data, **place}))
                continue
            assert child.task is not None
            assert child.arguments is not None
            entries.append(Entry(child.job, EventType.DELAYED, place))
            self._unended.hold(child.job, child.task, child.arguments)
            self.count(child.job)
            self.keep_back(child.job)
        try:
            await self._unended[batch.job_id].enter_step("children", *entries)
        except BaseException:
            for child in planned:
                if child.ending is None:
                    self._not_admitted.discard(child.job.job_id)
                    self._load[batch.owner] -= 1
                    self._unended.forget(child.job.job_id)
            raise
        log.info(
            "Children accepted",
            job_id=batch.job_id,
            task=batch.task,
            owner=batch.owner,
            submitted_by=batch.submitted_by,
            count=len(planned),
        )
        for child in planned:
            if child.ending is not None:
                self._attempts[batch.job_id].child_ended(child.job)

    async def restore(
        self, batch: Job, take: Callable[[list[str]], None]
    ) -> tuple[dict[str, State], list[str]]:
        """
        The children of *batch*, which had been recorded before, for *take*.

        Gives how those ended that have, and which of the others were admitted.
        """
        listed = [(job.job_id, job.state) async for job in children_of(self.journal, batch.job_id)]
        states = {job_id: state for job_id, state in listed if job_id not in self._unended}
        for job_id, state in states.items():
            if not state.is_terminal:  # it has ended since it was read
                states[job_id] = (await self.ended_child(job_id)).state
        # Nothing happens between this and the look at those that live.
        unended = [job_id for job_id, _ in listed if job_id in self._unended]
        gone = [job_id for job_id, _ in listed if job_id not in states and job_id not in unended]
        if gone:
            return await self.restore(batch, take)
        take([job_id for job_id, _ in listed])
        # Those that were cancelled because of another are not what stopped the batch.
        ordered = sorted(states.items(), key=lambda each: each[1] is State.CANCELLED)
        return dict(ordered), [each for each in unended if each not in self._not_admitted]

    async def ended_child(self, job_id: str) -> Job:
        """A child whose end is durable."""
        job = await self.journal.job(job_id)
        if job is None:
            raise UnknownJob(f"There is no job {job_id!r} any more")
        return job

    def keep_back(self, child: Job) -> None:
        """A child waits for its batch to admit it."""
        self._not_admitted.add(child.job_id)

    def count(self, child: Job) -> None:
        """There is one more child that has not ended."""
        self._load[child.owner] += 1

    def admit(self, job_id: str) -> None:
        """Let a child wait for a slot."""
        if job_id in self._not_admitted:
            self._not_admitted.remove(job_id)
            live = self._unended[job_id]
            self._waiting.reserve(live.job)
            self._let_wait(live)

    def withdraw(self, job_id: str) -> bool:
        """A child will not be admitted any more; False if it has been, or is no child."""
        if job_id not in self._not_admitted:
            return False
        self._not_admitted.remove(job_id)
        return True

    def cancel(self, job_ids: Iterable[str], ending: Ending, *, at_once: bool) -> None:
        """Let children end as *ending* says, whether they wait or run."""
        found = [self._unended[job_id] for job_id in job_ids if job_id in self._unended]
        self._stop([(live, ending) for live in found], at_once)

    def moved(self, child: Job) -> None:
        """A child has told how far it is."""
        if child.parent in self._attempts:
            self._attempts[child.parent].child_moved(child)

    def ended(self, child: Job) -> None:
        """The end of a child is durable."""
        self._load[child.owner] -= 1
        if not self._load[child.owner]:
            del self._load[child.owner]
        if child.parent in self._attempts:
            self._attempts[child.parent].child_ended(child)

    def reason(self, batch: Job) -> tuple[str, str]:
        """Who stops a batch, and why, for its children to tell."""
        live = self._unended[batch.job_id]
        wish = live.job.cancel or {}
        if wish.get("by") is None:
            return "batch", f"their batch ran longer than {batch.timeout:g} s"
        return wish["by"], wish.get("reason") or "its batch was cancelled"

    def has_slot(self, job_id: str) -> bool:
        """Whether a job that runs occupies a slot."""
        return job_id not in self._slotless

    def go_without_slot(self, job_id: str) -> None:
        """A batch runs that has not been given a slot."""
        self._slotless.add(job_id)

    def give_up_slot(self, batch: Job) -> None:
        """Free the slot of a batch whose children wait and run."""
        if self.has_slot(batch.job_id):
            self._slotless.add(batch.job_id)
            self._waiting.release(batch.job_id)
            self._start()

    async def take_slot(self, batch: Job, news: asyncio.Event, goes_on: Callable[[], bool]) -> bool:
        """
        Wait for a slot as long as the batch *goes_on*, which may change with *news*.

        Gives whether it has got one.
        """
        if self.has_slot(batch.job_id):
            return goes_on()
        self._turns[batch.job_id] = news
        self._waiting.reserve(batch)
        self._waiting.enter(batch)
        self._start()
        try:
            while goes_on() and not self.has_slot(batch.job_id):
                await news.wait()
                news.clear()
        finally:
            del self._turns[batch.job_id]
            if not self.has_slot(batch.job_id):
                self._waiting.remove(batch.job_id)
        return self.has_slot(batch.job_id) and goes_on()

    def give_slot(self, job_id: str) -> bool:
        """Give a batch the slot that it waits for in the midst of its run; False if it does not."""
        if job_id not in self._turns:
            return False
        self._slotless.remove(job_id)
        self._turns[job_id].set()
        return True

    def end_run(self, job_id: str) -> bool:
        """A run of a job is over; whether it occupies a slot that is to be freed."""
        has_slot = self.has_slot(job_id)
        self._slotless.discard(job_id)
        return has_slot

    async def begin_gathering(self, batch: Job) -> None:
        """Record that the children have been told to the batch; from now on it runs a program."""
        await self._unended[batch.job_id].enter_step("gather")

    async def _prepare_one(self, batch: Job, wanted: Mapping[str, Any], caller: Caller) -> Planned:
        options = {"priority": batch.priority - batch.granted, **wanted["options"]}
        request = request_of(wanted["task"], wanted["args"], wanted["kwargs"], options)
        if request.on_behalf_of is not None:
            raise NotAuthorized("A child belongs to the owner of its batch")
        ready = await self._preparation.prepare(request, caller)
        if isinstance(ready.task, BatchTask):
            self._require_end(batch, ready)
        job = _child(self._preparation.new_job(request, ready, caller, None, now()), batch)
        return Planned(job, ready.task, ready.arguments)

    def _require_end(self, batch: Job, child: Prepared) -> None:
        """Make sure that batches within each other come to an end."""
        above = [batch]
        while (parent := above[-1].parent) is not None:
            above.append(self._unended[parent].job)
        for each in above:
            if each.task == child.task.name and each.arguments == child.arguments.values:
                raise InvalidArguments(
                    f"{each.task} with these arguments contains itself, and would never end",
                    fields={"task": "must not be the batch itself, or one that contains it"},
                )
        if len(above) >= NESTING_LIMIT:
            raise InvalidArguments(
                f"Batches may be nested {NESTING_LIMIT} deep, and this one would be deeper",
                fields={"task": f"must not be a batch {NESTING_LIMIT} batches down"},
            )


def _child(job: Job, batch: Job) -> Job:
    """*job*, made a child of *batch*."""
    return job.changed(
        parent=batch.job_id,
        priority=job.priority + batch.granted,
        granted=batch.granted,
        state=State.DELAYED,
        expires_at=None,
        deliver=batch.deliver,
        session=batch.session,
        client=batch.client,
        traceparent=batch.traceparent,
    )


def _refused(batch: Job, wanted: Mapping[str, Any], reason: str) -> Planned:
    """A child that has failed before it was a job."""
    ending = failure(reason)
    moment = now()
    job = Job(
        job_id=new_job_id(),
        task=wanted["task"],
        owner=batch.owner,
        submitted_by=batch.submitted_by,
        role=batch.role,
        teams=batch.teams,
        arguments={},
        submitted_at=moment,
        priority=batch.priority - batch.granted,
        ended_at=moment,
        outcome=dict(ending.data),
    )
    return Planned(_child(job, batch).changed(state=State.FAILED), ending=ending)
