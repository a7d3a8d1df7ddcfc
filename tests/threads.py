"""Stops one thread of another process while the others go on, as a debugger does."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from tests.plain import LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator

PTRACE_CONT = 7
PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
WALL = 0x4000_0000  # __WALL: also of threads, which are no children

WAITS: Final = {"x86_64": {"232", "281"}, "aarch64": {"22"}}
"""The numbers of `epoll_wait` and `epoll_pwait`."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


class Held:
    """A process whose main thread stands still, until `kill`."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._is_alive = True

    def kill(self) -> None:
        """Kill the process; its parent learns of it. Does nothing the second time."""
        if not self._is_alive:
            return
        self._is_alive = False
        os.kill(self._pid, signal.SIGKILL)
        # The end of a traced process is told to the tracer first.
        while not os.WIFSIGNALED(os.waitpid(self._pid, WALL)[1]):
            pass


@contextmanager
def main_thread_held(pid: int) -> Iterator[Held]:
    """
    Meanwhile the main thread of *pid* waits for events, and does nothing with those that come.

    It is stopped only where it has nothing left to do: elsewhere it may be about to do what the
    test waits for, or hold Python's lock, without which no other thread goes on. Whoever leaves
    without a `Held.kill` leaves the process dead all the same.
    """
    if _libc.ptrace(PTRACE_SEIZE, pid, None, None) != 0:
        pytest.fail(f"Tracing is not allowed here: {os.strerror(ctypes.get_errno())}")
    held = Held(pid)
    try:
        _interrupt(pid)
        deadline = time.monotonic() + LIMIT
        while not _is_waiting(pid):
            assert time.monotonic() < deadline, f"The main thread of {pid} is always busy"
            assert _libc.ptrace(PTRACE_CONT, pid, None, None) == 0
            time.sleep(0.01)
            _interrupt(pid)
        yield held
    finally:
        held.kill()


def _interrupt(pid: int) -> None:
    assert _libc.ptrace(PTRACE_INTERRUPT, pid, None, None) == 0
    _, status = os.waitpid(pid, WALL)
    assert os.WIFSTOPPED(status)


def _is_waiting(pid: int) -> bool:
    call, *_ = Path(f"/proc/{pid}/syscall").read_text().split()
    return call in WAITS[platform.machine()]
