"""What the journal is told of a job that is accepted, runs again, or was left by an executor."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..journal import Entry
from ..protocol.jobs import EventType, Job, State, now, timestamp
from .attempt import Ending
from .delays import pause_after

if TYPE_CHECKING:
    from .requests import Accepted

LOST = Ending(EventType.LOST, {"reason": "the executor died while the job ran"})


def start_of(accepted: Accepted) -> Entry:
    """A new job waits, for its time or for a slot."""
    job = accepted.job
    if job.state is State.DELAYED:
        due = None if job.not_before is None else timestamp(job.not_before)
        data: dict[str, Any] = {"delay": job.delay, "not_before": due}
        if job.after:
            data["after"] = list(job.after)
        return Entry(job, EventType.DELAYED, data, job.submitted_at)
    return Entry(job, EventType.QUEUED, {"position": accepted.position}, job.submitted_at)


def retry_of(job: Job, reason: str) -> Entry:
    """A job waits for its next attempt, after one that came to nothing for this *reason*."""
    pause = pause_after(job.attempt)
    waiting = replace(
        job,
        state=State.DELAYED,
        progress=None,
        questions=(),
        started_at=None,
        retry_at=now() + timedelta(seconds=pause),
    )
    data = {"reason": reason, "delay": pause, "retries_left": job.retries - job.attempt}
    return Entry(waiting, EventType.RETRYING, data)


def end_of(job: Job, ending: Ending) -> Entry:
    """A job has ended that nobody holds."""
    ended = replace(
        job, state=State(ending.type), ended_at=now(), questions=(), outcome=dict(ending.data)
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
        return Ending(EventType.TIMED_OUT, {"timeout": job.timeout, "duration": None})
    return Ending(EventType.CANCELLED, {**job.cancel, "duration": None})
