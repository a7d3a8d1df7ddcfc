"""What the journal is told of a job that is accepted, runs again, or was left by an executor."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..journal import Entry
from ..protocol.jobs import EventType, Job, State, now, timestamp
from ..tasks.retry import SHORTAGE
from .attempt import Ending, Setback
from .delays import pause_after

if TYPE_CHECKING:
    from datetime import datetime

    from ..journal import AuditRecord
    from ..tasks import Retry
    from .requests import Accepted

LOST = Ending(EventType.LOST, {"reason": "the executor died while the job ran"})
REASON_LIMIT = 1_000  # characters of an error that an event repeats for each attempt


def start_of(accepted: Accepted, audit: AuditRecord | None = None) -> Entry:
    """A new job waits, for its time or for a slot; *audit* says who has asked for it."""
    job = accepted.job
    if job.state is State.DELAYED:
        due = None if job.not_before is None else timestamp(job.not_before)
        data: dict[str, Any] = {"delay": job.delay, "not_before": due}
        if job.after:
            data["after"] = list(job.after)
        return Entry(job, EventType.DELAYED, data, job.submitted_at, audit)
    return Entry(job, EventType.QUEUED, {"position": accepted.position}, job.submitted_at, audit)


def setback_of(job: Job, ending: Ending, retry: Retry) -> Setback | None:
    """Why a job runs again instead of ending as *ending* says; None if it does not."""
    # The children of a batch have run, or do: it would not be the same batch again.
    if job.attempt > min(job.retries, retry.times) or job.step == "children":
        return None
    kind = SHORTAGE if ending.is_shortage else ending.type.value
    name = retry.name_of(kind, ending.data)
    if name is None:
        return None
    reason = str(ending.data.get("error") or ending.data.get("reason") or kind)
    return Setback(name, reason[:REASON_LIMIT])


def waiting_since(job: Job, moment: datetime) -> Job:
    """*job* as it begins to wait for a slot: before its first attempt it may expire."""
    if job.expires is None or job.attempt:
        return job
    return job.changed(expires_at=moment + timedelta(seconds=job.expires))


def expired(job: Job) -> Ending:
    """The end of a job that has waited too long for a slot."""
    reason = f"no worker slot was free for it within {job.expires:g} s"
    return Ending(EventType.EXPIRED, {"expires": job.expires, "reason": reason, "duration": None})


def retry_of(job: Job, setback: Setback, retry: Retry) -> Entry:
    """A job waits for its next attempt, after one that came to nothing."""
    pause = pause_after(job.attempt, retry)
    waiting = job.changed(
        state=State.DELAYED,
        progress=None,
        cancel=None,
        questions=(),
        started_at=None,
        retry_at=now() + timedelta(seconds=pause),
    )
    data = {
        "failure": setback.failure,
        "reason": setback.reason,
        "delay": pause,
        "retries_left": job.retries - job.attempt,
    }
    return Entry(waiting, EventType.RETRYING, data)


def end_of(job: Job, ending: Ending) -> Entry:
    """A job has ended that nobody holds."""
    ended = job.changed(
        state=State(ending.type), ended_at=now(), questions=(), outcome=dict(ending.data)
    )
    return Entry(ended, ending.type, ending.data, now())


def orphaned(job: Job, *, has_run: bool) -> Ending:
    """How a job ends whose batch has ended with the executor that ran it."""
    if has_run:
        return LOST
    data = {
        "by": "batch",
        "reason": "its batch has ended with the executor that ran it",
        "duration": None,
    }
    return Ending(EventType.CANCELLED, data)


def decided_end_of(job: Job) -> Ending | None:
    """How a job ends whose executor died while it ran, if that had been decided before."""
    if job.cancel is None:
        return None
    if job.cancel["by"] is None:
        reason = job.cancel["reason"]
        data = {"timeout": job.timeout, "reason": reason, "duration": None}
        return Ending(EventType.TIMED_OUT, data)
    return Ending(EventType.CANCELLED, {**job.cancel, "duration": None})
