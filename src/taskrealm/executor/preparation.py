"""What becomes of requests before there are jobs: they are checked, and made into jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ..access.rules import Right
from ..protocol.errors import InvalidArguments, TooLarge
from ..protocol.jobs import Delivery, Job, State, new_job_id
from .entries import waiting_since
from .inputs import files_named
from .requests import Prepared
from .shares import size_at_most, size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ..journal import Journal, Uploads
    from ..tasks import Arguments, Caller, Registry, Task, UploadedFile
    from .audience import Audience
    from .requests import Request
    from .rights import Rights
    from .vault import Vault


class Preparation:
    """Checks requests against tasks and rights, and makes jobs of those that pass."""

    def __init__(
        self,
        registry: Registry,
        journal: Journal,
        audience: Audience,
        rights: Rights,
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
        self._rights = rights
        self._job_of = job_of
        self._uploads = uploads
        self._vault = vault
        self._timeout = timeout
        self._arguments_limit = arguments_limit

    async def task(self, name: str, caller: Caller, right: Right) -> Task:
        """
        The task called *name*, to which *caller* has the *right*.

        Raises:
            UnknownTask: There is none that the caller may see or run.
            NotAuthorized: It has no such right.
        """
        return await self._rights.require_task(caller, name, self.registry.get(name), right)

    async def prepare(self, request: Request, caller: Caller) -> Prepared:
        """
        What *caller* asks for, once it has the right to it and its task agrees.

        Raises:
            UnknownTask: No such task that the caller may see or run.
            NotAuthorized: It may not run the task, or not with these arguments.
            InvalidArguments: Arguments or options that the task refuses.
            TooLarge: An argument, or all of them together, exceed what a program can take.
            TaskError: The task's own code failed.
            JournalError: The journal cannot be read.
        """
        task = self._rights.require_right(
            caller, request.task, self.registry.get(request.task), Right.RUN
        )
        for job_id in request.after:
            if not job_id.startswith("#"):
                await self._require_visible(job_id, caller)
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
        given = task.bind(request.args, request.kwargs, files)
        # Before code of the task runs, and again if that has changed what it was given.
        await self._rights.require_arguments(caller, task, given.values)
        arguments = await task.prepare(given, caller)
        if arguments is not given and arguments.values != given.values:
            await self._rights.require_run(caller, task, arguments.values)
        self._require_size(arguments)
        return Prepared(task, arguments, request.timeout or limit, retries, expires)

    def new_job(
        self,
        request: Request,
        ready: Prepared,
        caller: Caller,
        session: int | None,
        moment: datetime,
        granted: int = 0,
    ) -> Job:
        """
        A job made of *request*, which nobody knows yet.

        *session* is that of the caller, *moment* when it called, and *granted* what its role
        adds to the priority.
        """
        is_apart = session is not None and request.deliver is Delivery.SESSION
        not_before = request.not_before
        if request.delay is not None:
            not_before = moment + timedelta(seconds=request.delay)
        is_delayed = not_before is not None and not_before > moment
        state = State.DELAYED if is_delayed or request.after else State.QUEUED
        job_id = new_job_id()
        job = Job(
            job_id=job_id,
            task=ready.task.name,
            owner=caller.authid,
            submitted_by=caller.submitted_by,
            role=caller.role,
            teams=caller.teams,
            arguments=ready.arguments.values,
            submitted_at=moment,
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
            traceparent=request.traceparent,
            after=request.after,
            sealed=self._vault.seal(job_id, ready.arguments.secrets),
        )
        return waiting_since(job, moment) if state is State.QUEUED else job

    async def files_of(self, job: Job) -> dict[str, UploadedFile]:
        """
        The uploads that a recorded job names, by id.

        Raises:
            JournalError: They cannot be looked up.
        """
        return await files_named(self._uploads, job.owner, job.arguments)

    def restore(self, job: Job, task: Task, files: Mapping[str, UploadedFile]) -> Arguments:
        """
        The arguments of a recorded job, which names the uploads *files*.

        Raises:
            SecretsLost: Some of them cannot be read any more.
            InvalidArguments: Its *task* takes them no longer.
        """
        secrets = self._vault.open(job.job_id, job.sealed)
        return task.restore(job.arguments, secrets, files)

    def _require_size(self, arguments: Arguments) -> None:
        limit = self._arguments_limit
        if size_at_most(arguments.values) > limit and (size := size_of(arguments.values)) > limit:
            raise TooLarge(
                f"These arguments are {size} bytes as JSON; the most is {limit}", limit=limit
            )

    async def _require_visible(self, job_id: str, caller: Caller) -> None:
        job = self._job_of(job_id) or await self._journal.job(job_id)
        if job is None or not await self._rights.seen(caller, [job]):
            raise InvalidArguments(fields={"after": f"there is no job {job_id!r} that you may see"})
