"""Opaque tokens: who their bearer is, in which role, and until when."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from .protocol.errors import InvalidToken

if TYPE_CHECKING:
    from pathlib import Path

ROLES = ("user", "backend", "operator")
"""The roles that a token can give; every other role belongs to the node's own parts."""

AUTHID_LIMIT = 200  # characters

_SCHEMA = """
create table if not exists token (
    hash blob primary key,
    authid text not null,
    role text not null,
    created real not null,
    expires_at real not null,
    single_use integer not null
) without rowid
"""
_COLUMNS = "authid, role, created, expires_at, single_use"


@dataclass(frozen=True, slots=True)
class Token:
    """What a valid token says about its bearer."""

    authid: str
    role: str
    created: datetime
    expires_at: datetime
    single_use: bool


class TokenStore:
    """
    Tokens in a SQLite file, kept as SHA-256 hashes.

    Several processes may use one file, and reading goes on while another of them writes.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path, *, patience: float = 5.0) -> TokenStore:
        """
        Open the store in *path*; if there is none, make it, readable by its owner alone.

        An operation that must wait for another process longer than *patience* seconds
        raises sqlite3.OperationalError.
        """
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, timeout=patience, isolation_level=None)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute(_SCHEMA)
        return cls(connection)

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def issue(self, authid: str, role: str, *, lifetime: float, single_use: bool = False) -> str:
        """
        Make a token for *authid* in *role* that is valid for *lifetime* seconds.

        One for a single use is a sign-in code: its bearer may join with it once, and
        exchange it once for an ordinary token.

        Raises:
            ValueError: *authid* is empty, too long or not printable, *role* is not one of
                `ROLES`, or *lifetime* is not positive.
        """
        if not (0 < len(authid) <= AUTHID_LIMIT and authid.isprintable()):
            raise ValueError(f"An authid has 1 to {AUTHID_LIMIT} printable characters: {authid!r}")
        if role not in ROLES:
            raise ValueError(f"A token gives one of the roles {', '.join(ROLES)}, not {role!r}")
        if not lifetime > 0:
            raise ValueError(f"A token is valid for some time, not for {lifetime} s")
        token, _ = self._insert(authid, role, lifetime, single_use=single_use)
        return token

    def find(self, token: str) -> Token | None:
        """What *token* says about its bearer; None if it is unknown or has expired."""
        row = self._connection.execute(
            f"select {_COLUMNS} from token where hash = ? and expires_at > ?",
            (hash_of(token), _now().timestamp()),
        ).fetchone()
        return None if row is None else _token(*row)

    def redeem(self, code: str, *, lifetime: float) -> tuple[str, datetime]:
        """
        Exchange the sign-in *code* for an ordinary token, valid for *lifetime* seconds.

        Returns:
            The token, and when it expires.

        Raises:
            InvalidToken: The code is unknown, has expired or was exchanged before.
        """
        self._connection.execute("begin immediate")
        with self._connection:
            row = self._connection.execute(
                f"delete from token where hash = ? and expires_at > ? and single_use"
                f" returning {_COLUMNS}",
                (hash_of(code), _now().timestamp()),
            ).fetchone()
            if row is None:
                raise InvalidToken("The sign-in code is not valid, has expired or was used up")
            bearer = _token(*row)
            return self._insert(bearer.authid, bearer.role, lifetime, single_use=False)

    def revoke_user(self, authid: str) -> int:
        """Make every token of *authid* invalid; gives how many there were."""
        return self._connection.execute("delete from token where authid = ?", (authid,)).rowcount

    def prune(self) -> int:
        """Forget the tokens that have expired; gives how many there were."""
        return self._connection.execute(
            "delete from token where expires_at <= ?", (_now().timestamp(),)
        ).rowcount

    def _insert(
        self, authid: str, role: str, lifetime: float, *, single_use: bool
    ) -> tuple[str, datetime]:
        token = "tr_" + secrets.token_urlsafe(32)
        created = _now()
        expires_at = created + timedelta(seconds=lifetime)
        self._connection.execute(
            "insert into token values (?, ?, ?, ?, ?, ?)",
            (
                hash_of(token),
                authid,
                role,
                created.timestamp(),
                expires_at.timestamp(),
                single_use,
            ),
        )
        return token, expires_at


def hash_of(token: str) -> bytes:
    """What is kept of *token*; any text has one."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def _token(*columns: Any) -> Token:
    authid, role, created, expires_at, single_use = columns
    return Token(
        authid,
        role,
        datetime.fromtimestamp(created, UTC),
        datetime.fromtimestamp(expires_at, UTC),
        bool(single_use),
    )


def _now() -> datetime:
    return datetime.now(UTC)
