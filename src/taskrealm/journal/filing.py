"""Bringing jobs that have ended into the indexes of the history, many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rows import LATELY

if TYPE_CHECKING:
    import sqlite3

AT_ONCE = 256  # jobs; each alone would change a page of every index


def unfiled(connection: sqlite3.Connection) -> int:
    """How many jobs have ended and are not filed."""
    (count,) = connection.execute(f"select count(*) from jobs where {LATELY}").fetchone()
    return int(count)


def file(connection: sqlite3.Connection) -> None:
    """File all jobs that have ended."""
    connection.execute(f"update jobs set filed = 1 where {LATELY}")
