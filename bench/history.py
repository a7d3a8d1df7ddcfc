"""Measures what is asked of the journal with a million jobs in the history, in a process of its own."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from taskrealm.journal import Filter, Journal, Mention, audit
from taskrealm.journal.rows import TOGETHER, insert, request_of, status_of
from taskrealm.protocol.jobs import Job, State, new_job_id, timestamp

from .figures import Figures, alone, p95

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable

JOBS = 1_000_000
AT_ONCE = 10_000  # of them, in one transaction
ROUNDS = 100  # of each question
PAGE = 50
START = datetime(2030, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=30)  # between two submissions: a year in all
OWNERS = ("ann",) * 70 + ("bob",) * 29 + ("rare",)
TASKS = ("video.cut",) * 60 + ("video.join",) * 30 + ("audio.mix",) * 9 + ("audit",)
ENDS = ("succeeded",) * 95 + ("failed",) * 4 + ("timed_out",)
TAGS = ("nightly",) * 30 + ("release",)
OUTCOME = '{"result":null,"exit_code":0,"signal":null,"stderr_tail":"","duration":30.0}'
EVENTS = "events (number, job_seq, stream, seq, type, at, attempt, data)"


async def measure(rounds: int) -> Figures:
    """Bar 9, and the median of each question; however many *rounds*, the history is made once."""
    figures = Figures()
    root = Path(tempfile.mkdtemp(prefix="tr-bench-"))
    folder = root / "journal"  # beside which it leaves its mark
    try:
        await make(folder, JOBS)
        size = (folder / "journal.sqlite").stat().st_size
        began = time.perf_counter()
        journal = await Journal.open(folder, output_limit=1_000, on_commit=lambda events: None)
        waiting = await journal.unfinished()
        start = time.perf_counter() - began
        assert not waiting
        for _ in range(rounds):
            found = {"file per job, bytes": size / JOBS, "start of the journal, s": start}
            figures.add(found | await _measure(journal))
        await journal.close()
    finally:
        shutil.rmtree(root)
    return figures


async def make(folder: Path, jobs: int) -> None:
    """A journal in *folder* with so many *jobs* in the history, a multiple of `AT_ONCE`."""
    journal = await Journal.open(folder, output_limit=1_000, on_commit=lambda events: None)
    past = Past()
    for _ in range(jobs // AT_ONCE):
        await journal.change(past.go_on)
    await journal.close()


async def _measure(journal: Journal) -> dict[str, float]:
    year, day = STEP * JOBS, timedelta(days=1)
    chance = random.Random(6)
    stream = await journal.stream("ann")

    def somewhen() -> datetime:
        return START + chance.random() * year

    # Of everybody, of one who has most of them, and of one who has few.
    lists: dict[str, Callable[[], Filter]] = {
        "all": lambda: Filter(children=False),
        "one user": lambda: Filter(owner="ann", children=False),
        "one user with few": lambda: Filter(owner="rare", children=False),
    }
    searches: dict[str, Callable[[], Filter]] = {
        "state": lambda: Filter(owner="ann", states=[State.TIMED_OUT], children=False),
        "task": lambda: Filter(owner="ann", tasks=["audit"], children=False),
        "tasks by pattern": lambda: Filter(tasks=["audio.*", "audit"], children=False),
        "user, task and state": lambda: Filter(
            owner="rare", tasks=["audit"], states=[State.FAILED], children=False
        ),
        "until some day": lambda: Filter(owner="ann", until=somewhen(), children=False),
        "a day": lambda: (lambda it: Filter(since=it, until=it + day))(somewhen()),
        "a day, rare state": lambda: (
            lambda it: Filter(since=it, until=it + day, states=[State.TIMED_OUT])
        )(somewhen()),
        "tag": lambda: Filter(owner="ann", tag="nightly", children=False),
        "rare tag": lambda: Filter(tag="release", children=False),
        "tag and rare state": lambda: Filter(tag="nightly", states=[State.TIMED_OUT]),
        "tag and a day": lambda: (
            lambda it: Filter(tag="nightly", since=it, until=it + day, tasks=["audit"])
        )(somewhen()),
    }

    async def page(make: Callable[[], Filter]) -> None:
        """Some page of a list, whichever that is, or the first page of what is found."""
        await journal.page(make(), limit=PAGE)

    async def events() -> None:
        since = chance.randrange(stream.seq - PAGE)
        assert len(await journal.events("ann", since=since, limit=PAGE)) == PAGE

    mention, before = Mention("nowhere to be found"), None

    async def text() -> None:
        """As many jobs as the executor looks through at once."""
        nonlocal before
        found = await journal.page(Filter(), before=before, limit=PAGE)
        before = found.before
        streams = [journal.output.stored(each.job_id, "stdout") for each in found.jobs]
        assert not any(map(mention.is_in_job, found.jobs))
        assert not any(map(mention.is_in_stream, streams))

    pages = {name: await _high(lambda it=it: page(it)) for name, it in lists.items()}
    finds = {name: await _high(lambda it=it: page(it)) for name, it in searches.items()}
    counts = {
        name: await _high(lambda it=it: journal.counts_of(it()))
        for name, it in (*lists.items(), ("tasks by pattern", searches["tasks by pattern"]))
    }
    finds["50 jobs and their output for a text"] = await _high(text)
    return {
        "page of jobs, p95 ms": max(pages.values()),
        "events since, p95 ms": await _high(events),
        "search, p95 ms": max(finds.values()),
        **{f"page: {name}, p95 ms": value for name, value in pages.items()},
        **{f"search: {name}, p95 ms": value for name, value in finds.items()},
        **{f"counts: {name}, p95 ms": value for name, value in counts.items()},
    }


class Past:
    """Jobs that have ended, as the writer leaves them: with their events and audit records."""

    def __init__(self) -> None:
        self._chance = random.Random(6)
        self._newest = dict.fromkeys(OWNERS, 0)
        self._streams = {owner: number for number, owner in enumerate(self._newest, 1)}
        self._number = 0

    def go_on(self, connection: sqlite3.Connection) -> None:
        """Bring in `AT_ONCE` more of them."""
        streams = [(owner, number, "e") for owner, number in self._streams.items()]
        insert(connection, "streams (owner, stream, epoch)", streams, otherwise="ignore")
        for _ in range(AT_ONCE // TOGETHER):
            self._add(connection)

    def _add(self, connection: sqlite3.Connection) -> None:
        first = self._number + 1
        self._number += TOGETHER
        jobs = {number: _job(number, self._chance) for number in range(first, first + TOGETHER)}
        insert(
            connection,
            "jobs (number, job_id, owner, task, state, status, ended_at)",
            [
                (number, job.job_id, job.owner, job.task, str(job.state), status_of(job), _end(job))
                for number, job in jobs.items()
            ],
        )
        insert(
            connection,
            "requests (number, request)",
            [(number, request_of(job)) for number, job in jobs.items()],
        )
        insert(
            connection,
            "tags (owner, tag, number)",
            [(job.owner, tag, number) for number, job in jobs.items() for tag in job.tags],
        )
        events = []
        for number, job in jobs.items():
            steps = (("queued", '{"position":1}'), ("started", "{}"), (job.state, OUTCOME))
            for step, (type_, data) in enumerate(steps, 1):
                seq = self._newest[job.owner] = self._newest[job.owner] + 1
                place = (number, step, self._streams[job.owner], seq)
                events.append((*place, str(type_), _end(job), 1, data))
        insert(connection, EVENTS, events)
        audit.add(connection, audit.rows_of(map(_asked, jobs.values())))


def _job(number: int, chance: random.Random) -> Job:
    moment = START + STEP * number
    owner = chance.choice(OWNERS)
    return Job(
        f"{int(moment.timestamp() * 1_000):012x}{new_job_id()[12:]}",
        chance.choice(TASKS),
        owner,
        owner,
        "user",
        {"source": f"film-{number}.mov", "quality": 5},
        moment,
        state=State(chance.choice(ENDS)),
        attempt=1,
        tags=(chance.choice(TAGS),) if number % 3 == 0 else (),
        session=7_654_321_987_654_321,
        started_at=moment,
        ended_at=moment + STEP,
        outcome=json.loads(OUTCOME),
    )


def _asked(job: Job) -> audit.AuditRecord:
    return audit.AuditRecord(
        job.owner,
        "exec",
        role="user",
        owner=job.owner,
        object=job.job_id,
        address="192.0.2.1",
        detail={"task": job.task, "priority": 0},
        at=job.submitted_at,
    )


def _end(job: Job) -> str:
    assert job.ended_at is not None
    return timestamp(job.ended_at)


async def _high(ask: Callable[[], Awaitable[object]]) -> float:
    """The 95th percentile of the milliseconds that an answer takes."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await ask()
        times.append((time.perf_counter() - began) * 1e3)
    return p95(times)


if __name__ == "__main__":
    alone(measure, rounds=1)
