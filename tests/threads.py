"""Stops one thread of another process while the others go on, as a debugger does."""

from __future__ import annotations

import ctypes
import os
import signal

import pytest

PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
WALL = 0x4000_0000  # __WALL: also of threads, which are no children

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


class Held:
    """A process whose main thread stands still, until `kill`."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def kill(self) -> None:
        """Kill the process; its parent learns of it."""
        os.kill(self._pid, signal.SIGKILL)
        # The end of a traced process is told to the tracer first.
        while not os.WIFSIGNALED(os.waitpid(self._pid, WALL)[1]):
            pass


def hold_main_thread(pid: int) -> Held:
    """Stop the main thread of the process *pid* where it is; the other threads go on."""
    if _libc.ptrace(PTRACE_SEIZE, pid, None, None) != 0:
        pytest.skip(f"Tracing is not allowed here: {os.strerror(ctypes.get_errno())}")
    assert _libc.ptrace(PTRACE_INTERRUPT, pid, None, None) == 0
    os.waitpid(pid, WALL)
    return Held(pid)
