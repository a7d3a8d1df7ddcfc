"""Stops jobs on request: those that wait all together, those that run each in its way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from ..journal import JournalError
from ..protocol.errors import Error, NotAuthorized, Unavailable, UnknownJob
from ..protocol.jobs import EventType, State
from ..tasks import TaskError
from .attempt import Ending
from .course import TOGETHER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..journal import Journal
    from ..tasks import Caller
    from .audit import Audit
    from .course import Course
    from .ends import Ends
    from .live import LiveJob
    from .unended import Unended

log = structlog.get_logger()

REMOVED = "removed_from_queue"

Answer = str | Error
"""What came of the wish to stop a job, or why nothing did."""


class Cancellation:
    """Stops jobs, however many, as a caller wishes; whether it may wish so is decided before."""

    def __init__(self, unended: Unended, course: Course, journal: Journal, audit: Audit) -> None:
        self._unended = unended
        self._course = course
        self._journal = journal
        self._audit = audit

    async def cancel(
        self, job_ids: Sequence[str], caller: Caller, *, reason: str | None, at_once: bool
    ) -> dict[str, Answer]:
        """Stop each job for *caller*; gives by its id what `Executor.cancel` promises."""
        answers: dict[str, Answer] = {}
        ends: list[Ends] = []
        stops: dict[str, asyncio.Task[Answer]] = {}
        for part in self._parts(job_ids):
            if not (at_once and caller.role == "operator"):
                answers |= await self._refusals(part, caller)
            # Nothing else happens from here on until all that wait have been withdrawn.
            found = [
                live
                for job_id in part
                if job_id not in answers
                and (live := self._unended.get(job_id)) is not None
                and not live.is_ending
            ]
            if found:
                _log_wish(found, caller, reason, at_once=at_once)
                removed, stopped = self._begin(found, caller, reason, at_once=at_once)
                ends += removed
                stops |= stopped
            await asyncio.sleep(0)
        for some in ends:
            hindrance = await some.hindrance()
            answer = REMOVED if hindrance is None else _forgettable(hindrance)
            answers |= dict.fromkeys((live.job.job_id for live in some.jobs), answer)
        if stops:
            # What has been begun is finished even if the caller leaves meanwhile.
            await asyncio.wait(stops.values())
            answers |= {job_id: stop.result() for job_id, stop in stops.items()}
        answers |= await self._ended([job_id for job_id in job_ids if job_id not in answers])
        return {job_id: answers[job_id] for job_id in job_ids}

    def _parts(self, job_ids: Sequence[str]) -> Iterator[Sequence[str]]:
        """Some of the jobs after the others: who runs last, for none to start that waits."""

        def runs(job_id: str) -> bool:
            live = self._unended.get(job_id)
            return live is not None and live.job.state in (State.RUNNING, State.STOPPING)

        ordered = sorted(job_ids, key=runs)
        for start in range(0, len(ordered), TOGETHER):
            yield ordered[start : start + TOGETHER]

    async def _refusals(self, job_ids: Sequence[str], caller: Caller) -> dict[str, NotAuthorized]:
        """Why tasks refuse that *caller* cancels these jobs of theirs."""
        refusals = {}
        for job_id in job_ids:
            live = self._unended.get(job_id)
            if live is not None and not live.is_ending:
                refusal = await _refusal_of_task(live, caller)
                if refusal is not None:
                    refusals[job_id] = refusal
        return refusals

    def _begin(
        self, jobs: Sequence[LiveJob], caller: Caller, reason: str | None, *, at_once: bool
    ) -> tuple[list[Ends], dict[str, asyncio.Task[Answer]]]:
        """Withdraw those of *jobs* that wait, and ask the others to stop."""
        data = {"by": caller.authid, "reason": reason, "duration": None}
        records = self._audit.records(
            caller, "cancel", [live.job for live in jobs], reason=reason, now=at_once
        )
        withdrawn = self._course.withdraw(jobs)
        ends = []
        stops = {}
        for live, asked in zip(jobs, records, strict=True):
            ending = Ending(EventType.CANCELLED, data, audit=asked)
            if live.job.job_id in withdrawn:
                ends.append((live, ending))
            else:
                grace = 0.0 if at_once or live.is_stopping else live.task.grace
                stops[live.job.job_id] = self._course.activities.begin(
                    self._stop(live, ending, grace)
                )
        return self._course.end(ends), stops

    async def _stop(self, live: LiveJob, ending: Ending, grace: float) -> Answer:
        hindrance = await live.stop(ending, grace)
        if not live.stops_as(ending) and ending.audit is not None:
            await self._audit.add(ending.audit)
        if hindrance is not None:
            return _forgettable(hindrance)
        # Its program may have ended just before.
        return "stopping" if live.is_stopping else await _end_of(live)

    async def _ended(self, job_ids: Sequence[str]) -> dict[str, Answer]:
        """How jobs have ended that need not be stopped any more."""
        answers = {
            job_id: await _end_of(live)
            for job_id in job_ids
            if (live := self._unended.get(job_id)) is not None
        }
        others = [job_id for job_id in job_ids if job_id not in answers]
        try:
            jobs = await self._journal.jobs_by_id(others)
        except JournalError as error:
            return answers | dict.fromkeys(others, Unavailable(error.sentence))
        for job_id in others:
            if job_id in jobs:
                answers[job_id] = f"already_{jobs[job_id].state}"
            else:
                answers[job_id] = UnknownJob(f"There is no job {job_id!r}")
        return answers


async def _end_of(live: LiveJob) -> Answer:
    try:
        return f"already_{await live.ended()}"
    except JournalError as error:
        return Unavailable(error.sentence)


def _forgettable(hindrance: JournalError) -> Unavailable:
    return Unavailable(
        "The job is stopped, but a crash would make that forgotten. " + hindrance.sentence
    )


def _log_wish(
    jobs: Sequence[LiveJob], caller: Caller, reason: str | None, *, at_once: bool
) -> None:
    """Tell the log of one job which it is, and of many how many; the journal has each."""
    wish = {"by": caller.authid, "role": caller.role, "reason": reason, "now": at_once}
    if len(jobs) > 1:
        log.info("Cancels accepted", count=len(jobs), **wish)
        return
    job = jobs[0].job
    log.info("Cancel accepted", job_id=job.job_id, task=job.task, owner=job.owner, **wish)


async def _refusal_of_task(live: LiveJob, caller: Caller) -> NotAuthorized | None:
    """Why the task of a job refuses that *caller* cancels it, or what is said if it fails to answer."""
    try:
        await live.task.ask_to_cancel(live.arguments, caller)
    except NotAuthorized as refusal:
        return refusal
    except (Error, TaskError):
        log.exception(
            "A task failed to say whether a job may be cancelled; it goes on",
            job_id=live.job.job_id,
            task=live.task.name,
            by=caller.authid,
        )
        return NotAuthorized(
            "The task failed to say whether you may cancel this job; an operator may, with `now`"
        )
    return None
