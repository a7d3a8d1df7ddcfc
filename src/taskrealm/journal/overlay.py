"""Reading what is staged as if it were in the tables, while it cannot be brought there."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from .staging import read

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from .staging import Changes

KEYS = {
    "jobs": "number",
    "requests": "number",
    "events": "number, job_seq",
    "tags": "owner, tag, number",
    "audit": "id",
}
"""The tables that are looked at together with what is staged for them, and what tells rows apart."""

PREFIX = "temp.staged_"


@contextlib.contextmanager
def shown(connection: sqlite3.Connection) -> Iterator[None]:
    """
    Let *connection* find what is staged in the tables, and nobody else.

    What it finds is of one moment, even if all is brought into the tables meanwhile. Each table gives
    way to a view of it and of rows in memory. Lists of many jobs take longer that way.

    Raises:
        sqlite3.Error: What is staged cannot be read, or is damaged.
    """
    connection.execute("pragma temp_store = memory")
    connection.execute("begin")
    try:
        _lay_over(connection, read(connection))
        yield
    finally:
        if connection.in_transaction:
            connection.execute("rollback")  # and the views are gone


def _lay_over(connection: sqlite3.Connection, staged: Changes) -> None:
    for table, key in KEYS.items():
        connection.execute(f"create temp table staged_{table} as select * from {table} limit 0")
        connection.execute(f"create unique index temp.staged_{table}_key on staged_{table} ({key})")
    # Of a job that was in the tables before, only what changes is staged.
    connection.execute(
        f"insert into {PREFIX}jobs select * from jobs"
        " where number in (select value from json_each(?))",
        [json.dumps(list(staged.status))],
    )
    staged.write(connection, PREFIX)
    # The ids that they will have: none is given twice, not even those of records that are gone.
    connection.execute(
        f"update {PREFIX}audit set id = rowid"
        " + (select coalesce(max(seq), 0) from main.sqlite_sequence where name = 'audit')"
    )
    for table, key in KEYS.items():
        connection.execute(
            f"create temp view {table} as select * from main.{table}"
            f" where ({key}) not in (select {key} from {PREFIX}{table})"
            f" union all select * from {PREFIX}{table}"
        )
