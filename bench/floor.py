"""
The floor of a durable queue: the least that Python takes for jobs of which nothing may be lost.

Each start is on the disk before the program starts, each end before anybody hears of it, and the
end of one and the start of the next are committed together. Nothing else of a node is there: no
checks, rights, priorities, limits or reports, no working directories, no log; and no router, unless
a listener behind one is to be told.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import sqlite3
import subprocess
import tempfile
import threading
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from taskrealm.engine import vfork

from .spawning import PROGRAM

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

Listener = AbstractAsyncContextManager["Callable[[Sequence[Step]], object]"]

PIECE = 65_536  # bytes read at once


class Step(NamedTuple):
    """A state that a job has come to, as the database has it and as it is told."""

    number: int
    job_seq: int
    seq: int
    state: str
    at: str
    data: str


class Book:
    """States on the disk, by a thread that commits together whatever waits, as one row behind the last."""

    def __init__(self, folder: Path) -> None:
        self._database = sqlite3.connect(
            folder / "book.sqlite", isolation_level=None, check_same_thread=False
        )
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("pragma synchronous = full")
        self._database.execute("create table book (id integer primary key, steps text) strict")
        self._loop = asyncio.get_running_loop()
        self._waiting: queue.SimpleQueue[tuple[Sequence[Step], asyncio.Future[None]] | None]
        self._waiting = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def write(self, steps: Sequence[Step]) -> asyncio.Future[None]:
        """Write *steps*; done when they are durable."""
        done = self._loop.create_future()
        self._waiting.put((steps, done))
        return done

    def close(self) -> None:
        """End the thread; nothing may wait any more."""
        self._waiting.put(None)
        self._thread.join()
        self._database.close()

    def _run(self) -> None:
        while (work := self._waiting.get()) is not None:
            group = [work]
            with contextlib.suppress(queue.Empty):
                while (more := self._waiting.get_nowait()) is not None:
                    group.append(more)
            steps = [step for some, _ in group for step in some]
            self._database.execute("insert into book (steps) values (?)", [json.dumps(steps)])
            self._loop.call_soon_threadsafe(_settle, [done for _, done in group])


def _settle(waiters: list[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        waiter.set_result(None)


class Steps:
    """Makes the steps of jobs, numbered as the events of one owner are."""

    def __init__(self) -> None:
        self._seq = 0

    def make(self, number: int, job_seq: int, state: str) -> Step:
        """The next one: what the job with this *number* has come to."""
        self._seq += 1
        at = time.strftime("%Y-%m-%dT%H:%M:%S")
        return Step(number, job_seq, self._seq, state, at, json.dumps({"attempt": 1, "at": at}))


@contextlib.contextmanager
def open_book() -> Iterator[Book]:
    """A book of its own, which is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="tr-bench-") as path:
        book = Book(Path(path))
        try:
            yield book
        finally:
            book.close()


async def run_durably(
    slots: int,
    count: int,
    work: Callable[[], Awaitable[object]],
    listener: Listener | None = None,
) -> float:
    """
    Seconds for *count* times *work*, so many at a time, each started and ended durably.

    The *listener* is told of each step, and has heard of all at the end of that time; it is
    another process at a pipe unless one is given.
    """
    with open_book() as book:
        async with listener or _at_a_pipe() as tell:
            begun = time.perf_counter()
            await work_off(slots, _all(count), work, book, Steps(), tell)
        return time.perf_counter() - begun


async def work_off(
    slots: int,
    numbers: AsyncIterator[int],
    work: Callable[[], Awaitable[object]],
    book: Book,
    steps: Steps,
    tell: Callable[[Sequence[Step]], object],
) -> None:
    """
    Do the *work* of the jobs with these *numbers*, so many at a time.

    The end of one and the start of the next are in the *book* together, before anybody is told.
    """

    async def slot() -> None:
        some: list[Step] = []
        async for number in numbers:
            some.append(steps.make(number, 2, "running"))
            await book.write(some)
            tell(some)
            await work()
            some = [steps.make(number, 3, "succeeded")]
        await book.write(some)
        tell(some)

    await asyncio.gather(*(slot() for _ in range(slots)))


async def _all(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


@contextlib.asynccontextmanager
async def _at_a_pipe() -> AsyncIterator[Callable[[Sequence[Step]], object]]:
    """Another process, which is told of steps in JSON."""
    with subprocess.Popen(
        ["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, bufsize=0
    ) as listener:
        assert listener.stdin is not None
        pipe = listener.stdin
        yield lambda steps: pipe.write(json.dumps([step._asdict() for step in steps]).encode())


async def run_program() -> None:
    """Run `true` in a session of its own, with both outputs captured, as cheaply as it can be."""
    loop = asyncio.get_running_loop()
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    ours, theirs = zip(os.pipe(), os.pipe(), strict=True)
    try:
        pid = vfork.start([PROGRAM], {"PATH": os.environ["PATH"]}, "/", (nothing, *theirs))
    finally:
        for end in (nothing, *theirs):
            os.close(end)
    pidfd = os.pidfd_open(pid)
    open_ends = {*ours, pidfd}
    ended = loop.create_future()

    def look(end: int) -> None:
        if end == pidfd:
            os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
        elif os.read(end, PIECE):
            return
        loop.remove_reader(end)
        os.close(end)
        open_ends.remove(end)
        if not open_ends:
            ended.set_result(None)

    for end in tuple(open_ends):
        loop.add_reader(end, look, end)
    await ended
