"""The audit log: who did what, for whom, from where, and what came of it."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..protocol.jobs import now, timestamp
from ..tasks import MASK
from .database import DATABASE, connect
from .errors import WriteRefused, explain
from .migrations import MIGRATIONS
from .rows import insert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from .rows import Row

DONE = "ok"
"""The outcome of what was done; of what was refused, it is the code of the error."""

TEXT_LIMIT = 500  # characters of a text that are kept

SECRET = re.compile(r"tr_[A-Za-z0-9_-]{8,}|eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*")
"""A token, ours or a signed one, which somebody may give in place of a name."""
AT_ONCE = 1_000  # records removed in one step

_GIVEN = "at, actor, role, owner, action, object, address, outcome, detail"
_COLUMNS = f"id, {_GIVEN}"

_encoder = json.JSONEncoder(allow_nan=False, ensure_ascii=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """What somebody did, or was refused. Text in it is data, whoever wrote it."""

    actor: str
    """The authid of who did it; of nobody who has proven who it is, empty."""
    action: str
    role: str | None = None
    owner: str | None = None
    """For whom, or whose it was."""
    object: str | None = None
    """What it was done to: a job, an upload, a token, a session, ..."""
    address: str | None = None
    """Where the actor's session comes from."""
    outcome: str = DONE
    detail: Mapping[str, Any] = field(default_factory=dict)
    at: datetime = field(default_factory=now)
    id: int | None = None
    """Counts the records; the journal gives it."""

    def as_dict(self) -> dict[str, Any]:
        """The record as it crosses the wire."""
        return {
            "id": self.id,
            "at": timestamp(self.at),
            "actor": self.actor,
            "role": self.role,
            "owner": self.owner,
            "action": self.action,
            "object": self.object,
            "address": self.address,
            "outcome": self.outcome,
            "detail": dict(self.detail),
        }


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which records are wanted; what is None does not matter."""

    actor: str | None = None
    owner: str | None = None
    action: str | None = None
    object: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    """The earliest time."""
    until: datetime | None = None
    """The time before which they were made."""


def rows_of(records: Iterable[AuditRecord]) -> list[Row]:
    """
    *records* as `add` takes them.

    Raises:
        WriteRefused: JSON has no words for a detail of one.
    """
    # The records of many jobs that are submitted together share their detail.
    details: dict[int, str] = {}
    rows = []
    for record in records:
        detail = details.get(id(record.detail))
        if detail is None:
            detail = details[id(record.detail)] = _json(record.detail)
        rows.append(
            (
                timestamp(record.at),
                _text(record.actor),
                _text(record.role),
                _text(record.owner),
                _text(record.action),
                _text(record.object),
                _text(record.address),
                _text(record.outcome),
                detail,
            )
        )
    return rows


def add(connection: sqlite3.Connection, rows: Sequence[Row], prefix: str = "main.") -> None:
    """Add *rows* to the log, in the transaction that has begun; its table begins with *prefix*."""
    insert(connection, f"{prefix}audit ({_GIVEN})", rows)


def record_beside(folder: Path, record: AuditRecord) -> bool:
    """
    Add *record* to the journal in *folder*, whether or not a node uses that meanwhile.

    Gives whether there is one, of this version, that has a log.

    Raises:
        JournalError: There is, but it cannot be written.
    """
    database = folder / DATABASE
    if not database.exists():
        return False
    try:
        with contextlib.closing(connect(database, "rw")) as connection:
            (version,) = connection.execute("pragma user_version").fetchone()
            if version != len(MIGRATIONS):
                return False
            connection.execute("begin immediate")
            add(connection, rows_of([record]))
            connection.execute("commit")
    except sqlite3.Error as error:
        raise explain(database, "written", error) from error
    return True


def record_of(row: Row) -> AuditRecord:
    """The record in a row that answers a `query`."""
    number, at, actor, role, owner, action, object, address, outcome, detail = row
    return AuditRecord(
        actor,
        action,
        role,
        owner,
        object,
        address,
        outcome,
        json.loads(detail),
        datetime.fromisoformat(at),
        number,
    )


def query(
    wanted: AuditFilter, *, after: int | None, before: int | None, limit: int
) -> tuple[str, dict[str, Any]]:
    """
    The SQL, and its values, that finds *limit* records, oldest first behind the id *after*.

    Without *after* it finds the newest ones, newest first, of those before the id *before*.
    """
    values: dict[str, Any] = {"limit": limit}
    conditions = []
    for name in ("actor", "owner", "action", "object", "outcome"):
        value = getattr(wanted, name)
        if value is not None:
            conditions.append(f"{name} = :{name}")
            values[name] = value
    for name, comparison in (("since", ">="), ("until", "<")):
        moment = getattr(wanted, name)
        if moment is not None:
            # Walked by id all the same: with the sign no index of times is used.
            conditions.append(f"+at {comparison} :{name}")
            values[name] = timestamp(moment)
    if after is not None:
        conditions.append("id > :after")
        values["after"] = after
        if wanted.since is not None and not after:
            conditions.append("id >= (select min(id) from audit where at >= :since)")
    elif before is not None:
        conditions.append("id < :before")
        values["before"] = before
    elif wanted.until is not None:
        conditions.append("id <= (select max(id) from audit where at < :until)")
    where = f" where {' and '.join(conditions)}" if conditions else ""
    # Who goes on behind a record has to know its id for good: that of a staged one is not certain.
    table, order = ("main.audit", "id") if after is not None else ("audit", "id desc")
    return f"select {_COLUMNS} from {table}{where} order by {order} limit :limit", values


SIZE = """
    select (select max(id) from audit) + 1 - (select min(id) from audit),
        avg(60 + 2 * (length(at) + length(actor) + length(action) + coalesce(length(object), 0))
            + coalesce(length(role), 0) + coalesce(length(owner), 0)
            + coalesce(length(address), 0) + length(outcome) + length(detail))
    from (select * from audit order by id desc limit 1000)
"""
"""How many records there are, and how many bytes of the file the newest take, indexes included."""


def keep(connection: sqlite3.Connection, days: float) -> None:
    """Let records be removed that are older than so many *days*, and no others."""
    connection.execute("update audit_retention set days = ?", (days,))


def forget(connection: sqlite3.Connection) -> int:
    """Remove some of the records whose time is over, the oldest first; gives how many."""
    return connection.execute(
        "delete from audit where id in (select id from audit where at <"
        " (select horizon from audit_horizon) order by at limit ?)",
        (AT_ONCE,),
    ).rowcount


def _json(detail: Mapping[str, Any]) -> str:
    try:
        return _masked(_encoder.encode(detail))
    except (TypeError, ValueError, RecursionError) as error:
        raise WriteRefused(f"The detail of an audit record is not JSON: {error}") from error


def _text(value: str | None) -> str | None:
    """*value* as the database can hold it, and no longer than is kept."""
    if value is None:
        return None
    if len(value) > TEXT_LIMIT or not value.isascii():
        # A lone surrogate, legal in a Python string, is no text for the database.
        value = value[:TEXT_LIMIT].encode(errors="backslashreplace").decode()
    return _masked(value)


def _masked(text: str) -> str:
    return SECRET.sub(MASK, text) if "tr_" in text or "eyJ" in text else text
