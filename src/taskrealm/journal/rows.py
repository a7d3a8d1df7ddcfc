"""Jobs and events as rows of the database, and back."""

from __future__ import annotations

import functools
import json
import sys
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from ..protocol.jobs import NOTHING, Delivery, Event, EventType, Job, State, timestamp
from .errors import WriteRefused

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

Row = tuple[Any, ...]

JOBS = """
    select job_id, owner, task, state, status,
        (select request from requests where requests.number = jobs.number)
    from jobs
"""
"""Begins a query whose rows are for `job_of`."""

EVENTS = """
    select jobs.owner, epoch, seq, job_id, job_seq, task, type, at, attempt, data, parent
    from events join jobs using (number) left join streams using (stream)
"""
"""Begins a query whose rows are for `event_of`."""

FILED = "filed = 1"
"""What is true of a job in the indexes of the history; a query has to say it to use one of them."""

UNFILED = "filed = 0"
"""What is true of a job that is open, or has ended lately; these few have an index of their own."""

OPEN = f"{UNFILED} and state in ('delayed', 'queued', 'running', 'stopping')"
"""What is true of a job that has not ended."""

LATELY = (
    f"{UNFILED} and state in ('succeeded', 'failed', 'cancelled', 'timed_out', 'expired', 'lost')"
)
"""What is true of a job that has ended and is not filed yet."""

SIDES = (f"jobs where {UNFILED}", f"main.jobs where {FILED}")
"""
What a query reads one after the other that walks along indexes to find any job.

The filed are read from their table itself, even where what is staged is shown: no job is filed that way.
"""

ROOM = 256  # characters kept for the status of a job that is open: most have ended with fewer
TOGETHER = 100  # rows that one statement inserts, in half of the time of as many statements

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


def insert(
    connection: sqlite3.Connection, into: str, rows: Sequence[Row], *, otherwise: str = "abort"
) -> None:
    """
    Insert *rows* into a table, given with its columns as in SQL.

    *otherwise* says what SQLite does with a row that is there already.
    """
    for start in range(0, len(rows), TOGETHER):
        part = rows[start : start + TOGETHER]
        connection.execute(_insertion(into, len(part), otherwise), [*chain.from_iterable(part)])


@functools.cache
def _insertion(into: str, rows: int, otherwise: str) -> str:
    values = ", ".join("?" * (into.count(",") + 1))
    return f"insert or {otherwise} into {into} values {', '.join([f'({values})'] * rows)}"


def request_of(job: Job) -> str:
    """What never changes about *job*, as JSON."""
    return encode(
        job,
        "request",
        _given(
            {
                "submitted_by": job.submitted_by,
                "role": job.role,
                "teams": job.teams,
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
                "not_before": _text(job.not_before),
                "expires": job.expires,
                "schedule": job.schedule,
                "traceparent": job.traceparent,
                "parent": job.parent,
                "after": job.after,
            }
        ),
    )


def status_of(job: Job) -> str:
    """What changes about *job* besides its state, as JSON."""
    text = encode(
        job,
        "status",
        _given(
            {
                "priority": job.priority,
                "granted": job.granted,
                "attempt": job.attempt,
                "retry_at": _text(job.retry_at),
                "expires_at": _text(job.expires_at),
                "started_at": _text(job.started_at),
                "ended_at": _text(job.ended_at),
                "progress": job.progress,
                "step": job.step,
                "tags": job.tags,
                "questions": job.questions,
                "data": job.data,
                "cancel": job.cancel,
                "sealed": None if job.state.is_terminal else job.sealed,
                "outcome": job.outcome,
            }
        ),
    )
    # Jobs that came together fill their page: if their rows grew, each would push others out.
    return text if job.state.is_terminal else text.ljust(ROOM)


def job_of(row: Row) -> Job:
    """The job in a row of `JOBS`."""
    job_id, owner, task, state, status, request = row
    fixed, current = json.loads(request), json.loads(status)
    # Of a hundred thousand jobs that wait, all have the same few names.
    return Job(
        job_id=job_id,
        task=sys.intern(task),
        owner=sys.intern(owner),
        submitted_by=sys.intern(fixed["submitted_by"]),
        role=sys.intern(fixed["role"]),
        arguments=fixed.get("arguments", NOTHING),
        submitted_at=_submitted(fixed["submitted_at"]),
        teams=tuple(fixed.get("teams", ())),
        state=State(state),
        priority=current["priority"],
        granted=current.get("granted", 0),
        attempt=current["attempt"],
        timeout=fixed["timeout"],
        # Its program may have added some; the first ones are part of the request.
        tags=tuple(current.get("tags", fixed.get("tags", ()))),
        deliver=Delivery(fixed["deliver"]),
        session=fixed.get("session"),
        client=fixed.get("client"),
        # What an earlier version of the schema did not know is missing in its rows too.
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
        traceparent=fixed.get("traceparent"),
        started_at=_moment(current.get("started_at")),
        ended_at=_moment(current.get("ended_at")),
        progress=current.get("progress"),
        step=current.get("step"),
        questions=tuple(current.get("questions", ())),
        data=current.get("data", NOTHING),
        cancel=current.get("cancel"),
        sealed=current.get("sealed"),
        outcome=current.get("outcome", NOTHING),
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


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """Those of *values* that say something: of most jobs that are few."""
    return {
        name: value
        for name, value in values.items()
        if value is not None and value != () and value != {}
    }


@functools.lru_cache(maxsize=1_024)
def _submitted(text: str) -> datetime:
    # The jobs of one call have been submitted at the same moment.
    return datetime.fromisoformat(text)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
