"""
Orphans: what the processes of jobs left behind, which the kernel then gives to us.

Because this process adopts every orphan below it, the list of its own children tells
whether a job left anything behind, without a look at the other processes of the machine.
"""

from __future__ import annotations

import ctypes
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .trees import LOOK_LIMIT, cookie_of, is_ending

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

PR_SET_CHILD_SUBREAPER = 36
WHOLE = 2_048  # bytes: a shorter list is complete, for the kernel fills at least a page
ROUNDS = 10  # of reaping at once; the loop has other things to do
REAP_INTERVAL = 1.0  # seconds between two looks for dead orphans while jobs run


class Remains(NamedTuple):
    """What a job has left behind."""

    pids: list[int]
    unclear: bool
    """Whether there are more of which it cannot be told just now whose they are."""


@dataclass(slots=True)
class _Orphan:
    """What is known of an orphan, whose pid is its own until it is reaped here."""

    job: int | None = None
    """The main process of the job that it stems from, if that is known."""
    unclear_since: float | None = None
    is_given_up: bool = False

    def deserves_another_look(self) -> bool:
        now = time.monotonic()
        if self.unclear_since is None:
            self.unclear_since = now
        return now - self.unclear_since < LOOK_LIMIT


class Orphans:
    """
    The orphans among the children of this process, and whose they are.

    To be used in the main thread only, by the loop that starts the jobs: while nobody else
    reaps there, the kernel lists the children without a gap.
    """

    def __init__(self) -> None:
        self.on_outrun: Callable[[], None] | None = None
        """What to do when they are born faster than they can be killed."""
        self._children = -1
        self._jobs: dict[int, str] = {}
        self._orphans: dict[int, _Orphan] = {}
        self._reaped_in: asyncio.AbstractEventLoop | None = None
        """The loop that looks for dead orphans, while one does."""

    def adopt(self) -> None:
        """Become the parent of every orphan below this process; do it once, at start."""
        if self.are_adopted:
            return
        pid = os.getpid()
        # Orphans go to the first thread; the list of any other has none.
        children = os.open(f"/proc/{pid}/task/{pid}/children", os.O_RDONLY | os.O_CLOEXEC)
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            os.close(children)
            raise OSError(ctypes.get_errno(), "This process cannot adopt orphans")
        self._children = children

    @property
    def are_adopted(self) -> bool:
        """Whether `adopt` was called."""
        return self._children >= 0

    def expect(self, pid: int, cookie: str, loop: asyncio.AbstractEventLoop) -> None:
        """From now on *pid* is the main process of a job of *loop*; whoever started it reaps it."""
        self._jobs[pid] = cookie
        if self._reaped_in is not loop:
            self._reaped_in = loop
            loop.call_later(REAP_INTERVAL, self._reap, loop)

    def forget(self, pid: int) -> None:
        """The job with the main process *pid* has ended."""
        del self._jobs[pid]
        for orphan in self._orphans.values():
            if orphan.job == pid:
                orphan.job = None

    def left_by(self, pid: int) -> Remains:
        """
        The living orphans of the job with the main process *pid*, and those of no job.

        The main process has ended but is not reaped yet.
        """
        pids: list[int] = []
        living, is_all = self._living()
        unclear = not is_all
        for child, session in living:
            orphan = self._orphans.setdefault(child, _Orphan())
            if orphan.is_given_up:
                continue
            if orphan.job is None and session in self._jobs:
                orphan.job = session
            elif orphan.job is None:
                cookie = _cookie_of(child)
                if cookie is None:
                    unclear |= orphan.deserves_another_look()
                    continue
                orphan.job = self._job_with(cookie)
            if orphan.job not in (None, pid):
                continue
            if is_ending(child) and orphan.deserves_another_look():
                unclear = True
            else:
                pids.append(child)
        return Remains(pids, unclear)

    def give_up(self, pids: list[int]) -> None:
        """Report the orphans *pids* no more: they cannot be killed."""
        for pid in pids:
            if pid in self._orphans:
                self._orphans[pid].is_given_up = True

    def _job_with(self, cookie: str) -> int | None:
        return next((job for job, own in self._jobs.items() if own == cookie), None)

    def _living(self) -> tuple[list[tuple[int, int]], bool]:
        """
        Each living orphan with its session, and whether these are all.

        The dead ones are reaped.
        """
        living: list[tuple[int, int]] = []
        for _ in range(ROUNDS):
            living = []
            reaped = False
            for pid in self._list():
                if pid in self._jobs:
                    continue
                try:
                    session = os.getsid(pid)
                    # In our own session are only children that are no job's at all.
                    if session == os.getsid(0):
                        continue
                    if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG) is None:
                        living.append((pid, session))
                        continue
                except (ProcessLookupError, ChildProcessError):
                    # Another thread started it and has just reaped it.
                    continue
                self._orphans.pop(pid, None)
                reaped = True
            # The orphans that a reaped one left may have come too late for the list.
            if not reaped:
                return living, True
        return living, False

    def _list(self) -> list[int]:
        text = b""
        # Kept open and read from its start each time: a fifth of the cost of opening it.
        while more := os.pread(self._children, 65_536, len(text)):
            text += more
            if len(more) < WHOLE:
                break
        return [int(pid) for pid in text.split()]

    def _reap(self, loop: asyncio.AbstractEventLoop) -> None:
        self._living()
        if self._jobs:
            loop.call_later(REAP_INTERVAL, self._reap, loop)
        else:
            self._reaped_in = None


def _cookie_of(pid: int) -> str | None:
    try:
        return cookie_of(pid)
    except OSError:
        # No more files can be opened just now.
        return None


ORPHANS = Orphans()
"""The children of a process are one set, hence this is one object."""
