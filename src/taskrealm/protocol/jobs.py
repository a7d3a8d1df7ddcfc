"""Jobs, their states, and the events that report what happens to them."""

from __future__ import annotations

import functools
import os
import time
from dataclasses import field, fields
from datetime import UTC, datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any

from .values import value


class State(StrEnum):
    """Where a job is in its life; terminal states are final."""

    DELAYED = "delayed"
    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    EXPIRED = "expired"
    LOST = "lost"

    @property
    def is_terminal(self) -> bool:
        """Whether a job in this state has ended for good."""
        return self in TERMINAL


TERMINAL = frozenset(
    {
        State.SUCCEEDED,
        State.FAILED,
        State.CANCELLED,
        State.TIMED_OUT,
        State.EXPIRED,
        State.LOST,
    }
)


class EventType(StrEnum):
    """What an event reports; the terminal ones bear the name of the state they lead to."""

    DELAYED = "delayed"
    QUEUED = "queued"
    STARTED = "started"
    PROGRESS = "progress"
    MESSAGE = "message"
    ARTIFACT = "artifact"
    QUESTION = "question"
    ANSWERED = "answered"
    UPDATED = "updated"
    STOPPING = "stopping"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    EXPIRED = "expired"
    LOST = "lost"

    @property
    def is_terminal(self) -> bool:
        """Whether this is the last event of its job."""
        return self in LAST


LAST = frozenset(map(EventType, TERMINAL))


class Intake(StrEnum):
    """Whether a node takes jobs and starts them."""

    OPEN = "open"  # it does both
    PAUSED = "paused"  # it takes them, and starts none
    DRAINING = "draining"  # it does neither; what runs may end


class Delivery(StrEnum):
    """Who receives the events of a job as they happen."""

    USER = "user"  # every session of the owner
    SESSION = "session"  # only the session that submitted it
    NONE = "none"  # nobody; the job can still be asked for


TRACEPARENT = r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
"""What names a trace and a step of it, as a regular expression (W3C Trace Context, 3.2)."""

TIMES = ("submitted_at", "not_before", "retry_at", "expires_at", "started_at", "ended_at")
"""What of a job is a time, and crosses the wire in ISO 8601."""


NOTHING: dict[str, Any] = {}
"""What very many jobs have of arguments, data and outcome: one for all, which nobody changes."""


@value
class Job:
    """
    One request to run a task, from accepted to ended.

    A change is a new value. Times are aware datetimes in UTC, durations are seconds.
    """

    job_id: str
    task: str
    owner: str
    submitted_by: str
    role: str
    arguments: dict[str, Any]
    submitted_at: datetime
    teams: tuple[str, ...] = ()
    """The teams of its owner when it was submitted, by which its children are judged."""
    state: State = State.QUEUED
    priority: int = 0
    """What its submitter asked for and what the node `granted` in addition."""
    granted: int = 0
    attempt: int = 0
    timeout: float = 3_600.0
    tags: tuple[str, ...] = ()
    deliver: Delivery = Delivery.USER
    session: int | None = None
    client: str | None = None
    """The id that the client which submitted the job gives to all its sessions."""
    retries: int = 0
    """How often the job may run again after a failure that its task names."""
    key: str | None = None
    """What its owner has named the request by, so that repeating it makes no second job."""
    fingerprint: str | None = None
    """What a request that is repeated under the same key has to be equal to."""
    delay: float | None = None
    """For how long the job was asked to wait, counted by a clock that never jumps."""
    not_before: datetime | None = None
    """Before when the job was asked not to start; with a `delay`, as the clock then showed it."""
    parent: str | None = None
    """The batch whose child this job is."""
    after: tuple[str, ...] = ()
    """The jobs that have to succeed before this one may start."""
    retry_at: datetime | None = None
    """When the next attempt is due, as long as the job waits for that."""
    expires: float | None = None
    """For how many seconds the job may wait for a slot before its first attempt."""
    expires_at: datetime | None = None
    """When that is over, from the moment the job waits for a slot, as the clock then showed it."""
    schedule: str | None = None
    """The name of the schedule by which the job was made, if it was."""
    traceparent: str | None = None
    """The trace that the job is part of (W3C Trace Context), which its program is told."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    progress: dict[str, Any] | None = None
    step: str | None = None
    """How far a batch has come, once its children are recorded: `children` or `gather`."""
    questions: tuple[dict[str, Any], ...] = ()
    """What the program asks its owner just now: the data of `question` events."""
    data: dict[str, Any] = field(default_factory=lambda: NOTHING)
    """What the program has noted about the job for others to read."""
    cancel: dict[str, Any] | None = None
    """Who asked to stop the job and why (`by`, `reason`), from the moment it was accepted."""
    sealed: str | None = None
    """The secrets among its arguments, for its executor alone; gone once the job has ended."""
    outcome: dict[str, Any] = field(default_factory=lambda: NOTHING)
    """The data of the terminal event: `result`, or `error`, `exit_code` and so on."""

    def changed(self, **changes: Any) -> Job:
        """The job with other values; `dataclasses.replace` takes more than twice as long."""
        job = Job(*_values(self))
        for name, each in changes.items():
            setattr(job, name, each)
        return job

    def as_dict(self) -> dict[str, Any]:
        """The job as it crosses the wire: times in ISO 8601, nothing secret or about sessions."""
        wire = dict(zip(_NAMES, _values(self), strict=True))
        del wire["session"], wire["client"], wire["fingerprint"], wire["sealed"]
        outcome = wire.pop("outcome")
        for name in TIMES:
            wire[name] = None if wire[name] is None else timestamp(wire[name])
        for name in ("teams", "tags", "after", "questions"):
            wire[name] = list(wire[name])
        return {**wire, **outcome}


_NAMES = tuple(each.name for each in fields(Job))
_values = attrgetter(*_NAMES)


@value
class Event:
    """
    One thing that happened to a job.

    `seq` counts without holes within the stream of one user and `job_seq` within one job,
    both from 1. `epoch` changes when a stream starts anew. `seq` and `epoch` are None for
    a job that is not delivered to the user's stream. `parent` is the batch whose child the
    job is, if it is one.
    """

    owner: str
    epoch: str | None
    seq: int | None
    job_id: str
    job_seq: int
    task: str
    type: EventType
    at: datetime
    attempt: int
    data: dict[str, Any]
    parent: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The event as it crosses the wire: one flat mapping, the time in ISO 8601."""
        return {
            **self.data,
            "owner": self.owner,
            "epoch": self.epoch,
            "seq": self.seq,
            "job_id": self.job_id,
            "job_seq": self.job_seq,
            "task": self.task,
            "type": str(self.type),
            "at": timestamp(self.at),
            "attempt": self.attempt,
            **({} if self.parent is None else {"parent": self.parent}),
        }

    @classmethod
    def from_dict(cls, wire: dict[str, Any]) -> Event:
        """The event that `as_dict` made *wire* of."""
        data = dict(wire)
        return cls(
            owner=data.pop("owner"),
            epoch=data.pop("epoch"),
            seq=data.pop("seq"),
            job_id=data.pop("job_id"),
            job_seq=data.pop("job_seq"),
            task=data.pop("task"),
            type=EventType(data.pop("type")),
            at=datetime.fromisoformat(data.pop("at")),
            attempt=data.pop("attempt"),
            parent=data.pop("parent", None),
            data=data,
        )


def new_job_id() -> str:
    """A UUIDv7 (RFC 9562) as 32 hexadecimal digits: sortable by time, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    # Unlike `urandom` this keeps the interpreter to itself: giving it up for as short a call
    # costs as much as all else that a new job does.
    bits = milliseconds << 80 | int.from_bytes(os.getrandom(10))
    bits = bits & ~(0xF << 76) | 0x7 << 76
    bits = bits & ~(0x3 << 62) | 0x2 << 62
    return f"{bits:032x}"


def now() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)


@functools.lru_cache(maxsize=1_024)
def timestamp(moment: datetime) -> str:
    """*moment* in ISO 8601 with microseconds, so that text order is time order."""
    # The same moment is told several times: of a job and its event, in the journal, on the wire.
    return moment.isoformat(timespec="microseconds")
