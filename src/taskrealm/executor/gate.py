"""Whether a node takes jobs and starts them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import structlog

from ..protocol.errors import Draining
from ..protocol.jobs import EventType, Intake, State
from .attempt import Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from .activities import Activities
    from .batches import Batches
    from .live import LiveJob
    from .waiting import Waiting

log = structlog.get_logger()


class Gate:
    """Lets jobs in and lets them start, or not: it can be open, paused, or draining the node."""

    def __init__(
        self,
        waiting: Waiting,
        batches: Batches,
        live: Mapping[str, LiveJob],
        activities: Activities,
        paused: Path,
        *,
        on_change: Callable[[], None],
        on_open: Callable[[], None],
    ) -> None:
        """
        *live* are the jobs that have not ended, *activities* what is being done for them. The
        file *paused* is there as long as the queue is paused, also over a restart.
        """
        self._waiting = waiting
        self._batches = batches
        self._live = live
        self._activities = activities
        self._paused = paused
        self._on_change = on_change
        self._on_open = on_open
        self._draining: asyncio.Task[None] | None = None

    @property
    def intake(self) -> Intake:
        """Whether jobs are taken and started."""
        return self._waiting.intake

    def require_room(self, count: int, owner: str) -> None:
        """
        Make sure that *count* more jobs of *owner* may come in.

        Raises:
            Draining: None may, of nobody.
            QueueFull: As many jobs wait as may wait, of all or of this owner.
        """
        if self.intake is Intake.DRAINING:
            raise Draining("The node drains: it takes no more jobs just now; try again later")
        self._waiting.require_room(count, owner)

    def pause(self) -> None:
        """Start no more jobs, also after a restart, until `resume`; go on taking them."""
        self._paused.touch(mode=0o600)
        self._stop_draining()
        self._set_intake(Intake.PAUSED)

    def resume(self) -> None:
        """Take jobs and start them again."""
        self._paused.unlink(missing_ok=True)
        self._stop_draining()
        self._set_intake(Intake.OPEN)
        self._on_open()

    def begin_draining(self, limit: float) -> None:
        """Drain, without waiting for it."""
        self._stop_draining()
        self._set_intake(Intake.DRAINING)
        self._draining = asyncio.create_task(self.drain(limit))

    async def drain(self, limit: float) -> None:
        """
        Take no more jobs, start none, and wait until those that run have ended.

        What still runs after *limit* seconds is cancelled. Jobs that wait go on waiting, and
        so do batches whose children wait, for `resume` or for the next executor.
        """
        self._set_intake(Intake.DRAINING)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self._quiet()
        await self._stop_all()
        await self._quiet()

    async def hurry(self) -> None:
        """Kill what still runs while the executor drains."""
        await self._stop_all(grace=0.0)

    async def _quiet(self) -> None:
        """Wait until nothing runs but batches that only wait."""
        await self._activities.quiet(self._batches.rests)

    async def _stop_all(self, grace: float | None = None) -> None:
        data = {"by": "system", "reason": "the node is stopping", "duration": None}
        ending = Ending(EventType.CANCELLED, data)
        await asyncio.gather(
            *(
                live.stop(ending, live.task.grace if grace is None else grace)
                for live in self._live.values()
                if (live.job.state is State.RUNNING and not self._batches.rests(live.job.job_id))
                or (grace is not None and live.job.state is State.STOPPING)
            )
        )

    def _set_intake(self, intake: Intake) -> None:
        if self._waiting.intake is not intake:
            self._waiting.intake = intake
            log.info("Intake changed", intake=intake.value)
            self._on_change()

    def _stop_draining(self) -> None:
        if self._draining is not None:
            self._draining.cancel()
            self._draining = None
