"""What becomes of requests before there are jobs: they are checked, and made into jobs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from ..protocol.errors import InvalidArguments, TooLarge, UnknownTask
from ..protocol.jobs import Delivery, Job, State, new_job_id, now
from .audience import OVERSEERS
from .entries import waiting_since
from .inputs import files_named
from .requests import Prepared
from .shares import size_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..journal import Journal, Uploads
    from ..tasks import Caller, Registry, Task
    from .audience import Audience
    from .requests import Request
    from .vault import Vault


class Preparation:
    """Checks requests against the tasks that there are, and makes jobs of those that pass."""

    def __init__(
        self,
        registry: Registry,
        journal: Journal,
        audience: Audience,
        *,
        job_of: Callable[[str], Job | None],
        uploads: Uploads,
        vault: Vault,
        timeout: float,
        arguments_limit: int,
    ) -> None:
        """
        *job_of* finds a job that has not ended. *timeout* is how many seconds a job may run
        unless its task says otherwise, and *arguments_limit* how many bytes of JSON its
        arguments may be. *uploads* are the files that arguments may name.
        """
        self.registry = registry
        self._journal = journal
        self._audience = audience
        self._job_of = job_of
        self._uploads = uploads
        self._vault = vault
        self._timeout = timeout
        self._arguments_limit = arguments_limit

    def task(self, name: str, caller: Caller) -> Task:
        """
        The task called *name*.

        Raises:
            UnknownTask: There is none, or none that *caller* may run.
        """
        task = self.registry.get(name)
        if task is None or caller.role not in task.roles:
            raise UnknownTask(f"There is no task {name!r} that you may run")
        return task

    def with_secrets_named(self, request: Request) -> Request:
        """*request*, which says then what in it is secret."""
        task = self.registry.get(request.task)
        if task is None or not task.secrets:
            return request
        return replace(request, secrets=task.secret_places)

    async def prepare(self, request: Request, caller: Caller) -> Prepared:
        """
        What *caller* asks for, once its task agrees.

        Raises:
            UnknownTask: No such task, or none that the caller's role may run.
            InvalidArguments: Arguments or options that the task refuses.
            TooLarge: An argument, or all of them together, exceed what a program can take.
            TaskError: The task's own code failed.
            JournalError: The journal cannot be read.
        """
        for job_id in request.after:
            if not job_id.startswith("#"):
                await self._require_visible(job_id, caller)
        task = self.task(request.task, caller)
        limit = self._timeout if task.timeout is None else task.timeout
        if request.timeout is not None and request.timeout > limit:
            raise InvalidArguments(fields={"timeout": f"must not exceed the task's {limit:g} s"})
        retries = task.retries if request.retries is None else request.retries
        if retries > task.retries:
            raise InvalidArguments(fields={"retries": f"must not exceed the task's {task.retries}"})
        expires = task.expires if request.expires is None else request.expires
        if expires is not None and task.expires is not None and expires > task.expires:
            reason = f"must not exceed the task's {task.expires:g} s"
            raise InvalidArguments(fields={"expires": reason})
        files = await files_named(self._uploads, caller.authid, request.args, request.kwargs)
        arguments = await task.prepare(task.bind(request.args, request.kwargs, files), caller)
        size = size_of(arguments.values)
        if size > self._arguments_limit:
            raise TooLarge(
                f"These arguments are {size} bytes as JSON; the most is {self._arguments_limit}",
                limit=self._arguments_limit,
            )
        return Prepared(task, arguments, request.timeout or limit, retries, expires)

    def new_job(
        self,
        request: Request,
        ready: Prepared,
        caller: Caller,
        session: int | None,
        granted: int = 0,
    ) -> Job:
        """
        A job made of *request*, which nobody knows yet.

        *session* is that of the caller, and *granted* what the caller's role adds to the
        priority.
        """
        is_apart = session is not None and request.deliver is Delivery.SESSION
        submitted_at = now()
        not_before = request.not_before
        if request.delay is not None:
            not_before = submitted_at + timedelta(seconds=request.delay)
        is_delayed = not_before is not None and not_before > submitted_at
        state = State.DELAYED if is_delayed or request.after else State.QUEUED
        job_id = new_job_id()
        job = Job(
            job_id=job_id,
            task=ready.task.name,
            owner=caller.authid,
            submitted_by=caller.submitted_by,
            role=caller.role,
            arguments=ready.arguments.values,
            submitted_at=submitted_at,
            state=state,
            priority=request.priority + granted,
            granted=granted,
            timeout=ready.timeout,
            tags=request.tags,
            deliver=request.deliver,
            session=session if is_apart else None,
            client=self._audience.client_of(session) if session and is_apart else None,
            retries=ready.retries,
            key=request.key,
            fingerprint=None if request.key is None else request.fingerprint(),
            delay=request.delay,
            not_before=not_before if is_delayed else None,
            expires=ready.expires,
            schedule=request.schedule,
            after=request.after,
            sealed=self._vault.seal(job_id, ready.arguments.secrets),
        )
        return waiting_since(job, submitted_at) if state is State.QUEUED else job

    async def _require_visible(self, job_id: str, caller: Caller) -> None:
        job = self._job_of(job_id) or await self._journal.job(job_id)
        if job is None or (caller.role not in OVERSEERS and job.owner != caller.authid):
            raise InvalidArguments(fields={"after": f"there is no job {job_id!r} that you may see"})
