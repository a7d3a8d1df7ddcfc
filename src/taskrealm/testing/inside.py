"""Runs the own Python code of a task in the process that tests it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import io
import os
import signal
import threading
from typing import TYPE_CHECKING

from ..engine import Exit, Message, Step
from ..tasks import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..engine import Work
    from ..tasks import Task


class InsideRun:
    """
    A step of a task in a thread of this process, like `engine.Assignment` in a worker.

    So tests see what it does, and may lay hands on what it uses. While it runs, the
    environment, the working directory and what is printed are the job's.
    """

    def __init__(self, work: Work, task: Task, on_output: Callable[[str, bytes], object]) -> None:
        self.reply: Message | None = None
        self.cause: BaseException | None = None
        self._work = work
        self._on_output = on_output
        self._loop = asyncio.get_running_loop()
        self._step = Step(
            {task.name: task},
            work.head,
            work.body,
            lambda text: self._print("stderr", text.encode(errors="backslashreplace")),
        )
        self._ended: asyncio.Future[Exit] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name=task.name, daemon=True)
        self._thread.start()

    def stop(self, *, grace: float) -> None:
        """Interrupt the code; after *grace* seconds nobody waits for it any more."""
        try:
            self._step.stop()
        except Cancelled:
            # It runs code that waits for no loop: the exception is meant for its thread.
            thread = ctypes.c_ulong(self._thread.ident or 0)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(Cancelled))
        self._loop.call_later(grace, self._settle, Exit(None, signal.SIGKILL, 0))

    def kill(self) -> None:
        """Wait for the code no more."""
        self.stop(grace=0)

    async def wait(self) -> Exit:
        """Wait until the code has returned, or nobody waits for it any more."""
        return await asyncio.shield(self._ended)

    def _run(self) -> None:
        with self._as_in_a_job():
            head, body = self._step.run()
        self.cause = self._step.cause
        with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
            self._loop.call_soon_threadsafe(self._reply, Message(head, body))

    def _reply(self, message: Message) -> None:
        if not self._ended.done():
            self.reply = message
            self._settle(Exit(message.head["exit_code"], None, 0))

    def _settle(self, exit: Exit) -> None:
        if not self._ended.done():
            self._ended.set_result(exit)

    @contextlib.contextmanager
    def _as_in_a_job(self) -> Iterator[None]:
        before = dict(os.environ)
        os.environ.update(self._work.head["environment"])
        try:
            with (
                contextlib.chdir(self._work.head["context"]["directory"]),
                contextlib.redirect_stdout(_Stream("stdout", self._print)),
                contextlib.redirect_stderr(_Stream("stderr", self._print)),
            ):
                yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def _print(self, stream: str, data: bytes) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._on_output, stream, data)


class _Stream(io.TextIOBase):
    """Standard output or standard error of a step."""

    def __init__(self, name: str, write: Callable[[str, bytes], None]) -> None:
        self._name = name
        self._write = write

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if text:
            self._write(self._name, text.encode(errors="backslashreplace"))
        return len(text)
