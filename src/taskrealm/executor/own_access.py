"""The procedures by which people see by what they have access themselves, and end it."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING, Any

import structlog

from ..access.identity import ROLES
from ..access.tokens import TokenStore
from ..protocol import uris
from ..protocol.errors import InvalidArguments, NotAuthorized
from .accounts import LARGEST, told_session, told_token
from .arguments import expect, expect_number
from .offers import offer
from .shares import fitting

if TYPE_CHECKING:
    from pathlib import Path

    from ..access.tokens import Token
    from ..wire import Call, Session
    from .audience import Audience, Member
    from .audit import Audit
    from .callers import Callers, SessionCaller
    from .shares import Shares

log = structlog.get_logger()


class OwnAccess:
    """
    Answers whoever asks for its own sessions and tokens.

    One's own is what has one's authid, and one's role or that of a user: by a token for a page
    nobody ends the session of an operator. A limited session, and an anonymous one, knows of
    itself alone and ends nothing, as others may have the same link.
    """

    def __init__(
        self, callers: Callers, audience: Audience, tokens: Path, audit: Audit, shares: Shares
    ) -> None:
        """*tokens* is the file of the tokens."""
        self._callers = callers
        self._audience = audience
        self._tokens = tokens
        self._audit = audit
        self._shares = shares
        self._session: Session | None = None

    async def register(self, session: Session) -> None:
        """Offer every procedure in the realm that *session* has joined."""
        self._session = session
        await offer(
            session,
            {
                uris.OWN_SESSIONS: self.sessions,
                uris.END_OWN_SESSION: self.end_session,
                uris.OWN_TOKENS: self.tokens,
                uris.REVOKE_OWN: self.revoke,
            },
        )

    async def sessions(self, call: Call, after: Any = 0) -> dict[str, Any]:
        """
        The caller's own sessions: `{sessions, next}`, each as `taskrealm.admin.sessions` has it.

        The one that asks `is_current`. `next` is the next `after` if there are more.
        """
        expect_number("after", after, 0, LARGEST)
        caller = self._callers.of(call)
        found = [
            {**told_session(number, member), "is_current": number == caller.session}
            for number, member in sorted(self._audience.members.items())
            if number > after and self._is_own(caller, number, member)
        ]
        page = fitting(found, self._shares.page)
        more = len(page) < len(found)
        return {"sessions": page, "next": page[-1]["session"] if more else None}

    async def end_session(self, call: Call, session: Any) -> None:
        """Ends one of the caller's sessions; its client may join again if its token is valid."""
        expect_number("session", session, 1, LARGEST)
        caller = self._whole(call)
        member = self._audience.member(session)
        has_ended = False
        if member is not None and self._is_own(caller, session, member) and self._session:
            has_ended = await self._session.call(uris.END, session)
        if not has_ended:
            raise InvalidArguments(fields={"session": f"you have no session {session}"})
        log.info("Session ended", by=caller.authid, session=session, user=caller.authid)
        record = self._audit.record(caller, "end_session", str(session), owner=caller.authid)
        await self._audit.add(record)

    async def tokens(self, call: Call, after: Any = "") -> dict[str, Any]:
        """
        The caller's own tokens that are valid: `{tokens, next}`, as `taskrealm.admin.tokens` has them.

        The one by which the caller has joined `is_current`. `next` is the next `after` if there
        are more.
        """
        expect("after", after, str, "the id of a token")
        caller = self._callers.of(call)
        member = self._audience.member(caller.session)
        current = None if member is None else member.token
        found = await asyncio.to_thread(self._own_tokens, caller, current)
        rest = sorted((each for each in found if each.id > after), key=lambda each: each.id)
        told = ({**told_token(each), "is_current": each.id == current} for each in rest)
        page = fitting(told, self._shares.page)
        more = len(page) < len(rest)
        return {"tokens": page, "next": page[-1]["id"] if more else None}

    async def revoke(self, call: Call, token: Any) -> None:
        """Makes one of the caller's tokens invalid, by its id; its sessions end within a second."""
        expect("token", token, str, "the id of a token")
        caller = self._whole(call)
        revoked = await asyncio.to_thread(self._revoke, caller, token)
        if not revoked:
            raise InvalidArguments(fields={"token": f"you have no valid token {token!r}"})
        log.info("Access revoked", by=caller.authid, token=token, user=caller.authid, tokens=1)
        await self._audit.add(self._audit.record(caller, "revoke", token, owner=caller.authid))

    def _whole(self, call: Call) -> SessionCaller:
        """
        Who calls, as one that may end what is its own.

        Raises:
            NotAuthorized: It is limited to less.
        """
        caller = self._callers.of(call)
        if not _is_somebody(caller):
            raise NotAuthorized("A limited session ends nothing but itself, by leaving")
        return caller

    def _is_own(self, caller: SessionCaller, number: int, member: Member) -> bool:
        if not _is_somebody(caller):
            return number == caller.session
        return member.authrole in ROLES and _is_below(caller, member.authid, member.authrole)

    def _own_tokens(self, caller: SessionCaller, current: str | None) -> list[Token]:
        with closing(TokenStore.open(self._tokens)) as store:
            if _is_somebody(caller):
                return [
                    each
                    for each in store.tokens(caller.authid)
                    if _is_below(caller, each.authid, each.role)
                ]
            one = None if current is None else store.one(current)
            return [] if one is None else [one]

    def _revoke(self, caller: SessionCaller, id: str) -> bool:
        with closing(TokenStore.open(self._tokens)) as store, store.alone():
            token = store.one(id)
            is_own = token is not None and _is_below(caller, token.authid, token.role)
            return is_own and store.revoke(id) is not None


def _is_somebody(caller: SessionCaller) -> bool:
    """Whether *caller* speaks for all of its user."""
    return caller.scope.is_whole and caller.method != "anonymous"


def _is_below(caller: SessionCaller, authid: str, role: str) -> bool:
    """Whether *authid* in *role* is *caller* itself, with no more power."""
    return authid == caller.authid and role in (caller.role, "user")
