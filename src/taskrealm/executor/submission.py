"""The way in: requests are repeated, refused, or become jobs."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING

import structlog

from ..access.rules import Right
from ..protocol.jobs import now
from .entries import start_of
from .keys import Keys, require_first, require_same
from .rates import Rates
from .requests import (
    Accepted,
    answers_to,
    by_key,
    require_earlier,
    with_job_ids,
    with_secrets_named,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from ..journal import Journal
    from ..protocol.jobs import Event
    from ..tasks import Caller, Task
    from .audit import Audit
    from .course import Course
    from .gate import Gate
    from .preparation import Preparation
    from .priorities import Priorities
    from .publisher import Publisher
    from .requests import Prepared, Request
    from .unended import Unended

log = structlog.get_logger()


class Submission:
    """Accepts requests, all of a call or none, each key once, and as many as there is room for."""

    def __init__(
        self,
        gate: Gate,
        preparation: Preparation,
        priorities: Priorities,
        unended: Unended,
        course: Course,
        journal: Journal,
        publisher: Publisher,
        audit: Audit,
    ) -> None:
        self._gate = gate
        self._preparation = preparation
        self._priorities = priorities
        self._unended = unended
        self._course = course
        self._journal = journal
        self._publisher = publisher
        self._audit = audit
        self._keys = Keys()
        self._rates = Rates(journal)

    async def submit(
        self,
        requests: Sequence[Request],
        caller: Caller,
        *,
        session: int,
        answered: asyncio.Future[None],
        action: str,
    ) -> list[Accepted]:
        """Accept all *requests* of *caller* or none, as `Executor.submit` promises."""
        require_earlier(requests)
        known: dict[str, Task] = {}
        for each in requests:
            if each.task not in known:
                known[each.task] = await self._preparation.task(each.task, caller, Right.RUN)
        requests = [with_secrets_named(each, known[each.task]) for each in requests]
        named = by_key(requests)
        keys = [name for name in named if isinstance(name, str)]
        release = await self._keys.claim(caller.authid, keys) if keys else None
        recorded: asyncio.Future[None] | None = None
        try:
            answers = await self._found(named, keys, caller.authid) if keys else {}
            fresh = [(name, named[name]) for name in named if name not in answers]
            prepared = [await self._preparation.prepare(request, caller) for _, request in fresh]
            if fresh:
                granted = await self._priorities.of(caller)
                tasks = [ready.task for ready in prepared]
                await self._rates.recall(caller.authid, tasks)
                # Nothing else happens from here to the write: what room there is stays free for these.
                self._gate.require_room(len(fresh), caller.authid)
                self._rates.spend(caller.authid, tasks)
                # One call, one moment: thousands of jobs need not keep one each.
                moment, accepted = now(), []
                for (name, request), ready in zip(fresh, prepared, strict=True):
                    whole = with_job_ids(request, requests, answers)
                    answers[name] = self._accept(whole, ready, caller, session, moment, granted)
                    accepted.append(answers[name])
                recorded = self._record(accepted, caller, answered, action, release)
        finally:
            if recorded is None and release is not None:
                release()
        if recorded is not None:
            # The caller may leave while this is written; the jobs stay.
            await recorded
        return answers_to(requests, answers)

    async def _found(
        self, named: Mapping[str | int, Request], keys: Sequence[str], owner: str
    ) -> dict[str | int, Accepted]:
        """The jobs of *owner* that there are already under *keys*."""
        found: dict[str | int, Accepted] = {}
        for recorded in await self._journal.jobs_by_key(owner, keys):
            job = self._unended.job(recorded.job_id) or recorded
            assert job.key is not None
            require_same(named[job.key], job)
            require_first(self._preparation.registry.get(job.task), job)
            position = self._course.waiting.position(job.job_id)
            found[job.key] = Accepted(job, position, is_new=False)
        return found

    def _accept(
        self,
        request: Request,
        ready: Prepared,
        caller: Caller,
        session: int,
        moment: datetime,
        granted: int,
    ) -> Accepted:
        """A job made of *request*, which is known from now on, but not durable yet."""
        job = self._preparation.new_job(request, ready, caller, session, moment, granted)
        self._unended.hold(job, ready.task, ready.arguments)
        self._course.successors.add(job)
        return Accepted(job, self._course.waiting.accept(job))

    def _record(
        self,
        accepted: list[Accepted],
        caller: Caller,
        answered: asyncio.Future[None],
        action: str,
        release: Callable[[], None] | None,
    ) -> asyncio.Future[None]:
        """
        Make new jobs durable, whose events go out once the caller has been *answered*.

        Whoever gives up the future takes nothing back. *release* gives free their keys.
        """
        jobs = [each.job for each in accepted]
        self._publisher.hold(caller.authid, [job.job_id for job in jobs], answered)
        records = self._audit.submissions(caller, action, jobs)
        recorded = asyncio.get_running_loop().create_future()
        written = self._journal.write(list(map(start_of, accepted, records)))
        written.add_done_callback(
            functools.partial(self._go_on, accepted, answered, release, recorded)
        )
        return recorded

    def _go_on(
        self,
        accepted: list[Accepted],
        answered: asyncio.Future[None],
        release: Callable[[], None] | None,
        recorded: asyncio.Future[None],
        written: asyncio.Future[list[Event]],
    ) -> None:
        """Let jobs enter the queue if they are durable by now, or else forget them."""
        error = written.exception()
        if error is None:
            # The caller waits for its answer, and for none of what follows.
            answered.add_done_callback(lambda _: self._enter(accepted))
        else:
            self._forget(accepted)
        if release is not None:
            # Whoever waits for a key finds its job in the journal now.
            release()
        if recorded.done():
            return  # the caller has left
        if error is None:
            recorded.set_result(None)
        else:
            recorded.set_exception(error)

    def _forget(self, accepted: list[Accepted]) -> None:
        """There will be no such jobs after all."""
        for each in accepted:
            job = each.job
            self._course.waiting.settle(job, is_durable=False)
            self._rates.give_back(job.owner, self._unended[job.job_id].task)
            self._unended.forget(job.job_id)
            self._course.successors.forget(job.job_id)

    def _enter(self, accepted: list[Accepted]) -> None:
        """Let jobs wait for their turn, now that they are durable."""
        for each in accepted:
            job = each.job
            self._course.waiting.settle(job, is_durable=True)
            self._course.successors.look(job.job_id)
            log.info(
                "Job accepted",
                job_id=job.job_id,
                task=job.task,
                owner=job.owner,
                submitted_by=job.submitted_by,
            )
        self._course.start()
