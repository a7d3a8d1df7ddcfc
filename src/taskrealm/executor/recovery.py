"""What becomes of the jobs that an earlier run of the executor left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ..protocol.errors import InvalidArguments
from ..protocol.jobs import State, now
from .attempt import failure
from .entries import LOST, decided_end_of, end_of, expired, orphaned, retry_of, setback_of
from .vault import SecretsLost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..journal import Entry, Journal
    from ..protocol.jobs import Job
    from ..tasks import UploadedFile
    from .course import Course
    from .preparation import Preparation
    from .unended import Unended

log = structlog.get_logger()


class Recovery:
    """
    Takes up the jobs that had not ended when the executor before this one did.

    Its processes must be gone. Jobs that waited wait again. Jobs that ran end as had
    been decided before, or run again if their task allows it, or have become `lost`.
    """

    def __init__(
        self,
        journal: Journal,
        preparation: Preparation,
        unended: Unended,
        course: Course,
    ) -> None:
        self._journal = journal
        self._preparation = preparation
        self._unended = unended
        self._course = course

    async def run(self) -> None:
        """
        Let all go on that can; the ends of the others are durable when this returns.

        Raises:
            JournalError: The journal cannot be read or written.
        """
        entries: list[Entry] = []
        for job in await self._journal.unfinished():
            entry = self._resume(job, await self._preparation.files_of(job))
            if entry is not None:
                entries.append(entry)
        if entries:
            # The end of a batch comes after those of its children, which were submitted later.
            entries.reverse()
            await self._journal.write(entries)
            log.warning("Jobs did not survive the executor that ran them", count=len(entries))
        for live in tuple(self._unended.values()):
            if live.job.state is State.RUNNING:
                self._course.run(live)
            else:
                self._course.successors.look(live.job.job_id)
        self._course.start()

    def _resume(self, job: Job, files: Mapping[str, UploadedFile]) -> Entry | None:
        """Take up one job; gives the entry that this needs, if any."""
        has_run = job.state in (State.RUNNING, State.STOPPING)
        if job.parent is not None and job.parent not in self._unended:
            return end_of(job, (has_run and decided_end_of(job)) or orphaned(job, has_run=has_run))
        task = self._preparation.registry.get(job.task)
        ending = (decided_end_of(job) or LOST) if has_run and not _goes_on(job) else None
        setback = None
        if ending is not None and (
            task is None or (setback := setback_of(job, ending, task.retry)) is None
        ):
            return end_of(job, ending)
        if task is None:
            return end_of(job, failure(f"The task {job.task!r} is not defined any more"))
        if job.state is State.QUEUED and job.expires_at is not None and job.expires_at <= now():
            return end_of(job, expired(job))
        try:
            arguments = self._preparation.restore(job, task, files)
        except SecretsLost as error:
            return end_of(job, ending or failure(str(error)))
        except InvalidArguments as error:
            reason = f"The task has changed and refuses the arguments: {error}"
            return end_of(job, ending or failure(reason))
        entry = None if setback is None else retry_of(job, setback, task.retry)
        if entry is not None:
            job = entry.job
        self._unended.hold(job, task, arguments)
        self._put_in_place(job)
        return entry

    def _put_in_place(self, job: Job) -> None:
        """Let a job wait where it waited before, or for its next attempt."""
        batches = self._course.batches
        is_new = job.state is State.DELAYED and job.attempt == 0
        if job.parent is not None:
            batches.count(job)
        if _goes_on(job):
            batches.go_without_slot(job.job_id)
        elif job.parent is not None and is_new:
            batches.keep_back(job)
        else:
            if is_new:
                self._course.successors.add(job)
            self._course.waiting.restore(job)


def _goes_on(job: Job) -> bool:
    """Whether a job is a batch whose run has not ended with the executor."""
    return job.state is State.RUNNING and job.step == "children"
