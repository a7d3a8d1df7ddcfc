"""Tells watchers what the journal has committed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter, deque
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any

from ..protocol import uris
from ..protocol.jobs import EventType
from ..wire import Disconnected
from .shares import size_at_most

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..protocol.jobs import Event, Intake, Job
    from ..wire import Session
    from .audience import Audience

PUBLICATION_EVENTS = 100  # events in one publication, so that it stays far below message limits
WINDOW = 0.02  # seconds
BURST = 16  # publications to one owner that may go out within one window
CROWD = 16  # jobs of one owner that wait or run, of which more are told of once in a window
OUTPUT_BACKLOG = 256 * 1024  # bytes that wait for the router when no more output is added


@dataclass(frozen=True, slots=True)
class Recipient:
    """The one session that is told about a job: the newest one of the client that submitted it."""

    authid: str
    session: int
    client: str | None


class Publisher:
    """
    Publishes committed events on the topics of their owners, in order.

    Who may see only some of an owner's jobs has the topic of each of these. It is for those
    sessions alone that are known to hold the job: who has just joined asks the journal.

    They go out at once, unless there was a burst to their owner, or just one publication while
    it has a crowd of jobs: then they gather until the window is over and go out together. The
    router and the browser see few messages, however many jobs.

    What cannot be published, because the session is lost, is not kept: whoever watches
    asks the journal for it as soon as the executor has joined again.
    """

    def __init__(self, audience: Audience, room: int) -> None:
        """*room* is about how many bytes of events go into one publication."""
        self._audience = audience
        self._publication_weight = room
        self._session: Session | None = None
        self._recipients: dict[str, Recipient] = {}
        self._waiting: dict[str, deque[Event]] = {}
        self._under_way: Counter[str] = Counter()
        self._bursts: dict[str, int] = {}
        self._held: set[str] = set()

    def attach(self, session: Session) -> None:
        """Publish through *session* from now on."""
        self._session = session

    def address(self, job_id: str, recipient: Recipient) -> None:
        """Let only *recipient* receive what is published about a job."""
        self._recipients[job_id] = recipient

    def forget(self, job_id: str) -> None:
        """There will be no events of a job: it was not accepted after all."""
        self._recipients.pop(job_id, None)

    def hold(self, owner: str, job_ids: Iterable[str], answered: asyncio.Future[None]) -> None:
        """Keep back the events of these jobs of *owner* until their submitter is *answered*."""
        held = frozenset(job_ids)
        self._held |= held

        def release(_: asyncio.Future[None]) -> None:
            self._held -= held
            self._flush(owner)

        answered.add_done_callback(release)

    def publish(self, events: Iterable[Event]) -> None:
        """Publish *events*, which the journal has just committed."""
        owners = []
        for owner, group in itertools.groupby(events, key=attrgetter("owner")):
            waiting = self._waiting.setdefault(owner, deque())
            for event in group:
                waiting.append(event)
                self._count(event)
            owners.append(owner)
        for owner in owners:
            self._flush(owner)

    def publish_output(self, job: Job, chunk: dict[str, object], *, shown: bool) -> bool:
        """
        Publish one *chunk* of output of *job*; whether it went out.

        It does not if the router has not yet taken what was sent before. The owner receives
        it only if it is *shown* to it.
        """
        if self._session is None or self._session.backlog > OUTPUT_BACKLOG:
            return False
        topic = uris.output_topic(job.owner, job.job_id)
        owner = job.owner if shown else None
        self._send(topic, chunk, eligible=self._receivers(owner, job.job_id, job.task))
        return True

    def publish_places(self, owner: str, places: dict[str, int]) -> None:
        """Publish the *places* in the queue that jobs of *owner* have now."""
        self._send_to_user(owner, uris.queue_topic(owner), places)

    def flush(self) -> None:
        """Publish now whatever waits for the end of a window."""
        self._bursts = dict.fromkeys(self._bursts, 0)
        for owner in tuple(self._waiting):
            self._flush(owner)

    def announce(self, tasks: int, intake: Intake) -> None:
        """Tell everybody how many *tasks* there are, and whether jobs are taken and started."""
        if self._session is not None:
            with contextlib.suppress(Disconnected):
                self._session.publish(uris.CATALOG, {"tasks": tasks, "intake": intake.value})

    def _flush(self, owner: str) -> None:
        """Publish what waits for *owner*, unless it has to wait for the end of a window."""
        waiting = self._waiting.get(owner)
        if waiting is None or waiting[0].job_id in self._held:
            return
        burst = self._bursts.get(owner)
        if burst is None:
            asyncio.get_running_loop().call_later(WINDOW, self._end_window, owner)
        elif burst >= (1 if self._under_way[owner] > CROWD else BURST):
            return
        self._bursts[owner] = (burst or 0) + 1
        while waiting and waiting[0].job_id not in self._held:
            if waiting[0].seq is None:
                self._send_apart(waiting.popleft())
            else:
                events = self._take(waiting)
                self._send_to_user(owner, uris.jobs_topic(owner), events)
                self._send_by_job(events, owner)
        if not waiting:
            del self._waiting[owner]

    def _count(self, event: Event) -> None:
        """Keep up how many jobs of an owner wait or run; those of an earlier run are left out."""
        if event.type is EventType.QUEUED:
            self._under_way[event.owner] += 1
        elif event.type.is_terminal or event.type is EventType.RETRYING:
            if self._under_way[event.owner] > 1:
                self._under_way[event.owner] -= 1
            else:
                del self._under_way[event.owner]

    def _end_window(self, owner: str) -> None:
        del self._bursts[owner]
        self._flush(owner)

    def _send_apart(self, event: Event) -> None:
        """Publish an event that is not part of its owner's stream, if anybody is to have it."""
        recipient = self._recipients.get(event.job_id)
        if recipient is None:
            return
        events = [event.as_dict()]
        topic = uris.jobs_topic(event.owner)
        self._send(topic, events, eligible=[self._session_of(recipient)])
        self._send_by_job(events, event.owner)
        if event.type.is_terminal:
            del self._recipients[event.job_id]

    def _send_by_job(self, events: list[dict[str, Any]], owner: str) -> None:
        """Publish *events* of *owner* for those who watch one of the jobs alone."""
        if not self._audience.watches_jobs:
            return
        for job_id, group in itertools.groupby(events, key=itemgetter("job_id")):
            topic = uris.job_topic(owner, job_id)
            if self._audience.watches(topic):
                told = list(group)
                self._send(topic, told, eligible=self._receivers(owner, job_id, told[0]["task"]))

    def _receivers(self, owner: str | None, job_id: str, task: str) -> list[int]:
        """The sessions that are told about one job; those of its *owner* if it is given."""
        holders = self._audience.holders(owner, job_id, task)
        recipient = self._recipients.get(job_id)
        if recipient is None:
            return holders
        return [session for session in holders if session == self._session_of(recipient)]

    def _take(self, waiting: deque[Event]) -> list[dict[str, Any]]:
        """The next events that may go out together as one publication."""
        batch: list[dict[str, Any]] = []
        weight = 0
        while waiting and len(batch) < PUBLICATION_EVENTS:
            if waiting[0].seq is None or waiting[0].job_id in self._held:
                break
            event = waiting[0].as_dict()
            weight += size_at_most(event)
            if batch and weight > self._publication_weight:
                break
            waiting.popleft()
            batch.append(event)
        return batch

    def _send_to_user(self, owner: str, topic: str, payload: object) -> None:
        self._send(topic, payload, eligible_authid=self._audience.entitled(owner))

    def _send(self, topic: str, payload: object, **receivers: Any) -> None:
        if self._session is None:
            return
        try:
            self._session.publish(topic, payload, **receivers)
        except Disconnected:
            self._session = None

    def _session_of(self, recipient: Recipient) -> int:
        """The session of *recipient*: its client may have joined anew since it submitted."""
        if recipient.client is None:
            return recipient.session
        newest = self._audience.session_of(recipient.authid, recipient.client)
        return recipient.session if newest is None else newest
