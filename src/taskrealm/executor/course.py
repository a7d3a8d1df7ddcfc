"""What becomes of a job once it is accepted: it waits, runs, perhaps again, and ends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from ..journal import Entry
from ..protocol.jobs import EventType, State, now
from .activities import Activities
from .attempt import Ending
from .batches import Batches
from .callers import owner_of
from .claims import claim_of
from .dependencies import Successors
from .ends import Ends
from .entries import expired, retry_of, waiting_since
from .waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..engine import Scheduler
    from ..journal import Journal
    from ..protocol.jobs import Intake
    from .attempt import Setback, Surroundings
    from .audience import Audience
    from .audit import Audit
    from .ends import End
    from .live import LiveJob
    from .preparation import Preparation
    from .publisher import Publisher
    from .rights import Rights
    from .unended import Unended

log = structlog.get_logger()

TOGETHER = 500  # ends in one write, so that no other one has to wait for thousands


class Course:
    """Takes each job from one step of its life to the next."""

    def __init__(
        self,
        unended: Unended,
        journal: Journal,
        scheduler: Scheduler,
        publisher: Publisher,
        audience: Audience,
        rights: Rights,
        preparation: Preparation,
        audit: Audit,
        surroundings: Surroundings,
        *,
        intake: Intake,
    ) -> None:
        self._unended = unended
        self._journal = journal
        self._rights = rights
        self.activities = Activities()
        """What is being done for jobs at this moment."""
        self.waiting = Waiting(
            scheduler,
            publisher,
            audience,
            job_of=unended.job,
            claim_of=lambda job_id: claim_of(unended[job_id].task),
            on_due=self._on_due,
            on_expired=self._on_expired,
            intake=intake,
        )
        """The jobs that wait for their time or for a slot."""
        self.successors = Successors(
            journal,
            unended,
            self.activities,
            on_free=self._on_free,
            on_refused=self._on_refused,
        )
        """The jobs that wait for others."""
        self.batches = Batches(
            journal,
            self.waiting,
            unended,
            preparation,
            audit,
            let_wait=self._let_wait,
            stop=lambda ends, at_once: self.halt(ends, at_once=at_once),
            start=self.start,
        )
        """The batches that run, and their children."""
        unended.on_child_progress = self.batches.moved
        self._surroundings = replace(surroundings, batches=self.batches)

    def start(self) -> None:
        """Start jobs while there are free slots for them."""
        while (job_id := self.waiting.take()) is not None:
            if not self.batches.give_slot(job_id):
                self.run(self._unended[job_id])

    def run(self, live: LiveJob) -> None:
        """Run a job that has its slot, or a batch that goes on without one."""
        self.activities.run(live.job.job_id, self._run(live))

    def withdraw(self, jobs: Iterable[LiveJob]) -> set[str]:
        """Let jobs wait no more; gives the ids of those that did."""
        # A batch that runs may wait for a slot.
        idle = [
            live.job.job_id
            for live in jobs
            if live.job.state not in (State.RUNNING, State.STOPPING)
        ]
        withdrawn = self.waiting.remove_all(idle)
        return withdrawn | {each for each in idle if self.batches.withdraw(each)}

    def end(self, ends: Sequence[End]) -> list[Ends]:
        """Let jobs that do not run end as is said: together, but for those that are busy yet."""
        quiet = [(live, ending) for live, ending in ends if live.is_quiet]
        busy = [[(live, ending)] for live, ending in ends if not live.is_quiet]
        parts = [quiet[start : start + TOGETHER] for start in range(0, len(quiet), TOGETHER)]
        return [Ends(part, self._journal, self.activities, self._let_go) for part in parts + busy]

    def halt(self, ends: Sequence[End], *, at_once: bool) -> None:
        """
        Let jobs end as is said, whether they wait or run, without waiting for that.

        Those that run have their task's grace for it, unless they end *at_once*.
        """
        ends = [(live, ending) for live, ending in ends if not live.is_ending]
        withdrawn = self.withdraw(live for live, _ in ends)
        self.end([each for each in ends if each[0].job.job_id in withdrawn])
        for live, ending in ends:
            if live.job.job_id not in withdrawn:
                grace = 0.0 if at_once else live.task.grace
                self.activities.begin(live.stop(ending, grace))

    def _on_refused(self, refused: Mapping[str, Ending]) -> None:
        ends = [(self._unended[job_id], ending) for job_id, ending in refused.items()]
        self.halt(ends, at_once=True)

    def _on_due(self, job_id: str) -> None:
        if not self.successors.holds(job_id):
            self._let_wait(self._unended[job_id])

    def _on_free(self, job_id: str) -> None:
        if not self.waiting.is_early(job_id):
            self._let_wait(self._unended[job_id])

    def _on_expired(self, job_id: str) -> None:
        live = self._unended[job_id]
        self.waiting.remove(job_id)
        self.end([(live, expired(live.job))])

    def _let_wait(self, live: LiveJob) -> None:
        """Let a job wait for a slot, now that its time has come."""
        self.activities.begin(self._wait(live))

    async def _wait(self, live: LiveJob) -> None:
        if live.is_ending:
            return
        job = waiting_since(live.job.changed(state=State.QUEUED, retry_at=None), now())
        position = self.waiting.expect(job)
        is_durable = False
        try:
            await live.wait(Entry(job, EventType.QUEUED, {"position": position}))
            is_durable = not live.is_ending
        finally:
            self.waiting.settle(job, is_durable=is_durable)
        self.start()

    async def _run(self, live: LiveJob) -> None:
        job_id = live.job.job_id

        def free_slot() -> None:
            if self.batches.end_run(job_id):
                self.waiting.release(job_id)
            self.start()

        try:
            repeats = live.job.attempt and live.job.state is State.QUEUED
            refusal = await self._refusal_to_repeat(live) if repeats else None
            if refusal is not None:
                free_slot()
                await live.end(refusal)
                self._let_go([live])
                return
            live.is_shown = await self._rights.shows_output(owner_of(live.job), live.job)
            setback = await live.run(self._surroundings, free_slot)
            if setback is None:
                self._let_go([live])
            else:
                self._try_again(live, setback)
        finally:
            self.activities.ran(job_id)

    async def _refusal_to_repeat(self, live: LiveJob) -> Ending | None:
        """How a job ends that would run again, but whose owner may not run it any more."""
        job = live.job
        reason = await self._rights.refusal(owner_of(job), live.task, job.arguments)
        if reason is None:
            return None
        data = {"by": "system", "reason": f"it may not run again: {reason}", "duration": None}
        return Ending(EventType.CANCELLED, data)

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
        again = self._unended.hold(entry.job, live.task, live.arguments)
        self.waiting.reserve(entry.job)
        self.waiting.delay(entry.job)
        self.activities.begin(again.wait(entry))

    def _let_go(self, ended: Sequence[LiveJob]) -> None:
        """The ends of some jobs are durable: tell those that wait for them."""
        jobs = [live.job for live in ended]
        for job in jobs:
            del self._unended[job.job_id]
            if job.parent is not None:
                self.batches.ended(job)
        self.successors.ended(jobs)
