"""What the executor itself does for a running job, and how that is stopped."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine


class StepStopped(Exception):
    """The step was stopped, and what it might have made is lost."""


class Step:
    """
    Work that begins at once and may have to end before it is done.

    If it does not end within its grace it is left alone: it runs on, and nobody hears of it.
    """

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._task = asyncio.create_task(work)
        # Whoever gave it up does not want to know how it failed.
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())
        self._given_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def stop(self, grace: float) -> None:
        """Let it end now, and be given up after *grace* seconds in any case."""
        self._task.cancel()
        asyncio.get_running_loop().call_later(grace, self._give_up)

    async def outcome(self) -> Any:
        """
        What it made.

        Raises:
            StepStopped: It has been stopped, or has given up by itself.
            Exception: What it raised.
        """
        try:
            await asyncio.wait({self._task, self._given_up}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._task.cancel()
        if not self._task.done() or self._task.cancelled():
            raise StepStopped
        return self._task.result()

    def _give_up(self) -> None:
        if not self._given_up.done():
            self._given_up.set_result(None)
