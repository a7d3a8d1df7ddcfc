"""The jobs that wait: first for their time, then for a slot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine import ONE_SLOT, Usage
from ..protocol.jobs import Intake, Job, State, now
from . import reasons
from .delays import Delays, SteadyClock
from .places import Places

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ..engine import Claim, Reason, Scheduler
    from .audience import Audience
    from .publisher import Publisher


class Waiting:
    """
    Where each waiting job stands, and which one starts next.

    Jobs wait by a clock that never jumps: setting the wall clock changes no order and no
    delay. Only a job that was asked to start at some moment looks at the wall clock.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        publisher: Publisher,
        audience: Audience,
        *,
        job_of: Callable[[str], Job | None],
        claim_of: Callable[[str], Claim],
        on_due: Callable[[str], None],
        on_expired: Callable[[str], None],
        intake: Intake,
    ) -> None:
        """
        *job_of* and *claim_of* find a job by its id, and what it takes up while it runs;
        *on_due* is told whose time has come, and *on_expired* who has waited too long.
        """
        self.intake = intake
        self._scheduler = scheduler
        self._claim_of = claim_of
        self._job_of = job_of
        self._clock = SteadyClock()
        self._delays = Delays(on_due)
        self._expiries = Delays(on_expired)
        self._places = Places(scheduler, publisher, audience, job_of)
        self._latest = 0.0
        # Jobs that are about to wait, but not durably yet: those to be started at once, and others.
        self._starting = Usage()
        self._queueing: set[str] = set()

    def require_room(self, count: int, owner: str) -> None:
        """Raise `QueueFull` unless *count* more jobs of *owner* may wait."""
        self._scheduler.require_room(count, owner=owner)

    def reserve(self, job: Job) -> None:
        """Keep room for a job that is not durable yet, or whose time has not come."""
        self._scheduler.reserve(job.job_id, owner=job.owner)

    def accept(self, job: Job) -> int | None:
        """
        Keep room for a new job until `settle`; the place that it will have.

        None if it waits for its time, and 0 if it would start at once.
        """
        position = self.expect(job) if job.state is State.QUEUED else None
        self.reserve(job)
        return position

    def expect(self, job: Job) -> int:
        """
        Count a job that is about to wait for a slot until `settle`; the place that it will have.

        It is 0 if it would start at once.
        """
        position = self.place_of(job)
        if position:
            self._queueing.add(job.job_id)
        else:
            claim = self._claim_of(job.job_id)
            self._scheduler.expect(job.job_id, job.owner, claim, self._starting)
        return position

    def settle(self, job: Job, *, is_durable: bool) -> None:
        """Let a job wait now that this is durable, unless it was removed; or else forget it."""
        self._expect_no_longer(job.job_id)
        if not is_durable:
            self._scheduler.remove(job.job_id)
        elif not self._scheduler.is_reserved(job.job_id):
            return
        elif job.state is State.DELAYED:
            self.delay(job)
        else:
            self.enter(job)

    def restore(self, job: Job) -> None:
        """
        Let a job wait again that waited before a restart.

        To be called in the order of submission, which counts whatever the clock said.
        """
        self.reserve(job)
        self._latest = min(max(self._latest, job.submitted_at.timestamp()), self._clock.time())
        if job.state is State.DELAYED:
            self.delay(job)
        else:
            self.enter(job, self._latest if job.not_before is None else self._once_due(job))

    def delay(self, job: Job) -> None:
        """Let a job for which there is room wait for its time."""
        if job.retry_at is not None:
            self._delays.add(job.job_id, (job.retry_at - now()).total_seconds())
        elif job.not_before is not None and job.delay is not None:
            self._delays.add(job.job_id, (job.not_before - now()).total_seconds())
        elif job.not_before is not None:
            self._delays.add_until(job.job_id, job.not_before)

    def is_early(self, job_id: str) -> bool:
        """Whether the time of a job has not come."""
        return job_id in self._delays

    def enter(self, job: Job, since: float | None = None) -> None:
        """Let a job for which there is room wait for a slot."""
        since = self._since(job) if since is None else since
        if job.expires_at is not None:
            self._expiries.add(job.job_id, (job.expires_at - now()).total_seconds())
        self._scheduler.add(
            job.job_id,
            priority=job.priority,
            since=since,
            owner=job.owner,
            claim=self._claim_of(job.job_id),
            lead=job.granted,
        )

    def remove(self, job_id: str) -> bool:
        """Forget a waiting job; False if it does not wait."""
        return bool(self.remove_all([job_id]))

    def remove_all(self, job_ids: Collection[str]) -> set[str]:
        """Forget all jobs that wait; gives which of them did."""
        self._places.change()
        for job_id in job_ids:
            self._delays.remove(job_id)
            self._expiries.remove(job_id)
            self._expect_no_longer(job_id)
        return self._scheduler.remove_all(job_ids)

    def take(self) -> str | None:
        """The next job that may start, which now occupies a slot; None if there is none."""
        self._places.change()
        job_id = self._scheduler.take() if self.intake is Intake.OPEN else None
        if job_id is not None:
            self._expiries.remove(job_id)
        return job_id

    def release(self, job_id: str) -> None:
        """Free the slot of a job that runs no longer."""
        self._scheduler.release(job_id)

    def position(self, job_id: str) -> int | None:
        """The place of a job among those that wait for a slot, from 1; None if it does not."""
        return self._scheduler.position(job_id)

    def place_of(self, job: Job) -> int:
        """The place that *job* would get if it began now to wait; 0 if it would start at once."""
        return self.position_for(
            job.owner,
            self._claim_of(job.job_id),
            priority=job.priority,
            lead=job.granted,
            since=self._since(job),
        )

    def position_for(
        self,
        owner: str = "",
        claim: Claim = ONE_SLOT,
        *,
        priority: int = 0,
        lead: int = 0,
        since: float | None = None,
    ) -> int:
        """The place that a new job would get; 0 if it would start at once."""
        since = self._clock.time() if since is None else since
        if self.intake is Intake.OPEN:
            lack = self._lack(owner, claim, priority=priority, lead=lead, since=since)
            if lack is None:
                return 0
        place = self._scheduler.position_for(priority=priority, since=since, owner=owner, lead=lead)
        return place + len(self._queueing)

    def reason(self, job: Job) -> dict[str, Any] | None:
        """Why *job* waits, as callers are told; None if it does not."""
        if job.state is State.DELAYED:
            return reasons.for_delay(job)
        reason = self._scheduler.reason(job.job_id)
        if reason is None:
            return None
        closed = reasons.for_intake(self.intake)
        return closed or reasons.for_claim(reason, self._claim_of(job.job_id))

    def reason_for(
        self,
        owner: str,
        claim: Claim,
        *,
        priority: int = 0,
        lead: int = 0,
        since: float | None = None,
    ) -> dict[str, Any] | None:
        """Why a new job would wait, as callers are told; None if it would start at once."""
        closed = reasons.for_intake(self.intake)
        if closed is not None:
            return closed
        since = self._clock.time() if since is None else since
        lack = self._lack(owner, claim, priority=priority, lead=lead, since=since)
        return None if lack is None else reasons.for_claim(lack, claim)

    def _lack(
        self, owner: str, claim: Claim, *, priority: int, lead: int, since: float
    ) -> Reason | None:
        """What a new job lacks to start at once on a node that starts jobs."""
        return self._scheduler.reason_for(
            priority=priority,
            since=since,
            owner=owner,
            claim=claim,
            lead=lead,
            beside=self._starting,
        )

    def _expect_no_longer(self, job_id: str) -> None:
        self._queueing.discard(job_id)
        if job_id in self._starting:
            self._starting.remove(job_id)

    def _since(self, job: Job) -> float:
        """Since when a job waits that begins now to wait for a slot."""
        # Who has waited for a slot before an earlier attempt need not do so again, nor who has
        # done so before its children: what was begun is finished first.
        while job.parent is not None and (batch := self._job_of(job.parent)) is not None:
            job = batch
        return self._once_due(job) if job.attempt else self._clock.time()

    def _once_due(self, job: Job) -> float:
        return min(self._clock.time(), (job.not_before or job.submitted_at).timestamp())
