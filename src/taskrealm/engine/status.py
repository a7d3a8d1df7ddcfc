"""What the kernel tells of one process."""

from __future__ import annotations

import os
from typing import NamedTuple

KERNEL_THREAD = 0x00200000  # PF_KTHREAD among the flags of a process
ENDING = 0x00000004  # PF_EXITING, likewise
PAGE = os.sysconf("SC_PAGE_SIZE")  # bytes
TICK = 1 / os.sysconf("SC_CLK_TCK")  # seconds


class Identity(NamedTuple):
    """One process for ever: a pid alone is given again to others."""

    pid: int
    started_at: int  # clock ticks since the machine started


class Status(NamedTuple):
    """A process at one moment; to read it waits for nothing that the process holds."""

    state: str
    parent: int
    session: int
    flags: int
    threads: int
    started_at: int  # clock ticks since the machine started
    processor_time: float  # seconds, with that of the children whose end it has seen
    memory: int  # bytes in main memory, with what it shares with others
    code: int  # where the program begins, 0 until it is loaded
    environment_size: int  # bytes

    @property
    def is_dead(self) -> bool:
        """Whether all of it has ended: the first thread may have ended before the others."""
        return self.state in "ZX" and self.threads < 2

    @property
    def is_ending(self) -> bool:
        """Whether it has run its last instruction, and the kernel is clearing it away."""
        return bool(self.flags & ENDING)

    @property
    def has_no_environment(self) -> bool:
        """Whether there is none to be read, now and later."""
        is_empty = self.code != 0 and self.environment_size == 0
        return is_empty or self.state in "ZX" or bool(self.flags & KERNEL_THREAD)


def status_of(pid: int) -> Status:
    """
    The status of the process *pid*.

    Raises:
        FileNotFoundError, ProcessLookupError: There is none.
    """
    # The name of the program comes second, in parentheses, and may itself contain some.
    fields = read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return Status(
        state=fields[0].decode(),
        parent=int(fields[1]),
        session=int(fields[3]),
        flags=int(fields[6]),
        threads=int(fields[17]),
        started_at=int(fields[19]),
        processor_time=sum(map(int, fields[11:15])) * TICK,
        memory=int(fields[21]) * PAGE,
        code=int(fields[23]),
        environment_size=int(fields[48]) - int(fields[47]),
    )


def children_of(pid: int, thread: int | None = None) -> list[int]:
    """
    The children of the process *pid*, or of one *thread* of it alone.

    Those who are born or end meanwhile may be missing.

    Raises:
        FileNotFoundError, ProcessLookupError: There is no such process or thread.
    """
    threads = os.listdir(f"/proc/{pid}/task") if thread is None else [thread]
    return [
        int(child)
        for each in threads
        for child in read(f"/proc/{pid}/task/{each}/children").split()
    ]


def read(path: str) -> bytes:
    """All that is in the file *path*."""
    with open(path, "rb", buffering=0) as file:
        return file.readall()
