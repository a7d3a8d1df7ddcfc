"""The proofs by which sessions have joined, and the end of a session when its proof ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from txaio import make_logger

from ..access.identity import ROLES
from ..protocol import uris

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..access.credentials import CredentialStore
    from ..access.tokens import TokenStore

INTERVAL = 0.2  # seconds between two looks
BLIND_LIMIT = 10.0  # seconds for which sessions go on although nobody can tell if they may

log = make_logger()


@dataclass(frozen=True, slots=True)
class _Proof:
    authid: str
    since: datetime
    expires_at: datetime | None
    token: str | None
    credential: str | None


class Proofs:
    """
    Ends each session from outside when its proof expires, or soon after it is revoked.

    Times are those of the wall clock, which may be set: so all of them are looked at again
    and again, and a timer is set only for what is due before the next look. If for
    `BLIND_LIMIT` seconds it cannot be looked up what was revoked, everything was.
    """

    def __init__(
        self,
        tokens: TokenStore,
        credentials: CredentialStore,
        *,
        end: Callable[[Any, str, str], object],
        later: Callable[[float, Callable[[], object]], object],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """*end* ends a session, with a reason and a sentence for people."""
        self._tokens = tokens
        self._credentials = credentials
        self._end = end
        self._later = later
        self._now = now
        self._proofs: dict[Any, _Proof] = {}
        self._new: set[Any] = set()
        self._version: tuple[int, int] | None = None
        self._blind_since: datetime | None = None

    def enter(self, session: Any) -> None:
        """*session* has joined."""
        if session._authrole not in ROLES:
            return
        extra = session._authextra or {}
        self._proofs[session] = proof = _Proof(
            session._authid,
            _moment(extra.get("since")) or self._now(),
            _moment(extra.get("expires_at")),
            extra.get("token"),
            extra.get("credential"),
        )
        # It may have been revoked between its proof and this moment.
        self._new.add(session)
        self._watch(session, proof)

    def leave(self, session: Any) -> None:
        """*session* is no part of the realm any more."""
        self._proofs.pop(session, None)
        self._new.discard(session)

    def look(self) -> None:
        """End what has expired or was revoked; to be called every `INTERVAL` seconds."""
        for session, proof in tuple(self._proofs.items()):
            self._watch(session, proof)
        try:
            self._find_revoked()
            self._blind_since = None
        except Exception as error:
            self._bear(error)

    def _watch(self, session: Any, proof: _Proof) -> None:
        if proof.expires_at is None or self._proofs.get(session) is not proof:
            return
        remaining = (proof.expires_at - self._now()).total_seconds()
        if remaining <= 0:
            self._dismiss(session, uris.EXPIRED, "What the session has joined with has expired")
        elif remaining <= INTERVAL:
            self._later(remaining, lambda: self._watch(session, proof))

    def _find_revoked(self) -> None:
        version = self._tokens.version(), self._credentials.version()
        doubted = self._new if version == self._version else self._proofs.keys()
        if doubted:
            proofs = {session: self._proofs[session] for session in doubted}
            valid = self._tokens.valid({proof.token for proof in proofs.values() if proof.token})
            valid |= self._credentials.valid(
                {proof.credential for proof in proofs.values() if proof.credential}
            )
            for session, proof in proofs.items():
                if not self._holds(proof, valid):
                    text = "What the session has joined with was revoked"
                    self._dismiss(session, uris.REVOKED, text)
        self._version = version
        self._new.clear()

    def _holds(self, proof: _Proof, valid: set[str]) -> bool:
        if proof.token is not None:
            return proof.token in valid
        if proof.credential is not None and proof.credential not in valid:
            return False
        revoked_at = self._tokens.revoked_at(proof.authid)
        return revoked_at is None or proof.since > revoked_at

    def _bear(self, error: Exception) -> None:
        now = self._now()
        if self._blind_since is None:
            self._blind_since = now
            log.error("It cannot be looked up who was revoked: {error!r}", error=error)
        if abs((now - self._blind_since).total_seconds()) > BLIND_LIMIT:
            for session in tuple(self._proofs):
                text = "It cannot be looked up whether the session may go on"
                self._dismiss(session, uris.REVOKED, text)

    def _dismiss(self, session: Any, reason: str, text: str) -> None:
        self.leave(session)
        self._end(session, reason, text)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
