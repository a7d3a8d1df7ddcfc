"""
The errors that cross the wire, each with its URI.

    Error
    ├── UnknownTask           no such task, or not one that this caller may run
    ├── InvalidArguments      arguments or options refused, field by field
    ├── NotAuthorized         the caller may not do this
    ├── QueueFull             as many jobs wait as may wait
    ├── DuplicateJob          the idempotency key is in use
    ├── JobFailed             the job that a call has run has no result
    ├── UnknownJob            no such job, or not one that this caller may see
    ├── UnknownUpload         no such upload, or not one of this caller
    ├── UnknownArtifact       the job has no such artifact, or no longer
    ├── UnknownQuestion       the job asks no such question, or does no more
    ├── RateLimited           too many requests; says when to come back
    ├── TooLarge              a value exceeds its size limit
    ├── Draining              the executor takes no more jobs
    ├── InvalidToken          the token is wrong, expired or used up
    ├── Unavailable           the executor, or its journal, is not to be had just now
    └── Internal              our fault; the reference finds it in the log

An error travels as its URI, one sentence for people as its only positional argument,
and its data as keyword arguments. It arrives as the same class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from . import uris

if TYPE_CHECKING:
    from collections.abc import Mapping


class Error(Exception):
    """Something that the other side is told about; `str()` gives the sentence for people."""

    uri: ClassVar[str] = uris.ERROR_PREFIX + "internal"

    def __init__(self, message: str, /, **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.data = data

    @property
    def code(self) -> str:
        """The stable last part of the URI, such as `queue_full`."""
        return self.uri.removeprefix(uris.ERROR_PREFIX)


class UnknownTask(Error):
    """There is no such task, or none that the caller may run."""

    uri = uris.ERROR_PREFIX + "unknown_task"


class InvalidArguments(Error):
    """
    Arguments or options were refused.

    `fields` maps the name of each refused field to a sentence that says what it must be.
    """

    uri = uris.ERROR_PREFIX + "invalid_arguments"

    def __init__(self, message: str | None = None, *, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        if message is None:
            message = "; ".join(f"{name}: {text}" for name, text in self.fields.items())
        super().__init__(message, fields=self.fields)


class NotAuthorized(Error):
    """The caller may not do this."""

    uri = uris.ERROR_PREFIX + "not_authorized"


class QueueFull(Error):
    """As many jobs wait as may wait; `limit` is that number."""

    uri = uris.ERROR_PREFIX + "queue_full"

    def __init__(self, message: str | None = None, *, limit: int) -> None:
        self.limit = limit
        super().__init__(message or f"The queue already holds {limit} jobs", limit=limit)


class DuplicateJob(Error):
    """A job with the same idempotency key exists; `job_id` is its id."""

    uri = uris.ERROR_PREFIX + "duplicate_job"

    def __init__(self, message: str | None = None, *, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(message or f"Job {job_id} was submitted with this key", job_id=job_id)


class UnknownJob(Error):
    """There is no such job, or none that the caller may see."""

    uri = uris.ERROR_PREFIX + "unknown_job"


class JobFailed(Error):
    """
    The job that a call has run ended without a result.

    `job_id` and `state` say which and how, and `outcome` is the data of its terminal event.
    """

    uri = uris.ERROR_PREFIX + "job_failed"

    def __init__(
        self,
        message: str | None = None,
        *,
        job_id: str,
        state: str,
        outcome: Mapping[str, Any] | None = None,
    ) -> None:
        self.job_id = job_id
        self.state = state
        self.outcome = dict(outcome or {})
        # Apart, because clients of others stumble over an error with data called `error`.
        super().__init__(
            message or f"Job {job_id} has {state}",
            job_id=job_id,
            state=state,
            outcome=self.outcome,
        )


class UnknownUpload(Error):
    """There is no such upload, or it is not the caller's."""

    uri = uris.ERROR_PREFIX + "unknown_upload"


class UnknownArtifact(Error):
    """The job has left no such artifact, or it has expired."""

    uri = uris.ERROR_PREFIX + "unknown_artifact"


class UnknownQuestion(Error):
    """The job asks no such question; `answered_by` says who has answered it, if somebody has."""

    uri = uris.ERROR_PREFIX + "unknown_question"

    def __init__(self, message: str, *, answered_by: str | None = None) -> None:
        self.answered_by = answered_by
        super().__init__(message, answered_by=answered_by)


class RateLimited(Error):
    """Too many requests; come back after `retry_after` seconds."""

    uri = uris.ERROR_PREFIX + "rate_limited"

    def __init__(self, message: str | None = None, *, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(
            message or f"Too many requests; try again in {retry_after:.0f} s",
            retry_after=retry_after,
        )


class TooLarge(Error):
    """A value exceeds its limit of `limit` bytes."""

    uri = uris.ERROR_PREFIX + "too_large"

    def __init__(self, message: str | None = None, *, limit: int) -> None:
        self.limit = limit
        super().__init__(message or f"Larger than the limit of {limit} bytes", limit=limit)


class Draining(Error):
    """The executor is stopping and takes no more jobs."""

    uri = uris.ERROR_PREFIX + "draining"


class InvalidToken(Error):
    """The token is wrong, expired or used up."""

    uri = uris.ERROR_PREFIX + "invalid_token"


class Unavailable(Error):
    """The executor, or its journal, is not to be had just now; trying again later may help."""

    uri = uris.ERROR_PREFIX + "unavailable"


class Internal(Error):
    """Something failed on the server; `reference` finds the details in its log."""

    uri = uris.ERROR_PREFIX + "internal"

    def __init__(self, message: str | None = None, *, reference: str) -> None:
        self.reference = reference
        super().__init__(
            message or f"Something failed on the server; its log has it under {reference}",
            reference=reference,
        )


BY_URI: dict[str, type[Error]] = {
    error.uri: error
    for error in (
        UnknownTask,
        InvalidArguments,
        NotAuthorized,
        QueueFull,
        DuplicateJob,
        JobFailed,
        UnknownJob,
        UnknownUpload,
        UnknownArtifact,
        UnknownQuestion,
        RateLimited,
        TooLarge,
        Draining,
        InvalidToken,
        Unavailable,
        Internal,
    )
}


def from_wire(uri: str, message: str, data: Mapping[str, Any]) -> Error:
    """
    The error that arrived as *uri*, *message* and *data*.

    What does not fit the contract becomes a plain `Error` with the same sentence, so that
    a newer server never breaks an older client.
    """
    try:
        return BY_URI[uri](message, **data)
    except (KeyError, TypeError):
        return Error(message or uri, **data)
