"""What users and programs prove themselves by, other than tokens: kept so that it only verifies."""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from . import derivation
from .identity import Identity, require_identity
from .passwords import hash_password

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_TABLES = """
create table if not exists user (
    authid text primary key,
    role text not null,
    teams text not null,
    created real not null
) without rowid;
create table if not exists credential (
    id text primary key,
    authid text not null references user on delete cascade,
    method text not null,
    key text not null,
    data text not null,
    created real not null,
    unique (method, key)
) without rowid;
create index if not exists credential_authid on credential (authid);
"""

CRA_ITERATIONS = 1_000  # enough, as the secret is random and long
CRA_SIZE = 32  # bytes of the key
SCRAM_ITERATIONS = 3
SCRAM_MEMORY = 4_096  # KiB

_HEX = re.compile(r"[0-9a-f]{64}")


class Method(StrEnum):
    """The ways to join that have credentials."""

    PASSWORD = "password"
    WAMPCRA = "wampcra"
    SCRAM = "scram"
    CRYPTOSIGN = "cryptosign"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with credentials here."""

    authid: str
    role: str
    teams: tuple[str, ...]
    created: datetime
    credentials: tuple[tuple[str, str], ...]
    """Method and key of each: the public key, or the fingerprint; else the authid."""


@dataclass(frozen=True, slots=True)
class Credential:
    """By what somebody can prove to be *authid*."""

    id: str
    authid: str
    role: str
    teams: tuple[str, ...]
    method: Method
    data: dict[str, Any]
    """What verifies it; its form depends on the method."""
    created: datetime

    def identity(self, expires_at: datetime | None = None) -> Identity:
        """Who joins with it."""
        return Identity(
            self.authid,
            self.role,
            self.teams,
            expires_at=expires_at,
            credential=self.id,
            method=str(self.method),
        )


class CredentialStore:
    """
    Users and their credentials in a SQLite file, readable by its owner alone.

    Several processes may use one file, and reading goes on while another of them writes.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path, *, patience: float = 5.0) -> CredentialStore:
        """
        Open the store in *path*; if there is none, make it.

        An operation that must wait for another process longer than *patience* seconds
        raises sqlite3.OperationalError.
        """
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, timeout=patience, isolation_level=None)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("pragma foreign_keys = on")
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        return cls(connection)

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def add_user(self, authid: str, role: str = "user", teams: tuple[str, ...] = ()) -> bool:
        """
        Add a user, or change role and teams of one; gives whether anything is new.

        Whoever has joined with credentials of a user who is changed has to join again.

        Raises:
            ValueError: They cannot be those of a session.
        """
        require_identity(authid, role, teams)
        self._connection.execute("begin immediate")
        with self._connection:
            changed = self._connection.execute(
                "insert into user values (?, ?, ?, ?) on conflict (authid) do update"
                " set role = excluded.role, teams = excluded.teams"
                " where (role, teams) != (excluded.role, excluded.teams)",
                (authid, role, json.dumps(teams), _now().timestamp()),
            ).rowcount
            if changed:
                self._connection.execute(
                    "update credential set id = lower(hex(randomblob(8))) where authid = ?",
                    (authid,),
                )
            return bool(changed)

    def remove_user(self, authid: str) -> bool:
        """Remove a user with all credentials; gives whether there was one."""
        return bool(
            self._connection.execute("delete from user where authid = ?", (authid,)).rowcount
        )

    def require_user(self, authid: str) -> None:
        """
        Make sure that there is such a user.

        Raises:
            ValueError: There is none.
        """
        row = self._connection.execute("select 1 from user where authid = ?", (authid,)).fetchone()
        if row is None:
            raise ValueError(f"There is no user {authid!r}; `taskrealm user add` adds one")

    def users(self) -> list[User]:
        """All users, by name."""
        return [
            User(
                authid,
                role,
                tuple(json.loads(teams)),
                datetime.fromtimestamp(created, UTC),
                tuple(
                    self._connection.execute(
                        "select method, key from credential where authid = ? order by method, key",
                        (authid,),
                    ).fetchall()
                ),
            )
            for authid, role, teams, created in self._connection.execute(
                "select * from user order by authid"
            ).fetchall()
        ]

    def set_password(self, authid: str, password: str) -> None:
        """
        Let a user sign in with *password*, and with no older one.

        Raises:
            ValueError: There is no such user, or it can be no password.
        """
        self._put(authid, Method.PASSWORD, authid, {"hash": hash_password(password)})

    def new_secret(self, authid: str) -> str:
        """
        A secret by which a program can join with WAMP-CRA and WAMP-SCRAM; older ones are void.

        It is kept nowhere.

        Raises:
            ValueError: There is no such user.
        """
        secret = secrets.token_urlsafe(32)
        salt = secrets.token_hex(16)
        key = derivation.cra_key(secret, salt, CRA_ITERATIONS, CRA_SIZE).decode()
        self._put(authid, Method.WAMPCRA, authid, {"salt": salt, "key": key})
        raw_salt = secrets.token_bytes(16)
        salted = derivation.scram_key(secret, raw_salt, SCRAM_ITERATIONS, SCRAM_MEMORY)
        self._put(
            authid,
            Method.SCRAM,
            authid,
            {
                "salt": raw_salt.hex(),
                "stored_key": derivation.scram_stored_key(salted).hex(),
                "server_key": derivation.scram_server_key(salted).hex(),
            },
        )
        return secret

    def add_key(self, authid: str, public_key: str) -> None:
        """
        Let a program join with the private half of *public_key*: Ed25519, 64 hexadecimal digits.

        Raises:
            ValueError: There is no such user, it is no key, or that of somebody else.
        """
        self._add(authid, Method.CRYPTOSIGN, _hex("A public key", public_key))

    def remove_key(self, authid: str, public_key: str) -> bool:
        """Take a key from a user; gives whether it was one of theirs."""
        return self._remove(authid, Method.CRYPTOSIGN, public_key.lower())

    def add_certificate(self, authid: str, fingerprint: str) -> None:
        """
        Let a program join with the TLS certificate of this SHA-256 *fingerprint*.

        Raises:
            ValueError: There is no such user, it is no fingerprint, or that of somebody else.
        """
        self._add(authid, Method.CERTIFICATE, _hex("A SHA-256 fingerprint", fingerprint))

    def remove_certificate(self, authid: str, fingerprint: str) -> bool:
        """Take a certificate from a user; gives whether it was one of theirs."""
        return self._remove(authid, Method.CERTIFICATE, fingerprint.replace(":", "").lower())

    def remove_credentials(self, authid: str) -> int:
        """Take everything from a user by which they can prove themselves; gives how much."""
        return self._connection.execute(
            "delete from credential where authid = ?", (authid,)
        ).rowcount

    def find(self, method: Method, key: str) -> Credential | None:
        """The credential of *method* with this *key*: an authid, public key or fingerprint."""
        row = self._connection.execute(
            "select id, authid, role, teams, data, credential.created from credential"
            " join user using (authid) where method = ? and key = ?",
            (method, key),
        ).fetchone()
        if row is None:
            return None
        id, authid, role, teams, data, created = row
        return Credential(
            id,
            authid,
            role,
            tuple(json.loads(teams)),
            method,
            json.loads(data),
            datetime.fromtimestamp(created, UTC),
        )

    def valid(self, ids: Iterable[str]) -> set[str]:
        """Those of *ids* whose credentials have neither been removed nor replaced."""
        return {
            each
            for each in ids
            if self._connection.execute("select 1 from credential where id = ?", (each,)).fetchone()
        }

    def version(self) -> int:
        """A number that changes whenever another process has changed the store."""
        (version,) = self._connection.execute("pragma data_version").fetchone()
        return int(version)

    def _put(self, authid: str, method: Method, key: str, data: dict[str, Any]) -> None:
        self.require_user(authid)
        self._connection.execute(
            "insert or replace into credential values (?, ?, ?, ?, ?, ?)",
            (secrets.token_hex(8), authid, method, key, json.dumps(data), _now().timestamp()),
        )

    def _add(self, authid: str, method: Method, key: str) -> None:
        self.require_user(authid)
        known = self.find(method, key)
        if known is not None and known.authid != authid:
            raise ValueError(f"It is that of {known.authid} already")
        if known is None:
            self._put(authid, method, key, {})

    def _remove(self, authid: str, method: Method, key: str) -> bool:
        return bool(
            self._connection.execute(
                "delete from credential where authid = ? and method = ? and key = ?",
                (authid, method, key),
            ).rowcount
        )


def _hex(what: str, value: str) -> str:
    digits = value.replace(":", "").strip().lower()
    if not _HEX.fullmatch(digits):
        raise ValueError(f"{what} has 64 hexadecimal digits")
    return digits


def _now() -> datetime:
    return datetime.now(UTC)
