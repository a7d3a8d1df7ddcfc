"""Jobs and events as rows of the database, and back."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from ..protocol.jobs import Delivery, Event, EventType, Job, State, timestamp
from .errors import WriteRefused

Row = tuple[Any, ...]

JOBS = """
    select job_id, owner, task, state, status, request
    from jobs join requests using (number)
"""
"""Begins a query whose rows are for `job_of`."""

EVENTS = """
    select jobs.owner, epoch, seq, job_id, job_seq, task, type, at, attempt, data, parent
    from events join jobs using (number) left join streams using (stream)
"""
"""Begins a query whose rows are for `event_of`."""

# Without escapes a lone surrogate, legal in a Python string, would not fit into the file.
_encoder = json.JSONEncoder(allow_nan=False, ensure_ascii=True, separators=(",", ":"))


def encode(job: Job, what: str, value: dict[str, Any]) -> str:
    """
    *value*, the part of *job* called *what*, as JSON.

    Raises:
        WriteRefused: JSON has no words for it.
    """
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise WriteRefused(f"Job {job.job_id}: its {what} is not JSON: {error}") from error


def request_of(job: Job) -> str:
    """What never changes about *job*, as JSON."""
    return encode(
        job,
        "request",
        {
            "submitted_by": job.submitted_by,
            "role": job.role,
            "submitted_at": timestamp(job.submitted_at),
            "arguments": job.arguments,
            "timeout": job.timeout,
            "tags": job.tags,
            "deliver": job.deliver,
            "session": job.session,
            "client": job.client,
            "retries": job.retries,
            "key": job.key,
            "fingerprint": job.fingerprint,
            "delay": job.delay,
            "not_before": None if job.not_before is None else timestamp(job.not_before),
            "expires": job.expires,
            "schedule": job.schedule,
            "parent": job.parent,
            "after": job.after,
        },
    )


def status_of(job: Job) -> str:
    """What changes about *job* besides its state, as JSON."""
    return encode(
        job,
        "status",
        {
            "priority": job.priority,
            "granted": job.granted,
            "attempt": job.attempt,
            "retry_at": None if job.retry_at is None else timestamp(job.retry_at),
            "expires_at": None if job.expires_at is None else timestamp(job.expires_at),
            "started_at": None if job.started_at is None else timestamp(job.started_at),
            "ended_at": None if job.ended_at is None else timestamp(job.ended_at),
            "progress": job.progress,
            "step": job.step,
            "tags": job.tags,
            "questions": job.questions,
            "data": job.data,
            "cancel": job.cancel,
            "sealed": None if job.state.is_terminal else job.sealed,
            "outcome": job.outcome,
        },
    )


def job_of(row: Row) -> Job:
    """The job in a row of `JOBS`."""
    job_id, owner, task, state, status, request = row
    fixed, current = json.loads(request), json.loads(status)
    return Job(
        job_id=job_id,
        task=task,
        owner=owner,
        submitted_by=fixed["submitted_by"],
        role=fixed["role"],
        arguments=fixed["arguments"],
        submitted_at=datetime.fromisoformat(fixed["submitted_at"]),
        state=State(state),
        priority=current["priority"],
        granted=current.get("granted", 0),
        attempt=current["attempt"],
        timeout=fixed["timeout"],
        # Its program may have added some; the first ones are part of the request.
        tags=tuple(current.get("tags", fixed["tags"])),
        deliver=Delivery(fixed["deliver"]),
        session=fixed["session"],
        client=fixed.get("client"),
        # What schema version 1 did not know is missing in its rows.
        retries=fixed.get("retries", 0),
        key=fixed.get("key"),
        fingerprint=fixed.get("fingerprint"),
        delay=fixed.get("delay"),
        not_before=_moment(fixed.get("not_before")),
        parent=fixed.get("parent"),
        after=tuple(fixed.get("after", ())),
        retry_at=_moment(current.get("retry_at")),
        expires=fixed.get("expires"),
        expires_at=_moment(current.get("expires_at")),
        schedule=fixed.get("schedule"),
        started_at=_moment(current["started_at"]),
        ended_at=_moment(current["ended_at"]),
        progress=current["progress"],
        step=current.get("step"),
        questions=tuple(current.get("questions", ())),
        data=current.get("data", {}),
        cancel=current["cancel"],
        sealed=current.get("sealed"),
        outcome=current["outcome"],
    )


def event_of(row: Row) -> Event:
    """The event in a row of `EVENTS`."""
    owner, epoch, seq, job_id, job_seq, task, event_type, at, attempt, data, parent = row
    return Event(
        owner=owner,
        epoch=epoch,
        seq=seq,
        job_id=job_id,
        job_seq=job_seq,
        task=task,
        type=EventType(event_type),
        at=datetime.fromisoformat(at),
        attempt=attempt,
        data=json.loads(data),
        parent=parent,
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
