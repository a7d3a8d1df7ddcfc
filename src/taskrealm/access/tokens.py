"""Opaque tokens: who their bearer is, in which role, how far, and until when."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..protocol.errors import InvalidToken
from ..protocol.scope import WHOLE, Scope
from .identity import Identity, require_identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

PREFIX = "tr_"
"""What every opaque token begins with."""

_MIGRATIONS = (
    """
    create table if not exists token (
        hash blob primary key,
        authid text not null,
        role text not null,
        created real not null,
        expires_at real not null,
        single_use integer not null
    ) without rowid
    """,
    """
    alter table token add column teams text not null default '[]';
    alter table token add column scope text not null default '{}';
    alter table token add column uses integer;
    alter table token add column issued_by text;
    create index token_authid on token (authid);
    create table revocation (authid text primary key, at real not null) without rowid
    """,
    """
    create index token_issued_by on token (issued_by, expires_at);
    create index token_expires_at on token (expires_at);
    alter table token add column code text;
    create index token_code on token (code)
    """,
    """
    alter table token add column used_at real
    """,
)
_COLUMNS = "hash, authid, role, created, expires_at, single_use, teams, scope, uses, issued_by"
_WHOLE = f"{_COLUMNS}, used_at"
_BY_ID = "(hash >= ? and hash < ? or code = ?)"


@dataclass(frozen=True, slots=True)
class Token:
    """What a valid token says about its bearer."""

    id: str
    """By which it is known in lists; the token cannot be made from it."""
    authid: str
    role: str
    created: datetime
    expires_at: datetime
    single_use: bool
    teams: tuple[str, ...] = ()
    scope: Scope = WHOLE
    uses: int | None = None
    """How many sessions may still join with it; None for any number."""
    issued_by: str | None = None
    """The authid at whose request it was made; None if on the node's own machine."""
    used_at: datetime | None = None
    """When somebody joined with it last, to within some seconds; None if nobody has."""

    def identity(self) -> Identity:
        """Who joins with it."""
        return Identity(
            self.authid,
            self.role,
            self.teams,
            self.scope,
            self.expires_at,
            token=self.id,
            method="token",
        )


class TokenStore:
    """
    Tokens in a SQLite file, kept as SHA-256 hashes.

    Several processes may use one file, and reading goes on while another of them writes.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path, *, patience: float = 5.0, is_hasty: bool = False) -> TokenStore:
        """
        Open the store in *path*; if there is none, make it, readable by its owner alone.

        An operation that must wait for another process longer than *patience* seconds
        raises sqlite3.OperationalError. One who *is_hasty* keeps the others waiting only briefly,
        but the machine's crash may undo what it has changed last.
        """
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, timeout=patience, isolation_level=None)
        connection.execute("pragma journal_mode = wal")
        connection.execute(f"pragma synchronous = {'normal' if is_hasty else 'full'}")
        _migrate(connection)
        return cls(connection)

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def issue(
        self,
        authid: str,
        role: str,
        *,
        lifetime: float,
        single_use: bool = False,
        teams: tuple[str, ...] = (),
        scope: Scope = WHOLE,
        uses: int | None = None,
        issued_by: str | None = None,
        until: datetime | None = None,
    ) -> str:
        """
        Make a token for *authid* in *role* that is valid for *lifetime* seconds.

        *until* is when it ends at the latest.

        One for a *single_use* is a sign-in code: its bearer may join with it once, and
        exchange it once for an ordinary token. With one that has a number of *uses* so many
        sessions may join.

        Raises:
            ValueError: *authid*, *role* or *teams* cannot be those of a session, or
                *lifetime* or *uses* is not positive.
        """
        require_identity(authid, role, teams)
        if not lifetime > 0:
            raise ValueError(f"A token is valid for some time, not for {lifetime} s")
        if uses is not None and uses < 1:
            raise ValueError(f"A token has at least one use, not {uses}")
        token, _ = self._insert(
            authid, role, lifetime, single_use, teams, scope.as_dict(), uses, issued_by, until
        )
        return token

    def find(self, token: str) -> Token | None:
        """What *token* says about its bearer; None if it is unknown, has expired or is used up."""
        row = self._connection.execute(
            f"select {_WHOLE} from token where hash = ? and expires_at > ?"
            " and (uses is null or uses > 0)",
            (hash_of(token), _now().timestamp()),
        ).fetchone()
        return None if row is None else _token(*row)

    def one(self, id: str) -> Token | None:
        """
        The token with this *id*, used up or not; None if it is unknown or has expired.

        The id of a sign-in code also stands for the token that it was exchanged for.
        """
        row = self._connection.execute(
            f"select {_WHOLE} from token where {_BY_ID} and expires_at > ?",
            (*_range(id), id, _now().timestamp()),
        ).fetchone()
        return None if row is None else _token(*row)

    def issued(self, by: str) -> int:
        """How many tokens are valid now that were made at the request of the authid *by*."""
        (count,) = self._connection.execute(
            "select count(*) from token where issued_by = ? and expires_at > ?",
            (by, _now().timestamp()),
        ).fetchone()
        return int(count)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep the store as it is for everybody else; what fails inside changes nothing."""
        self._connection.execute("begin immediate")
        with self._connection:
            yield

    def use(self, token: str) -> bool:
        """Count one session of *token*, which has a number of uses; gives whether it had one left."""
        return bool(
            self._connection.execute(
                "update token set uses = uses - 1 where hash = ? and uses > 0", (hash_of(token),)
            ).rowcount
        )

    def valid(self, ids: Iterable[str]) -> set[str]:
        """Those of *ids* whose tokens, as for `one`, have neither been revoked nor expired."""
        now = _now().timestamp()
        return {
            each
            for each in ids
            if self._connection.execute(
                f"select 1 from token where {_BY_ID} and expires_at > ?",
                (*_range(each), each, now),
            ).fetchone()
        }

    def tokens(self, authid: str | None = None) -> list[Token]:
        """The tokens that are valid now, newest first: all, or those of *authid*."""
        rows = self._connection.execute(
            f"select {_WHOLE} from token where expires_at > ? and (?2 is null or authid = ?2)"
            " order by created desc",
            (_now().timestamp(), authid),
        )
        return [_token(*row) for row in rows]

    def redeem(self, code: str, *, lifetime: float) -> tuple[str, datetime]:
        """
        Exchange the sign-in *code* for an ordinary token, valid for *lifetime* seconds.

        One that is limited, or was made at a session's request, ends no later than its code.

        Returns:
            The token, and when it expires.

        Raises:
            InvalidToken: The code is unknown, has expired or was exchanged before.
        """
        with self.alone():
            row = self._connection.execute(
                f"delete from token where hash = ? and expires_at > ? and single_use"
                f" returning {_WHOLE}",
                (hash_of(code), _now().timestamp()),
            ).fetchone()
            if row is None:
                raise InvalidToken("The sign-in code is not valid, has expired or was used up")
            bearer = _token(*row)
            is_limited = not bearer.scope.is_whole or bearer.issued_by is not None
            return self._insert(
                bearer.authid,
                bearer.role,
                lifetime,
                False,
                bearer.teams,
                bearer.scope.as_dict(),
                None,
                bearer.issued_by,
                bearer.expires_at if is_limited else None,
                bearer.id,
            )

    def revoke(self, id: str) -> Token | None:
        """Make the token with this *id*, as for `one`, invalid; gives which it was, if any."""
        row = self._connection.execute(
            f"delete from token where {_BY_ID} returning {_WHOLE}", (*_range(id), id)
        ).fetchone()
        return None if row is None else _token(*row)

    def revoke_user(self, authid: str) -> int:
        """
        Make everything invalid by which *authid* has joined so far; gives how many tokens.

        That holds for what is not kept here too, such as tokens that the site signs, and for
        the tokens that it has let be made for others.
        """
        with self.alone():
            self._connection.execute(
                "insert or replace into revocation values (?, ?)", (authid, _now().timestamp())
            )
            return self._connection.execute(
                "delete from token where authid = ?1 or issued_by = ?1", (authid,)
            ).rowcount

    def revoked_at(self, authid: str) -> datetime | None:
        """When *authid* was revoked last; what was issued before is invalid."""
        row = self._connection.execute(
            "select at from revocation where authid = ?", (authid,)
        ).fetchone()
        return None if row is None else datetime.fromtimestamp(row[0], UTC)

    def note_uses(self, uses: Mapping[str, datetime]) -> None:
        """Note when somebody joined with tokens, by their ids, as for `one`; the latest time counts."""
        with self.alone():
            for id, moment in uses.items():
                self._connection.execute(
                    f"update token set used_at = max(coalesce(used_at, 0), ?) where {_BY_ID}",
                    (moment.timestamp(), *_range(id), id),
                )

    def version(self) -> int:
        """A number that changes whenever another process has changed the store."""
        (version,) = self._connection.execute("pragma data_version").fetchone()
        return int(version)

    def prune(self) -> int:
        """Forget the tokens that have expired; gives how many there were."""
        return self._connection.execute(
            "delete from token where expires_at <= ?", (_now().timestamp(),)
        ).rowcount

    def _insert(
        self,
        authid: str,
        role: str,
        lifetime: float,
        single_use: bool,
        teams: tuple[str, ...],
        scope: dict[str, Any],
        uses: int | None,
        issued_by: str | None,
        until: datetime | None,
        code: str | None = None,
    ) -> tuple[str, datetime]:
        token = PREFIX + secrets.token_urlsafe(32)
        created = _now()
        expires_at = created + timedelta(seconds=lifetime)
        if until is not None:
            expires_at = min(expires_at, until)
        self._connection.execute(
            f"insert into token ({_COLUMNS}, code) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                hash_of(token),
                authid,
                role,
                created.timestamp(),
                expires_at.timestamp(),
                single_use,
                json.dumps(teams),
                json.dumps(scope),
                uses,
                issued_by,
                code,
            ),
        )
        return token, expires_at


def hash_of(token: str) -> bytes:
    """What is kept of *token*; any text has one."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to its newest form, also while other processes open it."""
    if _form(connection) == len(_MIGRATIONS):
        return
    connection.execute("begin immediate")
    with connection:
        for number in range(_form(connection), len(_MIGRATIONS)):
            for statement in _MIGRATIONS[number].split(";"):
                connection.execute(statement)
            connection.execute(f"pragma user_version = {number + 1}")


def _form(connection: sqlite3.Connection) -> int:
    (form,) = connection.execute("pragma user_version").fetchone()
    return int(form)


ID_SIZE = 8  # bytes of the hash of a token that are its id


def _range(id: str) -> tuple[bytes, bytes]:
    """The first hash of a token with this *id*, and the first one behind them."""
    try:
        start = bytes.fromhex(id)
    except ValueError:
        start = b""
    if len(start) != ID_SIZE:
        return b"", b""
    rest = hashlib.sha256().digest_size - ID_SIZE
    return start + bytes(rest), start + b"\xff" * rest + b"\xff"


def _token(*columns: Any) -> Token:
    hashed, authid, role, created, expires_at, single_use, *rest = columns
    teams, scope, uses, issued_by, used_at = rest
    return Token(
        hashed[:ID_SIZE].hex(),
        authid,
        role,
        datetime.fromtimestamp(created, UTC),
        datetime.fromtimestamp(expires_at, UTC),
        bool(single_use),
        tuple(json.loads(teams)),
        Scope.of(json.loads(scope)),
        uses,
        issued_by,
        None if used_at is None else datetime.fromtimestamp(used_at, UTC),
    )


def _now() -> datetime:
    return datetime.now(UTC)
