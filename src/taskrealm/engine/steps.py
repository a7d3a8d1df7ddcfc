"""What a worker is asked to do for one job, and how that goes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .processes import Exit
from .programs import NO_LIMITS, SpawnFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..tasks import Limits
    from .frames import Message
    from .processes import Process


@dataclass(frozen=True, slots=True)
class Work:
    """One step of a job: what `calls.Step` reads, and what the step may use up."""

    head: Mapping[str, Any]
    body: bytes = b""
    limits: Limits = NO_LIMITS


class Assignment:
    """
    One step of a job in a worker, and all that it starts.

    It has ended when its code has returned, its output is read, and nothing that it started
    lives on; or when its worker has ended, and all that with it.
    """

    def __init__(
        self,
        work: Work,
        on_output: Callable[[str, bytes], object],
        give_up: Callable[[Assignment], None],
    ) -> None:
        self.work = work
        self.on_output = on_output
        self.reply: Message | None = None
        """What the worker said at the end; None if it ended without a word."""
        self.cause: BaseException | None = None
        """What the code raised; it stays in the worker."""
        self._give_up = give_up
        self._process: Process | None = None
        self._end: Exit | SpawnFailed | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self) -> Exit:
        """
        Wait until it has ended; only one can wait at a time.

        An exit without code and signal is that of one that was stopped before it began.

        Raises:
            SpawnFailed: No worker could be started.
        """
        if self._end is None:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if isinstance(self._end, SpawnFailed):
            raise self._end
        assert self._end is not None
        return self._end

    def stop(self, *, grace: float) -> None:
        """Interrupt the code and ask all that it started to end, as `Process.stop` does."""
        if self._end is not None:
            return
        if self._process is None:
            self._give_up(self)
            self.settle(Exit(None, None, 0))
        else:
            self._process.stop(grace=grace)

    def kill(self) -> None:
        """Kill the worker and all that the code started."""
        if self._process is None:
            self.stop(grace=0)
        elif self._end is None:
            self._process.kill()

    def begin(self, process: Process) -> None:
        """It is time for this step, in *process*."""
        self._process = process

    def settle(self, exit: Exit) -> None:
        """It has ended; *exit* is that of its process where there is no reply."""
        if self.reply is not None and exit.excess is None:
            exit = Exit(self.reply.head["exit_code"], None, exit.leftovers)
        self._settle(exit)

    def fail(self, error: SpawnFailed) -> None:
        """It cannot begin."""
        self._settle(error)

    def _settle(self, end: Exit | SpawnFailed) -> None:
        if self._end is not None:
            return
        self._end = end
        # Whoever has been cancelled meanwhile does not wait.
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
