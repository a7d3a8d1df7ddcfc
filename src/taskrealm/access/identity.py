"""Who a session is, once it has proven that."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..protocol.jobs import timestamp
from ..protocol.scope import WHOLE, Scope
from ..protocol.uris import uid_of

if TYPE_CHECKING:
    from datetime import datetime

ROLES = ("user", "backend", "operator")
"""The authroles from outside; every other one belongs to the node's own parts."""

AUTHID_LIMIT = 200  # characters
TEAMS_LIMIT = 50  # teams of one identity

_TEAM = re.compile(r"[a-z][a-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Identity:
    """
    Who joins: what an authenticator says, whichever way that was proven.

    Raises:
        ValueError: Something in it cannot be; the message says what must be.
    """

    authid: str
    role: str
    teams: tuple[str, ...] = ()
    """The site's own names for groups of people, which its rules use."""
    scope: Scope = WHOLE
    expires_at: datetime | None = None
    """When the session ends; None for never."""
    token: str | None = None
    """The id of the token by which it has joined."""
    credential: str | None = None
    """The id of the password, secret, key or certificate by which it has joined."""
    method: str | None = None
    """How that was proven: "token", "jwt", "hook", "password", "wampcra", "scram",
    "cryptosign", "certificate" or "anonymous"."""

    def __post_init__(self) -> None:
        require_identity(self.authid, self.role, self.teams)

    def extra(self) -> dict[str, Any]:
        """What the session itself and the executor are told of it."""
        told: dict[str, Any] = {"uid": uid_of(self.authid)}
        if self.teams:
            told["teams"] = list(self.teams)
        if not self.scope.is_whole:
            told["scope"] = self.scope.as_dict()
        if self.expires_at is not None:
            told["expires_at"] = timestamp(self.expires_at)
        if self.token is not None:
            told["token"] = self.token
        if self.credential is not None:
            told["credential"] = self.credential
        if self.method is not None:
            told["method"] = self.method
        return told


def require_identity(authid: object, role: object, teams: object = ()) -> None:
    """
    Make sure that these can be authid, role and teams of a session from outside.

    Raises:
        ValueError: One of them cannot.
    """
    if not (isinstance(authid, str) and 0 < len(authid) <= AUTHID_LIMIT and authid.isprintable()):
        raise ValueError(f"An authid has 1 to {AUTHID_LIMIT} printable characters: {authid!r}")
    if role not in ROLES:
        raise ValueError(f"The role must be one of the roles {', '.join(ROLES)}, not {role!r}")
    if (
        not isinstance(teams, tuple)
        or len(teams) > TEAMS_LIMIT
        or not all(isinstance(team, str) and _TEAM.fullmatch(team) for team in teams)
    ):
        raise ValueError(
            f"Teams are at most {TEAMS_LIMIT} names of lower-case letters, digits, `_`, `.` and `-`"
        )
