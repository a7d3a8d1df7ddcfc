"""Forgetting what ended long ago, in steps so small that no write waits for one."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .filing import file
from .rows import FILED

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

EVER = "~"  # sorts behind every time

EVENTS_AT_ONCE = 2_000  # rows
PAGES_AT_ONCE = 256  # pages of the file given back in one step
REST = 10  # seconds of rest for each second of counting files
FREE_PAGES = 1_024  # pages that may lie idle in the file, to be used again
FREE_SHARE = 10  # one page in this many may lie idle as well


class Gone(NamedTuple):
    """A job that is forgotten: its number and its id."""

    number: int
    job_id: str


@dataclass(frozen=True, slots=True)
class Pages:
    """How the database file is used."""

    size: int  # bytes of a page
    count: int
    free: int

    @property
    def used(self) -> int:
        """Bytes that hold something."""
        return (self.count - self.free) * self.size

    @property
    def is_hollow(self) -> bool:
        """Whether so much of the file lies idle that it should shrink."""
        return self.free > FREE_PAGES + self.count // FREE_SHARE


def forget(connection: sqlite3.Connection, before: str, limit: int) -> int:
    """
    Forget up to *limit* jobs that ended *before* a time, those first that ended first.

    The children of a batch are remembered as long as it has not ended itself.

    From now on there is no such job. Its events and its output go later, in steps of their
    own. The streams it belongs to begin behind its last event, so that none has a hole.
    Gives how many jobs were forgotten.
    """
    file(connection)
    jobs = connection.execute(
        f"select number, job_id from jobs where {FILED} and ended_at < ? and not exists ("
        " select 1 from jobs as batch where batch.job_id = jobs.parent and batch.ended_at is null"
        ") order by ended_at limit ?",
        (before, limit),
    ).fetchall()
    numbers = [(number,) for number, _ in jobs]
    connection.executemany("insert into pruned (number, job_id) values (?, ?)", jobs)
    connection.executemany(
        "update streams set first = max(first, last.seq + 1) from ("
        " select stream, seq from events where number = ? order by job_seq desc limit 1) as last"
        " where streams.stream = last.stream",
        numbers,
    )
    connection.executemany(
        "delete from tags where (owner, tag, number) in ("
        " select owner, tag.value, number from jobs join requests using (number), json_each("
        " coalesce(json_extract(status, '$.tags'), json_extract(request, '$.tags'))) as tag"
        " where number = ?)",
        numbers,
    )
    connection.executemany("delete from requests where number = ?", numbers)
    connection.executemany("delete from jobs where number = ?", numbers)
    return len(jobs)


def clear(connection: sqlite3.Connection) -> list[Gone]:
    """
    Remove events of forgotten jobs, and give those jobs of which there are none left.

    When their output is gone too, `finish` them. There is nothing to do when it gives none.
    """
    cleared: list[Gone] = []
    room = EVENTS_AT_ONCE
    for number, job_id in connection.execute("select number, job_id from pruned limit 200"):
        removed = connection.execute(
            "delete from events where number = :number and job_seq < :room +"
            " (select min(job_seq) from events where number = :number)",
            {"number": number, "room": room},
        ).rowcount
        room -= removed
        if room <= 0:
            break
        cleared.append(Gone(number, job_id))
    return cleared


def finish(connection: sqlite3.Connection, gone: list[Gone]) -> None:
    """Nothing is left of these jobs."""
    connection.executemany("delete from pruned where number = ?", [(each.number,) for each in gone])


def shrink(connection: sqlite3.Connection) -> None:
    """Give a few of the pages that lie idle back to the disk."""
    for _ in range(PAGES_AT_ONCE):
        # It answers with rows of no columns, at the first of which `sqlite3` stops it.
        connection.execute("pragma incremental_vacuum(1)")


class Census:
    """
    The size of a folder of output, counted one part after the other.

    The files are many: one part is counted anew from time to time, and the sum is that of
    the latest counts.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes: dict[str, int] = {}
        self.rest = 0.0
        """Seconds to rest after the latest count, so that counting stays a small part of the load."""

    @property
    def size(self) -> int:
        """Bytes in the folder, as far as counted."""
        return sum(self._sizes.values())

    def parts(self) -> list[str]:
        """The names of the parts that there are now."""
        try:
            parts = sorted(os.listdir(self._folder))
        except FileNotFoundError:
            parts = []
        self._sizes = {part: self._sizes.get(part, 0) for part in parts}
        return parts

    def count(self, part: str, *, before: float) -> set[str]:
        """
        Count a part, and give the ids of the jobs in it that have not changed since *before*.

        *before* is a Unix time.
        """
        began = time.thread_time()
        size = 0
        newest: dict[str, float] = {}
        for job_id, found in _files(self._folder / part):
            size += found.st_size
            newest[job_id] = max(newest.get(job_id, 0.0), found.st_mtime)
        self._sizes[part] = size
        self.rest = REST * (time.thread_time() - began)
        return {job_id for job_id, moment in newest.items() if moment < before}

    def deduct(self, job_id: str, size: int) -> None:
        """The output of a job, of *size* bytes, is gone."""
        part = job_id[-2:]
        self._sizes[part] = max(0, self._sizes.get(part, 0) - size)


def _files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Every file below *folder*, with the id of the job whose it is."""
    for parent, _, names in os.walk(folder):
        # The files of a job, or the folder that holds them, begin with its id.
        inside = os.path.relpath(parent, folder)
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                found = os.stat(os.path.join(parent, name), follow_symlinks=False)
                yield (name if inside == "." else inside).partition(".")[0], found
