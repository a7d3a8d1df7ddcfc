"""
Steps of jobs that are durable already, and find their places in the tables later, many at once.

To bring each step into its tables would change a page of every table and of every index for it.
Staged, all that is committed together is one row, added behind the last one. It is read only after a
crash, for a backup, and for readers while it cannot be brought into the tables. What many steps
change is then changed once: of a job only its last state.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import msgpack

from . import audit, filing
from .rows import insert

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .rows import Row

AT_ONCE = 256  # steps; with more than that, all are brought into the tables
ROOM = 4 * 1024 * 1024  # bytes of them, likewise: they are in memory as well


class Changes:
    """The rows that some steps lead to; of each job only the last value."""

    def __init__(self, steps: int = 0) -> None:
        self.steps = steps
        # job_id, owner, task, key, parent, request
        self.new: dict[int, tuple[str, str, str, str | None, str | None, str]] = {}
        self.moved: dict[int, tuple[str, str | None]] = {}  # state, ended_at
        self.status: dict[int, str] = {}
        self.tags: list[Row] = []  # owner, tag, number
        self.events: list[Row] = []
        self.audit: list[Row] = []

    @property
    def ends(self) -> int:
        """How many jobs end by them."""
        return sum(ended_at is not None for _, ended_at in self.moved.values())

    @property
    def can_wait(self) -> bool:
        """Whether it is certain without the tables that they contradict nothing there."""
        return all(key is None for _, _, _, key, *_ in self.new.values())

    @classmethod
    def together(cls, some: Iterable[Changes]) -> Changes:
        """All of *some*, one after the other."""
        whole = cls()
        for each in some:
            whole.add(each)
        return whole

    def add(self, other: Changes) -> None:
        """Let *other* follow."""
        self.steps += other.steps
        self.new |= other.new
        self.moved |= other.moved
        self.status |= other.status
        self.tags += other.tags
        self.events += other.events
        self.audit += other.audit

    def packed(self) -> bytes:
        """All of them, for `unpacked`."""
        packed: bytes = msgpack.packb(
            (self.steps, self.new, self.moved, self.status, self.tags, self.events, self.audit)
        )
        return packed

    @classmethod
    def unpacked(cls, packed: bytes) -> Changes:
        """What was `packed`."""
        changes = cls()
        (
            changes.steps,
            changes.new,
            changes.moved,
            changes.status,
            changes.tags,
            changes.events,
            changes.audit,
        ) = msgpack.unpackb(packed, strict_map_key=False)
        return changes

    def write(self, connection: sqlite3.Connection, prefix: str = "main.") -> None:
        """
        Write them into their tables, with few statements: each lets go of Python's lock.

        The names of the tables begin with *prefix*.
        """
        insert(
            connection,
            f"{prefix}jobs"
            " (number, job_id, owner, task, key, parent, child, state, ended_at, filed, status)",
            [
                (
                    number,
                    *row[:5],
                    int(row[4] is not None),
                    *self.moved[number],
                    0,
                    self.status[number],
                )
                for number, row in self.new.items()
            ],
        )
        insert(
            connection,
            f"{prefix}requests (number, request)",
            [(number, row[5]) for number, row in self.new.items()],
        )
        # What stays in its state need not be moved in any index.
        moved = self.moved.keys() - self.new.keys()
        connection.executemany(
            f"update {prefix}jobs set state = ?, ended_at = ?, status = ? where number = ?",
            [(*self.moved[number], self.status[number], number) for number in moved],
        )
        connection.executemany(
            f"update {prefix}jobs set status = ? where number = ?",
            [
                (self.status[number], number)
                for number in self.status.keys() - self.new.keys() - moved
            ],
        )
        insert(connection, f"{prefix}tags (owner, tag, number)", self.tags, otherwise="ignore")
        insert(
            connection,
            f"{prefix}events (number, job_seq, stream, seq, type, at, attempt, data)",
            self.events,
        )
        audit.add(connection, self.audit, prefix)


def read(connection: sqlite3.Connection) -> Changes:
    """
    What is staged, all together.

    Raises:
        sqlite3.Error: It cannot be read, or is damaged.
    """
    staged = connection.execute("select changes from staged order by id")
    try:
        return Changes.together(Changes.unpacked(packed) for (packed,) in staged)
    except (ValueError, TypeError) as error:
        damage = sqlite3.DatabaseError(f"what was to be recorded last is damaged ({error})")
        damage.sqlite_errorname = "SQLITE_CORRUPT"
        raise damage from error


def settle(connection: sqlite3.Connection) -> None:
    """
    Bring into the tables what is staged, as a crash may have left it, all or nothing.

    Raises:
        sqlite3.Error: It cannot be brought there, or is damaged.
    """
    staged = read(connection)
    if not staged.steps:
        return
    connection.execute("begin immediate")
    try:
        _bring_in(connection, staged)
        connection.execute("commit")
    except BaseException:
        # A full disk has rolled back already.
        if connection.in_transaction:
            connection.execute("rollback")
        raise


class Staging:
    """
    Takes the changes of each transaction, and keeps count of what is staged.

    It takes part in the transactions of its connection: each ends with `keep` or `undo`.
    Nothing may be staged when it is made.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._unfiled = filing.unfiled(connection)
        self._staged: list[Changes] = []
        self._steps = 0
        self._size = 0
        self._added: tuple[Changes, int] | None = None
        """What this transaction has staged, and how many bytes that is."""
        self._left_unfiled: int | None = None
        """How many ended jobs are not filed, if this transaction has brought in all."""

    @property
    def is_empty(self) -> bool:
        """Whether everything is in the tables."""
        return not self._staged

    def add(self, changes: Changes) -> None:
        """Let *changes* be durable with this transaction: staged, or in the tables."""
        if changes.can_wait and self._steps + changes.steps <= AT_ONCE:
            packed = changes.packed()
            if self._size + len(packed) <= ROOM:
                self._connection.execute("insert into staged (changes) values (?)", (packed,))
                self._added = changes, len(packed)
                return
        self._bring_in(Changes.together((*self._staged, changes)))

    def bring_in(self) -> None:
        """Bring into the tables what is staged."""
        if self._staged:
            self._bring_in(Changes.together(self._staged))

    def keep(self) -> None:
        """The transaction is committed."""
        if self._added is not None:
            changes, size = self._added
            self._staged.append(changes)
            self._steps += changes.steps
            self._size += size
        elif self._left_unfiled is not None:
            self._unfiled = self._left_unfiled
            self._staged.clear()
            self._steps = self._size = 0
        self._added = self._left_unfiled = None

    def undo(self) -> None:
        """The transaction has not happened."""
        self._added = self._left_unfiled = None

    def _bring_in(self, changes: Changes) -> None:
        ends = _bring_in(self._connection, changes)
        self._left_unfiled = self._unfiled + ends
        if self._left_unfiled >= filing.AT_ONCE:
            filing.file(self._connection)
            self._left_unfiled = 0


def _bring_in(connection: sqlite3.Connection, changes: Changes) -> int:
    """Bring *changes* into the tables, and nothing stays staged; gives how many jobs have ended."""
    changes.write(connection)
    connection.execute("delete from staged")
    return changes.ends
