"""The program that a warm worker is: it loads the tasks of a site, and runs one step after another."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import faulthandler
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ..tasks import TaskError, load_tasks
from .calls import Step
from .frames import Unpacker, packed
from .traces import Memory, Traces, free_descriptor
from .usage import exact_memory_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from ..tasks import Registry
    from .frames import Message

CHUNK = 65_536  # bytes read at once
PR_SET_PDEATHSIG = 1


class Worker:
    """
    This process, which has been given one end of a socket as its standard input.

    It ends at the end of that socket, and after a job that has left something behind.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._libc = ctypes.CDLL(None)
        # Whoever started it may be killed while a step runs, and nobody reads the socket then.
        self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        self._socket = socket.socket(fileno=os.dup(0))
        os.register_at_fork(after_in_child=self._socket.close)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        self._unpacker = Unpacker()
        self._step: Step | None = None
        self._is_asked = False
        self._memory = Memory()
        self._stdout, self._stderr = sys.stdout, sys.stderr
        faulthandler.enable()
        signal.signal(signal.SIGTERM, self._on_signal)

    def run(self) -> NoReturn:
        """Do what is asked for, as long as somebody asks."""
        first = self._next()
        registry = self._loaded(first.head)
        memory = {"memory": self._memory.now(), "exact_memory": exact_memory_of(self._pid)}
        self._socket.sendall(packed({"ready": True, **memory}))
        os.environ.clear()
        self._descriptor = free_descriptor()
        self._still = Traces.now()
        while True:
            self._answer(registry, self._next())

    def _loaded(self, head: Mapping[str, list[str]]) -> Registry:
        sys.path[:] = head["path"]
        os.environ.pop("PYTHONPATH", None)
        try:
            return load_tasks(Path(head["tasks"][0]))
        except TaskError as error:
            self._socket.sendall(packed({"ready": False, "error": str(error)}))
            self._end()

    def _next(self) -> Message:
        while True:
            data = self._socket.recv(CHUNK)
            if not data:
                self._end()
            for message in self._unpacker.feed(data):
                return message

    def _answer(self, registry: Registry, message: Message) -> None:
        head = message.head
        os.chdir(head["context"]["directory"])
        # Nothing else has changed it: whoever does ends this process.
        for name, value in head["environment"].items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        before = self._still.in_place()
        self._step = Step(registry, head, message.body, self._complain)
        if self._is_asked:
            self._step.stop()
        answer, body = self._step.run()
        self._step = None
        if os.getpid() != self._pid:
            # A child that the task has forked, and that has come back here.
            self._flush()
            os._exit(answer["exit_code"] & 255)
        self._flush()
        left = before.left()
        if self._is_crowded():
            left.append("open files")
        self._socket.sendall(packed({**answer, "left": left, "memory": self._memory.now()}, body))
        if left:
            self._end()

    def _is_crowded(self) -> bool:
        """Whether steps have left so many files open that the next one might lack some."""
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            return free_descriptor() - self._descriptor > (limit - self._descriptor) // 2
        except OSError:
            return True

    def _flush(self) -> None:
        """Write what is still in the buffers of Python and of the C library."""
        for stream in {sys.stdout, sys.stderr, self._stdout, self._stderr}:
            with contextlib.suppress(Exception):
                stream.flush()
        self._libc.fflush(None)
        sys.stdout, sys.stderr = self._stdout, self._stderr

    def _complain(self, text: str) -> None:
        self._flush()
        data = text.encode(errors="backslashreplace")
        with contextlib.suppress(OSError):  # the job has closed it
            while data:
                data = data[os.write(2, data) :]

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # It may come before the step that it is meant for has been read. After it, no other
        # step will come.
        self._is_asked = True
        if self._step is not None:
            self._step.stop()

    def _end(self) -> NoReturn:
        # Nothing here waits for threads, or for what modules would like to do at the end.
        os._exit(0)


def main() -> None:
    """Be a worker."""
    if sys.version_info < (3, 12):
        # The one that is the default there starts a thread for each child.
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    Worker().run()


if __name__ == "__main__":
    main()
