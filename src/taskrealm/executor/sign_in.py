"""The procedure that gives a token to whoever has signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..protocol import uris
from ..protocol.errors import InvalidToken, NotAuthorized
from ..protocol.jobs import timestamp
from .arguments import expect
from .offers import offer

if TYPE_CHECKING:
    from ..access.tokens import TokenStore
    from ..wire import Call, Session
    from .audit import Audit
    from .callers import Callers, SessionCaller


class SignIn:
    """Lets a session join again without what it has signed in by."""

    def __init__(
        self, callers: Callers, tokens: TokenStore, audit: Audit, *, lifetime: float
    ) -> None:
        """*lifetime* is how long in seconds a token lives that a session has signed in for."""
        self._callers = callers
        self._tokens = tokens
        self._audit = audit
        self._lifetime = lifetime

    async def register(self, session: Session) -> None:
        """Offer the procedure in the realm that *session* has joined."""
        await offer(session, {uris.TOKEN: self.token})

    async def token(self, call: Call, code: Any = None) -> dict[str, Any]:
        """
        A token for a session that has signed in by a one-time code, or by a password.

        Whoever joined by a *code* gives that again; a password needs no other proof.
        """
        caller = self._callers.of(call)
        if code is None:
            return await self._token_of(caller)
        expect("code", code, str, "text")
        found = self._tokens.find(code)
        if found is None or not found.single_use or found.authid != call.authid:
            raise InvalidToken("This sign-in code is wrong, expired or used up; ask for a new link")
        token, expires_at = self._tokens.redeem(code, lifetime=self._lifetime)
        await self._audit.add(self._audit.record(caller, "token", found.id, owner=call.authid))
        return {"token": token, "expires_at": timestamp(expires_at)}

    async def _token_of(self, caller: SessionCaller) -> dict[str, Any]:
        if caller.method != "password":
            raise NotAuthorized("Only a session that joined by a password gets a token so")
        token = self._tokens.issue(
            caller.authid,
            caller.role,
            lifetime=self._lifetime,
            teams=caller.teams,
            issued_by=caller.authid,
        )
        issued = self._tokens.find(token)
        assert issued is not None
        await self._audit.add(self._audit.record(caller, "token", issued.id, owner=caller.authid))
        return {"token": token, "expires_at": timestamp(issued.expires_at)}
