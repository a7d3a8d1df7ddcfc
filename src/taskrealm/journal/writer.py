"""The one thread that writes to the database, and commits together whatever waits."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ..protocol.jobs import Delivery, Event, EventType, Job, now, timestamp
from . import audit
from .database import BUSY_TIMEOUT
from .errors import JournalError, WriteRefused, explain, is_trouble
from .health import Health
from .numbering import JobCount, Numbering, StreamCount
from .rows import encode, request_of, status_of
from .staging import Changes, Staging
from .text import is_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from .audit import AuditRecord
    from .database import Database
    from .rows import Row

GROUP_LIMIT = 512  # writes committed together, so that the first need not wait for thousands
PROBE_INTERVAL = 1.0  # seconds between two tries, while there is trouble and nothing to write
TROUBLED_TIMEOUT = 1.0  # seconds to wait for a lock that was waited for in vain before
SETTLE_TIMEOUT = 0.1  # seconds that a reader waits until what is staged is in the tables
REST = 0.1  # seconds without a write after which what is staged is brought into the tables

PROBE = "update mark set id = id"
"""Changes nothing, and yet has to reach the disk."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One step in the life of a job: its new value, and the event that reports it.

    Without a `type` the job changes without an event. `audit` says who has asked for the
    step, if somebody has. Of a job that is already recorded,
    only what may change is written: `state`, `priority`, `attempt`, `retry_at`, `expires_at`,
    `started_at`, `ended_at`, `progress`, `step`, `tags`, `questions`, `data`, `cancel` and
    `outcome`.
    """

    job: Job
    type: EventType | None
    data: dict[str, Any] = field(default_factory=dict)
    at: datetime = field(default_factory=now)
    audit: AuditRecord | None = None


class _Write(NamedTuple):
    """What is committed or refused as a whole."""

    entries: Sequence[Entry]
    done: asyncio.Future[list[Event]]
    owner: str | None = None
    """Whose stream has to exist, even without an entry."""
    records: Sequence[AuditRecord] = ()
    """What the audit log gets besides."""


class _Change(NamedTuple):
    """A change of the database that is no step of a job, in a transaction of its own."""

    step: Callable[[sqlite3.Connection], Any]
    done: asyncio.Future[Any]


_Answer = tuple[_Write, "list[Event] | JournalError"]


class Writer:
    """
    Writes entries durably, in the order in which they were given.

    Its methods belong to the thread of the event loop; the thread that it starts owns
    the writing connection until `close`.
    """

    def __init__(self, database: Database, on_commit: Callable[[list[Event]], None]) -> None:
        self._path = database.path
        self._connection = database.writer
        self._numbering = Numbering(database.writer)
        self._staging = Staging(database.writer)
        self._on_commit = on_commit
        self._loop = asyncio.get_running_loop()
        self._gathered: list[_Write | _Change] = []
        self._waiting: queue.SimpleQueue[_Write | _Change | None] = queue.SimpleQueue()
        self._next: _Change | None = None
        self._settling: asyncio.Future[None] | None = None
        self._closed = False
        self._health = Health()
        # Whoever ends without `close` loses only what was never acknowledged.
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    def write(self, entries: Sequence[Entry]) -> asyncio.Future[list[Event]]:
        """Write all *entries* or none; see `Journal.write`."""
        return self._put(_Write(tuple(entries), self._loop.create_future()))

    def make_stream(self, owner: str) -> asyncio.Future[list[Event]]:
        """Give *owner* a stream, unless there is one; there are no events to wait for."""
        return self._put(_Write((), self._loop.create_future(), owner))

    def record(self, records: Sequence[AuditRecord]) -> asyncio.Future[list[Event]]:
        """Add *records* to the audit log; there are no events to wait for."""
        return self._put(_Write((), self._loop.create_future(), records=tuple(records)))

    def change(self, step: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Run *step* in the writer's thread; see `Journal.change`."""
        return self._put(_Change(step, self._loop.create_future()))

    async def settle(self) -> bool:
        """
        Have everything that was acknowledged in the tables, where readers find it.

        Gives whether it is there; not if there is trouble, or others hold a lock.
        """
        # What the thread has acknowledged shows there already.
        if self._staging.is_empty:
            return True
        if not self._health.is_bad:
            # Whatever is acknowledged while it waits was written before it.
            if self._settling is None or self._settling.done():
                self._settling = self.change(lambda _: None)
                self._settling.add_done_callback(asyncio.Future.exception)
            settling = self._settling
            await asyncio.wait([settling], timeout=SETTLE_TIMEOUT)
            if settling.done() and settling.exception() is None:
                return True
        return self._staging.is_empty

    async def close(self) -> None:
        """Commit what waits, then end the thread. What is written later is refused."""
        if not self._closed:
            self._closed = True
            self._hand_over()
            self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)

    def _put(self, work: _Write | _Change) -> asyncio.Future[Any]:
        if self._closed:
            work.done.set_exception(JournalError(f"{self._path} is closed"))
            return work.done
        if not self._gathered:
            # Not at once: what the end of a job leads to, such as the start of the next one,
            # is written in the same turn of the loop or the one after, and committed with it.
            self._loop.call_soon(self._hand_over)
        self._gathered.append(work)
        return work.done

    def _hand_over(self) -> None:
        """Give the thread what was gathered."""
        for work in self._gathered:
            self._waiting.put(work)
        self._gathered.clear()

    def _run(self) -> None:
        while (work := self._take()) is not None:
            if isinstance(work, _Change):
                self._apply(work)
            else:
                self._commit(work)
        if not self._staging.is_empty:
            self._commit([])

    def _take(self) -> list[_Write] | _Change | None:
        """
        Whatever waits, but at least one write, or a change; None when all is done and closed.

        When there is nothing to write for a while, but something staged, it gives an empty group;
        and now and then while there is trouble, as a probe.
        """
        if self._next is not None:
            change, self._next = self._next, None
            return change
        group: list[_Write] = []
        patience = None if self._staging.is_empty else REST
        if self._health.is_bad:
            patience = PROBE_INTERVAL
        with contextlib.suppress(queue.Empty):
            while len(group) < GROUP_LIMIT:
                work = self._waiting.get(block=not group, timeout=patience)
                if work is None:
                    if not group:
                        return None
                    # The end has to be met again, by the call that finds nothing before it.
                    self._waiting.put(None)
                    break
                if isinstance(work, _Change):
                    if not group:
                        return work
                    self._next = work
                    break
                group.append(work)
        return group

    def _begin(self) -> None:
        """Begin a transaction; raises JournalError if that cannot be."""
        try:
            self._connection.execute("begin immediate")
        except sqlite3.Error as error:
            raise self._trouble(error) from error

    def _explained(self, error: Exception) -> JournalError:
        """What those are told whose write or change has failed with *error*."""
        if isinstance(error, JournalError):
            return error
        if is_trouble(error):
            return self._trouble(error)
        return WriteRefused(f"{self._path} cannot be written: {error}")

    def _trouble(self, error: Exception) -> JournalError:
        explained = explain(self._path, "written", error)
        if not self._health.is_bad:
            self._wait_for_locks(TROUBLED_TIMEOUT)
        self._health.failed(explained)
        return explained

    def _succeed(self) -> None:
        if self._health.is_bad:
            self._health.succeeded()
            if not self._health.is_bad:
                self._wait_for_locks(BUSY_TIMEOUT)

    def _wait_for_locks(self, seconds: float) -> None:
        self._connection.execute(f"pragma busy_timeout = {seconds * 1_000:.0f}")

    def _apply(self, change: _Change) -> None:
        """Let a change happen, or not at all."""
        try:
            self._begin()
            self._staging.bring_in()
            result = change.step(self._connection)
            self._connection.execute("commit")
        except Exception as error:
            self._undo()
            self._call(_answer, change.done, self._explained(error))
        else:
            self._keep()
            self._call(_answer, change.done, result)

    def _commit(self, group: list[_Write]) -> None:
        try:
            self._begin()
        except JournalError as error:
            # No fault of any write: asking again for each would multiply the wait for a lock.
            self._call(self._tell, [(write, error) for write in group])
            return
        try:
            answers = self._transact(group)
        except Exception as error:
            if len(group) > 1:
                # One bad write must not take the others along.
                for write in group:
                    self._commit([write])
                return
            explained = self._explained(error)
            if not group:
                # Nobody has asked, so nobody else would hear of it.
                self._health.failed(explained)
            answers = [(write, explained) for write in group]
        self._call(self._tell, answers)

    def _call(self, function: Callable[..., None], *args: Any) -> None:
        # Without a loop nobody waits for an answer; what is left to commit still counts.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *args)

    def _transact(self, group: list[_Write]) -> list[_Answer]:
        """Finish the transaction that has begun: all of *group* but what has to be refused."""
        answers: list[_Answer] = []
        changes = Changes()
        try:
            for write in group:
                mark = self._numbering.mark()
                try:
                    wanted, events = self._plan(write)
                except WriteRefused as error:
                    self._numbering.undo(mark)
                    answers.append((write, error))
                else:
                    changes.add(wanted)
                    answers.append((write, events))
            if changes.steps:
                self._staging.add(changes)
            elif not group:
                self._connection.execute(PROBE)
                self._staging.bring_in()
            self._connection.execute("commit")
        except Exception:
            self._undo()
            raise
        self._keep()
        return answers

    def _keep(self) -> None:
        """The transaction is committed."""
        self._staging.keep()
        self._numbering.keep()
        if self._staging.is_empty:
            self._numbering.forget()
        self._succeed()

    def _undo(self) -> None:
        """The transaction has not happened, none of it."""
        self._staging.undo()
        self._numbering.undo()
        # Some errors, such as a full disk, have rolled back already.
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("rollback")

    def _plan(self, write: _Write) -> tuple[Changes, list[Event]]:
        changes = Changes(len(write.entries) + len(write.records))
        events: list[Event] = []
        if write.owner is not None:
            self._numbering.stream(write.owner)
        asked = [entry.audit for entry in write.entries if entry.audit is not None]
        if asked or write.records:
            changes.audit = audit.rows_of((*asked, *write.records))
        for entry in write.entries:
            job, event_type = entry.job, entry.type
            count = self._numbering.job(job.job_id)
            _check_end(entry, count)
            is_new = count is None
            if count is None:
                number, job_seq = self._numbering.new_job(), 0
                request = request_of(job)
                changes.new[number] = (
                    job.job_id,
                    job.owner,
                    job.task,
                    job.key,
                    job.parent,
                    request,
                )
            else:
                number, job_seq = count.number, count.job_seq
            if job.tags and (is_new or event_type is EventType.UPDATED or job.state.is_terminal):
                changes.tags += ((job.owner, tag, number) for tag in job.tags if is_text(tag))
            if count is None or count.state != job.state:
                changes.moved[number] = (str(job.state), _end_of(entry))
            changes.status[number] = status_of(job)
            if event_type is not None:
                job_seq += 1
                event, row = self._number(entry, event_type, number, job_seq)
                events.append(event)
                changes.events.append(row)
            self._numbering.set_job(job.job_id, JobCount(number, job.state, job_seq))
        return changes, events

    def _number(
        self, entry: Entry, event_type: EventType, number: int, job_seq: int
    ) -> tuple[Event, Row]:
        job = entry.job
        stream = epoch = seq = None
        if job.deliver == Delivery.USER:
            stream, epoch, newest = self._numbering.stream(job.owner)
            seq = newest + 1
            self._numbering.set_stream(job.owner, StreamCount(stream, epoch, seq))
        event = Event(
            owner=job.owner,
            epoch=epoch,
            seq=seq,
            job_id=job.job_id,
            job_seq=job_seq,
            task=job.task,
            type=event_type,
            at=entry.at,
            attempt=job.attempt,
            data=entry.data,
            parent=job.parent,
        )
        data = encode(job, f"{event_type} event", entry.data)
        at = timestamp(entry.at)
        return event, (number, job_seq, stream, seq, str(event_type), at, job.attempt, data)

    def _tell(self, answers: list[_Answer]) -> None:
        events = [event for _, answer in answers if isinstance(answer, list) for event in answer]
        try:
            if events:
                self._on_commit(events)
        finally:
            for write, answer in answers:
                _answer(write.done, answer)


def _answer(done: asyncio.Future[Any], answer: Any) -> None:
    """Give the waiter its answer; one that gave up has cancelled its future."""
    if done.done():
        return
    if isinstance(answer, JournalError):
        done.set_exception(answer)
    else:
        done.set_result(answer)


def _end_of(entry: Entry) -> str | None:
    """When its job ended, as every job did that is not open any more."""
    job = entry.job
    return timestamp(job.ended_at or entry.at) if job.state.is_terminal else None


def _check_end(entry: Entry, count: JobCount | None) -> None:
    """Hold the promise that a job ends once, with one terminal event, the last of all."""
    job, event_type = entry.job, entry.type
    if count is not None and count.state.is_terminal:
        if event_type is not None:
            raise WriteRefused(f"Job {job.job_id} has {count.state}: no {event_type} event follows")
        if job.state != count.state:
            raise WriteRefused(f"Job {job.job_id} has {count.state}: it cannot be {job.state} now")
        return
    end = job.state.value if job.state.is_terminal else None
    reported = event_type.value if event_type is not None and event_type.is_terminal else None
    if end != reported:
        raise WriteRefused(
            f"Job {job.job_id}: state {job.state} and event {event_type} do not go together: "
            "a job ends with the event of its terminal state"
        )
