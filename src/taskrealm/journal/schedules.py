"""What the journal remembers of schedules, so that no run is made twice or forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ..protocol.jobs import timestamp

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class Past:
    """How far a schedule has come."""

    rule: str
    """Its expression and zone; with others it begins anew."""
    seen: datetime
    """Up to when its runs have been seen to."""
    job_id: str | None = None
    """The job that it has made last."""
    is_paused: bool = False


def read(connection: sqlite3.Connection) -> dict[str, Past]:
    """What is remembered, by the name of the schedule."""
    rows = connection.execute("select name, rule, seen, job_id, is_paused from schedules")
    return {
        name: Past(rule, datetime.fromisoformat(seen), job_id, bool(is_paused))
        for name, rule, seen, job_id, is_paused in rows
    }


def save(connection: sqlite3.Connection, *, name: str, past: Past) -> None:
    """Remember how far the schedule *name* has come."""
    connection.execute(
        "insert or replace into schedules (name, rule, seen, job_id, is_paused)"
        " values (?, ?, ?, ?, ?)",
        (name, past.rule, timestamp(past.seen), past.job_id, past.is_paused),
    )


def forget(connection: sqlite3.Connection, *, name: str) -> None:
    """Remember nothing of the schedule *name*, which there is no more."""
    connection.execute("delete from schedules where name = ?", (name,))
