"""The numbers that events receive, counted without holes per job and per owner."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, NamedTuple

from ..protocol.jobs import State

if TYPE_CHECKING:
    import sqlite3

# Of a job that has not ended, events may be held that are older than `first`.
NEWEST = """
    max(first - 1, coalesce(
        (select max(seq) from events where events.stream = streams.stream), 0))
"""
"""The `seq` of the newest event of a row of `streams`."""

STREAMS_KEPT = 10_000  # streams remembered; beyond that they are looked up again


class JobCount(NamedTuple):
    """A recorded job: its number, its state, and the `job_seq` of its newest event."""

    number: int
    state: State
    job_seq: int


class StreamCount(NamedTuple):
    """The stream of an owner: its number, its epoch, and the `seq` of its newest event."""

    stream: int
    epoch: str
    seq: int


class Numbering:
    """
    The newest number of every job that has not ended or is not in the tables yet, and of every
    owner's stream.

    It remembers them, and looks up in the database what it does not know. Changes are
    undone when the transaction that they belong to is.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._jobs: dict[str, JobCount] = {}
        self._streams: dict[str, StreamCount] = {}
        self._changes: list[tuple[dict[str, Any], str, Any]] = []
        self._ended: list[str] = []
        # Of a job that was forgotten there may be events left, which no other one may inherit.
        self._number: int = connection.execute(
            "select max(coalesce((select max(number) from jobs), 0),"
            " coalesce((select max(number) from pruned), 0))"
        ).fetchone()[0]

    def new_job(self) -> int:
        """The number of a job that is recorded for the first time; numbers may be skipped."""
        self._number += 1
        return self._number

    def job(self, job_id: str) -> JobCount | None:
        """What is known about the job, or None if it was never recorded."""
        count = self._jobs.get(job_id)
        if count is None:
            row = self._connection.execute(
                "select number, state, coalesce((select max(job_seq) from events"
                " where events.number = jobs.number), 0) from jobs where job_id = ?",
                (job_id,),
            ).fetchone()
            if row is not None:
                count = JobCount(row[0], State(row[1]), row[2])
        return count

    def set_job(self, job_id: str, count: JobCount) -> None:
        """Count an event, or a new state, of the job."""
        self._set(self._jobs, job_id, count)

    def stream(self, owner: str) -> StreamCount:
        """The stream of *owner*, made if there is none."""
        count = self._streams.get(owner)
        if count is None:
            row = self._connection.execute(
                f"select stream, epoch, {NEWEST} from streams where owner = ?",
                (owner,),
            ).fetchone()
            if row is None:
                epoch = secrets.token_hex(4)
                row = self._connection.execute(
                    "insert into streams (owner, epoch) values (?, ?) returning stream, epoch, 0",
                    (owner, epoch),
                ).fetchone()
            count = StreamCount(*row)
            self._set(self._streams, owner, count)
        return count

    def set_stream(self, owner: str, count: StreamCount) -> None:
        """Count an event of the stream."""
        self._set(self._streams, owner, count)

    def mark(self) -> int:
        """The place to which `undo` returns."""
        return len(self._changes)

    def undo(self, mark: int = 0) -> None:
        """Forget every change since *mark*, or since the last `keep`."""
        while len(self._changes) > mark:
            counts, key, before = self._changes.pop()
            if before is None:
                del counts[key]
            else:
                counts[key] = before

    def keep(self) -> None:
        """The transaction is committed: its changes stand."""
        self._ended += (
            key
            for counts, key, _ in self._changes
            if counts is self._jobs and counts[key].state.is_terminal
        )
        self._changes.clear()

    def forget(self) -> None:
        """All is in the tables, where it can be looked up again: remember less."""
        for job_id in self._ended:
            self._jobs.pop(job_id, None)
        self._ended.clear()
        if len(self._streams) > STREAMS_KEPT:
            self._streams.clear()

    def _set(self, counts: dict[str, Any], key: str, count: JobCount | StreamCount) -> None:
        self._changes.append((counts, key, counts.get(key)))
        counts[key] = count
