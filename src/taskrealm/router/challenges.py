"""Proofs by challenge, made safe: nothing of them is logged, and no mistake of a client fails."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import Deny
from crossbar.router import auth
from twisted.internet.defer import Deferred, ensureDeferred

from ..protocol.errors import InvalidToken

if TYPE_CHECKING:
    from collections.abc import Callable

    Refused = Callable[[str | None, dict[str, Any], str], None]

_OWN_REASONS = ("wamp.error.not_authorized", ApplicationError.AUTHENTICATION_FAILED)

REASON_LIMIT = 200  # characters of why a proof failed that are logged
ANSWER_LIMIT = 1_024  # characters of the answer to a challenge


def install(refused: Refused) -> None:
    """
    Let Crossbar challenge as this module says; *refused* is told of each proof that failed.

    Crossbar logs which answer it expected, answers malformed ones with its own exceptions, and
    compares as fast as they differ. For WAMP-CRA it needs the secret, where a key would do.
    """

    def safe(method: type) -> type:
        return type(f"Safe{method.__name__}", (_Safe, method), {"_refused": staticmethod(refused)})

    methods = auth.AUTHMETHOD_MAP
    methods["wampcra"] = safe(_Cra)
    methods["scram"] = safe(methods["scram"])
    methods["cryptosign"] = safe(methods["cryptosign"])


class _Safe:
    """Mixed into a class of pending authentications, before it."""

    _refused: Refused
    _authid: str | None
    _session_details: dict[str, Any]

    def hello(self, realm: str, details: Any) -> Any:
        details.authextra = details.authextra or {}
        return self._safely(super().hello, realm, details)  # type: ignore[misc]

    def authenticate(self, signature: Any) -> Any:
        if not isinstance(signature, str) or len(signature) > ANSWER_LIMIT:
            return self._deny()
        return self._safely(super().authenticate, signature)  # type: ignore[misc]

    def _safely(self, step: Callable[..., Any], *args: Any) -> Any:
        try:
            outcome = step(*args)
        except Exception as error:
            return self._deny(error)
        if isinstance(outcome, Deferred):
            return ensureDeferred(self._checked(outcome))
        return self._deny() if _is_own(outcome) else outcome

    async def _checked(self, outcome: Any) -> Any:
        try:
            settled = await outcome
        except Exception as error:
            return self._deny(error)
        return self._deny() if _is_own(settled) else settled

    def _deny(self, cause: Exception | None = None) -> Deny:
        reason = "The proof is not valid"
        why = reason if cause is None else f"{reason}: {cause!r}"[:REASON_LIMIT]
        self._refused(self._authid, self._session_details, why)
        return Deny(InvalidToken.uri, reason)


class _Cra(auth.PendingAuthWampCra):  # type: ignore[misc]
    """WAMP-CRA with a key that was derived beforehand, and without telling the role."""

    _authrole: str | None

    def _compute_challenge(self, user: dict[str, Any]) -> Any:
        role, self._authrole = self._authrole, None
        extra, signature = super()._compute_challenge({"secret": user["secret"]})
        self._authrole = role
        return {**extra, **user["derivation"]}, signature

    def authenticate(self, signature: str) -> Any:
        expected = self._signature or ""
        if expected and hmac.compare_digest(signature.encode(), expected.encode()):
            return self._accept()
        return Deny()


def _is_own(outcome: object) -> bool:
    """Whether Crossbar denies in words of its own; those of the authenticator may be told."""
    return isinstance(outcome, Deny) and outcome.reason in _OWN_REASONS
