"""The jobs that have not ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..protocol.jobs import State, now
from .live import LiveJob
from .publisher import Recipient

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..journal import Journal
    from ..protocol.jobs import Job
    from ..tasks import Arguments, Task
    from .audience import Audience
    from .publisher import Publisher


class Unended(dict[str, LiveJob]):
    """The jobs that have not ended, by id, and those that are being accepted."""

    def __init__(self, journal: Journal, publisher: Publisher, audience: Audience) -> None:
        super().__init__()
        self._journal = journal
        self._publisher = publisher
        self._audience = audience
        self.on_child_progress: Callable[[Job], None] | None = None
        """Told of the child of a batch whenever it has come further."""

    def hold(self, job: Job, task: Task, arguments: Arguments) -> LiveJob:
        """Count a job among those that have not ended; one that runs again is held anew."""
        if job.session is not None:
            recipient = Recipient(job.submitted_by, job.session, job.client)
            self._publisher.address(job.job_id, recipient)
        live = LiveJob(
            job,
            task,
            arguments,
            self._journal,
            self._publisher,
            self._audience,
            on_progress=None if job.parent is None else self.on_child_progress,
        )
        self[job.job_id] = live
        return live

    def forget(self, job_id: str) -> None:
        """There will be no such job after all."""
        del self[job_id]
        self._publisher.forget(job_id)

    def job(self, job_id: str) -> Job | None:
        """The job as it is this moment, if it has not ended."""
        live = self.get(job_id)
        return None if live is None else live.job

    def files(self) -> set[str]:
        """The ids of the uploads that these jobs need."""
        return {file for live in self.values() for file in live.arguments.files}

    def oldest(self) -> float | None:
        """For how many seconds the job has waited that waits the longest; None if none waits."""
        waiting = [
            (job.not_before or job.submitted_at).timestamp()
            for live in self.values()
            if (job := live.job).state is State.QUEUED
        ]
        return max(0.0, now().timestamp() - min(waiting)) if waiting else None
