"""Tasks as plain procedures: a call runs one, and its answer is the job's result."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

from ..access.rules import Right
from ..journal import RESULT, JournalError
from ..protocol import uris
from ..protocol.errors import Error, JobFailed, TooLarge
from ..protocol.jobs import EventType
from ..tasks import TaskError
from .offers import offer
from .requests import Request

if TYPE_CHECKING:
    from ..journal import Journal
    from ..protocol.jobs import Event, Job
    from ..tasks import Caller
    from ..wire import Call, Session
    from .callers import Callers
    from .executor import Executor
    from .followers import Followers
    from .rights import Rights
    from .shares import Shares


class Invocations:
    """
    Answers `taskrealm.run.<task>` for every task that there is at the moment of the call.

    The job is one like any other, with its events in its owner's stream. It is cancelled with
    its call: when the caller cancels that or leaves, or the call's own time is up.
    """

    def __init__(
        self,
        callers: Callers,
        rights: Rights,
        executor: Executor,
        journal: Journal,
        followers: Followers,
        shares: Shares,
    ) -> None:
        self._callers = callers
        self._rights = rights
        self._executor = executor
        self._journal = journal
        self._followers = followers
        self._shares = shares

    async def register(self, session: Session) -> None:
        """Offer all tasks in the realm that *session* has joined."""
        await offer(session, {uris.RUN_PREFIX: self.run}, match="prefix")

    async def run(self, call: Call, /, *args: Any, **kwargs: Any) -> Any:
        """Runs the task that is called; its events are the progressive results."""
        caller = self._callers.of(call)
        request = Request(call.procedure.removeprefix(uris.RUN_PREFIX), args, kwargs)
        submitting = asyncio.ensure_future(self._submit(request, caller, call.caller))
        try:
            # A call may be given up before its job is accepted: then that is cancelled still.
            job = await asyncio.shield(submitting)
            return await self._outcome(job, call)
        except asyncio.CancelledError:
            # An executor that stops gives up its calls too, but their jobs wait for the next.
            if call.interrupted.is_set():
                await self._give_up(submitting, caller)
            raise

    async def _submit(self, request: Request, caller: Caller, session: int) -> Job:
        # Nobody waits for a job id before the events: they may go out at once.
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        answered.set_result(None)
        [accepted] = await self._executor.submit(
            [request], caller, session=session, answered=answered, action="run"
        )
        return accepted.job

    async def _outcome(self, job: Job, call: Call) -> Any:
        async with contextlib.aclosing(self._followers.events(self._journal, job.job_id)) as events:
            async for event in events:
                if call.progress is not None:
                    await call.room()
                    call.progress(event.as_dict())
                if event.type.is_terminal:
                    await call.room()
                    return self._result(event)
        raise AssertionError("A job has a terminal event")

    def _result(self, end: Event) -> Any:
        """
        The result of a job that ended with the event *end*.

        Raises:
            JobFailed: It has none.
            TooLarge: It does not fit into an answer.
        """
        if end.type is not EventType.SUCCEEDED:
            raise JobFailed(
                _sentence(end), job_id=end.job_id, state=end.type.value, outcome=end.data
            )
        if "artifact" not in end.data:
            return end.data["result"]
        output, limit = self._journal.output, self._shares.page
        size = output.size(end.job_id, RESULT).printed
        if size > limit:
            raise TooLarge(
                f"The result of job {end.job_id} has {size} bytes, and an answer {limit} at most;"
                " taskrealm.output reads it in pieces",
                limit=limit,
            )
        return json.loads(output.read(end.job_id, RESULT, 0, size).data)

    async def _give_up(self, submitting: asyncio.Future[Job], caller: Caller) -> None:
        # Who has left cannot be told: whether it was refused, or its task may not be stopped.
        with contextlib.suppress(Error, TaskError, JournalError):
            job = await submitting
            await self._rights.require_job(caller, job.job_id, job, Right.CANCEL)
            reason = "its call was cancelled"
            await self._executor.cancel([job.job_id], caller, reason=reason, at_once=False)


def _sentence(end: Event) -> str:
    data = end.data
    match end.type:
        case EventType.CANCELLED:
            told = f"The job was cancelled by {data.get('by')}"
        case EventType.TIMED_OUT:
            told = f"The job ran longer than {data.get('timeout'):g} s"
        case EventType.EXPIRED:
            told = "The job waited too long"
        case EventType.LOST:
            told = "The job was lost"
        case _:
            return str(data.get("error") or "The job failed")
    reason = data.get("reason") if end.type is not EventType.TIMED_OUT else None
    return f"{told}: {reason}" if reason else told
