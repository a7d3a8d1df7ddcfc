"""The journal: one writer, one reader, and the output of jobs beside them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ..protocol.errors import UnknownJob
from ..protocol.jobs import EventType, State
from ..protocol.scope import WHOLE, Scope
from . import audit, history, outcomes
from .contents import FOLDER, ContentStore
from .database import open_database
from .errors import JournalError, explain
from .history import Filter, Page, Span
from .numbering import NEWEST
from .output import OutputStore
from .overlay import shown
from .retention import Pages
from .rows import EVENTS, JOBS, OPEN, SIDES, event_of, job_of
from .writer import PROBE, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from ..protocol.jobs import Event, Job
    from .audit import AuditFilter, AuditRecord
    from .database import Database
    from .outcomes import Outcome
    from .rows import Row
    from .writer import Entry

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stream:
    """
    The numbered events of one owner.

    From the `seq` `first` on none is missing; `seq` is that of the newest one ever recorded
    (0 before the first).
    """

    epoch: str
    first: int
    seq: int


class Journal:
    """
    The durable record of jobs and of what happened to them.

    What was acknowledged is on the disk. One process has a journal open at a time.
    Every method belongs to the thread of the event loop in which it was opened, and those
    that read raise `JournalError` when the database cannot be read.
    """

    def __init__(
        self, database: Database, writer: Writer, output: OutputStore, contents: ContentStore
    ) -> None:
        self._database = database
        self._writer = writer
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="journal-reader")
        self._closed = False
        self.output = output
        self.contents = contents

    @classmethod
    async def open(
        cls, folder: Path, *, output_limit: int, on_commit: Callable[[list[Event]], None]
    ) -> Self:
        """
        Open the journal in *folder*, or make one there.

        *on_commit* receives the events of each commit in their order, before any waiter
        for these writes goes on. *output_limit* is in bytes, for each output stream.

        Raises:
            JournalLocked: Another process has it open.
            JournalError: It is damaged, lost, newer than this program, or cannot be used.
        """
        database = await asyncio.to_thread(open_database, folder)
        try:
            writer = Writer(database, on_commit)
        except sqlite3.Error as error:
            database.close()
            raise explain(database.path, "opened", error) from error
        output = OutputStore(folder / "output", limit=output_limit)
        return cls(database, writer, output, ContentStore(folder / FOLDER))

    def write(self, entries: Sequence[Entry]) -> asyncio.Future[list[Event]]:
        """
        Write all of *entries* in one transaction.

        The future gives the events, numbered and in order, once they are committed, or
        raises `JournalError` when none of the entries was written: `WriteRefused` if they
        are at fault themselves. Cancelling the future does not take the entries back.
        """
        return self._writer.write(entries)

    def record(self, records: Sequence[AuditRecord]) -> asyncio.Future[list[Event]]:
        """
        Add *records* to the audit log, all in one transaction.

        What is recorded together with a step of a job belongs into its `Entry`. The future
        is that of `write`; there are no events.
        """
        return self._writer.record(records)

    async def audit(
        self,
        wanted: AuditFilter,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[AuditRecord]:
        """
        Up to *limit* records that are *wanted*: behind the id *after*, the oldest first.

        Without *after* these are the newest ones, newest first; with *before*, of those
        before that id.
        """
        query, values = audit.query(wanted, after=after, before=before, limit=limit)
        return await self._read(audit.record_of, query, **values)

    async def audit_size(self) -> int:
        """About how many bytes of the database file the audit log takes."""
        [size] = await self._read(lambda row: round((row[0] or 0) * (row[1] or 0)), audit.SIZE)
        return size

    async def job(self, job_id: str) -> Job | None:
        """The job, or None if there is none with this id."""
        jobs = await self._read(job_of, f"{JOBS} where job_id = :job_id", job_id=job_id)
        return jobs[0] if jobs else None

    async def jobs_by_id(self, job_ids: Collection[str]) -> dict[str, Job]:
        """Those of *job_ids* that are jobs, by these ids."""
        if not job_ids:
            return {}
        jobs = await self._read(
            job_of,
            f"{JOBS} where job_id in (select value from json_each(:ids))",
            ids=json.dumps(list(job_ids)),
        )
        return {job.job_id: job for job in jobs}

    async def jobs_by_key(self, owner: str, keys: Iterable[str]) -> list[Job]:
        """The jobs of *owner* that were submitted with one of *keys*."""
        return await self._read(
            job_of,
            f"{JOBS} where owner = :owner and key in (select value from json_each(:keys))",
            owner=owner,
            keys=json.dumps(list(keys)),
        )

    async def counts(self) -> dict[str, dict[State, int]]:
        """How many jobs there are, by task and state; walks along two indexes, not short ones."""
        rows = await self._read(
            lambda row: (row[0], State(row[1]), int(row[2])),
            " union all ".join(
                f"select task, state, count(*) from {side} group by task, state" for side in SIDES
            ),
        )
        return _by_state(rows)

    async def outcomes(
        self, tasks: Collection[str], *, owner: str | None = None, scope: Scope = WHOLE, limit: int
    ) -> list[Outcome]:
        """
        How the newest *limit* jobs of each of *tasks* that have ended did so, newest first.

        They are inside *scope*, and of *owner* if one is given.
        """
        if scope.jobs is not None:
            query, values = outcomes.query_named(scope.jobs, owner=owner)
            found = await self._read(outcomes.outcome_of, query, **values)
            return [each for each in found if each.task in tasks][:limit]
        query, values = outcomes.query(tasks, owner=owner, limit=limit)
        return await self._read(outcomes.outcome_of, query, **values)

    async def owners(self, *, after: str, limit: int) -> dict[str, dict[State, int]]:
        """The first *limit* owners of jobs behind *after*, with how many there are by state."""
        unfiled, filed = SIDES
        # From one owner to the next along the index, however many ended jobs each of them has.
        rows = await self._read(
            lambda row: (row[0], State(row[1]), int(row[2])),
            "with recursive walk (owner) as ("
            f" select min(owner) from {filed} and owner > :after union all"
            f" select (select min(owner) from {filed} and owner > walk.owner) from walk"
            " where walk.owner is not null limit :limit),"
            " page as (select owner from walk where owner is not null union"
            f" select owner from {unfiled} and owner > :after order by owner limit :limit) "
            + " union all ".join(
                f"select owner, state, count(*) from {side}"
                " and owner in (select owner from page) group by owner, state"
                for side in SIDES
            ),
            after=after,
            limit=limit,
        )
        return _by_state(rows)

    async def jobs(
        self,
        *,
        owner: str | None = None,
        states: Collection[State] | None = None,
        task: str | None = None,
        before: str | None = None,
        parent: str | None = None,
        children: bool = True,
        scope: Scope = WHOLE,
        limit: int = 50,
    ) -> list[Job]:
        """
        The last *limit* jobs inside *scope* that fit the filters, newest first.

        With *parent* these are children of that batch; otherwise *children* may be left out.
        Newest is what was submitted last, whatever the clock said. *before* is the `job_id`
        of the last job of the page before.

        Raises:
            UnknownJob: *before* is no job (of this owner).
        """
        wanted = Filter(
            owner=owner,
            states=states,
            tasks=None if task is None else (task,),
            parent=parent,
            children=children,
            scope=scope,
        )
        return (await self.page(wanted, before=before, limit=limit)).jobs

    async def page(self, wanted: Filter, *, before: str | None = None, limit: int = 50) -> Page:
        """
        The last *limit* jobs that are *wanted*, newest first.

        Newest is what was submitted last, whatever the clock said. *before* is that of the page
        before. A page may hold fewer, even none, as long as it has a `before` itself.

        Raises:
            UnknownJob: *before* is no job (of this owner).
        """
        end = None if before is None else await self._number(before, wanted.owner)
        wanted = await self._named(wanted)
        span = await self._span(wanted, end)
        if span is None or not _can_be(wanted):
            return Page([], None)
        if wanted.tag is not None and not wanted.is_few:
            return await self._tagged_page(wanted, span, limit)
        found = await self._numbers(history.numbers(wanted, span), wanted, span, limit)
        jobs = await self._numbered(found)
        return Page(jobs, jobs[-1].job_id if len(jobs) == limit else None)

    async def counts_of(self, wanted: Filter) -> dict[State, int]:
        """
        How many jobs are *wanted* in each state, whatever their tag; no state without a job.

        It counts up to `history.COUNTED` of a state: so many are at least so many.
        """
        wanted = await self._named(wanted)
        span = await self._span(wanted, None)
        counted: Counter[State] = Counter()
        if span is None or not _can_be(wanted):
            return counted
        values = history.values_of(wanted, span)
        for query, tasks in history.counts(wanted, span):
            rows = await self._read(
                lambda row: (State(row[0]), int(row[1])), query, **values, **tasks
            )
            for state, count in rows:
                counted[state] += count
        return {state: min(count, history.COUNTED) for state, count in counted.items() if count}

    async def children(self, parent: str, *, since: int, limit: int) -> list[Job]:
        """The first *limit* children of a batch behind the first *since*, in the batch's order."""
        return await self._read(
            job_of,
            f"{JOBS} where number in (select number from jobs where parent = :parent"
            " order by number limit :limit offset :since) order by number",
            parent=parent,
            since=since,
            limit=limit,
        )

    async def unfinished(self) -> list[Job]:
        """Every job that has not ended, in order of submission."""
        return await self._read(
            job_of,
            f"{JOBS} where number in (select number from jobs where {OPEN}) order by number",
        )

    async def events(self, owner: str, *, since: int, limit: int) -> list[Event]:
        """The first *limit* events of the owner's stream with a `seq` above *since*."""
        return await self._read(
            event_of,
            f"{EVENTS} where stream = (select stream from streams where owner = :owner)"
            " and seq > :since order by seq limit :limit",
            owner=owner,
            since=since,
            limit=limit,
        )

    async def job_events(
        self,
        job_id: str,
        *,
        since: int = 0,
        limit: int,
        types: Collection[EventType] = tuple(EventType),
    ) -> list[Event]:
        """The first *limit* events of the job, of these *types*, with a `job_seq` above *since*."""
        return await self._read(
            event_of,
            f"{EVENTS} where number = (select number from jobs where job_id = :job_id)"
            " and job_seq > :since and type in (select value from json_each(:types))"
            " order by job_seq limit :limit",
            job_id=job_id,
            since=since,
            types=json.dumps(list(types)),
            limit=limit,
        )

    async def stream(self, owner: str) -> Stream:
        """
        Where the stream of *owner* begins and ends; it is made, durably, on first need.

        Raises:
            JournalError: It cannot be made.
        """
        query = f"select epoch, first, {NEWEST} from streams where owner = :owner"
        streams = await self._read(lambda row: Stream(*row), query, owner=owner)
        if not streams:
            await self._writer.make_stream(owner)
            streams = await self._read(lambda row: Stream(*row), query, owner=owner)
        return streams[0]

    async def known(self, job_ids: Collection[str]) -> set[str]:
        """Those of *job_ids* that are jobs, or are being forgotten."""
        found = await self._read(
            lambda row: str(row[0]),
            "select value from json_each(:ids)"
            " where value in (select job_id from jobs) or value in (select job_id from pruned)",
            ids=json.dumps(list(job_ids)),
        )
        return set(found)

    async def pages(self) -> Pages:
        """How the database file is used at the moment."""
        [found] = await self._read(
            lambda row: Pages(*row),
            "select page_size, page_count, freelist_count"
            " from pragma_page_size, pragma_page_count, pragma_freelist_count",
        )
        return found

    async def change(self, step: Callable[[sqlite3.Connection], T]) -> T:
        """
        Let *step* change the database, in a transaction of its own and behind what waits.

        Raises:
            JournalError: It has not happened.
        """
        return await self._writer.change(step)

    async def probe(self) -> None:
        """
        Write what changes nothing, and yet has to reach the disk.

        Raises:
            JournalError: It does not.
        """
        await self.change(lambda database: database.execute(PROBE))

    async def rows(self, make: Callable[[Row], T], query: str, **values: Any) -> list[T]:
        """What *make* makes of each row that answers *query*."""
        return await self._read(make, query, **values)

    async def release(self, contents: Iterable[str]) -> None:
        """Remove those of *contents*, given by checksum, to which nothing refers any more."""
        chosen = set(contents)

        def remove(database: sqlite3.Connection) -> None:
            for sha256 in _strangers(database, chosen):
                self.contents.remove(sha256)

        if chosen:
            await self.change(remove)

    async def sweep(self, part: str) -> int:
        """
        Remove from one part of the contents what a crash has left there; gives how many.

        That is what was put there, or was to be removed, when nobody lived to write it down.
        """

        def remove(database: sqlite3.Connection) -> int:
            strangers = _strangers(database, set(self.contents.contents(part)))
            for sha256 in strangers:
                self.contents.remove(sha256)
            return len(strangers)

        return await self.change(remove)

    async def close(self) -> None:
        """Commit everything that waits, then let go of all files."""
        await self._writer.close()
        if not self._closed:
            self._closed = True
            self.output.close_all()
            await asyncio.to_thread(self._reader.shutdown)
            await asyncio.to_thread(self._database.close)

    async def _named(self, wanted: Filter) -> Filter:
        """*wanted* with the names of tasks where it has patterns, or a scope says as much."""
        if wanted.tasks is None and wanted.scope.tasks is not None:
            return replace(wanted, tasks=wanted.scope.tasks)
        if not wanted.has_patterns:
            return wanted
        return wanted.among(await self._read(lambda row: str(row[0]), history.TASKS))

    async def _span(self, wanted: Filter, end: int | None) -> Span | None:
        """Between which numbers jobs are *wanted*; None if there can be none."""
        bounds: list[int | None] = []
        for moment, query, is_end in (
            (wanted.since, history.FIRST_SINCE, False),
            (wanted.until, history.LAST_UNTIL, True),
        ):
            if moment is None:
                bounds.append(None)
                continue
            edge = history.moment_id(moment, is_end=is_end)
            found = await self._read(lambda row: int(row[0]), query, id=edge)
            if not found:
                return None
            bounds += found
        first, last = bounds
        return Span(first, last, end)

    async def _tagged_page(self, wanted: Filter, span: Span, limit: int) -> Page:
        """A page of those among the newest jobs with the tag that fit the other filters too."""
        values = history.values_of(wanted, span)
        tagged = await self._read(lambda row: int(row[0]), history.tagged(wanted, span), **values)
        found = await self._read(
            lambda row: int(row[0]),
            history.fitting(wanted),
            **values,
            numbers=json.dumps(tagged),
            limit=limit,
        )
        jobs = await self._numbered(found)
        if len(jobs) == limit:
            return Page(jobs, jobs[-1].job_id)
        if len(tagged) < history.TAGGED_AT_ONCE:
            return Page(jobs, None)
        # If the last one is being forgotten, so is everything before it.
        last = await self._numbered(tagged[-1:])
        return Page(jobs, last[0].job_id if last else None)

    async def _numbers(
        self, queries: Iterable[tuple[str, dict[str, Any]]], wanted: Filter, span: Span, limit: int
    ) -> list[int]:
        """The *limit* newest of what the *queries* find."""
        values = history.values_of(wanted, span)
        found: list[int] = []
        for query, tasks in queries:
            found += await self._read(
                lambda row: int(row[0]), query, **values, **tasks, limit=limit
            )
        return sorted(found, reverse=True)[:limit]

    async def _numbered(self, numbers: Sequence[int]) -> list[Job]:
        """The jobs with these *numbers*, newest first."""
        return await self._read(
            job_of,
            f"{JOBS} where number in (select value from json_each(:numbers)) order by number desc",
            numbers=json.dumps(list(numbers)),
        )

    async def _number(self, job_id: str, owner: str | None) -> int:
        numbers = await self._read(
            lambda row: int(row[0]),
            "select number from jobs where job_id = :job_id and (:owner is null or owner = :owner)",
            job_id=job_id,
            owner=owner,
        )
        if not numbers:
            raise UnknownJob(
                f"before: there is no job {job_id}; give the job_id of the last job of the "
                "page before"
            )
        return numbers[0]

    async def _read(self, make: Callable[[Row], T], query: str, **values: Any) -> list[T]:
        is_settled = await self._writer.settle()
        if self._closed:
            raise JournalError(f"{self._database.path} is closed")
        return await asyncio.get_running_loop().run_in_executor(
            self._reader, self._select, is_settled, make, query, values
        )

    def _select(
        self,
        is_settled: bool,
        make: Callable[[Row], T],
        query: str,
        values: dict[str, Any],
    ) -> list[T]:
        reader = self._database.reader
        try:
            with nullcontext() if is_settled else shown(reader):
                return [make(row) for row in reader.execute(query, values)]
        except sqlite3.Error as error:
            raise explain(self._database.path, "read", error) from error
        except UnicodeEncodeError:
            # A lone surrogate: no text that the database can hold, so nothing fits it.
            return []


def _can_be(wanted: Filter) -> bool:
    """Whether any job can fit it."""
    return all(each is None or len(each) > 0 for each in (wanted.states, wanted.tasks))


def _by_state(rows: Iterable[tuple[str, State, int]]) -> dict[str, dict[State, int]]:
    """The sums of the counts in *rows*, by name and state."""
    sums: dict[str, dict[State, int]] = {}
    for name, state, count in rows:
        counts = sums.setdefault(name, {})
        counts[state] = counts.get(state, 0) + count
    return sums


def _strangers(database: sqlite3.Connection, contents: set[str]) -> set[str]:
    """Those of *contents* to which no file refers."""
    known = database.execute(
        "select value from json_each(:contents) where"
        " value in (select sha256 from uploads where is_finished = 1)"
        " or value in (select sha256 from artifacts)",
        {"contents": json.dumps(list(contents))},
    )
    return contents - {sha256 for (sha256,) in known}
