"""The client of a node."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from ..protocol import uris
from ..protocol.errors import from_wire
from ..protocol.jobs import Delivery, timestamp
from .access import Access
from .administration import Administration, all_pages
from .connection import PATIENCE, Connection, Status
from .files import File, Sending, files_among, with_ids
from .following import Following
from .job import Job, any_job

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from datetime import datetime

    from ..protocol.errors import Error
    from ..protocol.scope import Scope
    from .access import AnyPath, Token
    from .events import Events
    from .files import OnProgress, Source

    Arguments = Mapping[str, Any] | Sequence[Any]

JOBS_PAGE = 50  # jobs asked for at once
CANCELLED_TOGETHER = 1_000  # jobs in one call
USUAL: Mapping[str, Any] = {
    "args": [],
    "kwargs": {},
    "priority": 0,
    "tags": [],
    "deliver": Delivery.USER.value,
    "after": [],
}
"""What `exec` takes an argument for that is not given, if not for None."""


@dataclass(frozen=True, slots=True)
class Request:
    """
    A task to be run, and how.

    The arguments are a mapping by name or a sequence by position. A higher `priority`
    starts first. `timeout` in seconds may only shorten what the task allows, `retries` only
    lower it. After `expires` seconds in the queue the job does not start any more. It waits `delay` seconds, or until `not_before`, an aware datetime.
    `deliver` says who receives the job's events: every session of the `user`, only this
    `session`, or `none`.

    With `after` it waits until these jobs, or jobs with these ids, have succeeded; if one
    ends otherwise, the job is cancelled. In `exec_many`, `"#0"` is the job of the first request.

    Under one `key`, text of your own, the node makes one job: repeating the request gives
    that job again, as long as the node remembers it.

    A backend runs it `on_behalf_of` a user, who then owns the job, and says which `teams` the
    user is in.
    """

    task: str
    arguments: Arguments = ()
    priority: int = 0
    timeout: float | None = None
    tags: Sequence[str] = ()
    deliver: str = Delivery.USER
    delay: float | None = None
    not_before: datetime | None = None
    key: str | None = None
    retries: int | None = None
    expires: float | None = None
    after: Sequence[str | Job] = ()
    on_behalf_of: str | None = None
    teams: Sequence[str] = ()

    def __post_init__(self) -> None:
        if isinstance(self.after, str):
            raise TypeError("after is a sequence of jobs, or of their ids, not one text")
        if isinstance(self.teams, str):
            raise TypeError("teams is a sequence of names, not one text")
        if self.not_before is not None and self.not_before.tzinfo is None:
            raise ValueError("not_before needs a time zone, such as datetime.now(UTC) has")
        if isinstance(self.arguments, str) or not isinstance(self.arguments, Mapping | Sequence):
            raise TypeError(
                f"Arguments are a mapping by name or a sequence by position,"
                f" not {type(self.arguments).__name__}"
            )

    def as_dict(self) -> dict[str, Any]:
        """The request as it crosses the wire, without what goes without saying."""
        by_name = isinstance(self.arguments, Mapping)
        owner: dict[str, Any] = {}
        if self.on_behalf_of is not None or self.teams:
            owner = {"on_behalf_of": self.on_behalf_of, "teams": list(self.teams)}
        wire = {
            "task": self.task,
            "args": [] if by_name else list(self.arguments),
            "kwargs": dict(self.arguments) if isinstance(self.arguments, Mapping) else {},
            "priority": self.priority,
            "timeout": self.timeout,
            "tags": list(self.tags),
            "deliver": str(Delivery(self.deliver)),
            "delay": self.delay,
            "not_before": None if self.not_before is None else self.not_before.isoformat(),
            "key": self.key,
            "retries": self.retries,
            "expires": self.expires,
            "after": [each.job_id if isinstance(each, Job) else each for each in self.after],
            **owner,
        }
        return {name: value for name, value in wire.items() if value != USUAL.get(name)}


class Client:
    """
    Runs tasks on a node, and follows them.

        async with Client("ws://127.0.0.1:8080/ws", token="tr_…") as client:
            job = await client.exec("video.transcode", {"source": "a.mp4"}, priority=5)
            async for event in job:
                print(event.type, event.data)
            print(await job.result())

    The client comes back by itself whenever the connection is lost, and nothing that
    happens meanwhile is missed. Calls in flight at that moment raise `Disconnected`; calls
    made while there is no connection wait for one, and raise `Unavailable` after *patience*
    seconds. All methods raise the errors of `protocol.errors` with which the node answers.
    """

    def __init__(
        self,
        url: str,
        *,
        token: Token | None = None,
        user: str | None = None,
        password: str | None = None,
        secret: str | None = None,
        key: AnyPath | None = None,
        certificate: AnyPath | None = None,
        certificate_key: AnyPath | None = None,
        ca: AnyPath | None = None,
        anonymous: bool = False,
        realm: str = "taskrealm",
        serializer: str = "msgpack",
        patience: float = PATIENCE,
        send_limit: int | None = None,
    ) -> None:
        """
        *url* is `ws://HOST:PORT/ws` or `wss://…`, or for raw sockets `tcp://HOST:PORT`,
        `tls://HOST:PORT` or `unix:PATH`. *send_limit* is the node's `max_message_size` in
        bytes where that is not the usual one.

        One way to join must be given. A *token* may be a function or coroutine function that
        gives one for each new connection. *password* and *secret* are those of *user*. *key* is
        a file with a private Ed25519 key, *certificate* and *certificate_key* are for TLS, and
        *ca* is a file with the authorities to trust instead of the usual ones; these are files
        in PEM. With *anonymous* nothing is proven.

        Raises:
            ValueError: It is no way to join, or more than one.
        """
        self._connection = Connection(
            url,
            Access(
                token=token,
                user=user,
                password=password,
                secret=secret,
                key=key,
                certificate=certificate,
                certificate_key=certificate_key,
                ca=ca,
                anonymous=anonymous,
            ),
            realm=realm,
            serializer=serializer,
            patience=patience,
            send_limit=send_limit,
        )
        self._following = Following(self._connection)
        self.admin = Administration(self._connection)
        """What operators ask besides."""

    async def __aenter__(self) -> Self:
        """
        Join the realm.

        Raises:
            Refused: The node does not let us in.
            Unavailable: The node cannot be reached.
        """
        await self._connection.open(self._following.join, self._following.end)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    @property
    def authid(self) -> str:
        """Who we are to the node."""
        return self._connection.authid

    @property
    def role(self) -> str:
        """The role that the node gives us."""
        return self._connection.role

    @property
    def scope(self) -> Scope:
        """What the token limits us to; `scope.is_whole` if to nothing."""
        return self._connection.scope

    @property
    def status(self) -> Status:
        """How we stand with the node."""
        return self._connection.status

    async def tasks(self) -> list[dict[str, Any]]:
        """The tasks that we may run, each with its name, title, help and parameters."""
        tasks: list[dict[str, Any]] = await self._connection.call(uris.TASKS)
        return tasks

    async def choices(
        self, task: str, parameter: str, arguments: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """
        What may be chosen for a *parameter* whose choices are computed: each `{value, title}`.

        They may depend on the *arguments* given so far.

        Raises:
            UnknownTask, InvalidArguments: There is no such task, or its choices are not computed.
        """
        answer = await self._connection.call(uris.CHOICES, task, parameter, dict(arguments or {}))
        choices: list[dict[str, Any]] = answer["choices"]
        return choices

    async def check(self, task: str, arguments: Arguments = (), **options: Any) -> dict[str, Any]:
        """What `exec` would run: `argv`, `timeout` and `position` in the queue."""
        request = Request(task, arguments, **options).as_dict()
        checked: dict[str, Any] = await self._connection.call(uris.CHECK, **request)
        return checked

    async def exec(
        self,
        task: str,
        arguments: Arguments = (),
        *,
        priority: int = 0,
        timeout: float | None = None,
        tags: Sequence[str] = (),
        deliver: str = Delivery.USER,
        delay: float | None = None,
        not_before: datetime | None = None,
        key: str | None = None,
        retries: int | None = None,
        expires: float | None = None,
        after: Sequence[str | Job] = (),
        on_behalf_of: str | None = None,
        teams: Sequence[str] = (),
    ) -> Job:
        """
        Run *task*: the job, as soon as it has been accepted. The options are those of `Request`.

        A `Path` or a `File` among the arguments is sent first, and its id takes its place.

        With a *key* the request is repeated by itself when its answer is lost on the way,
        or the executor is away, for as long as the client's *patience*.

        Raises:
            UnknownTask: There is no such task, or not one that we may run.
            InvalidArguments: Arguments or options are refused; `fields` says which and why.
            DuplicateJob: The key was used for another task or other arguments.
            QueueFull: As many jobs wait as may wait.
            Draining: The node takes no more jobs.
            Disconnected: The connection was lost; the job may or may not have been accepted.
        """
        request = Request(
            task,
            await self._uploaded(arguments, on_behalf_of),
            priority,
            timeout,
            tags,
            deliver,
            delay=delay,
            not_before=not_before,
            key=key,
            retries=retries,
            expires=expires,
            after=after,
            on_behalf_of=on_behalf_of,
            teams=teams,
        )
        await self._following.placed()
        submit = self._connection.call_and_take if key is None else self._connection.repeat_and_take
        job: Job = await submit(
            lambda answer: self._submitted(answer, request), uris.EXEC, **request.as_dict()
        )
        return job

    async def run(
        self,
        task: str,
        arguments: Arguments = (),
        *,
        patience: float | None = None,
        **options: Any,
    ) -> Any:
        """
        Run *task* and wait for its result; the *options* are those of `Request`.

        Raises:
            Error: The job was not accepted, as for `exec`.
            JobEnded: It ended without a result; see `outcomes` for how.
            TimeoutError: There was none within *patience* seconds; the job may run on.
        """
        async with asyncio.timeout(patience):
            job = await self.exec(task, arguments, **options)
            return await job.result()

    async def exec_many(self, requests: Iterable[Request]) -> list[Job]:
        """
        Run many tasks by one call; all are accepted or none.

        If each has a key, the call is repeated as `exec` does.
        """
        requests = [await self._with_files(each) for each in requests]
        has_keys = all(request.key is not None for request in requests)
        await self._following.placed()

        def take(answers: list[dict[str, Any]]) -> list[Job]:
            return [
                self._submitted(answer, request)
                for answer, request in zip(answers, requests, strict=True)
            ]

        submit = self._connection.repeat_and_take if has_keys else self._connection.call_and_take
        jobs: list[Job] = await submit(
            take, uris.EXEC_MANY, [request.as_dict() for request in requests]
        )
        return jobs

    async def cancel_many(
        self, jobs: Iterable[str | Job], reason: str | None = None, *, now: bool = False
    ) -> dict[str, str | Error]:
        """
        Ask to stop many jobs, or jobs with these ids, by few calls; each is stopped for itself.

        Returns by job id what `Job.cancel` returns, or the error that it would have raised.

        Raises:
            InvalidArguments: One of the ids can be none; those before it may be stopped.
        """
        job_ids = [each.job_id if isinstance(each, Job) else each for each in jobs]
        outcomes: dict[str, str | Error] = {}
        for start in range(0, len(job_ids), CANCELLED_TOGETHER):
            part = job_ids[start : start + CANCELLED_TOGETHER]
            told = await self._connection.call(uris.CANCEL_MANY, part, reason=reason, now=now)
            for job_id in part:
                refusal = told["refused"].get(job_id)
                outcomes[job_id] = (
                    told["answers"][job_id]
                    if refusal is None
                    else from_wire(refusal["error"], refusal["message"], {})
                )
        return outcomes

    async def upload(
        self,
        source: Source,
        *,
        name: str | None = None,
        media_type: str | None = None,
        on_progress: OnProgress | None = None,
        on_behalf_of: str | None = None,
    ) -> str:
        """
        Send a file: its id, which is what a parameter that takes a file is given.

        *source* is a path, bytes, or a file object open for reading bytes. *on_progress* is
        told which fraction has been sent. What is cut off goes on where it was, and a file
        that is here already is not sent again. A backend sends what a user's job shall take
        *on_behalf_of* that user, to whom it belongs then.

        Raises:
            TooLarge: It is larger than a file may be.
            InvalidArguments: Our files are too many, or too large together.
            Unavailable: The node has no room for it; or there was no connection for as long as
                the client's *patience*.
        """
        file = File(source, name, media_type)
        return await Sending(self._connection, file, on_progress, on_behalf_of).run()

    async def remove_upload(self, file: str, *, on_behalf_of: str | None = None) -> None:
        """Remove a file that we have sent, *on_behalf_of* a user or not, and no job needs any more."""
        await self._connection.call(uris.UPLOAD_REMOVE, file, on_behalf_of=on_behalf_of)

    def job(self, job_id: str) -> Job:
        """Any job that we may see, to be followed from its first event."""
        return any_job(self._connection, self._following, job_id)

    async def jobs(
        self,
        *,
        state: str | Sequence[str] | None = None,
        task: str | Sequence[str] | None = None,
        owner: str | None = None,
        limit: int | None = None,
        parent: str | None = None,
        children: bool = False,
        tag: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        text: str | None = None,
    ) -> AsyncIterator[dict[str, Any]]:
        """
        The jobs that we may see, newest first, at most *limit* of them.

        *state* is one state or several, *task* one name or several, in which `*` stands for
        any text. *owner* is for backends and operators, who see everybody's jobs. *parent* is
        a batch, whose children these are; without it the *children* of batches are left out,
        unless asked for. *since* and *until* are when jobs were submitted, from then on and
        before then; both are aware.

        *text* is looked for, whatever its case, in arguments, tags, data and outcome, and in
        the output that we may read: in the first and the last mebibyte that are kept of each
        stream. In a long history that takes many calls, none of them long.
        """
        states = state if state is None or isinstance(state, str) else list(state)
        tasks = task if task is None or isinstance(task, str) else list(task)
        before = None
        count = 0
        while limit is None or count < limit:
            size = JOBS_PAGE if limit is None else min(JOBS_PAGE, limit - count)
            page = await self._connection.call(
                uris.JOBS,
                state=states,
                task=tasks,
                owner=owner,
                before=before,
                limit=size,
                parent=parent,
                children=children,
                tag=tag,
                since=None if since is None else timestamp(since),
                until=None if until is None else timestamp(until),
                text=text,
            )
            for job in page["jobs"]:
                yield job
            count += len(page["jobs"])
            before = page["next"]
            if before is None:
                return

    async def statistics(self) -> dict[str, Any]:
        """How many jobs wait and run, how fast they go, how long they take; for operators."""
        statistics: dict[str, Any] = await self._connection.call(uris.STATISTICS)
        return statistics

    async def pause(self) -> dict[str, Any]:
        """Let no more jobs start until `resume`; jobs are still taken. For operators."""
        return await self._situation(uris.PAUSE)

    async def resume(self) -> dict[str, Any]:
        """Let jobs be taken and started again; for operators."""
        return await self._situation(uris.RESUME)

    async def drain(self, limit: float | None = None) -> dict[str, Any]:
        """
        Let no more jobs be taken or started, and cancel what still runs after *limit* seconds.

        It returns at once; the node is drained when none is `running`. For operators.
        """
        return await self._situation(uris.DRAIN, limit=limit)

    async def reload(self) -> dict[str, Any]:
        """
        Let the node take its tasks as they are written now; for operators.

        Returns:
            `{tasks, added, removed, changed, mistakes}`; with mistakes, nothing changes.
        """
        return await self._situation(uris.RELOAD)

    async def schedules(self) -> list[dict[str, Any]]:
        """Every schedule of the node, with its next five runs; for operators."""
        schedules: list[dict[str, Any]] = await self._connection.call(uris.SCHEDULES)
        return schedules

    async def schedule(self, name: str, action: str) -> dict[str, Any]:
        """
        Steer a schedule: `pause` or `resume` it, or `run` its task at once. For operators.

        Gives the schedule; after `run`, `job_id` is that of the new job.
        """
        return await self._situation(uris.SCHEDULE, name=name, action=action)

    async def limits(
        self,
        *,
        slots: int | None = None,
        groups: Mapping[str, int] | None = None,
        slots_per_user: int | None = None,
    ) -> dict[str, Any]:
        """
        How many slots there are, and for whom, after changing those that are given.

        The change lasts until the node's executor starts again; what runs goes on. With 0
        for *slots_per_user* one user may have all. For operators.
        """
        limits: dict[str, Any] = await self._connection.call(
            uris.LIMITS,
            slots=slots,
            groups=None if groups is None else dict(groups),
            slots_per_user=slots_per_user,
        )
        return limits

    def events(self) -> Events:
        """
        Every event of every job of ours, in order, from now on, across lost connections.

        Iterating raises `StreamReset` where events have been missed for good.

        Raises:
            NotAuthorized: Our token is limited to some jobs; each of them can be followed.
        """
        return self._following.listen()

    async def positions(self) -> AsyncIterator[dict[str, int]]:
        """
        The places in the queue that jobs of ours have now, by `job_id`, as they change.

        They are told at most once a second, from when somebody iterates over this, and only
        of jobs near the front: `Job.snapshot` tells the place of any. What is missed while
        the connection is lost is not told later.
        """
        async for places in self._following.places():
            yield places

    async def token(self, code: str) -> dict[str, Any]:
        """Exchange the sign-in *code* that we joined with: `{token, expires_at}`."""
        token: dict[str, Any] = await self._connection.call(uris.TOKEN, code)
        return token

    async def mint(
        self,
        user: str | None = None,
        *,
        tasks: Sequence[str] | None = None,
        jobs: Sequence[str | Job] | None = None,
        read_only: bool = False,
        uses: int | None = None,
        minutes: float = 60,
        teams: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """
        Make a token for a page, a link or a program: `{token, id, expires_at, scope}`.

        It is for *user*, ourselves unless given, whom a backend must be allowed to act for. It is
        limited to these *tasks*, or these *jobs*, and to looking if *read_only*. So many *uses*
        are so many sessions. It ends after so many *minutes*, and not after our own session's
        end. *teams* say in which of them the user is.

        Raises:
            InvalidArguments: Something is refused; `fields` says what and why.
            NotAuthorized: We may not have such a token, or are limited ourselves.
            RateLimited: Too many tokens of our making are still valid.
        """
        if isinstance(tasks, str) or isinstance(jobs, str) or isinstance(teams, str):
            raise TypeError("tasks, jobs and teams are sequences of names, not one text")
        ids = (
            None
            if jobs is None
            else [each.job_id if isinstance(each, Job) else each for each in jobs]
        )
        minted: dict[str, Any] = await self._connection.call(
            uris.MINT,
            user=user,
            tasks=None if tasks is None else list(tasks),
            jobs=ids,
            read_only=read_only,
            uses=uses,
            minutes=minutes,
            teams=None if teams is None else list(teams),
        )
        return minted

    async def outcomes(self, task: str | None = None, *, limit: int = 100) -> list[dict[str, Any]]:
        """
        How the latest *limit* jobs of each task ended and how long they ran, or of one *task*.

        They are our own, for operators everybody's. Each task has `{task, jobs, states,
        durations, last}`, durations `{n, p10, p50, p90, longest}` in seconds; of one task there
        is `latest` too, the jobs one by one, up to 500.

        Raises:
            UnknownTask: There is no such task that we may see.
        """
        outcomes: list[dict[str, Any]] = await self._connection.call(
            uris.OUTCOMES, task, limit=limit
        )
        return outcomes

    async def sessions(self) -> list[dict[str, Any]]:
        """Our own sessions: how, from where, since and until when; this one `is_current`."""
        return await all_pages(self._connection, "sessions", uris.OWN_SESSIONS)

    async def end_session(self, session: int) -> None:
        """
        End one of our own sessions; its client may join again if its token is valid still.

        Raises:
            InvalidArguments: We have no such session.
            NotAuthorized: We are limited ourselves.
        """
        await self._connection.call(uris.END_OWN_SESSION, session)

    async def tokens(self) -> list[dict[str, Any]]:
        """Our own tokens that are valid, never the tokens themselves; ours `is_current`."""
        return await all_pages(self._connection, "tokens", uris.OWN_TOKENS)

    async def revoke(self, token: str) -> None:
        """
        Make one of our own tokens invalid, by its id; the sessions that joined by it end.

        Raises:
            InvalidArguments: We have no such token.
            NotAuthorized: We are limited ourselves.
        """
        await self._connection.call(uris.REVOKE_OWN, token)

    async def _with_files(self, request: Request) -> Request:
        """*request* as it is sent once the files among its arguments have been."""
        arguments = await self._uploaded(request.arguments, request.on_behalf_of)
        if arguments is request.arguments:
            return request
        return replace(request, arguments=arguments)

    async def _uploaded(self, arguments: Arguments, on_behalf_of: str | None) -> Arguments:
        """*arguments* with the files among them sent, and their ids in their place."""
        ids = dict.fromkeys(files_among(arguments), "")
        for file in ids:
            ids[file] = await Sending(self._connection, file, None, on_behalf_of).run()
        return with_ids(arguments, ids) if ids else arguments

    async def _situation(self, uri: str, **options: Any) -> dict[str, Any]:
        situation: dict[str, Any] = await self._connection.call(uri, **options)
        return situation

    def _submitted(self, answer: Mapping[str, Any], request: Request) -> Job:
        if not answer.get("is_new", True):
            return self.job(answer["job_id"])  # and what has happened to it so far
        job = Job(
            self._connection,
            self._following,
            answer["job_id"],
            owner=request.on_behalf_of or self.authid,
            delivery=Delivery(request.deliver),
        )
        self._following.add_new(job)
        return job
