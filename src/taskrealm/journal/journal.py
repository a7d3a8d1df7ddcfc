"""The journal: one writer, one reader, and the output of jobs beside them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ..protocol.errors import UnknownJob
from ..protocol.jobs import EventType, State
from .contents import FOLDER, ContentStore
from .database import open_database
from .errors import JournalError, explain
from .numbering import NEWEST
from .output import OutputStore
from .retention import Pages
from .rows import EVENTS, JOBS, event_of, job_of
from .writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from ..protocol.jobs import Event, Job
    from .database import Database
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

    async def job(self, job_id: str) -> Job | None:
        """The job, or None if there is none with this id."""
        jobs = await self._read(job_of, f"{JOBS} where job_id = :job_id", job_id=job_id)
        return jobs[0] if jobs else None

    async def jobs_by_key(self, owner: str, keys: Iterable[str]) -> list[Job]:
        """The jobs of *owner* that were submitted with one of *keys*."""
        return await self._read(
            job_of,
            f"{JOBS} where owner = :owner and key in (select value from json_each(:keys))",
            owner=owner,
            keys=json.dumps(list(keys)),
        )

    async def counts(self) -> dict[str, dict[State, int]]:
        """How many jobs there are, by task and state; a walk along one index, not a short one."""
        rows = await self._read(
            lambda row: (row[0], State(row[1]), int(row[2])),
            "select task, state, count(*) from jobs group by task, state",
        )
        counts: dict[str, dict[State, int]] = {}
        for task, state, count in rows:
            counts.setdefault(task, {})[state] = count
        return counts

    async def jobs(
        self,
        *,
        owner: str | None = None,
        states: Collection[State] | None = None,
        task: str | None = None,
        before: str | None = None,
        parent: str | None = None,
        children: bool = True,
        limit: int = 50,
    ) -> list[Job]:
        """
        The last *limit* jobs that fit the filters, newest first.

        With *parent* these are children of that batch; otherwise *children* may be left out.
        Newest is what was submitted last, whatever the clock said. *before* is the `job_id`
        of the last job of the page before.

        Raises:
            UnknownJob: *before* is no job (of this owner).
        """
        # With this sign before a column no index is used for it: the children of a batch are few.
        sign = "" if parent is None else "+"
        filters = "".join(
            f" and {sign}{column} = :{column}"
            for column, value in (("owner", owner), ("task", task))
            if value is not None
        )
        end = None
        if before is not None:
            end = await self._number(before, owner)
            filters += " and number < :end"
        chosen = sorted(State if states is None else {State(each) for each in states})
        if not chosen:
            return []
        if parent is not None:
            among = ", ".join(f"'{state.value}'" for state in chosen)
            walks = (
                f"select number from jobs where parent = :parent and +state in ({among}){filters}"
                " order by number desc limit :limit"
            )
        else:
            # One short walk along an index for each state, whatever the filters. A single query
            # over several states would have to read and sort every job that fits.
            walks = " union all ".join(
                f"select * from (select number from jobs where state = '{state.value}'"
                f" and child = {child}{filters} order by number desc limit :limit)"
                for state in chosen
                for child in ((0, 1) if children else (0,))
            )
        return await self._read(
            job_of,
            f"{JOBS} where number in ({walks}) order by number desc limit :limit",
            owner=owner,
            task=task,
            parent=parent,
            end=end,
            limit=limit,
        )

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
        states = ", ".join(f"'{state.value}'" for state in State if not state.is_terminal)
        return await self._read(job_of, f"{JOBS} where state in ({states}) order by number")

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
        if self._closed:
            raise JournalError(f"{self._database.path} is closed")
        return await asyncio.get_running_loop().run_in_executor(
            self._reader, self._select, make, query, values
        )

    def _select(self, make: Callable[[Row], T], query: str, values: dict[str, Any]) -> list[T]:
        try:
            return [make(row) for row in self._database.reader.execute(query, values)]
        except sqlite3.Error as error:
            raise explain(self._database.path, "read", error) from error
        except UnicodeEncodeError:
            # A lone surrogate: no text that the database can hold, so nothing fits it.
            return []


def _strangers(database: sqlite3.Connection, contents: set[str]) -> set[str]:
    """Those of *contents* to which no file refers."""
    known = database.execute(
        "select value from json_each(:contents) where"
        " value in (select sha256 from uploads where is_finished = 1)"
        " or value in (select sha256 from artifacts)",
        {"contents": json.dumps(list(contents))},
    )
    return contents - {sha256 for (sha256,) in known}
