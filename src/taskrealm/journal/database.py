"""The journal's database file: locked, checked and brought up to date before anything else."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import staging
from .errors import RESTORE, JournalError, JournalLocked, explain
from .migrations import APPLICATION_ID, MIGRATIONS, migrate

if TYPE_CHECKING:
    from pathlib import Path

BUSY_TIMEOUT = 5.0  # seconds to wait for a lock that another program holds
CHECK_LIMIT = 67_108_864  # bytes up to which the whole file is checked, or rewritten, on opening
WAL_SIZE = 67_108_864  # bytes of write-ahead log that stay on disk after a burst
INCREMENTAL = 2  # the kind of auto_vacuum with which a file can shrink step by step

log = logging.getLogger(__name__)


DATABASE = "journal.sqlite"
"""The name of the database file in the folder of the journal."""


@dataclass(frozen=True, slots=True)
class Database:
    """
    An open database: one connection for the writer's thread and one for the reader's.

    No other process can open it before `close`.
    """

    path: Path
    writer: sqlite3.Connection
    reader: sqlite3.Connection
    lock: int

    def close(self) -> None:
        """Close both connections and let other processes in."""
        # What was copied while it was open is not what is there now. On a full disk that
        # remains unsaid.
        with contextlib.suppress(sqlite3.Error, OSError):
            _mark(self.path, self.writer)
        # The writer goes last: only it may fold the write-ahead log into the file.
        self.reader.close()
        self.writer.close()
        os.close(self.lock)


def open_database(folder: Path) -> Database:
    """
    Open the database in *folder*, which is made, readable by its owner alone, if need be.

    Raises:
        JournalLocked: Another process has it open.
        JournalError: It is damaged, missing though it was there before, of a newer version
            or of another program, or cannot be read and written.
    """
    path = folder / DATABASE
    lock = lock_folder(folder)
    writer = None
    try:
        _refuse_loss(path, lock)
        writer = connect(path, "rwc")
        refuse_strangers(path, writer)
        if not writer.execute("select count(*) from sqlite_schema").fetchone()[0]:
            writer.execute("pragma auto_vacuum = incremental")
        writer.execute("pragma journal_mode = wal")
        writer.execute("pragma synchronous = full")
        writer.execute(f"pragma journal_size_limit = {WAL_SIZE}")
        migrate(writer)
        refuse_damage(path, writer)
        staging.settle(writer)
        _let_shrink(path, writer)
        sign(lock)
        _begin_anew_if_replaced(path, writer)
        _mark(path, writer)
        reader = connect(path, "ro")
    except BaseException as error:
        if writer is not None:
            writer.close()
        os.close(lock)
        if isinstance(error, (sqlite3.Error, OSError)):
            raise explain(path, "opened", error) from error
        raise
    return Database(path, writer, reader, lock)


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Connect to the database at *path* in the SQLite *mode* `ro`, `rw` or `rwc`."""
    # Each connection is used by one thread at a time, but not by the one that opens it.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT,
        isolation_level=None,
        check_same_thread=False,
    )


def lock_folder(folder: Path) -> int:
    """
    Keep every other process out of the journal in *folder*, which is made if need be.

    Gives the descriptor of the lock, which is let go of by closing it.

    Raises:
        JournalLocked: Another process has it.
        JournalError: The folder cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        return _lock(folder / "lock")
    except OSError as error:
        raise JournalError(
            f"{folder} cannot be used: {error}. It has to be a folder that this user may write to."
        ) from error


def _lock(path: Path) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 32).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise JournalLocked(
            f"{path.parent} is in use by another process (pid {holder}). "
            "Stop that one first, or give this node a folder of its own."
        ) from None
    return lock


def sign(lock: int) -> None:
    """Leave our pid in the lock file, which also proves that a journal was made here."""
    # Over what is there: a disk may be too full for what would have to follow a cut.
    os.pwrite(lock, f"{os.getpid():<20}\n".encode(), 0)


def _refuse_loss(path: Path, lock: int) -> None:
    was_made = os.fstat(lock).st_size > 0
    is_there = path.exists() and path.stat().st_size > 0
    if was_made and not is_there:
        raise JournalError(f"{path} is missing or empty, but jobs were recorded in it. {RESTORE}")


def refuse_damage(path: Path, connection: sqlite3.Connection) -> None:
    """Raise JournalError if the file is small enough to be checked and does not hold together."""
    # A million jobs would take seconds: damage in a large file shows when it is read.
    if path.stat().st_size <= CHECK_LIMIT:
        (verdict,) = connection.execute("pragma quick_check(1)").fetchone()
        if verdict != "ok":
            raise JournalError(f"{path} is damaged: {verdict.splitlines()[-1]}. {RESTORE}")


def refuse_strangers(path: Path, connection: sqlite3.Connection) -> None:
    """Raise JournalError if the file is of another program, or of a later version of this one."""
    (application,) = connection.execute("pragma application_id").fetchone()
    (version,) = connection.execute("pragma user_version").fetchone()
    (tables,) = connection.execute("select count(*) from sqlite_schema").fetchone()
    if tables and application != APPLICATION_ID:
        raise JournalError(
            f"{path} is a database of another program. Move it away, or give this node "
            "a folder of its own."
        )
    if version > len(MIGRATIONS):
        raise JournalError(
            f"{path} has schema version {version}, and this taskrealm knows versions up to "
            f"{len(MIGRATIONS)}. Install the taskrealm that wrote it, or a newer one."
        )


def _let_shrink(path: Path, connection: sqlite3.Connection) -> None:
    """Rewrite a file that an early version made, if it is small, so that it can shrink later."""
    (kind,) = connection.execute("pragma auto_vacuum").fetchone()
    if kind == INCREMENTAL:
        return
    if path.stat().st_size > CHECK_LIMIT:
        log.warning("%s will not shrink: its free pages are only used again", path)
        return
    # It needs room for a second copy; without that the file is good as it is.
    with contextlib.suppress(sqlite3.OperationalError):
        connection.execute("pragma auto_vacuum = incremental")
        connection.execute("vacuum")


def _begin_anew_if_replaced(path: Path, connection: sqlite3.Connection) -> None:
    """
    Let every stream start anew if the database is not the one that was here last.

    It may be an older copy: its numbers were used before, for other events.
    """
    (mark,) = connection.execute("select id from mark").fetchone()
    if mark and mark not in _marks(path):
        count = connection.execute("update streams set epoch = lower(hex(randomblob(4)))").rowcount
        log.warning("%s was replaced or restored: its %d streams start anew", path, count)


def _mark(path: Path, connection: sqlite3.Connection) -> None:
    """Mark the database in a new way, and leave word beside its folder."""
    (before,) = connection.execute("select id from mark").fetchone()
    mark = secrets.token_hex(8)
    # Both, because this process may die before the database has the new one.
    _write_marks(path, before, mark)
    connection.execute("update mark set id = ?", (mark,))
    _write_marks(path, mark)


def _write_marks(path: Path, *marks: str) -> None:
    file = _mark_file(path)
    draft = file.with_name(f"{file.name}.draft")
    draft.write_text("\n".join(marks), encoding="ascii")
    draft.replace(file)


def _marks(path: Path) -> list[str]:
    try:
        return _mark_file(path).read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return []


def _mark_file(path: Path) -> Path:
    # Not in the folder, which may be copied and put back as a whole.
    return path.parent.with_name(f"{path.parent.name}.mark")
