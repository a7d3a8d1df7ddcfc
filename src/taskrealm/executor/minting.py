"""Tokens that sessions ask for: for a page, a link, a form."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from ..access.identity import require_identity
from ..access.rules import Right
from ..access.tokens import TokenStore
from ..protocol import uris
from ..protocol.errors import (
    InvalidArguments,
    InvalidToken,
    NotAuthorized,
    RateLimited,
    UnknownJob,
    UnknownTask,
)
from ..protocol.jobs import timestamp
from ..protocol.scope import Scope
from ..tasks import Caller
from .arguments import expect, expect_number
from .offers import offer

if TYPE_CHECKING:
    from pathlib import Path

    from ..access.tokens import Token
    from ..protocol.jobs import Job
    from ..wire import Call, Session
    from .audience import Audience, Member
    from .audit import Audit
    from .callers import Callers, SessionCaller
    from .executor import Executor
    from .job_access import JobAccess
    from .rights import Rights

log = structlog.get_logger()

NAMES = 100  # tasks, and jobs, that one token may be limited to
MOST_USES = 1_000_000
MOST_TOKENS = {"user": 1_000, "backend": 100_000, "operator": 100_000}
"""Valid tokens of the making of one authid, by its role."""
RETRY = 60.0  # seconds after which some of them may have expired


@dataclass(frozen=True, slots=True)
class Wish:
    """A token that somebody wants to have."""

    user: str
    teams: tuple[str, ...]
    scope: Scope
    uses: int | None
    minutes: float


class Minting:
    """
    Answers `taskrealm.mint`: makes tokens that can do no more than whoever asks for them.

    They are always of role `user`. Users have them for themselves, backends also for those whom
    they may act for, operators for anybody. None lives longer than the session that asks for it,
    and a session that is limited itself, in what it may do or how often it may be joined, has none;
    nor has an anonymous one.
    """

    def __init__(
        self,
        callers: Callers,
        audience: Audience,
        jobs: JobAccess,
        rights: Rights,
        executor: Executor,
        tokens: Path,
        audit: Audit,
        *,
        most_minutes: float,
    ) -> None:
        """*tokens* is the file of the tokens, and *most_minutes* how long one may last."""
        self._callers = callers
        self._audience = audience
        self._jobs = jobs
        self._rights = rights
        self._executor = executor
        self._tokens = tokens
        self._audit = audit
        self._most_minutes = most_minutes

    async def register(self, session: Session) -> None:
        """Offer the procedure in the realm that *session* has joined."""
        await offer(session, {uris.MINT: self.mint})

    async def mint(
        self,
        call: Call,
        user: Any = None,
        tasks: Any = None,
        jobs: Any = None,
        read_only: Any = False,
        uses: Any = None,
        minutes: Any = 60,
        teams: Any = None,
    ) -> dict[str, Any]:
        """
        Makes a token: `{token, id, expires_at, scope}`.

        It is for the caller or for `user`, and limited to `tasks` and `jobs` if they are given,
        to looking if it is `read_only`, to a number of `uses`, each of which is one session, and
        to `minutes`. It ends with the caller's own session at the latest. `teams` are the
        caller's own unless they are given; of another user they are none.
        """
        caller = self._callers.of(call)
        member = self._audience.member(call.caller)
        assert member is not None
        if not caller.scope.is_whole:
            raise NotAuthorized("A limited session may not make tokens")
        if caller.method == "anonymous":
            raise NotAuthorized("An anonymous session may not make tokens")
        wish = self._wish(caller, user, tasks, jobs, read_only, uses, minutes, teams)
        await self._require_inside(caller, wish)
        token, made = await asyncio.to_thread(self._issue, caller, member, wish)
        made_as: dict[str, Any] = {
            "scope": made.scope.as_dict(),
            "teams": list(made.teams),
            "uses": made.uses,
            "expires_at": timestamp(made.expires_at),
        }
        log.info("Token made", by=caller.authid, user=made.authid, token=made.id, **made_as)
        record = self._audit.record(caller, "mint", made.id, owner=made.authid, **made_as)
        await self._audit.add(record)
        return {
            "token": token,
            "id": made.id,
            "expires_at": timestamp(made.expires_at),
            "scope": made.scope.as_dict(),
        }

    def _wish(
        self,
        caller: SessionCaller,
        user: Any,
        tasks: Any,
        jobs: Any,
        read_only: Any,
        uses: Any,
        minutes: Any,
        teams: Any,
    ) -> Wish:
        """
        What *caller* asks for, if it makes sense.

        Raises:
            InvalidArguments: It does not.
            NotAuthorized: It is a token of somebody whom *caller* may not act for.
        """
        expect("user", user, (str, type(None)), "the name of a user")
        expect("read_only", read_only, bool, "true or false")
        if uses is not None:
            expect_number("uses", uses, 1, MOST_USES)
        if (
            not isinstance(minutes, int | float)
            or isinstance(minutes, bool)
            or not 0 < minutes <= self._most_minutes
        ):
            most = f"{self._most_minutes:g}"
            raise InvalidArguments(
                fields={"minutes": f"must be a number above 0 and at most {most}"}
            )
        is_own = user is None or user == caller.authid
        if not is_own and caller.role == "user":
            raise NotAuthorized("You may make tokens for yourself only")
        default = caller.teams if is_own else ()
        wish = Wish(
            caller.authid if user is None else user,
            default if teams is None else _names("teams", teams, least=0),
            Scope(
                None if tasks is None else _names("tasks", tasks),
                None if jobs is None else _names("jobs", jobs),
                read_only,
            ),
            uses,
            minutes,
        )
        for name, identity in {"user": (wish.user, ()), "teams": ("x", wish.teams)}.items():
            try:
                require_identity(identity[0], "user", identity[1])
            except ValueError as error:
                raise InvalidArguments(fields={name: str(error)}) from None
        strange = set(wish.teams) - set(caller.teams)
        if is_own and strange and caller.role != "operator":
            names = ", ".join(sorted(strange))
            raise InvalidArguments(fields={"teams": f"must be teams of yours, not {names}"})
        return wish

    async def _require_inside(self, caller: SessionCaller, wish: Wish) -> None:
        """
        Make sure that *wish* is no more than *caller* may have.

        Raises:
            InvalidArguments: It names tasks that its user may not run, or jobs that are not of
                this user, or not for *caller* to see.
            NotAuthorized: It is for a user whom *caller* may not act for so far.
        """
        user = Caller(wish.user, "user", wish.user, wish.teams)
        scope = wish.scope
        fields: dict[str, str] = {}
        for index, name in enumerate(scope.tasks or ()):
            task = self._executor.registry.get(name)
            verb = Right.SEE if scope.read_only else Right.RUN
            try:
                await self._rights.require_task(user, name, task, verb)
            except (UnknownTask, NotAuthorized):
                fields[f"tasks.{index}"] = (
                    f"there is no task {name!r} that {user.authid} may {verb}"
                )
        concerned: list[str | None] = []
        for index, job_id in enumerate(scope.jobs or ()):
            job = await self._seen(caller, job_id)
            if job is None or job.owner != user.authid:
                fields[f"jobs.{index}"] = f"there is no job {job_id!r} of {user.authid}"
            elif scope.tasks is not None and job.task not in scope.tasks:
                fields[f"jobs.{index}"] = f"is a job of {job.task}, which is none of the tasks"
            else:
                concerned.append(job.task)
        if fields:
            raise InvalidArguments(fields=fields)
        if user.authid != caller.authid:
            for each in dict.fromkeys(concerned or scope.tasks or (None,)):
                self._require_delegation(caller, wish, each)

    async def _seen(self, caller: SessionCaller, job_id: str) -> Job | None:
        try:
            return await self._jobs.job(caller, job_id, Right.SEE)
        except UnknownJob:
            return None

    def _require_delegation(self, caller: SessionCaller, wish: Wish, task: str | None) -> None:
        """
        Make sure that *caller* may do for the user of *wish* what the token lets its bearer do.

        Raises:
            NotAuthorized: It may not.
        """
        for right in _rights(wish.scope):
            if not self._rights.may_act_for(caller, wish.user, wish.teams, right, task):
                what = "all tasks" if task is None else task
                teams = f" in {', '.join(wish.teams)}" if wish.teams else ""
                raise NotAuthorized(
                    f"No delegation lets you {right} {what} for {wish.user}{teams}; name the tasks"
                    " or jobs of the token, or see [[delegation]] in router/roles.toml"
                )

    def _issue(self, caller: SessionCaller, member: Member, wish: Wish) -> tuple[str, Token]:
        """
        A token for *wish*, unless the session that asks is over meanwhile.

        Raises:
            InvalidToken: It is.
            NotAuthorized: Its token has a number of uses, which another one would get round.
            RateLimited: There are too many tokens of its making.
        """
        # Whoever joins meanwhile is counted in the same file, and the router waits for that.
        with closing(TokenStore.open(self._tokens, is_hasty=True)) as store, store.alone():
            if member.token is not None:
                own = store.one(member.token)
                if own is None:
                    raise InvalidToken("The token of this session is not valid any more")
                if own.uses is not None:
                    raise NotAuthorized("A token with a number of uses makes no others")
            revoked = store.revoked_at(caller.authid)
            if revoked is not None and member.token is None:
                if member.since is None or member.since <= revoked:
                    raise InvalidToken("Whatever this session has joined by was revoked")
            if member.expires_at is not None and member.expires_at <= datetime.now(UTC):
                raise InvalidToken("This session is over")
            store.prune()
            most = MOST_TOKENS[caller.role]
            if store.issued(caller.authid) >= most:
                raise RateLimited(
                    f"{most} tokens that you have made are valid still; wait until some expire",
                    retry_after=RETRY,
                )
            token = store.issue(
                wish.user,
                "user",
                lifetime=60 * wish.minutes,
                teams=wish.teams,
                scope=wish.scope,
                uses=wish.uses,
                issued_by=caller.authid,
                until=member.expires_at,
            )
            made = store.find(token)
            if made is None:
                raise InvalidToken("The token has expired before it was made")
            return token, made


def _rights(scope: Scope) -> tuple[Right, ...]:
    """What a session of this *scope* may do with the tasks and jobs in it."""
    if scope.read_only:
        return (Right.SEE, Right.OUTPUT)
    if scope.jobs is not None:
        return (Right.SEE, Right.OUTPUT, Right.CANCEL)
    return tuple(Right)


def _names(field: str, value: Any, *, least: int = 1) -> tuple[str, ...]:
    """The names that are given as *field*; none would mean all, so that must not be by mistake."""
    if (
        not isinstance(value, list | tuple)
        or not least <= len(value) <= NAMES
        or not all(isinstance(each, str) for each in value)
    ):
        hint = "; leave it out for all" if least else ""
        raise InvalidArguments(fields={field: f"must be a list of {least} to {NAMES} names{hint}"})
    return tuple(dict.fromkeys(value))
