"""Ends jobs that use up more than they may."""

from __future__ import annotations

import asyncio
import functools
import math
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from .threads import Threads
from .usage import Accounts, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..tasks import Limits

LOOK_INTERVAL = 0.25  # seconds between two looks at what jobs use

# Never a thread that kills: to look can take as long as a process is stuck in the kernel.
WATCHERS = Threads(1, "taskrealm-watch")


class Before(NamedTuple):
    """What the main process had used already before the job began."""

    cpu: float = 0.0  # seconds
    memory: int = 0  # bytes, with what it shares
    exact_memory: int = 0  # bytes


NOTHING = Before()


class _Ward(NamedTuple):
    """A job that is watched."""

    cookie: str
    limits: Limits
    on_excess: Callable[[str], None]
    before: Before


class Watchdog:
    """
    Looks at running jobs with limits, about four times a second, and tells who exceeds one.

    That needs no privilege, and binds those who have some. It sleeps while no such job runs.
    """

    def __init__(self) -> None:
        self._wards: dict[int, _Ward] = {}
        self._accounts = Accounts()
        self._is_awake = False

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Watchdog:
        """The one watchdog of *loop*, which lasts as long as the loop."""
        watchdog = _WATCHDOGS.get(loop)
        if watchdog is None:
            watchdog = _WATCHDOGS[loop] = cls()
        return watchdog

    def watch(
        self,
        pid: int,
        cookie: str,
        limits: Limits,
        on_excess: Callable[[str], None],
        *,
        before: Before = NOTHING,
    ) -> None:
        """
        Watch the job with the main process *pid* until it is forgotten.

        *on_excess* is called once, in the loop's thread, with a sentence that names the
        limit. Limits other than of processes, memory and processor time are none of its
        business. What was used *before* does not count.
        """
        if limits.processes is None and limits.memory is None and limits.cpu is None:
            return
        self._wards[pid] = _Ward(cookie, limits, on_excess, before)
        if not self._is_awake:
            self._is_awake = True
            asyncio.get_running_loop().call_later(LOOK_INTERVAL, self._look)

    def forget(self, pid: int) -> None:
        """The job with the main process *pid* has ended."""
        self._wards.pop(pid, None)

    def _look(self) -> None:
        if not self._wards:
            self._is_awake = False
            return
        loop = asyncio.get_running_loop()
        wards = dict(self._wards)
        look = loop.run_in_executor(WATCHERS, _excesses, self._accounts, wards)
        look.add_done_callback(functools.partial(self._tell, wards))

    def _tell(self, wards: dict[int, _Ward], look: asyncio.Future[dict[int, str]]) -> None:
        if look.cancelled():
            return
        asyncio.get_running_loop().call_later(LOOK_INTERVAL, self._look)
        if isinstance(look.exception(), OSError):
            # No more files can be opened just now.
            return
        for pid, sentence in look.result().items():
            # The same process may run another job by now.
            if self._wards.get(pid) is wards[pid]:
                del self._wards[pid]
                wards[pid].on_excess(sentence)


def _excesses(accounts: Accounts, wards: dict[int, _Ward]) -> dict[int, str]:
    """A sentence for each of *wards* that uses more than it may."""
    usages = accounts.look(
        {pid: ward.cookie for pid, ward in wards.items()},
        {pid: ward.limits.processes or math.inf for pid, ward in wards.items()},
    )
    found = ((pid, _excess(usage, wards[pid])) for pid, usage in usages.items())
    return {pid: sentence for pid, sentence in found if sentence is not None}


def _excess(usage: Usage, ward: _Ward) -> str | None:
    limits = ward.limits
    if limits.processes is not None and len(usage.pids) > limits.processes:
        return f"The job used more than its limit of {limits.processes} processes"
    if limits.memory is not None and _exceeds(usage, limits.memory, ward.before):
        return f"The job used more than its limit of {_amount(limits.memory)} of memory"
    if limits.cpu is not None and usage.cpu - ward.before.cpu > limits.cpu:
        return f"The job used more than its limit of {limits.cpu:g} s of processor time"
    return None


def _exceeds(usage: Usage, memory: int, before: Before) -> bool:
    # What is cheap to know is never too little.
    return (
        usage.memory - before.memory > memory and usage.exact_memory - before.exact_memory > memory
    )


def _amount(size: int) -> str:
    for unit, factor in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if size >= factor:
            return f"{size / factor:g} {unit}"
    return f"{size} bytes"


_WATCHDOGS: WeakKeyDictionary[asyncio.AbstractEventLoop, Watchdog] = WeakKeyDictionary()
