"""What a job may leave behind in the process that ran it, and how that is noticed."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from .status import PAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STANDARD = (0, 1, 2)  # the file descriptors of standard input, output and error


class Traces(NamedTuple):
    """This process at one moment, as far as a job can change it for the next one."""

    directory: str | None
    umask: int
    environment: Mapping[Any, Any]
    handlers: list[Any]
    blocked: set[int]
    threads: set[int]
    standard: list[object]

    @classmethod
    def now(cls) -> Traces:
        """As it is now; to be called in the main thread."""
        return cls(
            _directory(),
            _umask(),
            _environment(),
            [*map(_signal.getsignal, _SIGNALS)],
            _signal.pthread_sigmask(_signal.SIG_BLOCK, ()),
            {*sys._current_frames()},
            [*map(_file, STANDARD), *map(_is_closed, (sys.__stdout__, sys.__stderr__))],
        )

    def in_place(self) -> Traces:
        """The same with the working directory and the environment that are now."""
        return self._replace(directory=_directory(), environment=_environment())

    def left(self) -> list[str]:
        """What has changed since, in a word each; children count, however they came."""
        now = Traces.now()
        left = [] if now == self else list(self._changes(now))
        if has_children():
            left.append("processes")
        return left

    def _changes(self, now: Traces) -> Iterator[str]:
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


def has_children() -> bool:
    """Whether this process has children that live; the dead ones are reaped."""
    while True:
        try:
            if os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG) is None:
                return True
        except ChildProcessError:
            return False


def free_descriptor() -> int:
    """
    The lowest file descriptor that is free: about as many are in use.

    Raises:
        OSError: No more files can be opened.
    """
    descriptor = os.dup(0)
    os.close(descriptor)
    return descriptor


class Memory:
    """How much memory this process uses."""

    def __init__(self) -> None:
        # Kept open and read from its start each time: a fifth of the cost of opening it.
        self._file = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)

    def now(self) -> int:
        """Bytes in main memory."""
        return int(os.pread(self._file, 200, 0).split(None, 2)[1]) * PAGE


def _directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None  # it has been removed


def _environment() -> Mapping[Any, Any]:
    # What `os.environ` holds; to ask that itself takes a hundred times as long.
    variables: Mapping[Any, Any] = getattr(os.environ, "_data", os.environ)
    return dict(variables)


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


# The module `signal` looks for names for its answers, which takes fifty times as long.
_signal: Any = import_module("_signal")
_SIGNALS = sorted(map(int, _signal.valid_signals()))
