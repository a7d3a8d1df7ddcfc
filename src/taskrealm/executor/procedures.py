"""The procedures of the wire contract: who may ask for what, and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..access.rules import Right
from ..journal import STREAMS
from ..protocol import uris
from ..protocol.errors import Error, InvalidArguments
from ..protocol.jobs import Job, State
from .arguments import (
    MANY,
    expect,
    expect_job_ids,
    expect_number,
    owner_named,
    request_of,
    request_of_many,
)
from .attempts import MARKS, attempts_of
from .offers import offer
from .shares import fitting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from ..journal import Journal
    from ..protocol.jobs import Event
    from ..tasks import Task
    from ..wire import Call, Session
    from .audit import Audit
    from .callers import Callers, SessionCaller
    from .executor import Executor
    from .job_access import JobAccess
    from .requests import Accepted, Request
    from .rights import Rights
    from .shares import Shares
    from .turns import Turns

CHOICES = 1_000  # of a parameter, in one answer
ANSWER_SIZE = 80  # bytes of JSON that say that a job was accepted
REFUSAL_SIZE = 160  # bytes of JSON that say that there is no such job
SENTENCE = 200  # bytes of the reason for which one of many jobs is not cancelled


class Procedures:
    """
    Answers the calls of signed-in sessions.

    Who calls is what the router says, never what the call claims. A job of somebody else
    is answered like one that does not exist.
    """

    def __init__(
        self,
        callers: Callers,
        rights: Rights,
        executor: Executor,
        journal: Journal,
        jobs: JobAccess,
        shares: Shares,
        audit: Audit,
        turns: Turns,
        usual: Callable[[SessionCaller, list[Task]], Awaitable[Mapping[str, Mapping[str, Any]]]],
        on_refusal: Callable[[str, Call, Error, str], None],
    ) -> None:
        """
        *usual* tells how jobs of some tasks usually go, as far as the caller may know.

        *on_refusal* is told what a call that is answered was refused all the same: a procedure,
        and the job for which it would not be called.
        """
        self._callers = callers
        self._rights = rights
        self._executor = executor
        self._journal = journal
        self._jobs = jobs
        self._shares = shares
        self._audit = audit
        self._turns = turns
        self._usual = usual
        self._on_refusal = on_refusal

    async def register(self, session: Session) -> None:
        """
        Offer every procedure in the realm that *session* has joined.

        The last one is `TASKS`, by which a node knows that it is ready: whoever offers more,
        does so before.
        """
        await offer(
            session,
            {
                uris.CHOICES: self.choices,
                uris.CHECK: self.check,
                uris.EXEC: self.exec,
                uris.EXEC_MANY: self.exec_many,
                uris.CANCEL: self.cancel,
                uris.CANCEL_MANY: self.cancel_many,
                uris.ANSWER: self.answer,
                uris.JOB: self._turns.taking(self.job),
                uris.EVENTS: self._turns.taking(self.events),
            },
        )
        await offer(session, {uris.TASKS: self.tasks})

    async def tasks(self, call: Call) -> list[dict[str, Any]]:
        """
        The tasks that the caller may see, each with its `rights` to it, how long jobs of it
        `usual`ly run that the caller may see, and how the `last` of them ended.
        """
        caller = self._callers.of(call)
        found = await self._rights.catalogue(caller, self._executor.registry.values())
        usual = await self._usual(caller, [task for task, _ in found])
        return [
            {
                **task.description(),
                "limits": self._executor.limits(task),
                "rights": [right.value for right in rights],
                "usual": usual.get(task.name, {}).get("durations"),
                "last": usual.get(task.name, {}).get("last"),
            }
            for task, rights in found
        ]

    async def choices(
        self, call: Call, task: Any, parameter: Any, kwargs: Any = None
    ) -> dict[str, Any]:
        """
        What may be chosen for a parameter, with the arguments `kwargs` given so far:
        `{choices, more}`, each with its value and its title.
        """
        expect("task", task, str, "the name of a task")
        expect("parameter", parameter, str, "the name of a parameter")
        expect("kwargs", kwargs, (dict, type(None)), "a mapping of arguments by name")
        caller = self._callers.of(call)
        known = await self._executor.task(task, caller)
        offered = await known.choices(parameter, kwargs or {}, caller)
        page = fitting(offered[:CHOICES], self._shares.page)
        return {"choices": page, "more": len(page) < len(offered)}

    async def check(
        self, call: Call, task: str, args: Any = (), kwargs: Any = None, **options: Any
    ) -> dict[str, Any]:
        """Validates a request without running it: `{argv, timeout, limits, position, waiting, intake}`."""
        request = request_of(task, args, kwargs, options)
        return await self._executor.check(request, self._acting(call, [request]))

    async def exec(
        self, call: Call, task: str, args: Any = (), kwargs: Any = None, **options: Any
    ) -> dict[str, Any]:
        """Runs a task: `{job_id, state, position, is_new}`."""
        request = request_of(task, args, kwargs, options)
        [accepted] = await self._submit(call, [request], "exec")
        return _answer(accepted)

    async def exec_many(self, call: Call, requests: Any) -> list[dict[str, Any]]:
        """Runs many tasks, all or none: a list of what `exec` answers."""
        most = min(MANY, self._shares.page // ANSWER_SIZE)
        if not isinstance(requests, list) or len(requests) > most:
            raise InvalidArguments(
                fields={"requests": f"must be a list of at most {most} mappings"}
            )
        accepted = await self._submit(
            call, [request_of_many(index, each) for index, each in enumerate(requests)], "exec_many"
        )
        return [_answer(each) for each in accepted]

    async def cancel(self, call: Call, job_id: Any, reason: Any = None, now: Any = False) -> str:
        """Stops a job: `removed_from_queue`, `stopping` or `already_<state>`."""
        _expect_wish(reason, now)
        caller = self._callers.of(call)
        await self._jobs.job(caller, job_id, Right.CANCEL)
        [answer] = (
            await self._executor.cancel([job_id], caller, reason=reason, at_once=now)
        ).values()
        if isinstance(answer, Error):
            raise answer
        return answer

    async def cancel_many(
        self, call: Call, job_ids: Any, reason: Any = None, now: Any = False
    ) -> dict[str, dict[str, Any]]:
        """
        Stops many jobs, each for itself: `{answers, refused}`, both by job id.

        `answers` holds what `cancel` answers; `refused` the `error`, a URI, and the `message`
        of those by which `cancel` would have been refused.
        """
        most = min(MANY, self._shares.page // REFUSAL_SIZE)
        wanted = expect_job_ids("job_ids", job_ids, most)
        _expect_wish(reason, now)
        caller = self._callers.of(call)
        found = await self._jobs.jobs(caller, wanted, Right.CANCEL)
        known = [job_id for job_id, job in found.items() if isinstance(job, Job)]
        came = await self._executor.cancel(known, caller, reason=reason, at_once=now)
        outcomes = {job_id: came.get(job_id, found[job_id]) for job_id in wanted}
        refused = {job_id: each for job_id, each in outcomes.items() if isinstance(each, Error)}
        for job_id, error in refused.items():
            self._on_refusal(uris.CANCEL, call, error, job_id)
        return {
            "answers": {job_id: came[job_id] for job_id in known if job_id not in refused},
            "refused": {job_id: _refusal(error) for job_id, error in refused.items()},
        }

    async def answer(self, call: Call, job_id: Any, question: Any, value: Any) -> None:
        """Gives a running job the answer to its question, which the answer has to fit."""
        expect("question", question, str, "the id of a question, as its event tells it")
        caller = self._callers.of(call)
        await self._jobs.job(caller, job_id, Right.CANCEL)
        await self._executor.answer(job_id, caller, question, value)

    async def job(self, call: Call, job_id: Any) -> dict[str, Any]:
        """
        One job, its attempts, its place in the queue and why it is `waiting`, the size of its
        output, and the `intake`.
        """
        job = await self._jobs.job(self._callers.of(call), job_id, Right.SEE)
        sizes = self._journal.output.sizes(job.job_id)
        return {
            **job.as_dict(),
            "position": self._executor.position(job.job_id),
            "waiting": self._executor.waiting(job),
            "intake": self._executor.gate.intake.value,
            "attempts": await self._attempts(job),
            "output": {name: sizes[name].printed for name in STREAMS},
        }

    async def events(
        self,
        call: Call,
        epoch: Any = None,
        since: Any = 0,
        limit: Any = 1_000,
        job_id: Any = None,
        owner: Any = None,
    ) -> dict[str, Any]:
        """
        What happened after `since`: to one job, or in the stream of one user.

        Where the journal does not reach back to `since`, the jobs that have not ended, newest
        first; `next` is for `taskrealm.jobs` if they are too many for one answer.
        """
        expect("epoch", epoch, (str, type(None)), "text")
        expect("owner", owner, (str, type(None)), "text")
        expect_number("since", since, 0, 2**53)
        expect_number("limit", limit, 1, 1_000)
        caller = self._callers.of(call)
        if job_id is not None:
            return await self._job_events(caller, job_id, since, limit)
        whose = caller.authid if owner is None else owner
        self._rights.require_stream(caller, whose)
        self._audit.looked(caller, whose)
        return await self._stream_events(whose, epoch, since, limit)

    async def _submit(self, call: Call, requests: list[Request], action: str) -> list[Accepted]:
        return await self._executor.submit(
            requests,
            self._acting(call, requests),
            session=call.caller,
            answered=call.answered,
            action=action,
        )

    def _acting(self, call: Call, requests: Sequence[Request]) -> SessionCaller:
        """Who calls, or on behalf of whom, as all of *requests* say."""
        caller = self._callers.of(call)
        owner = owner_named(requests)
        if owner is None:
            return caller
        return self._rights.acting(caller, *owner, dict.fromkeys(each.task for each in requests))

    async def _attempts(self, job: Job) -> list[dict[str, Any]]:
        if not job.attempt:
            return []
        # An attempt has two events at most.
        marks = await self._journal.job_events(job.job_id, limit=2 * job.attempt + 2, types=MARKS)
        return attempts_of(marks)

    async def _job_events(
        self, caller: SessionCaller, job_id: Any, since: int, limit: int
    ) -> dict[str, Any]:
        job = await self._jobs.job(caller, job_id, Right.SEE)
        # Asked for before the events: an end that is recorded here is among them.
        has_ended = job.state.is_terminal and self._executor.live(job_id) is None
        events = await self._journal.job_events(job_id, since=since, limit=limit)
        return {**self._page(events, limit), "ended": has_ended}

    async def _stream_events(
        self, owner: str, epoch: str | None, since: int, limit: int
    ) -> dict[str, Any]:
        stream = await self._journal.stream(owner)
        if epoch == stream.epoch and stream.first - 1 <= since <= stream.seq:
            events = await self._journal.events(owner, since=since, limit=limit)
            if since == stream.seq or (events and events[0].seq == since + 1):
                answer = {"recovered": True, "epoch": stream.epoch, "seq": stream.seq}
                return {**answer, **self._page(events, limit)}
            # The journal has dropped the next one since we asked where the stream begins.
            stream = await self._journal.stream(owner)
        unfinished = [state for state in State if not state.is_terminal]
        found = await self._journal.jobs(owner=owner, states=unfinished, limit=limit)
        jobs = fitting(found, self._shares.page)
        is_whole = len(jobs) == len(found) < limit
        return {
            "recovered": False,
            "epoch": stream.epoch,
            "seq": stream.seq,
            "events": [],
            "more": False,
            "jobs": jobs,
            "next": None if is_whole else jobs[-1]["job_id"],
        }

    def _page(self, events: list[Event], limit: int) -> dict[str, Any]:
        """As many of *events* as one message can carry, and whether the journal may have more."""
        page = fitting(events, self._shares.page)
        return {"events": page, "more": len(page) < len(events) or len(events) == limit}


def _expect_wish(reason: Any, now: Any) -> None:
    """Refuse what is no reason to cancel, or does not say whether to do it at once."""
    expect("reason", reason, (str, type(None)), "text of at most 1000 characters")
    expect("now", now, bool, "true or false")
    if reason is not None and len(reason) > 1_000:
        raise InvalidArguments(fields={"reason": "must be at most 1000 characters"})


def _refusal(error: Error) -> dict[str, str]:
    # A task may use many words, and an answer has to hold those about every job.
    message = error.message.encode(errors="replace")[:SENTENCE].decode(errors="ignore")
    return {"error": error.uri, "message": message}


def _answer(accepted: Accepted) -> dict[str, Any]:
    job = accepted.job
    return {
        "job_id": job.job_id,
        "state": job.state.value,
        "position": accepted.position,
        "is_new": accepted.is_new,
    }
