"""The procedures of the wire contract: who may ask for what, and in which words."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..journal import STREAMS
from ..protocol import uris
from ..protocol.errors import InvalidArguments, InvalidToken, NotAuthorized, UnknownJob
from ..protocol.jobs import Delivery, State, timestamp
from ..tasks import Caller
from .audience import OVERSEERS
from .executor import Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ..journal import Journal
    from ..protocol.jobs import Job
    from ..tokens import TokenStore
    from ..wire import Call, Session
    from .executor import Accepted, Executor

TOKEN_LIFETIME = 12 * 3_600.0  # seconds that a token lives which a sign-in code was exchanged for
MANY = 10_000  # jobs in one call of `exec_many`


class _Options(BaseModel):
    """The options of `exec`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    priority: Annotated[int, Field(strict=True, ge=-1_000, le=1_000)] = 0
    timeout: Annotated[float, Field(strict=True, gt=0)] | None = None
    tags: Annotated[
        tuple[Annotated[str, Field(strict=True, max_length=100)], ...], Field(max_length=20)
    ] = ()
    deliver: Delivery = Delivery.USER


class Procedures:
    """
    Answers the calls of signed-in sessions.

    Who calls is what the router says, never what the call claims. A job of somebody else
    is answered like one that does not exist.
    """

    def __init__(self, executor: Executor, journal: Journal, tokens: TokenStore) -> None:
        self._executor = executor
        self._journal = journal
        self._tokens = tokens

    async def register(self, session: Session) -> None:
        """Offer every procedure in the realm that *session* has joined."""
        procedures: Mapping[str, Callable[..., Awaitable[Any]]] = {
            uris.TASKS: self.tasks,
            uris.CHECK: self.check,
            uris.EXEC: self.exec,
            uris.EXEC_MANY: self.exec_many,
            uris.CANCEL: self.cancel,
            uris.JOB: self.job,
            uris.JOBS: self.jobs,
            uris.EVENTS: self.events,
            uris.OUTPUT: self.output,
            uris.TOKEN: self.token,
        }
        await asyncio.gather(
            *(session.register(uri, procedure) for uri, procedure in procedures.items())
        )

    async def tasks(self, call: Call) -> list[dict[str, Any]]:
        """The tasks that the caller may run."""
        role = _caller(call).role
        return [task.description() for task in self._executor.registry.allowed(role)]

    async def check(
        self, call: Call, task: str, args: Any = (), kwargs: Any = None, **options: Any
    ) -> dict[str, Any]:
        """Validates a request without running it: `{argv, timeout, position}`."""
        request = _request(task, args, kwargs, options)
        return await self._executor.check(request, _caller(call))

    async def exec(
        self, call: Call, task: str, args: Any = (), kwargs: Any = None, **options: Any
    ) -> dict[str, Any]:
        """Runs a task: `{job_id, state, position}`."""
        request = _request(task, args, kwargs, options)
        [accepted] = await self._submit(call, [request])
        return _answer(accepted)

    async def exec_many(self, call: Call, requests: Any) -> list[dict[str, Any]]:
        """Runs many tasks, all or none: a list of what `exec` answers."""
        if not isinstance(requests, list) or len(requests) > MANY:
            raise InvalidArguments(
                fields={"requests": f"must be a list of at most {MANY} mappings"}
            )
        accepted = await self._submit(
            call, [_request_of_many(index, each) for index, each in enumerate(requests)]
        )
        return [_answer(each) for each in accepted]

    async def cancel(self, call: Call, job_id: Any, reason: Any = None, now: Any = False) -> str:
        """Stops a job: `removed_from_queue`, `stopping` or `already_<state>`."""
        _expect("reason", reason, (str, type(None)), "text of at most 1000 characters")
        _expect("now", now, bool, "true or false")
        if reason is not None and len(reason) > 1_000:
            raise InvalidArguments(fields={"reason": "must be at most 1000 characters"})
        caller = _caller(call)
        job = await self._visible(caller, job_id)
        if caller.role == "backend" and caller.authid not in (job.owner, job.submitted_by):
            raise NotAuthorized("A backend may cancel only what it has submitted")
        return await self._executor.cancel(job_id, by=caller.authid, reason=reason, at_once=now)

    async def job(self, call: Call, job_id: Any) -> dict[str, Any]:
        """One job, its place in the queue and the size of its output."""
        job = await self._visible(_caller(call), job_id)
        sizes = self._journal.output.sizes(job.job_id)
        return {
            **job.as_dict(),
            "position": self._executor.position(job.job_id),
            "output": {name: sizes[name].kept for name in STREAMS},
        }

    async def jobs(
        self,
        call: Call,
        state: Any = None,
        task: Any = None,
        owner: Any = None,
        before: Any = None,
        limit: Any = 50,
    ) -> dict[str, Any]:
        """A page of jobs, newest first: `{jobs, next}`."""
        for name, value in (("task", task), ("owner", owner), ("before", before)):
            _expect(name, value, (str, type(None)), "text")
        _expect_number("limit", limit, 1, 200)
        caller = _caller(call)
        page = await self._journal.jobs(
            owner=owner if caller.role in OVERSEERS else _whose(caller, owner),
            states=_states(state),
            task=task,
            before=before,
            limit=limit,
        )
        return {
            "jobs": [self._newest(job).as_dict() for job in page],
            "next": page[-1].job_id if len(page) == limit else None,
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
        """What happened after `since`: to one job, or in the stream of one user."""
        _expect("epoch", epoch, (str, type(None)), "text")
        _expect("owner", owner, (str, type(None)), "text")
        _expect_number("since", since, 0, 2**53)
        _expect_number("limit", limit, 1, 1_000)
        caller = _caller(call)
        if job_id is not None:
            await self._visible(caller, job_id)
            events = await self._journal.job_events(job_id, since=since, limit=limit)
            return {"events": [each.as_dict() for each in events], "more": len(events) == limit}
        whose = _whose(caller, owner)
        stream = await self._journal.stream(whose)
        if epoch != stream.epoch or not stream.first - 1 <= since <= stream.seq:
            unfinished = [state for state in State if not state.is_terminal]
            jobs = await self._journal.jobs(owner=whose, states=unfinished, limit=limit)
            return {
                "recovered": False,
                "epoch": stream.epoch,
                "seq": stream.seq,
                "events": [],
                "more": False,
                "jobs": [job.as_dict() for job in jobs],
            }
        events = await self._journal.events(whose, since=since, limit=limit)
        return {
            "recovered": True,
            "epoch": stream.epoch,
            "seq": stream.seq,
            "events": [each.as_dict() for each in events],
            "more": len(events) == limit,
        }

    async def output(
        self, call: Call, job_id: Any, stream: Any = "stdout", offset: Any = 0, limit: Any = 65_536
    ) -> dict[str, Any]:
        """A piece of a job's output from `offset` on: `{stream, offset, next, text, ...}`."""
        if stream not in STREAMS:
            raise InvalidArguments(fields={"stream": "must be stdout or stderr"})
        _expect_number("offset", offset, 0, 2**53)
        _expect_number("limit", limit, 4, 262_144)
        job = await self._visible(_caller(call), job_id)
        # The state is asked for before the size: an end seen here is an end.
        has_ended = job.state.is_terminal
        chunk = self._journal.output.read(job.job_id, stream, offset, limit)
        size = self._journal.output.sizes(job.job_id)[stream]
        return {
            "stream": stream,
            "offset": chunk.offset,
            "next": chunk.next,
            "text": chunk.data.decode(errors="replace"),
            "size": size.kept,
            "dropped": size.dropped,
            "end": has_ended and chunk.next >= size.kept,
        }

    async def token(self, call: Call, code: Any) -> dict[str, Any]:
        """Exchanges the one-time code that the session joined with for a token."""
        _expect("code", code, str, "text")
        found = self._tokens.find(code)
        if found is None or not found.single_use or found.authid != call.authid:
            raise InvalidToken("This sign-in code is wrong, expired or used up; ask for a new link")
        token, expires_at = self._tokens.redeem(code, lifetime=TOKEN_LIFETIME)
        return {"token": token, "expires_at": timestamp(expires_at)}

    async def _submit(self, call: Call, requests: list[Request]) -> list[Accepted]:
        return await self._executor.submit(
            requests, _caller(call), session=call.caller, answered=call.answered
        )

    async def _visible(self, caller: Caller, job_id: Any) -> Job:
        """
        The job, if there is one that *caller* may see.

        Raises:
            InvalidArguments: *job_id* is not text.
            UnknownJob: There is none.
        """
        _expect("job_id", job_id, str, "text")
        job = self._executor.live(job_id) or await self._journal.job(job_id)
        if job is None or (caller.role not in OVERSEERS and job.owner != caller.authid):
            raise UnknownJob(f"There is no job {job_id!r} that you may see")
        return job

    def _newest(self, job: Job) -> Job:
        return self._executor.live(job.job_id) or job


def _caller(call: Call) -> Caller:
    """
    Who calls, in the router's words.

    Raises:
        NotAuthorized: The call was forwarded, or the router disclosed no caller.
    """
    if call.forwarded or not call.authid or not call.authrole:
        raise NotAuthorized("The router does not vouch for the caller")
    return Caller(call.authid, call.authrole, call.authid)


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


def _request(task: Any, args: Any, kwargs: Any, options: Mapping[str, Any]) -> Request:
    _expect("task", task, str, "the name of a task")
    _expect("args", args, (list, tuple, type(None)), "a list of positional arguments")
    _expect("kwargs", kwargs, (dict, type(None)), "a mapping of arguments by name")
    try:
        chosen = _Options.model_validate(options)
    except ValidationError as error:
        raise InvalidArguments(fields=_problems(error)) from None
    return Request(
        task=task,
        args=args or (),
        kwargs=kwargs or {},
        priority=chosen.priority,
        timeout=chosen.timeout,
        tags=chosen.tags,
        deliver=chosen.deliver,
    )


def _request_of_many(index: int, wanted: Any) -> Request:
    if not isinstance(wanted, dict) or "task" not in wanted:
        raise InvalidArguments(fields={f"requests.{index}": "must be a mapping with a task"})
    options = {key: value for key, value in wanted.items() if key not in ("task", "args", "kwargs")}
    try:
        return _request(wanted["task"], wanted.get("args"), wanted.get("kwargs"), options)
    except InvalidArguments as error:
        raise InvalidArguments(
            fields={f"requests.{index}.{name}": text for name, text in error.fields.items()}
        ) from None


def _problems(error: ValidationError) -> dict[str, str]:
    known = ", ".join(_Options.model_fields)
    return {
        ".".join(str(part) for part in problem["loc"]): (
            f"is not an option; the options are {known}"
            if problem["type"] == "extra_forbidden"
            else problem["msg"]
        )
        for problem in error.errors(include_url=False, include_input=False)
    }


def _states(state: Any) -> list[State] | None:
    if state is None:
        return None
    try:
        return [State(each) for each in (state if isinstance(state, list) else [state])]
    except ValueError:
        raise InvalidArguments(
            fields={"state": f"must be of {', '.join(State)}, or a list of them"}
        ) from None


def _expect(name: str, value: object, kind: type | tuple[type, ...], words: str) -> None:
    if not isinstance(value, kind):
        raise InvalidArguments(fields={name: f"must be {words}"})


def _expect_number(name: str, value: object, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidArguments(fields={name: f"must be a whole number from {least} to {most}"})


def _answer(accepted: Accepted) -> dict[str, Any]:
    job = accepted.job
    return {"job_id": job.job_id, "state": job.state.value, "position": accepted.position}
