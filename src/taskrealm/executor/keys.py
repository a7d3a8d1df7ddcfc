"""Idempotency keys: repeating a request makes no second job."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..protocol.errors import DuplicateJob

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ..protocol.jobs import Job
    from ..tasks import Task
    from .requests import Request


class Keys:
    """
    The keys of requests that are being accepted.

    Whoever wants to look for a key in the journal claims it first, and releases it when the
    job is recorded: of two equal requests at the same time, the second finds the job of the
    first.
    """

    def __init__(self) -> None:
        self._claims: dict[tuple[str, str], asyncio.Future[None]] = {}

    async def claim(self, owner: str, keys: Collection[str]) -> Callable[[], None]:
        """Wait until nobody else holds any of *keys* of *owner*, and take them all."""
        wanted = [(owner, key) for key in keys]
        # Taken together or not at all, so that two callers never wait for each other.
        while held := [self._claims[each] for each in wanted if each in self._claims]:
            await asyncio.wait(held)
        claim = asyncio.get_running_loop().create_future()
        self._claims.update(dict.fromkeys(wanted, claim))

        def release() -> None:
            for each in wanted:
                del self._claims[each]
            claim.set_result(None)

        return release


def require_same(request: Request, job: Job) -> None:
    """
    Make sure that *request* asks for what *job*, submitted with the same key, was made of.

    Raises:
        DuplicateJob: It asks for something else.
    """
    if request.fingerprint() != job.fingerprint:
        raise DuplicateJob(
            f"The key {request.key!r} was used for job {job.job_id}, which is of another task or "
            "has other arguments: take a new key for a new job",
            job_id=job.job_id,
        )


def require_first(task: Task | None, job: Job) -> None:
    """
    Make sure that *task* lets the request be repeated which *job* was made of.

    Raises:
        DuplicateJob: It does not.
    """
    if task is not None and task.duplicates == "refuse":
        raise DuplicateJob(
            f"The key {job.key!r} was used for job {job.job_id}, and {task.name} takes no request"
            " twice: take a new key for a new job",
            job_id=job.job_id,
        )
