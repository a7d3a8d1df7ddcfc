"""The journal's database file: locked, checked and brought up to date before anything else."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import RESTORE, JournalError, JournalLocked, explain
from .migrations import APPLICATION_ID, MIGRATIONS, migrate

if TYPE_CHECKING:
    from pathlib import Path

BUSY_TIMEOUT = 10.0  # seconds to wait for a lock that another program, such as a backup, holds
CHECK_LIMIT = 67_108_864  # bytes up to which the whole file is checked on opening
WAL_SIZE = 67_108_864  # bytes of write-ahead log that stay on disk after a burst


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
    path = folder / "journal.sqlite"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        lock = _lock(folder / "lock")
    except OSError as error:
        raise JournalError(
            f"{folder} cannot be used: {error}. It has to be a folder that this user may write to."
        ) from error
    writer = None
    try:
        _refuse_loss(path, lock)
        writer = _connect(path, "rwc")
        _refuse_strangers(path, writer)
        writer.execute("pragma journal_mode = wal")
        writer.execute("pragma synchronous = full")
        writer.execute(f"pragma journal_size_limit = {WAL_SIZE}")
        migrate(writer)
        _refuse_damage(path, writer)
        _sign(lock)
        reader = _connect(path, "ro")
    except BaseException as error:
        if writer is not None:
            writer.close()
        os.close(lock)
        if isinstance(error, (sqlite3.Error, OSError)):
            raise explain(path, "opened", error) from error
        raise
    return Database(path, writer, reader, lock)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # Each connection is used by one thread at a time, but not by the one that opens it.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT,
        isolation_level=None,
        check_same_thread=False,
    )


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


def _sign(lock: int) -> None:
    """Leave our pid in the lock file, which also proves that a journal was made here."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)


def _refuse_loss(path: Path, lock: int) -> None:
    was_made = os.fstat(lock).st_size > 0
    is_there = path.exists() and path.stat().st_size > 0
    if was_made and not is_there:
        raise JournalError(f"{path} is missing or empty, but jobs were recorded in it. {RESTORE}")


def _refuse_damage(path: Path, connection: sqlite3.Connection) -> None:
    # A million jobs would take seconds: damage in a large file shows when it is read.
    if path.stat().st_size <= CHECK_LIMIT:
        (verdict,) = connection.execute("pragma quick_check(1)").fetchone()
        if verdict != "ok":
            raise JournalError(f"{path} is damaged: {verdict.splitlines()[-1]}. {RESTORE}")


def _refuse_strangers(path: Path, connection: sqlite3.Connection) -> None:
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
