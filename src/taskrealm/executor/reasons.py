"""Why a job waits, in words for people and in a code for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..protocol.jobs import Intake, Job, now, timestamp

if TYPE_CHECKING:
    from ..engine import Claim, Reason

CLOSED = {
    Intake.PAUSED: "The queue is paused: no jobs are started",
    Intake.DRAINING: "The node is about to stop: no jobs are started",
}


def for_delay(job: Job) -> dict[str, Any]:
    """Why a job waits whose time has not come."""
    if job.retry_at is not None:
        return _told("retry", f"It runs again at {timestamp(job.retry_at)}")
    if job.not_before is not None and job.not_before > now():
        return _told("time", f"Its time comes at {timestamp(job.not_before)}")
    if job.parent is not None and not job.after:
        return _told("batch", "Its batch has not come to it yet")
    return _told("after", f"These jobs have to succeed first: {', '.join(job.after)}")


def for_intake(intake: Intake) -> dict[str, Any] | None:
    """Why all jobs wait; None if the node starts jobs."""
    text = CLOSED.get(intake)
    return None if text is None else _told(intake.value, text)


def for_claim(reason: Reason, claim: Claim) -> dict[str, Any]:
    """Why a job waits that may start as far as time and node are concerned."""
    return {
        **_told(reason.cap, _sentence(reason, claim)),
        "used": reason.used,
        "limit": reason.limit,
        "needed": reason.needed,
    }


def _told(code: str, text: str) -> dict[str, Any]:
    return {"code": code, "text": text}


def _sentence(reason: Reason, claim: Claim) -> str:
    used, limit = reason.used, reason.limit
    needs = f"; it needs {reason.needed}" if reason.needed > 1 else ""
    match reason.cap:
        case "task":
            return f"{used} of the {limit} jobs run that may run of this task at once"
        case "task_user":
            return f"{used} of the {limit} jobs run that one user may run of this task at once"
        case "group":
            return f"{used} of the {limit} slots of the group {claim.group} are in use{needs}"
        case "user":
            return f"{used} of the {limit} slots that one user may have are in use{needs}"
        case "slots":
            return f"{used} of {limit} slots are in use{needs}"
        case "turn":
            return "Other jobs come first, for which free slots are kept"
