"""A journal in one file, and back: made beside a running node, put back into a stopped one."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from ..protocol.jobs import State, now, timestamp
from . import audit
from .audit import AuditRecord
from .contents import CONTENTS
from .contents import FOLDER as FILES
from .database import (
    DATABASE,
    connect,
    lock_folder,
    refuse_damage,
    refuse_strangers,
    sign,
)
from .errors import JournalError, explain
from .migrations import MIGRATIONS, migrate
from .staging import settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FORMAT = 1
MANIFEST = "backup.json"
OUTPUT = "output"
DRAFTS = "restoring"
NONSENSE = (KeyError, ValueError, TypeError, AttributeError, RecursionError)
"""What reading a manifest raises that is not one of ours."""
PAGES_AT_ONCE = 1_024  # pages of the database copied between two reports


@dataclass(frozen=True, slots=True)
class Summary:
    """What is in a backup: when it was made, and how many jobs there were in which state."""

    made_at: str
    jobs: dict[State, int]

    @property
    def total(self) -> int:
        """The number of jobs."""
        return sum(self.jobs.values())

    @property
    def waiting(self) -> int:
        """The number of jobs that were to be started."""
        return self.jobs.get(State.DELAYED, 0) + self.jobs.get(State.QUEUED, 0)

    @property
    def running(self) -> int:
        """The number of jobs that ran."""
        return self.jobs.get(State.RUNNING, 0) + self.jobs.get(State.STOPPING, 0)


def back_up(folder: Path, file: Path, progress: Callable[[int, int], object]) -> Summary:
    """
    Copy the journal in *folder* into *file*, whether or not a node uses it meanwhile.

    The copy shows the jobs of one moment. Output is copied after it: of a job that runs it
    may be newer. So are files, of which those may be missing that expired in between. *progress* receives the bytes done and, as far as known, all of them.

    Raises:
        JournalError: The journal cannot be read, or the file cannot be written.
    """
    database = folder / DATABASE
    if not database.exists():
        raise JournalError(f"{database} does not exist: there is nothing to back up")
    if file.exists():
        raise JournalError(f"{file} exists: give the backup another name, or move that file away")
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as drafts:
            copy = Path(drafts, DATABASE)
            files = list(_files_of(folder))
            size = sum(found for _, found in files)
            summary = _copy_database(database, copy, lambda done, all_: progress(done, all_ + size))
            draft = Path(drafts, "draft")
            draft.touch(mode=0o600)
            with tarfile.open(draft, "w") as archive:
                _add_bytes(archive, MANIFEST, _manifest(summary))
                archive.add(copy, DATABASE)
                done = whole = copy.stat().st_size
                whole += size
                for path, _ in files:
                    done += _add(archive, path, path.relative_to(folder))
                    progress(done, whole)
            with draft.open("rb") as written:
                os.fsync(written.fileno())
            draft.rename(file)
    except OSError as error:
        raise JournalError(
            f"{file} cannot be written: {error}. It needs about twice the size of {folder}."
        ) from error
    except sqlite3.Error as error:
        raise explain(database, "read", error) from error
    return summary


def restore(folder: Path, file: Path, *, replace: bool) -> Summary:
    """
    Make the backup *file* the journal in *folder*, which no node may be using.

    What is there is kept, in a folder `replaced-…` in it, if *replace* allows it. Every stream starts
    anew, so that nobody takes it for what it was after the backup.

    Raises:
        JournalLocked: A node uses the folder.
        JournalError: There is a journal, or the file is no backup that can be used.
    """
    lock = lock_folder(folder)
    try:
        database = folder / DATABASE
        if database.exists() and database.stat().st_size and not replace:
            raise JournalError(
                f"{database} exists; with `--replace` it is moved away and the backup takes its place"
            )
        drafts = folder / DRAFTS
        shutil.rmtree(drafts, ignore_errors=True)
        drafts.mkdir(mode=0o700)
        summary = _unpack(file, drafts)
        _check(drafts / DATABASE, summary)
        # From here on, a folder without a database is refused instead of started empty.
        sign(lock)
        _move_away(folder)
        _let_in(folder)
    except OSError as error:
        raise JournalError(f"{file} cannot be restored into {folder}: {error}") from error
    finally:
        os.close(lock)
    return summary


def _copy_database(source: Path, target: Path, progress: Callable[[int, int], object]) -> Summary:
    with contextlib.closing(connect(source, "rw")) as reader:
        refuse_strangers(source, reader)
        # One transaction for all of the copy, which begins with its first look: else the copy
        # starts again whenever a job changes.
        reader.execute("begin")
        reader.execute("select count(*) from sqlite_schema").fetchone()
        (page,) = reader.execute("pragma page_size").fetchone()
        with contextlib.closing(connect(target, "rwc")) as writer:
            reader.backup(
                writer,
                pages=PAGES_AT_ONCE,
                progress=lambda _, left, pages: progress((pages - left) * page, pages * page),
            )
            # What follows is in the file itself, or fails: nobody copies a second one beside it.
            writer.execute("pragma journal_mode = delete")
            # A journal of an earlier version has nothing staged, nor a table for it.
            if _version(writer) == len(MIGRATIONS):
                settle(writer)
            rows = writer.execute("select state, count(*) from jobs group by state").fetchall()
    return Summary(timestamp(now()), {State(state): count for state, count in rows})


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("pragma user_version").fetchone()
    return int(version)


def _files_of(folder: Path) -> Iterator[tuple[Path, int]]:
    """What belongs to the journal besides its database, each with its size at the moment."""
    for part in (folder / OUTPUT, folder / FILES / CONTENTS):
        for parent, _, names in os.walk(part):
            for name in names:
                path = Path(parent, name)
                with contextlib.suppress(FileNotFoundError):
                    yield path, path.stat().st_size


def _manifest(summary: Summary) -> bytes:
    return json.dumps(
        {"format": FORMAT, "made_at": summary.made_at, "jobs": summary.jobs}, indent=1
    ).encode()


def _add(archive: tarfile.TarFile, path: Path, name: Path) -> int:
    """Add a file that may grow, or go, in the meantime; gives the bytes added."""
    try:
        with path.open("rb") as file:
            # Its size is that of this moment; what is added to it now is left for the next backup.
            member = archive.gettarinfo(arcname=str(name), fileobj=file)
            archive.addfile(member, file)
            return member.size
    except FileNotFoundError:
        return 0


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _unpack(file: Path, folder: Path) -> Summary:
    try:
        with tarfile.open(file, "r:") as archive:
            summary = _summary(archive.extractfile(MANIFEST))
            for member in archive:
                if member.name != MANIFEST:
                    _extract(archive, member, folder)
    except (tarfile.TarError, *NONSENSE) as error:
        raise JournalError(
            f"{file} is no backup that `taskrealm backup` has made, or a damaged one: {error}"
        ) from error
    if not (folder / DATABASE).is_file():
        raise JournalError(f"{file} is no whole backup: there is no {DATABASE} in it")
    return summary


def _summary(manifest: IO[bytes] | None) -> Summary:
    if manifest is None:
        raise ValueError(f"{MANIFEST} is no file")
    content: dict[str, Any] = json.load(manifest)
    if content["format"] != FORMAT:
        raise ValueError(f"its format is {content['format']}, and {FORMAT} is what can be read")
    jobs = {State(state): int(count) for state, count in content["jobs"].items()}
    return Summary(str(content["made_at"]), jobs)


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    parts = PurePosixPath(member.name).parts
    belongs = (
        parts == (DATABASE,)
        or (parts[:1] == (OUTPUT,) and 3 <= len(parts) <= 4)
        or (parts[:2] == (FILES, CONTENTS) and len(parts) == 4)
    )
    if not belongs or ".." in parts or not member.isfile():
        raise ValueError(f"{member.name!r} has no place in a journal")
    target = folder.joinpath(*parts)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = archive.extractfile(member)
    assert content is not None
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        shutil.copyfileobj(content, file)
        file.flush()
        os.fsync(file.fileno())


def _check(database: Path, summary: Summary) -> None:
    """
    See to it that the database is whole, of today's schema, and not taken for another one.

    Its audit log says that it was restored, for what happened after the backup is not in it.
    """
    try:
        with contextlib.closing(connect(database, "rw")) as connection:
            refuse_strangers(database, connection)
            refuse_damage(database, connection)
            migrate(connection)
            connection.execute("update mark set id = 'restored ' || hex(randomblob(8))")
            restored = AuditRecord(
                "restore", "restore", "system", detail={"made_at": summary.made_at}
            )
            audit.add(connection, audit.rows_of([restored]))
            # One file that needs no other beside it.
            connection.execute("pragma journal_mode = delete")
    except sqlite3.Error as error:
        raise explain(database, "read", error) from error


def _move_away(folder: Path) -> None:
    names = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", OUTPUT, FILES)
    there = [folder / name for name in names]
    there = [path for path in there if path.exists()]
    if there:
        away = Path(tempfile.mkdtemp(dir=folder, prefix="replaced-"))
        for path in there:
            path.rename(away / path.name)


def _let_in(folder: Path) -> None:
    drafts = folder / DRAFTS
    for name in (OUTPUT, FILES):
        if (drafts / name).exists():
            (drafts / name).rename(folder / name)
    # Last, as it says that all is there.
    (drafts / DATABASE).rename(folder / DATABASE)
    drafts.rmdir()
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
