"""What signals tell the executor's program to do."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import structlog

from ..engine import sweep_blocking

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from .executor import Executor

log = structlog.get_logger()

ONE_TOLD = 1.0  # seconds within which signals mean the same: Ctrl-C comes by several ways


class Orders:
    """
    What signals tell this process to do: to stop, to hurry, and to reload.

    At the end of stdin, which means that the wrapper is gone, this process ends at once, and
    with it all processes of its *jobs*.
    """

    def __init__(self, jobs: str, reload: Callable[[], Coroutine[Any, Any, object]]) -> None:
        self._jobs = jobs
        self.stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._told_at = 0.0
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._take_signal)
        self._reload = reload
        self._reloads: set[asyncio.Task[object]] = set()
        self._loop.add_signal_handler(signal.SIGHUP, self._take_reload)
        self._loop.add_reader(sys.stdin.fileno(), self._read)

    async def obey_hurry(self, executor: Executor) -> None:
        """Once told to hurry, kill what still runs."""
        await self._hurry.wait()
        log.info("Hurrying")
        await executor.gate.hurry()

    def _take_reload(self) -> None:
        task = asyncio.ensure_future(self._reload())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    def _take_signal(self) -> None:
        now = self._loop.time()
        if not self.stop.is_set():
            self._told_at = now
            self.stop.set()
        elif now - self._told_at > ONE_TOLD:
            self._hurry.set()

    def _read(self) -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            # In this thread, so that nobody here gets to see how the jobs end. It is as after
            # a kill: another wrapper may have started already, whose executor decides.
            sweep_blocking(self._jobs)
            os._exit(1)
