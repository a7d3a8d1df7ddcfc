"""
Processes that a job started, wherever they went: found by their cookie, and signalled.

A process group loses whoever calls setsid, and a walk along parents loses daemons. What the
processes of a job keep is the cookie in the environment that they were started with.
"""

from __future__ import annotations

import asyncio
import errno
import math
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator

from .status import Identity, read, status_of
from .threads import Threads

COOKIE = "TASKREALM_COOKIE"
KILL_LIMIT = 1.0  # seconds that killed processes are given to vanish
OUTRUN_LIMIT = 10.0  # seconds after which processes that keep being born have won
LOOK_LIMIT = 1.0  # seconds after which a look at something that will not hold still ends

# Whole scans of /proc never run in the loop's thread: the memory of a process that is stuck
# in the kernel can hold up whoever reads its environment.
SCANNERS = Threads(2, "taskrealm-scan")

Belongs = Callable[[int], bool | None]
"""Whether the process with this pid is meant; None if that cannot be told just now."""

OUT_OF_MEANS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class Outrun(Exception):
    """Processes are born faster than they can be killed, in ever new groups and sessions."""


async def sweep(prefix: str) -> int:
    """
    Kill all processes whose cookie starts with *prefix*, until none is left.

    Returns how many. This process itself is spared.

    Raises:
        ValueError: *prefix* is empty.
        OSError: Files or memory do not suffice to look for them.
    """
    return await asyncio.get_running_loop().run_in_executor(SCANNERS, sweep_blocking, prefix)


def sweep_blocking(prefix: str) -> int:
    """Do what `sweep` does, in a program without an event loop."""
    if not prefix:
        raise ValueError("An empty prefix means every job of every node")

    def belongs(pid: int) -> bool | None:
        cookie = cookie_of(pid)
        return None if cookie is None else cookie.startswith(prefix)

    # There is nothing else to be done: no patience is too long.
    return len(kill_all(belongs, patience=math.inf))


def kill_all(
    belongs: Belongs, dying: Iterable[Identity] = (), *, patience: float = OUTRUN_LIMIT
) -> set[Identity]:
    """
    Kill the processes that *belongs* picks, until none is left; returns who was killed.

    Counts *dying* in, who have been sent SIGKILL already. Who has not vanished after
    `KILL_LIMIT` is stuck in the kernel and never runs its own code again.

    Raises:
        Outrun: There are still new ones after *patience* seconds.
    """
    killed = set(dying)
    outrun = time.monotonic() + patience
    # Who has been sent SIGKILL cannot start another process any more.
    while new := signal_all(belongs, signal.SIGKILL) - killed:
        killed |= new
        if time.monotonic() > outrun:
            raise Outrun
    give_up = time.monotonic() + KILL_LIMIT
    while any(map(_is_alive, killed)) and time.monotonic() < give_up:
        time.sleep(0.001)
    return killed


def signal_all(belongs: Belongs, *signals: signal.Signals) -> set[Identity]:
    """
    Send *signals* to each process that *belongs* picks; returns who received them.

    Looks again for those that were born while it looked, until there are none.
    """
    examined: set[int] = set()
    reached: set[Identity] = set()
    give_up = time.monotonic() + LOOK_LIMIT
    while fresh := [pid for pid in _processes() if pid not in examined]:
        for pid in fresh:
            verdict = belongs(pid)
            if verdict is not None:
                examined.add(pid)
            if verdict and (identity := _signal(pid, belongs, signals)):
                reached.add(identity)
        if time.monotonic() > give_up:
            break
        if not examined.issuperset(fresh):
            time.sleep(0.001)
    return reached


def cookie_of(pid: int) -> str | None:
    """
    The cookie that a process carries: empty if it has none, is gone or is not ours to read.

    None if it cannot be told just now: a process shows no environment between two programs
    (execve), and between its last instruction and its being a zombie.
    """
    try:
        environment = _environment(pid)
        if not environment:
            return "" if status_of(pid).has_no_environment else None
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""
    _, _, rest = (b"\0" + environment).partition(f"\0{COOKIE}=".encode())
    return rest.partition(b"\0")[0].decode(errors="replace")


def identity_of(pid: int) -> Identity | None:
    """Who the living process *pid* is; None if there is none."""
    try:
        status = status_of(pid)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if status.is_dead else Identity(pid, status.started_at)


def is_ending(pid: int) -> bool:
    """Whether a process has run its last instruction, and the kernel is clearing it away."""
    try:
        return status_of(pid).is_ending
    except OSError:
        return False


def _environment(pid: int) -> bytes:
    try:
        return read(f"/proc/{pid}/environ")
    except ProcessLookupError:
        # Not only for one that is gone: newer kernels say so of any that has no memory.
        return b""


def _processes() -> Iterator[int]:
    own = os.getpid()
    return (pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if pid != own)


def _is_alive(identity: Identity) -> bool:
    return identity_of(identity.pid) == identity


def _signal(pid: int, belongs: Belongs, signals: tuple[signal.Signals, ...]) -> Identity | None:
    try:
        pidfd = os.pidfd_open(pid)
    except OSError as error:
        if error.errno in OUT_OF_MEANS:
            raise
        return None
    try:
        # Asked again now that the pidfd holds on to one process: if the pid has gone to
        # another since, the signal fails instead of reaching that one.
        identity = identity_of(pid)
        if identity is None or not belongs(pid):
            return None
        for number in signals:
            signal.pidfd_send_signal(pidfd, number)
    except (ProcessLookupError, PermissionError):
        return None
    else:
        return identity
    finally:
        os.close(pidfd)
