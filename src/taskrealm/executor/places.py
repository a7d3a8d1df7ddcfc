"""Tells owners how their jobs move up in the queue."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..protocol import uris
from ..protocol.jobs import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..engine import Scheduler
    from ..protocol.jobs import Job
    from .audience import Audience
    from .publisher import Publisher

PLACES = 1_000  # jobs at the front of the queue whose places are told
INTERVAL = 1.0  # seconds between two looks at the queue


class Places:
    """
    Publishes the places of waiting jobs as they change, at most once a second.

    They are no events: they are not recorded and not numbered, because each start moves
    every job behind it, and the journal would drown in what is stale a second later. Only
    those places are told that somebody watches, and only at the front of the queue; whoever
    is further behind can ask.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        publisher: Publisher,
        audience: Audience,
        job_of: Callable[[str], Job | None],
    ) -> None:
        self._scheduler = scheduler
        self._publisher = publisher
        self._audience = audience
        self._job_of = job_of
        self._told: dict[str, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def change(self) -> None:
        """The queue has changed: look at it soon."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._tell)

    def _tell(self) -> None:
        self._timer = None
        told: dict[str, int] = {}
        news: dict[str, dict[str, int]] = {}
        watched = {
            owner
            for owner in self._scheduler.owners
            if self._audience.watches(uris.queue_topic(owner))
        }
        # To look costs as much as many jobs do, and often nobody watches.
        front = self._scheduler.front(PLACES) if watched else ()
        for place, job_id in enumerate(front, start=1):
            job = self._job_of(job_id)
            if job is None or job.owner not in watched or job.deliver is not Delivery.USER:
                continue
            told[job_id] = place
            if self._told.get(job_id) != place:
                news.setdefault(job.owner, {})[job_id] = place
        self._told = told
        for owner, places in news.items():
            self._publisher.publish_places(owner, places)
