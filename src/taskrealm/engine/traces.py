"""What a job may leave behind in the process that ran it, and how that is noticed."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TextIO

from .status import PAGE, read

if TYPE_CHECKING:
    from collections.abc import Iterator

STANDARD = (0, 1, 2)  # the file descriptors of standard input, output and error


@dataclass(frozen=True, slots=True)
class Traces:
    """This process at one moment, as far as a job can change it for the next one."""

    directory: str | None
    umask: int
    environment: dict[str, str]
    handlers: list[Any]
    blocked: set[int]
    threads: set[int]
    standard: list[object]

    @classmethod
    def now(cls) -> Traces:
        """As it is now; to be called in the main thread."""
        return cls(
            directory=_directory(),
            umask=_umask(),
            environment=dict(os.environ),
            handlers=[_handler(number) for number in _SIGNALS],
            blocked=set(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))),
            threads=set(sys._current_frames()),
            standard=[*map(_file, STANDARD), *map(_is_closed, (sys.__stdout__, sys.__stderr__))],
        )

    def left(self) -> list[str]:
        """What has changed since, in a word each; children count, however they came."""
        return list(self._left(Traces.now()))

    def _left(self, now: Traces) -> Iterator[str]:
        if now.directory != self.directory:
            yield "working directory"
        if now.umask != self.umask:
            yield "umask"
        if now.environment != self.environment:
            yield "environment"
        if now.handlers != self.handlers or now.blocked != self.blocked:
            yield "signals"
        if now.threads - self.threads:
            yield "threads"
        if now.standard != self.standard:
            yield "standard streams"
        if has_children():
            yield "processes"


def has_children() -> bool:
    """Whether this process has children that live; the dead ones are reaped."""
    while True:
        try:
            if os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG) is None:
                return True
        except ChildProcessError:
            return False


def memory() -> int:
    """Bytes of this process in main memory."""
    return int(read("/proc/self/statm").split()[1]) * PAGE


def _directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None  # it has been removed


def _umask() -> int:
    # There is no way to look at it without setting it.
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def _file(number: int) -> tuple[int, int] | None:
    try:
        found = os.fstat(number)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_closed(stream: TextIO | None) -> bool:
    return stream is None or stream.closed


_SIGNALS = sorted(map(int, signal.valid_signals()))
# The module `signal` looks for a name for each answer, which takes fifty times as long.
_handler = import_module("_signal").getsignal
