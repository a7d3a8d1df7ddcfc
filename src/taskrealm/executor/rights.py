"""Whether a caller may do something with a task or a job; nothing else decides that."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..access.authorize import AccessRequest
from ..access.rules import Right
from ..protocol.errors import Error, NotAuthorized, UnknownJob, UnknownTask
from ..protocol.scope import WHOLE, Scope
from ..tasks import Caller
from .callers import SessionCaller

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..access.authorize import Authorize
    from ..access.rules import Rules
    from ..protocol.jobs import Job
    from ..tasks import Task

LOOKS = "This session may only look"
DONE = {Right.OUTPUT: "read the output of", Right.CANCEL: "cancel or answer"}
"""What one does to a job by a right, as a verb."""
NO_RIGHTS: frozenset[Right] = frozenset()
REMEMBERED = 1_000  # callers and tasks, to which rights those have


class Rights:
    """
    Decides by what a session is limited to, by the rules, and by the site's own function.

    All three have to agree. A task that a caller may neither see nor run, and a job that is
    none of its business, are unknown to it. Operators see and steer all jobs, which neither
    rules nor function can forbid; to run tasks they need the right to like everybody.
    """

    def __init__(self, rules: Rules, authorize: Authorize | None = None) -> None:
        self._rules = rules
        self._authorize = authorize
        # Each request asks several times, and most ask for the same as the one before.
        self._by_rules = lru_cache(REMEMBERED)(self._allowed)

    def replace(self, rules: Rules, authorize: Authorize | None) -> None:
        """Go by other rules from now on."""
        self._rules = rules
        self._authorize = authorize
        self._by_rules.cache_clear()

    @property
    def asks(self) -> bool:
        """Whether the site's own function is asked too."""
        return self._authorize is not None

    def reasons(self, caller: Caller, task: Task) -> dict[str, dict[str, Any]]:
        """
        Each right of *caller* to *task* and jobs of it, as far as rules and task say: `{rules, because}`.

        `rules` are the numbers of the rules that give it; `because` is what gives it without one.
        """
        return {
            right.value: {
                "rules": self._rules.reasons(right, caller, task.name),
                "because": "operators may see and steer all jobs"
                if caller.role == "operator" and right is not Right.RUN
                else None,
            }
            for right in Right
            if right in self._of_task(caller, task)
        }

    async def catalogue(
        self, caller: Caller, tasks: Iterable[Task]
    ) -> list[tuple[Task, list[Right]]]:
        """Those of *tasks* that *caller* may see, each with the rights that it has to it."""
        rights = {task: self._of_task(caller, task) for task in tasks}
        known = [task for task, some in rights.items() if Right.SEE in some]
        agreed = await self._all_agreed(
            [_about_task(caller, Right.SEE, task.name) for task in known]
        )
        return [
            (task, [right for right in Right if right in rights[task]])
            for task, is_agreed in zip(known, agreed, strict=True)
            if is_agreed
        ]

    def require_right(self, caller: Caller, name: str, task: Task | None, right: Right) -> Task:
        """
        The *task* called *name*, to which *caller* has the *right* as far as the rules say.

        Raises:
            UnknownTask: There is none that the caller may see or run.
            NotAuthorized: It has no such right.
        """
        rights = NO_RIGHTS if task is None else self._of_task(caller, task)
        if task is None or rights.isdisjoint((Right.SEE, Right.RUN)):
            raise UnknownTask(f"There is no task {name!r} that you may run")
        if right not in rights:
            raise NotAuthorized(f"You may not {right} {name}")
        return task

    async def require_task(
        self, caller: Caller, name: str, task: Task | None, right: Right
    ) -> Task:
        """
        The *task* called *name*, to which the session of *caller* has the *right*.

        Raises:
            UnknownTask: There is none that the caller may see or run.
            NotAuthorized: It has no such right.
        """
        if self.asks:
            is_seen = task is not None and Right.SEE in self._of_task(caller, task)
            if is_seen and not await self._agreed(_about_task(caller, Right.SEE, name)):
                raise UnknownTask(f"There is no task {name!r} that you may run")
        known = self.require_right(caller, name, task, right)
        if right is Right.RUN and _scope(caller).read_only:
            raise NotAuthorized(LOOKS)
        return known

    async def require_run(self, caller: Caller, task: Task, arguments: Mapping[str, Any]) -> None:
        """
        Make sure that *caller* may run *task* with *arguments*.

        Raises:
            UnknownTask: It knows no such task.
            NotAuthorized: It may not; `fields` names the arguments if they are at fault.
        """
        self.require_right(caller, task.name, task, Right.RUN)
        await self.require_arguments(caller, task, arguments)

    async def require_arguments(
        self, caller: Caller, task: Task, arguments: Mapping[str, Any]
    ) -> None:
        """
        Make sure that *caller*, who has the right to run *task*, may do so with *arguments*.

        Raises:
            NotAuthorized: It may not; `fields` names the arguments if they are at fault.
        """
        if not self._rules.allows(Right.RUN, caller, task.name, arguments):
            names = self._rules.forbidden(caller, task.name, arguments)
            raise NotAuthorized(
                f"You may not run {task.name} with this value of {', '.join(names)}",
                fields=dict.fromkeys(names, "has a value with which you may not run this task"),
            )
        if self.asks and not await self._agreed(
            _about_task(caller, Right.RUN, task.name, arguments)
        ):
            raise NotAuthorized(f"You may not run {task.name} like this")

    async def refusal(self, caller: Caller, task: Task, arguments: Mapping[str, Any]) -> str | None:
        """Why *caller* may not run *task* with *arguments*; None if it may."""
        try:
            await self.require_run(caller, task, arguments)
        except (UnknownTask, NotAuthorized) as error:
            return str(error)
        return None

    async def require_job(self, caller: Caller, job_id: str, job: Job | None, right: Right) -> Job:
        """
        The *job* with the id *job_id*, with which *caller* may do this.

        Raises:
            UnknownJob: There is none that is any business of the caller.
            NotAuthorized: It may not do this.
        """
        [answer] = (await self.judged(caller, {job_id: job}, right)).values()
        if isinstance(answer, Error):
            raise answer
        return answer

    async def judged(
        self, caller: Caller, jobs: Mapping[str, Job | None], right: Right
    ) -> dict[str, Job | UnknownJob | NotAuthorized]:
        """
        Each of *jobs*, by its id, with which *caller* may do this; of others, why it may not.

        They are the errors that `require_job` raises.
        """
        seen = await self.seen(caller, [job for job in jobs.values() if job is not None])
        known = {job.job_id for job in seen}
        looks = right is Right.CANCEL and _scope(caller).read_only
        if looks:
            allowed = []
        else:
            allowed = seen if right is Right.SEE else await self._having(caller, seen, right)
        granted = {job.job_id for job in allowed}
        answers: dict[str, Job | UnknownJob | NotAuthorized] = {}
        for job_id, job in jobs.items():
            if job is None or job_id not in known:
                answers[job_id] = UnknownJob(f"There is no job {job_id!r} that you may see")
            elif job_id in granted:
                answers[job_id] = job
            else:
                forbidden = f"You may not {DONE[right]} this job of {job.task}"
                answers[job_id] = NotAuthorized(LOOKS if looks else forbidden)
        return answers

    async def seen(self, caller: Caller, jobs: Iterable[Job]) -> list[Job]:
        """
        Those of *jobs* that are any business of *caller*.

        A job always is that of its owner, and of the backend that has submitted it.
        """
        known = [job for job in jobs if self._knows(caller, job)]
        others = [job for job in known if not _is_of(caller, job)]
        agreed = await self._all_agreed([_about_job(caller, Right.SEE, job) for job in others])
        refused = {
            job.job_id for job, is_agreed in zip(others, agreed, strict=True) if not is_agreed
        }
        return [job for job in known if job.job_id not in refused]

    def may_act_for(
        self, caller: Caller, user: str, teams: tuple[str, ...], right: Right, task: str | None
    ) -> bool:
        """
        Whether *caller* has the *right* to *task* for *user*, said to be in *teams*.

        Without a task it has to be every task.
        """
        if caller.role == "operator":
            return True
        return caller.role == "backend" and self._rules.delegates(
            right, caller.authid, user, task, teams
        )

    async def readable(self, caller: Caller, jobs: Iterable[Job]) -> list[Job]:
        """Those of *jobs*, the business of *caller*, whose output it may read."""
        return await self._having(caller, jobs, Right.OUTPUT)

    async def shows_output(self, owner: Caller, job: Job) -> bool:
        """Whether the *owner* of *job* may read what it prints; as `readable`, but for a single job."""
        if not self._allows(owner, job, Right.OUTPUT):
            return False
        if owner.role == "operator" or not self.asks:
            return True
        return await self._agreed(_about_job(owner, Right.OUTPUT, job))

    def require_stream(self, caller: Caller, owner: str) -> None:
        """
        Make sure that *caller* may have every event of every job of *owner*.

        Raises:
            NotAuthorized: It may not.
        """
        if _scope(caller).is_narrow:
            raise NotAuthorized("This session sees some jobs only: ask for the events of one")
        if caller.role == "operator" or owner == caller.authid:
            return
        if caller.role != "backend":
            raise NotAuthorized("You may ask for your own jobs only")
        if not (
            self._rules.delegates(Right.SEE, caller.authid, owner, None)
            and self._rules.allows(Right.SEE, caller, None)
        ):
            raise NotAuthorized("You may not see all jobs of this user: ask for the events of one")

    def require_upload(self, caller: Caller, tasks: Iterable[Task]) -> None:
        """
        Make sure that *caller* may send files: it may run something that could need them.

        Raises:
            NotAuthorized: It may not.
        """
        if _scope(caller).read_only:
            raise NotAuthorized(LOOKS)
        if not any(Right.RUN in self._of_task(caller, task) for task in tasks):
            raise NotAuthorized("You may run no task, and so send no files")

    def acting(
        self,
        caller: SessionCaller,
        user: str,
        teams: tuple[str, ...] = (),
        tasks: Iterable[str] = (),
    ) -> SessionCaller:
        """
        *caller* as it acts on behalf of *user*, said to be in *teams*: with the rights of that.

        It has to be delegated to run each of *tasks* for the user, or some task at least.

        Raises:
            NotAuthorized: It is not.
        """
        if caller.role not in ("backend", "operator"):
            raise NotAuthorized("Only backends may act on behalf of others")
        if not self._rules.delegates_some(Right.RUN, caller.authid, user) or not all(
            self._rules.delegates(Right.RUN, caller.authid, user, task, teams) for task in tasks
        ):
            raise NotAuthorized("You may not do this on behalf of this user")
        return replace(caller, authid=user, role="user", teams=teams)

    def _of_task(self, caller: Caller, task: Task) -> frozenset[Right]:
        """What *caller* may do with *task* and with jobs of its own, as far as the rules say."""
        if not _scope(caller).has_task(task.name):
            return NO_RIGHTS
        return self._by_rules(caller.authid, caller.role, caller.teams, task)

    def _allowed(
        self, authid: str, role: str, teams: tuple[str, ...], task: Task
    ) -> frozenset[Right]:
        """The same for a caller without limits."""
        caller = Caller(authid, role, authid, teams)
        if not task.admits(caller):
            return NO_RIGHTS
        return frozenset(
            right
            for right in Right
            if self._rules.allows(right, caller, task.name)
            or (role == "operator" and right is not Right.RUN)
        )

    def _knows(self, caller: Caller, job: Job) -> bool:
        """Whether *job* is any business of *caller*, as far as scope and rules say."""
        if not _scope(caller).has_job(job.job_id, job.task):
            return False
        return (
            caller.role == "operator"
            or _is_of(caller, job)
            or (
                self._is_delegated(caller, job, Right.SEE)
                and self._rules.allows(Right.SEE, caller, job.task)
            )
        )

    async def _having(self, caller: Caller, jobs: Iterable[Job], right: Right) -> list[Job]:
        """Those of *jobs*, the business of *caller*, to which it has the *right*."""
        allowed = [job for job in jobs if self._allows(caller, job, right)]
        if caller.role == "operator" or not self.asks:
            return allowed
        agreed = await self._all_agreed([_about_job(caller, right, job) for job in allowed])
        return [job for job, is_agreed in zip(allowed, agreed, strict=True) if is_agreed]

    def _allows(self, caller: Caller, job: Job, right: Right) -> bool:
        """Whether it has the right to *job*, as far as the rules say."""
        return caller.role == "operator" or (
            (_is_of(caller, job) or self._is_delegated(caller, job, right))
            and self._rules.allows(right, caller, job.task)
        )

    def _is_delegated(self, caller: Caller, job: Job, right: Right) -> bool:
        return caller.role == "backend" and self._rules.delegates(
            right, caller.authid, job.owner, job.task
        )

    async def _agreed(self, request: AccessRequest) -> bool:
        """Whether the site's own function agrees, if it is to be asked."""
        [is_agreed] = await self._all_agreed([request])
        return is_agreed

    async def _all_agreed(self, requests: Sequence[AccessRequest]) -> list[bool]:
        if self._authorize is None:
            return [True] * len(requests)
        asked = [each for each in requests if not _is_overseen(each)]
        answers = iter(await self._authorize.answers(asked))
        return [_is_overseen(each) or next(answers) for each in requests]


def _scope(caller: Caller) -> Scope:
    """What *caller* is limited to; jobs and schedules, which have no session, to nothing."""
    return caller.scope if isinstance(caller, SessionCaller) else WHOLE


def _is_of(caller: Caller, job: Job) -> bool:
    """Whether *job* belongs to *caller*, or was submitted by it on behalf of somebody."""
    return job.owner == caller.authid or (
        caller.role == "backend" and job.submitted_by == caller.authid
    )


def _is_overseen(request: AccessRequest) -> bool:
    """Whether an operator wants to see or steer, which nothing may keep it from."""
    return request.caller.role == "operator" and request.right is not Right.RUN


def _about_task(
    caller: Caller, right: Right, task: str, arguments: Mapping[str, Any] | None = None
) -> AccessRequest:
    return AccessRequest(caller, right, task, arguments, owner=caller.authid)


def _about_job(caller: Caller, right: Right, job: Job) -> AccessRequest:
    return AccessRequest(caller, right, job.task, job.arguments, job.owner, job.job_id)
