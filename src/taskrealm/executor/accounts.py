"""The procedures by which operators see who has access, and take it away."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING, Any

import structlog

from ..access.credentials import CredentialStore
from ..access.identity import ROLES, TEAMS_LIMIT, require_identity
from ..access.tokens import TokenStore
from ..protocol import uris
from ..protocol.errors import InvalidArguments
from ..protocol.jobs import timestamp
from ..tasks import Caller
from .arguments import expect, expect_number
from .offers import offer
from .shares import fitting

if TYPE_CHECKING:
    from ..access.credentials import User
    from ..access.tokens import Token
    from ..journal import Journal
    from ..settings import NodeFolder
    from ..wire import Call, Session
    from .audience import Audience, Member
    from .audit import Audit
    from .callers import Callers
    from .executor import Executor
    from .rights import Rights
    from .shares import Shares

log = structlog.get_logger()

LARGEST = 2**53  # the largest number of a session


class Accounts:
    """Answers operators who ask who is here and who may do what, and refuses anybody else."""

    def __init__(
        self,
        callers: Callers,
        audience: Audience,
        rights: Rights,
        executor: Executor,
        journal: Journal,
        audit: Audit,
        folder: NodeFolder,
        shares: Shares,
    ) -> None:
        """*folder* is the node whose tokens and credentials these are."""
        self._callers = callers
        self._audience = audience
        self._rights = rights
        self._executor = executor
        self._journal = journal
        self._audit = audit
        self._folder = folder
        self._shares = shares
        self._session: Session | None = None

    async def register(self, session: Session) -> None:
        """Offer every procedure in the realm that *session* has joined."""
        self._session = session
        await offer(
            session,
            {
                uris.SESSIONS: self.sessions,
                uris.END_SESSION: self.end_session,
                uris.TOKENS: self.tokens,
                uris.REVOKE: self.revoke,
                uris.USERS: self.users,
                uris.RIGHTS: self.rights,
            },
        )

    async def sessions(self, call: Call, user: Any = None, after: Any = 0) -> dict[str, Any]:
        """
        Who has joined: `{sessions, next}`, of everybody or of one `user`.

        Each is `{session, authid, role, teams, method, token, client, address, since, expires_at,
        scope}`. `next` is the next `after` if there are more.
        """
        expect("user", user, (str, type(None)), "the name of a user")
        expect_number("after", after, 0, LARGEST)
        self._look(call, "sessions", user)
        found = [
            told_session(number, member)
            for number, member in sorted(self._audience.members.items())
            if number > after and member.authrole in ROLES and user in (None, member.authid)
        ]
        page = fitting(found, self._shares.page)
        more = len(page) < len(found)
        return {"sessions": page, "next": page[-1]["session"] if more else None}

    async def end_session(self, call: Call, session: Any) -> None:
        """Ends a session at once; its client may join again if what it joined by is valid still."""
        expect_number("session", session, 1, LARGEST)
        caller = self._callers.operator(call)
        member = self._audience.member(session)
        has_ended = False
        if member is not None and member.authrole in ROLES and self._session is not None:
            has_ended = await self._session.call(uris.END, session)
        if member is None or not has_ended:
            raise InvalidArguments(fields={"session": f"there is no session {session}"})
        log.info("Session ended", by=caller.authid, session=session, user=member.authid)
        record = self._audit.record(
            caller, "admin.end_session", str(session), owner=member.authid, role=member.authrole
        )
        await self._audit.add(record)

    async def tokens(self, call: Call, user: Any = None, after: Any = "") -> dict[str, Any]:
        """
        The tokens that are valid now: `{tokens, next}`, of everybody or of one `user`, by id.

        Each is `{id, authid, role, teams, scope, uses, single_use, created, expires_at,
        issued_by, used_at}`. `next` is the next `after` if there are more.
        """
        expect("user", user, (str, type(None)), "the name of a user")
        expect("after", after, str, "the id of a token")
        self._look(call, "tokens", user)
        found = await asyncio.to_thread(self._tokens_of, user)
        rest = sorted((each for each in found if each.id > after), key=lambda each: each.id)
        page = fitting(map(told_token, rest), self._shares.page)
        more = len(page) < len(rest)
        return {"tokens": page, "next": page[-1]["id"] if more else None}

    async def revoke(self, call: Call, token: Any = None, user: Any = None) -> dict[str, Any]:
        """
        Makes one `token`, by its id, invalid, or everything by which a `user` has joined so far.

        The sessions that joined by it end within a second. Answers `{tokens}`: how many.
        """
        expect("token", token, (str, type(None)), "the id of a token")
        expect("user", user, (str, type(None)), "the name of a user")
        caller = self._callers.operator(call)
        if (token is None) is (user is None):
            raise InvalidArguments(fields={"token": "must be given, or else a user"})
        if user is not None:
            count, owner = await asyncio.to_thread(self._revoke_user, user), user
        else:
            revoked = await asyncio.to_thread(self._revoke, token)
            if revoked is None:
                raise InvalidArguments(fields={"token": f"there is no valid token {token!r}"})
            count, owner = 1, revoked.authid
        log.info("Access revoked", by=caller.authid, token=token, user=owner, tokens=count)
        await self._audit.add(
            self._audit.record(caller, "admin.revoke", token, owner=owner, tokens=count)
        )
        return {"tokens": count}

    async def users(self, call: Call, after: Any = "", limit: Any = 100) -> dict[str, Any]:
        """
        The users that the node knows, by name: `{users, next}`.

        They have tokens or credentials here, or have joined, or own jobs. Each is `{authid,
        roles, teams, tokens, methods, sessions, jobs}`, with the number of jobs by state.
        `next` is the next `after` if there are more.
        """
        expect("after", after, str, "the name of a user")
        expect_number("limit", limit, 1, 1_000)
        self._look(call, "users", None)
        known = _Known()
        for token in await asyncio.to_thread(self._tokens_of, None):
            known.of(token.authid, token.role, token.teams)["tokens"] += 1
        for user in await asyncio.to_thread(self._credentials):
            methods = {method for method, _ in user.credentials}
            known.of(user.authid, user.role, user.teams)["methods"] = sorted(methods)
        for member in self._audience.members.values():
            if member.authrole in ROLES:
                known.of(member.authid, member.authrole, member.caller.teams)["sessions"] += 1
        owners = await self._journal.owners(after=after, limit=limit)
        for owner, states in owners.items():
            known.of(owner)["jobs"] = states
        # Behind the last of these owners there may be more of which nothing is known here.
        end = max(owners) if len(owners) == limit else None
        names = [
            name for name in sorted(known.users) if name > after and (end is None or name <= end)
        ]
        page = fitting((known.users[name] for name in names[:limit]), self._shares.page)
        more = end is not None or len(page) < len(names)
        return {"users": page, "next": page[-1]["authid"] if more else None}

    async def rights(
        self, call: Call, user: Any, role: Any = "user", teams: Any = ()
    ) -> dict[str, Any]:
        """
        What a `user` in a `role` and some `teams` may do, as the rules say: `{tasks, asks}`.

        Each task has its `rights`, and for each of them the numbers of the rules that give it,
        in the order of `router/roles.toml`. If it `asks`, the site's own function may refuse
        more.
        """
        expect("user", user, str, "the name of a user")
        expect("role", role, str, f"one of {', '.join(ROLES)}")
        expect("teams", teams, (list, tuple), f"a list of at most {TEAMS_LIMIT} names")
        self._look(call, "rights", user)
        try:
            require_identity(user, role, tuple(teams))
        except ValueError as error:
            raise InvalidArguments(fields={"user": str(error)}) from None
        viewed = Caller(user, role, user, tuple(teams))
        tasks = self._executor.registry.values()
        return {
            "user": user,
            "role": role,
            "teams": list(teams),
            "asks": self._rights.asks,
            "tasks": [
                {"task": task.name, "rights": self._rights.reasons(viewed, task)} for task in tasks
            ],
        }

    def _look(self, call: Call, what: str, user: str | None) -> None:
        """Make sure that an operator calls, and record that it looks."""
        self._audit.looked(self._callers.operator(call), user, what)

    def _tokens_of(self, user: str | None) -> list[Token]:
        with closing(TokenStore.open(self._folder.tokens)) as store:
            return store.tokens(user)

    def _revoke(self, token: str) -> Token | None:
        with closing(TokenStore.open(self._folder.tokens)) as store:
            return store.revoke(token)

    def _revoke_user(self, user: str) -> int:
        with closing(TokenStore.open(self._folder.tokens)) as store:
            return store.revoke_user(user)

    def _credentials(self) -> list[User]:
        with closing(CredentialStore.open(self._folder.credentials)) as store:
            return store.users()


class _Known:
    """Users by name, from wherever they are known."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}

    def of(
        self, authid: str, role: str | None = None, teams: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """What is known of *authid*, who has this *role* and is in these *teams* among others."""
        user = self.users.setdefault(
            authid,
            {
                "authid": authid,
                "roles": [],
                "teams": [],
                "tokens": 0,
                "methods": [],
                "sessions": 0,
                "jobs": {},
            },
        )
        if role is not None and role not in user["roles"]:
            user["roles"].append(role)
        user["teams"] += [team for team in teams if team not in user["teams"]]
        return user


def told_session(number: int, member: Member) -> dict[str, Any]:
    """What is told of the session with this *number*."""
    extra = member.details.get("authextra") or {}
    return {
        "session": number,
        "authid": member.authid,
        "role": member.authrole,
        "teams": list(member.caller.teams),
        "method": extra.get("method"),
        "token": extra.get("token"),
        "client": member.client,
        "address": member.caller.address,
        "since": extra.get("since"),
        "expires_at": extra.get("expires_at"),
        "scope": member.caller.scope.as_dict(),
    }


def told_token(token: Token) -> dict[str, Any]:
    """What is told of *token*, from which nobody could make it."""
    return {
        "id": token.id,
        "authid": token.authid,
        "role": token.role,
        "teams": list(token.teams),
        "scope": token.scope.as_dict(),
        "uses": token.uses,
        "single_use": token.single_use,
        "created": timestamp(token.created),
        "expires_at": timestamp(token.expires_at),
        "issued_by": token.issued_by,
        "used_at": None if token.used_at is None else timestamp(token.used_at),
    }
