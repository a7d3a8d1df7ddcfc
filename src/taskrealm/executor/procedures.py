"""The procedures of the wire contract: who may ask for what, and in which words."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..journal import RESULT, STREAMS, JournalError, WriteRefused
from ..protocol import uris
from ..protocol.errors import (
    InvalidArguments,
    InvalidToken,
    NotAuthorized,
    Unavailable,
    UnknownJob,
)
from ..protocol.jobs import State, timestamp
from .arguments import MANY, caller_of, expect, expect_number, request_of, request_of_many
from .attempts import MARKS, attempts_of
from .audience import OVERSEERS
from .pace import Pace
from .shares import fitting, size_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..journal import Chunk, Journal
    from ..protocol.jobs import Event, Job
    from ..tasks import Caller
    from ..tokens import TokenStore
    from ..wire import Call, Session
    from .executor import Executor
    from .requests import Accepted, Request
    from .shares import Shares

TOKEN_LIFETIME = 12 * 3_600.0  # seconds that a token lives which a sign-in code was exchanged for
CHOICES = 1_000  # of a parameter, in one answer
ANSWER_SIZE = 80  # bytes of JSON that say that one of them was accepted
OUTPUT_RATE = 80_000_000  # bytes of output a second that are read by all together
PLAIN = bytes(range(32, 127)) + b"\t\n\r"  # bytes that take no more than two in JSON
PAGES_AT_ONCE = 4  # long answers that are made at the same time

Procedure = Callable[..., Awaitable[Any]]


class Procedures:
    """
    Answers the calls of signed-in sessions.

    Who calls is what the router says, never what the call claims. A job of somebody else
    is answered like one that does not exist.
    """

    def __init__(
        self, executor: Executor, journal: Journal, tokens: TokenStore, shares: Shares
    ) -> None:
        self._executor = executor
        self._journal = journal
        self._tokens = tokens
        self._shares = shares
        self._turns = asyncio.Semaphore(PAGES_AT_ONCE)
        self._reading = asyncio.Lock()
        self._pace = Pace(OUTPUT_RATE)

    async def register(self, session: Session) -> None:
        """
        Offer every procedure in the realm that *session* has joined.

        The last one is `TASKS`, by which a node knows that it is ready: whoever offers more,
        does so before.
        """
        procedures: Mapping[str, Procedure] = {
            uris.CHOICES: self.choices,
            uris.CHECK: self.check,
            uris.EXEC: self.exec,
            uris.EXEC_MANY: self.exec_many,
            uris.CANCEL: self.cancel,
            uris.ANSWER: self.answer,
            uris.JOB: self._in_turn(self.job),
            uris.JOBS: self._in_turn(self.jobs),
            uris.EVENTS: self._in_turn(self.events),
            uris.OUTPUT: self.output,
            uris.TOKEN: self.token,
        }
        await asyncio.gather(
            *(session.register(uri, explained(each)) for uri, each in procedures.items())
        )
        await session.register(uris.TASKS, explained(self.tasks))

    async def tasks(self, call: Call) -> list[dict[str, Any]]:
        """The tasks that the caller may run."""
        role = caller_of(call).role
        return [
            {**task.description(), "limits": self._executor.limits(task)}
            for task in self._executor.registry.allowed(role)
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
        caller = caller_of(call)
        offered = await self._executor.task(task, caller).choices(parameter, kwargs or {}, caller)
        page = fitting(offered[:CHOICES], self._shares.page)
        return {"choices": page, "more": len(page) < len(offered)}

    async def check(
        self, call: Call, task: str, args: Any = (), kwargs: Any = None, **options: Any
    ) -> dict[str, Any]:
        """Validates a request without running it: `{argv, timeout, limits, position, waiting, intake}`."""
        request = request_of(task, args, kwargs, options)
        return await self._executor.check(request, caller_of(call))

    async def exec(
        self, call: Call, task: str, args: Any = (), kwargs: Any = None, **options: Any
    ) -> dict[str, Any]:
        """Runs a task: `{job_id, state, position, is_new}`."""
        request = request_of(task, args, kwargs, options)
        [accepted] = await self._submit(call, [request])
        return _answer(accepted)

    async def exec_many(self, call: Call, requests: Any) -> list[dict[str, Any]]:
        """Runs many tasks, all or none: a list of what `exec` answers."""
        most = min(MANY, self._shares.page // ANSWER_SIZE)
        if not isinstance(requests, list) or len(requests) > most:
            raise InvalidArguments(
                fields={"requests": f"must be a list of at most {most} mappings"}
            )
        accepted = await self._submit(
            call, [request_of_many(index, each) for index, each in enumerate(requests)]
        )
        return [_answer(each) for each in accepted]

    async def cancel(self, call: Call, job_id: Any, reason: Any = None, now: Any = False) -> str:
        """Stops a job: `removed_from_queue`, `stopping` or `already_<state>`."""
        expect("reason", reason, (str, type(None)), "text of at most 1000 characters")
        expect("now", now, bool, "true or false")
        if reason is not None and len(reason) > 1_000:
            raise InvalidArguments(fields={"reason": "must be at most 1000 characters"})
        caller = caller_of(call)
        _require_own(caller, await self.visible(caller, job_id), "cancel")
        return await self._executor.cancel(job_id, caller, reason=reason, at_once=now)

    async def answer(self, call: Call, job_id: Any, question: Any, value: Any) -> None:
        """Gives a running job the answer to its question, which the answer has to fit."""
        expect("question", question, str, "the id of a question, as its event tells it")
        caller = caller_of(call)
        _require_own(caller, await self.visible(caller, job_id), "answer")
        await self._executor.answer(job_id, caller, question, value)

    async def job(self, call: Call, job_id: Any) -> dict[str, Any]:
        """
        One job, its attempts, its place in the queue and why it is `waiting`, the size of its
        output, and the `intake`.
        """
        job = await self.visible(caller_of(call), job_id)
        sizes = self._journal.output.sizes(job.job_id)
        return {
            **job.as_dict(),
            "position": self._executor.position(job.job_id),
            "waiting": self._executor.waiting(job),
            "intake": self._executor.gate.intake.value,
            "attempts": await self._attempts(job),
            "output": {name: sizes[name].printed for name in STREAMS},
        }

    async def jobs(
        self,
        call: Call,
        state: Any = None,
        task: Any = None,
        owner: Any = None,
        before: Any = None,
        limit: Any = 50,
        parent: Any = None,
        children: Any = False,
    ) -> dict[str, Any]:
        """
        A page of jobs, newest first: `{jobs, next}`; those that wait say why.

        With `parent` these are the children of that batch; otherwise children are among them
        only if `children` are asked for.
        """
        filters = {"task": task, "owner": owner, "before": before, "parent": parent}
        for name, value in filters.items():
            expect(name, value, (str, type(None)), "text")
        expect_number("limit", limit, 1, 200)
        expect("children", children, bool, "true or false")
        caller = caller_of(call)
        if parent is not None:
            await self.visible(caller, parent)
        found = await self._journal.jobs(
            owner=owner if caller.role in OVERSEERS else _whose(caller, owner),
            states=_states(state),
            task=task,
            before=before,
            parent=parent,
            children=children,
            limit=limit,
        )
        page = fitting(map(self._listed, found), self._shares.page)
        is_last = len(page) == len(found) < limit
        return {"jobs": page, "next": None if is_last else page[-1]["job_id"]}

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
        caller = caller_of(call)
        if job_id is not None:
            return await self._job_events(caller, job_id, since, limit)
        return await self._stream_events(_whose(caller, owner), epoch, since, limit)

    async def output(
        self, call: Call, job_id: Any, stream: Any = "stdout", offset: Any = 0, limit: Any = 65_536
    ) -> dict[str, Any]:
        """
        A piece of a job's output: `{stream, offset, next, text, size, skipped, end}`.

        It begins at `offset`, or `skipped` bytes behind it if so many are not kept; `size`
        is how many were printed so far. The stream `result` is the JSON of a result that
        was too big for the terminal event.
        """
        if stream not in (*STREAMS, RESULT):
            raise InvalidArguments(fields={"stream": "must be stdout, stderr or result"})
        expect_number("offset", offset, 0, 2**53)
        expect_number("limit", limit, 4, 262_144)
        caller = caller_of(call)
        async with self._reading:
            await self._pace.wait()
            await call.room()
            job = await self.visible(caller, job_id)
            # The state is asked for before the size: an end seen here is an end.
            has_ended = job.state.is_terminal
            size = self._journal.output.size(job.job_id, stream).printed
            chunk, text = self._read(job.job_id, stream, offset, limit)
            self._pace.spend(len(chunk.data))
            return {
                "stream": stream,
                "offset": chunk.offset,
                "next": chunk.next,
                "text": text,
                "size": size,
                "skipped": chunk.offset - offset,
                "end": has_ended and chunk.next >= size,
            }

    async def token(self, call: Call, code: Any) -> dict[str, Any]:
        """Exchanges the one-time code that the session joined with for a token."""
        expect("code", code, str, "text")
        found = self._tokens.find(code)
        if found is None or not found.single_use or found.authid != call.authid:
            raise InvalidToken("This sign-in code is wrong, expired or used up; ask for a new link")
        token, expires_at = self._tokens.redeem(code, lifetime=TOKEN_LIFETIME)
        return {"token": token, "expires_at": timestamp(expires_at)}

    async def _submit(self, call: Call, requests: list[Request]) -> list[Accepted]:
        return await self._executor.submit(
            requests, caller_of(call), session=call.caller, answered=call.answered
        )

    async def visible(self, caller: Caller, job_id: Any) -> Job:
        """
        The job, if there is one that *caller* may see.

        Raises:
            InvalidArguments: *job_id* is not text.
            UnknownJob: There is none.
        """
        expect("job_id", job_id, str, "text")
        job = self._executor.live(job_id) or await self._journal.job(job_id)
        if job is None or (caller.role not in OVERSEERS and job.owner != caller.authid):
            raise UnknownJob(f"There is no job {job_id!r} that you may see")
        return job

    async def _attempts(self, job: Job) -> list[dict[str, Any]]:
        if not job.attempt:
            return []
        # An attempt has two events at most.
        marks = await self._journal.job_events(job.job_id, limit=2 * job.attempt + 2, types=MARKS)
        return attempts_of(marks)

    async def _job_events(
        self, caller: Caller, job_id: Any, since: int, limit: int
    ) -> dict[str, Any]:
        job = await self.visible(caller, job_id)
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

    def _in_turn(self, procedure: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """
        *procedure*, whose answers may be long, made to wait until the router takes one.

        However many ask at once, few such answers are in memory and on the line, and short
        ones do not wait behind all of them.
        """

        @functools.wraps(procedure)
        async def answer(call: Call, *args: Any, **kwargs: Any) -> Any:
            async with self._turns:
                await call.room()
                return await procedure(call, *args, **kwargs)

        return answer

    def _read(self, job_id: str, stream: str, offset: int, limit: int) -> tuple[Chunk, str]:
        """A chunk of output that fits into a message, and its text."""
        while True:
            chunk = self._journal.output.read(job_id, stream, offset, limit)
            text = chunk.data.decode(errors="replace")
            strange = len(chunk.data.translate(None, PLAIN))
            if 2 * len(chunk.data) + 4 * strange <= self._shares.page:
                return chunk, text
            size = size_of(text)
            if size <= self._shares.page:
                return chunk, text
            # Control characters and what is no text grow on the wire.
            limit = len(chunk.data) * self._shares.page // size

    def _listed(self, job: Job) -> dict[str, Any]:
        newest = self._executor.live(job.job_id) or job
        waiting = self._executor.waiting(newest)
        return newest.as_dict() | ({} if waiting is None else {"waiting": waiting})


def explained(procedure: Procedure) -> Procedure:
    """*procedure*, whose callers are told in their words when the journal is not to be had."""

    @functools.wraps(procedure)
    async def explaining(*args: Any, **kwargs: Any) -> Any:
        try:
            return await procedure(*args, **kwargs)
        except WriteRefused:
            raise
        except JournalError as error:
            raise Unavailable(error.sentence) from error

    return explaining


def _require_own(caller: Caller, job: Job, verb: str) -> None:
    """
    Make sure that *caller*, who sees *job*, may also steer it.

    Raises:
        NotAuthorized: It is a backend, and the job is not of its making.
    """
    if caller.role == "backend" and caller.authid not in (job.owner, job.submitted_by):
        raise NotAuthorized(f"A backend may {verb} only what it has submitted")


def _whose(caller: Caller, owner: str | None) -> str:
    """
    Whose jobs *caller* means by *owner*; its own by None.

    Raises:
        NotAuthorized: They are somebody else's, and not for *caller* to see.
    """
    if owner is None or owner == caller.authid:
        return caller.authid
    if caller.role not in OVERSEERS:
        raise NotAuthorized("You may ask for your own jobs only")
    return owner


def _states(state: Any) -> list[State] | None:
    if state is None:
        return None
    try:
        return [State(each) for each in (state if isinstance(state, list) else [state])]
    except ValueError:
        raise InvalidArguments(
            fields={"state": f"must be of {', '.join(State)}, or a list of them"}
        ) from None


def _answer(accepted: Accepted) -> dict[str, Any]:
    job = accepted.job
    return {
        "job_id": job.job_id,
        "state": job.state.value,
        "position": accepted.position,
        "is_new": accepted.is_new,
    }
