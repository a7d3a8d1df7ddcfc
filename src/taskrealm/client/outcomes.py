"""
How a job ended: with its result, or with one of these exceptions.

    JobEnded
    ├── JobFailed       its program ended in failure
    ├── JobCancelled    somebody stopped it
    ├── JobTimedOut     it ran longer than it may
    ├── JobExpired      it waited longer than it may
    └── JobLost         the executor went away while it ran
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..protocol.jobs import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class JobEnded(Exception):
    """The job `job_id` has ended without a result, `duration` seconds after its start."""

    def __init__(self, message: str, job_id: str, data: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.job_id = job_id
        self.duration: float | None = data.get("duration")


class JobFailed(JobEnded):
    """The job's program failed: with an `exit_code`, or killed by a `signal`."""

    def __init__(self, job_id: str, data: Mapping[str, Any]) -> None:
        self.error: str = data.get("error") or "The job failed"
        self.exit_code: int | None = data.get("exit_code")
        self.signal: str | None = data.get("signal")
        self.stderr_tail: str = data.get("stderr_tail") or ""
        super().__init__(self.error, job_id, data)


class JobCancelled(JobEnded):
    """The job was stopped by the authid `by`, for the `reason` given, if any."""

    def __init__(self, job_id: str, data: Mapping[str, Any]) -> None:
        # A finished job that is asked for bears these two under `cancel`.
        request: Mapping[str, Any] = data.get("cancel") or data
        self.by: str | None = data.get("by", request.get("by"))
        self.reason: str | None = data.get("reason", request.get("reason"))
        message = f"The job was cancelled by {self.by}"
        super().__init__(f"{message}: {self.reason}" if self.reason else message, job_id, data)


class JobTimedOut(JobEnded):
    """The job ran longer than its `timeout` in seconds."""

    def __init__(self, job_id: str, data: Mapping[str, Any]) -> None:
        self.timeout: float | None = data.get("timeout")
        self.stderr_tail: str = data.get("stderr_tail") or ""
        limit = "its time limit" if self.timeout is None else f"{self.timeout:g} s"
        super().__init__(f"The job ran longer than {limit}", job_id, data)


class JobExpired(JobEnded):
    """The job waited in the queue longer than it may."""

    def __init__(self, job_id: str, data: Mapping[str, Any]) -> None:
        self.reason: str | None = data.get("reason")
        message = "The job waited too long"
        super().__init__(f"{message}: {self.reason}" if self.reason else message, job_id, data)


class JobLost(JobEnded):
    """The executor went away while the job ran; `reason` says more."""

    def __init__(self, job_id: str, data: Mapping[str, Any]) -> None:
        self.reason: str | None = data.get("reason")
        super().__init__(self.reason or "The executor went away while the job ran", job_id, data)


_ENDINGS: dict[State, Callable[[str, Mapping[str, Any]], JobEnded]] = {
    State.FAILED: JobFailed,
    State.CANCELLED: JobCancelled,
    State.TIMED_OUT: JobTimedOut,
    State.EXPIRED: JobExpired,
    State.LOST: JobLost,
}


def result_of(job_id: str, state: State, data: Mapping[str, Any]) -> Any:
    """
    The result of a job that ended in *state*; *data* is its terminal event or the job itself.

    Raises:
        JobEnded: It ended without a result.
    """
    if state is State.SUCCEEDED:
        return data["result"]
    raise _ENDINGS[state](job_id, data)
