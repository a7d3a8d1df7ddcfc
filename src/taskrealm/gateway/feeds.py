"""What one HTTP request follows: events of a user or a job, whole, in order, as fast as they are read."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from ..client.stream import Position, Stream
from ..protocol import uris
from ..protocol.errors import NotAuthorized, RateLimited, Unavailable
from ..protocol.jobs import TERMINAL, Delivery
from ..protocol.scope import Scope
from ..wire import Disconnected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..wire import Session, Subscription

PAGE = 500  # events asked for at once
READY_LIMIT = 100  # live events kept for a reader who is busy; more are read from the journal
AHEAD_LIMIT = 500  # live events kept that are behind a hole
PAUSE = 2.0  # longest time in seconds before an executor that is not there is asked again
POLL = 1.0  # seconds between questions about a job whose events are not sent to us
EPOCH = "job"  # the events of a job are a stream of their own that never starts anew


@dataclass(frozen=True, slots=True)
class Batch:
    """What comes next in a feed: how things stand, if that is told anew, and then events."""

    events: list[dict[str, Any]] = field(default_factory=list)
    snapshot: dict[str, Any] | None = None
    is_reset: bool = False
    """Whether the snapshot stands for events that nobody can deliver any more."""

    def __bool__(self) -> bool:
        return bool(self.events) or self.snapshot is not None


class Watch:
    """
    Tells when it is worth looking again: something was published, or perhaps missed.

    Used as `async with`, it is subscribed from the beginning of the block to its end.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._news = asyncio.Event()
        self._lost = session.lost
        self._lost.add_done_callback(lambda _: self._news.set())
        self._subscriptions: list[Subscription] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._lost.cancel()
        await asyncio.gather(*(each.cancel() for each in self._subscriptions))

    async def subscribe(self, topic: str, handler: Callable[..., None]) -> None:
        """
        Give *handler* what is published on *topic*, and then wake who waits.

        Raises:
            NotAuthorized: The session may not.
            Disconnected: It is lost.
        """

        def take(*args: Any) -> None:
            handler(*args)
            self.wake()

        self._subscriptions.append(await self._session.subscribe(topic, take))

    def wake(self) -> None:
        """Let who waits look again."""
        self._news.set()

    def require_session(self) -> None:
        """
        Return if the session is there.

        Raises:
            Disconnected: It is lost, expired or revoked.
        """
        if self._session.is_lost:
            raise Disconnected("The session has ended")

    async def news(self, limit: float) -> None:
        """Return when it is worth looking again, or after *limit* seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self._news.wait()
        self._news.clear()


class Feed:
    """
    Events for one reader: what follows a position, each once and none left out.

    First it subscribes, then it asks the journal, and then delivers what came live. While its
    reader is busy it keeps few live events; the others are read from the journal again.
    """

    def __init__(self, session: Session, stream: Stream) -> None:
        self.is_over = False
        """Whether nothing will follow what was delivered."""
        self._session = session
        self._stream = stream
        self._watch = Watch(session)
        self._ready: list[dict[str, Any]] = []
        self._poll: float | None = None
        """Seconds after which to look without being told; None for never."""

    async def __aenter__(self) -> Self:
        """
        Begin to listen.

        Raises:
            Error: What the node answers instead: there is no such job, say.
            Disconnected: The session is lost.
        """
        await self._watch.__aenter__()
        try:
            await self._begin()
            await self._listen_for_executors()
        except BaseException:
            await self._watch.__aexit__()
            raise
        self._stream.doubt()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._watch.__aexit__()

    async def first(self) -> Batch:
        """
        What has happened so far behind the position, or the beginning of it.

        Raises:
            Error: The node does not say; later on, `next` would ask again.
            Disconnected: The session is lost.
        """
        position = self._stream.question()
        return Batch() if position is None else await self._read(position)

    async def next(self, patience: float) -> Batch:
        """
        What comes next; an empty batch if nothing has come within *patience* seconds.

        Raises:
            Error: The node refuses to go on: the job is gone, say.
            Disconnected: The session is lost, expired or revoked.
        """
        clock = asyncio.get_running_loop().time
        give_up = clock() + patience
        while not self.is_over:
            self._watch.require_session()
            if self._ready:
                return self._told(Batch(self._take_ready()))
            pause = None
            if (position := self._stream.question()) is not None:
                try:
                    batch = await self._read(position)
                except (Unavailable, RateLimited) as error:
                    least = error.retry_after if isinstance(error, RateLimited) else 0.0
                    pause = least + random.uniform(PAUSE / 10, PAUSE)
                else:
                    if batch:
                        return batch
                    continue
            if clock() >= give_up:
                break
            await self._wait(give_up - clock(), pause)
        return Batch()

    async def _begin(self) -> None:
        raise NotImplementedError

    async def _ask(self, position: Position) -> Batch:
        """Ask for what follows *position*, and give the answer to the stream."""
        raise NotImplementedError

    def _is_end(self, event: Mapping[str, Any]) -> bool:
        """Whether nothing follows *event* here."""
        return False

    def _arrive(self, publication: Iterable[dict[str, Any]]) -> None:
        """Take live events, or leave them to the journal if the reader is busy."""
        if len(self._ready) < READY_LIMIT:
            self._ready += self._stream.take(publication)
        else:
            self._stream.doubt()

    async def _listen_for_executors(self) -> None:
        """Look again when an executor has come back: what it could not publish is recorded."""
        try:
            await self._watch.subscribe(uris.CATALOG, lambda *_: self._stream.doubt())
        except NotAuthorized:
            self._poll = POLL

    async def _read(self, position: Position) -> Batch:
        try:
            return self._told(await self._ask(position))
        except BaseException:
            self._stream.failed()
            raise

    async def _wait(self, limit: float, pause: float | None) -> None:
        """Wait at most *limit* seconds: as long as a *pause* is, or for news."""
        if pause is not None:
            await asyncio.sleep(min(limit, pause))
        elif self._poll is None:
            await self._watch.news(limit)
        else:
            await self._watch.news(min(limit, self._poll))
            self._stream.doubt()

    def _take_ready(self) -> list[dict[str, Any]]:
        ready, self._ready = self._ready, []
        return ready

    def _told(self, batch: Batch) -> Batch:
        self.is_over = self.is_over or any(map(self._is_end, batch.events))
        return batch


class UserFeed(Feed):
    """
    Every event of every job of the session's user.

    Without a position to go on from, it begins with a snapshot: the jobs that have not ended.
    """

    def __init__(self, session: Session, position: Position | None) -> None:
        super().__init__(session, Stream(position, ahead_limit=AHEAD_LIMIT))
        self._topic = uris.jobs_topic(session.authid)

    async def _begin(self) -> None:
        await self._watch.subscribe(self._topic, self._take)

    def _take(self, publication: list[dict[str, Any]]) -> None:
        # What was meant for one session only is not part of the stream.
        self._arrive(event for event in publication if event["seq"] is not None)

    async def _ask(self, position: Position) -> Batch:
        answer = await self._session.call(
            uris.EVENTS, epoch=position.epoch, since=position.seq, limit=PAGE
        )
        page = self._stream.answered(answer)
        if page.snapshot is None:
            return Batch([*self._take_ready(), *page.events])
        snapshot = {name: answer[name] for name in ("epoch", "seq", "jobs", "next")}
        return Batch(page.events, snapshot, page.is_reset)


class JobFeed(Feed):
    """Every event of one job, to its end."""

    def __init__(self, session: Session, job_id: str, since: int) -> None:
        super().__init__(session, _job_stream(since))
        self._job_id = job_id
        self._heard = 0
        self._is_known = False  # whether the journal knows the position that we began at

    async def _begin(self) -> None:
        job = await self._session.call(uris.JOB, self._job_id)
        if job["deliver"] == Delivery.USER:
            try:
                await self._watch.subscribe(job_topic(self._session, job), self._take)
                return
            except NotAuthorized:
                pass
        self._poll = POLL

    def _take(self, publication: list[dict[str, Any]]) -> None:
        events = [event for event in publication if event["job_id"] == self._job_id]
        if events:
            self._heard = max(self._heard, events[-1]["job_seq"])
            self._arrive(events)

    def _is_end(self, event: Mapping[str, Any]) -> bool:
        return event["type"] in TERMINAL

    async def _ask(self, position: Position) -> Batch:
        if position.epoch is None:
            return await self._reset()
        heard = self._heard
        page = await self._page(position.seq, PAGE)
        events = page["events"]
        last = events[-1]["job_seq"] if events else position.seq
        newest = last + 1 if page["more"] else max(last, heard)
        answer = {"recovered": True, "epoch": EPOCH, "seq": newest, "events": events}
        answered = self._stream.answered(answer).events
        batch = Batch([*self._take_ready(), *answered])
        if not batch and (page["ended"] or not self._is_known):
            batch = await self._known(position.seq)
        self._is_known = True
        return batch

    async def _known(self, seq: int) -> Batch:
        """What there is to say if nothing follows *seq*: that is the end, or not known at all."""
        page = await self._page(max(seq - 1, 0), 1)
        if any(map(self._is_end, page["events"])):
            self.is_over = True
        elif page["ended"] or (seq > 0 and not page["events"]):
            # Where the reader has never been, it begins anew.
            self.is_over = page["ended"] and (seq == 0 or bool(page["events"]))
            return await self._reset()
        return Batch()

    async def _page(self, since: int, limit: int) -> dict[str, Any]:
        page: dict[str, Any] = await self._session.call(
            uris.EVENTS, job_id=self._job_id, since=since, limit=limit
        )
        return page

    async def _reset(self) -> Batch:
        """The job instead of those of its events that the journal has no more."""
        job = await self._session.call(uris.JOB, self._job_id)
        self._stream = _job_stream(self._heard)
        self._stream.doubt()
        return Batch([], {"job_seq": self._heard, "job": job}, is_reset=True)


def job_topic(session: Session, job: Mapping[str, Any]) -> str:
    """The topic on which *session* hears of *job*."""
    if is_narrow(session):
        return uris.job_topic(job["owner"], job["job_id"])
    return uris.jobs_topic(job["owner"])


def is_narrow(session: Session) -> bool:
    """Whether *session* may hear of single jobs only, not of all that its user has."""
    return Scope.of(session.extra.get("scope") or {}).is_narrow


def _job_stream(since: int) -> Stream:
    return Stream(Position(EPOCH, since), place_of=_place_in_job, ahead_limit=AHEAD_LIMIT)


def _place_in_job(event: Mapping[str, Any]) -> Position:
    return Position(EPOCH, event["job_seq"])
