"""The jobs that callers may see, and what they may do with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..access.rules import Right
from .arguments import expect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..journal import Journal
    from ..protocol.errors import NotAuthorized, UnknownJob
    from ..protocol.jobs import Job
    from .audit import Audit
    from .callers import SessionCaller
    from .executor import Executor
    from .rights import Rights


class JobAccess:
    """Finds the job that a caller names, if it has the right to what it wants with that."""

    def __init__(self, rights: Rights, executor: Executor, journal: Journal, audit: Audit) -> None:
        self._rights = rights
        self._executor = executor
        self._journal = journal
        self._audit = audit

    async def job(self, caller: SessionCaller, job_id: Any, right: Right) -> Job:
        """
        The job with which *caller* may do this; that it looks at a foreign one is recorded.

        Raises:
            InvalidArguments: *job_id* is not text.
            UnknownJob: There is none that the caller may see.
            NotAuthorized: The caller may not do this.
        """
        expect("job_id", job_id, str, "text")
        job = self._executor.live(job_id) or await self._journal.job(job_id)
        known = await self._rights.require_job(caller, job_id, job, right)
        if right is not Right.CANCEL and known.submitted_by != caller.authid:
            self._audit.looked(caller, known.owner, known.job_id)
        return known

    async def jobs(
        self, caller: SessionCaller, job_ids: Sequence[str], right: Right
    ) -> dict[str, Job | UnknownJob | NotAuthorized]:
        """
        Each of many jobs by its id, or the error that `job` would raise for it.

        That foreign ones are looked at is not recorded, but what is done with them.
        """
        live = {job_id: self._executor.live(job_id) for job_id in job_ids}
        others = await self._journal.jobs_by_id([each for each in job_ids if live[each] is None])
        found = {job_id: job or others.get(job_id) for job_id, job in live.items()}
        return await self._rights.judged(caller, found, right)
