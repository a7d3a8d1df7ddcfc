"""The site's own function that may refuse what its rules allow."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog

from ..protocol.errors import Error
from ..tasks import TaskError
from ..tasks.hooks import call
from .hooks import load_hook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ..settings import AccessSettings
    from ..tasks import Caller
    from .rules import Right

log = structlog.get_logger()

AT_ONCE = 16  # questions that are asked at the same time for one answer
SLACK = 1.0  # seconds that many questions may take together longer than one alone
QUIET = 10.0  # seconds after a failure within which others are only counted


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """What the site's own `authorize` is asked: may this `caller` do that?"""

    caller: Caller
    """Of what a backend does on behalf of a user, that user; `submitted_by` is the backend."""
    right: Right
    """Equal to its name, such as `"run"`."""
    task: str
    arguments: Mapping[str, Any] | None
    """Of the job, or of the one that shall be run, with masks for secrets; else None."""
    owner: str
    """Whose the job is, or would be."""
    job_id: str | None = None
    """None if there is no job yet."""


class Authorize:
    """
    The site's own function, which may refuse what the rules allow.

    Only True agrees. Anything else refuses, as does a function that fails or takes too long;
    why it did, the log says, and nobody else.
    """

    def __init__(self, function: Callable[[AccessRequest], Any], *, limit: float) -> None:
        """*limit* is how many seconds it may take; the caller waits for it."""
        self._function = function
        self._limit = limit
        self._quiet_until = 0.0
        self._untold = 0

    async def answers(self, requests: Sequence[AccessRequest]) -> list[bool]:
        """
        Whether the site agrees to each of *requests*.

        Together they may hardly take longer than one: what has no answer then is refused.
        """
        answers = [False] * len(requests)
        turns = asyncio.Semaphore(AT_ONCE)

        async def ask(number: int, request: AccessRequest) -> None:
            async with turns:
                answers[number] = await self._agrees(request)

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limit + SLACK), asyncio.TaskGroup() as group:
                for number, request in enumerate(requests):
                    group.create_task(ask(number, request))
        return answers

    async def _agrees(self, request: AccessRequest) -> bool:
        # What it does with the arguments must not change the job.
        request = replace(request, arguments=copy.deepcopy(request.arguments))
        try:
            answer = await call(self._function, request, what="authorize", limit=self._limit)
        except (Error, TaskError) as error:
            self._tell(
                "The site's authorize failed; what it was asked for is refused", request, error
            )
            return False
        if not isinstance(answer, bool):
            problem = "The site's authorize gave neither True nor False; that is a refusal"
            self._tell(problem, request, given=type(answer).__name__)
        return answer is True

    def _tell(
        self,
        problem: str,
        request: AccessRequest,
        error: Exception | None = None,
        **details: object,
    ) -> None:
        if time.monotonic() < self._quiet_until:
            self._untold += 1
            return
        log.error(
            problem,
            by=request.caller.authid,
            right=request.right.value,
            task=request.task,
            untold=self._untold,
            exc_info=error,
            **details,
        )
        self._quiet_until = time.monotonic() + QUIET
        self._untold = 0


def load_authorize(settings: AccessSettings, root: Path) -> Authorize | None:
    """
    The function that the *settings* of the node in the folder *root* name, if they do.

    Raises:
        SettingsError: It is not there.
    """
    if settings.authorize is None:
        return None
    function = load_hook(settings.authorize, root, setting="access.authorize")
    return Authorize(function, limit=settings.authorize_limit)
