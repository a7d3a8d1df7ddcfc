"""What happens to jobs, told to whoever follows them."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from typing import TYPE_CHECKING, Any
from weakref import WeakSet, WeakValueDictionary, finalize

from ..protocol import uris
from ..protocol.errors import Error, NotAuthorized, Unavailable
from ..protocol.jobs import Delivery
from ..wire import Disconnected, Refused
from .connection import PAUSE
from .events import Events, ask_for_events
from .stream import Position, Stream
from .window import Window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterable

    from ..wire import Session, Subscription
    from .connection import Connection
    from .job import Job
    from .stream import Page

POLL = 1.0  # seconds between questions about a job whose events are not sent to us


class _Watch:
    """Jobs that are followed apart from our stream, and the subscription that brings their events."""

    def __init__(self, topic: str) -> None:
        self.jobs = 0
        self.subscription: Subscription | None = None
        self._topic = topic
        self._lock = asyncio.Lock()

    async def subscribe(self, session: Session, following: Following) -> None:
        async with self._lock:
            if self.subscription is None:
                self.subscription = await session.subscribe(self._topic, following.feed)


class Following:
    """
    Gets the events of jobs to those who hold them, whole and in order.

    The user's own jobs are followed through the user's stream, which is caught up with
    after every interruption. Jobs of others are followed by their own numbers, and so is every
    job where the session sees only some of them: it has no stream then. A job whose events
    nobody sends to this session is asked for from time to time.

    A job that its holder has dropped is forgotten.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stream = Stream()
        self._window = Window()
        self._placed = asyncio.Event()
        self._jobs: WeakValueDictionary[str, Job] = WeakValueDictionary()
        self._unheard: WeakSet[Job] = WeakSet()
        self._listeners: WeakSet[Events] = WeakSet()
        self._watches: dict[str, _Watch] = {}  # by topic
        self._catching_up = False
        self._polling = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, session: Session) -> None:
        """Follow on through a new *session*."""
        subscriptions = [session.subscribe(uris.CATALOG, lambda *_: self._refresh())]
        if self._is_narrow:
            self._placed.set()
        else:
            subscriptions.append(session.subscribe(uris.jobs_topic(session.authid), self._receive))
        for watch in self._watches.values():
            watch.subscription = None
        await asyncio.gather(
            *subscriptions, *(self._resume(watch, session) for watch in self._watches.values())
        )
        self._refresh()

    def end(self) -> None:
        """There will be no more sessions: wake everybody, who then learns why."""
        for task in self._tasks:
            task.cancel()
        self._placed.set()
        for job in self._jobs.values():
            job.wake()
        for listener in self._listeners:
            listener.wake()

    async def placed(self) -> None:
        """
        Return when the position in the stream is known, so that no event is missed from now.

        Raises:
            Unavailable: The executor, who knows it, is not there.
        """
        if self._placed.is_set():
            return
        try:
            async with asyncio.timeout(self._connection.patience):
                await self._placed.wait()
        except TimeoutError:
            raise Unavailable("The executor is not there just now; try again in a moment") from None

    def find(self, job_id: str) -> Job | None:
        """The job if somebody holds it."""
        return self._jobs.get(job_id)

    def add(self, job: Job) -> None:
        """Feed *job* from now on."""
        self._jobs[job.job_id] = job

    def add_new(self, job: Job) -> None:
        """Feed *job*, which we have just submitted, from now on."""
        self.add(job)
        if job.delivery is Delivery.NONE:
            self._ask_for(job)
        elif self._is_apart(job):
            watch = self._watch_of(job)
            # What happens to it is told behind the answer that we have it from.
            if watch.subscription is None:
                self._start(self._attach_new(job, watch))

    async def attach(self, job: Job) -> None:
        """See to it that news of *job*, whose owner and delivery have become known, reach us."""
        if job.delivery is not Delivery.USER:
            self._ask_for(job)
        elif self._is_apart(job):
            await self._hear(job, self._watch_of(job))

    @property
    def _is_narrow(self) -> bool:
        return self._connection.scope.is_narrow

    def _is_apart(self, job: Job) -> bool:
        """Whether events of *job* are in no stream that we follow."""
        return self._is_narrow or job.owner != self._connection.authid

    async def _attach_new(self, job: Job, watch: _Watch) -> None:
        with contextlib.suppress(Error, Disconnected, Refused):  # whoever follows it learns why
            await self._hear(job, watch)
        job.doubt()  # it may have begun meanwhile

    def _watch_of(self, job: Job) -> _Watch:
        """The watch for *job*, which it keeps up for as long as somebody holds it."""
        if self._is_narrow:
            topic = uris.job_topic(job.owner, job.job_id)
        else:
            topic = uris.jobs_topic(job.owner)
        watch = self._watches.setdefault(topic, _Watch(topic))
        watch.jobs += 1
        finalize(job, self._release, topic).atexit = False
        return watch

    async def _hear(self, job: Job, watch: _Watch) -> None:
        try:
            await watch.subscribe(await self._connection.session(), self)
        except Disconnected:
            pass  # then join() subscribes
        except NotAuthorized:
            self._ask_for(job)

    async def _resume(self, watch: _Watch, session: Session) -> None:
        # We may have come back with a token for less: whoever follows a job learns that.
        with contextlib.suppress(NotAuthorized):
            await watch.subscribe(session, self)

    def listen(self) -> Events:
        """
        All events of the stream from now on.

        Raises:
            NotAuthorized: The session sees some jobs only.
        """
        if self._is_narrow:
            raise NotAuthorized("This session sees some jobs only: follow them one by one")
        events = Events(self._connection, self)
        if self._stream.is_placed:
            events.begin(self._stream.position)
        self._listeners.add(events)
        return events

    async def places(self) -> AsyncIterator[dict[str, int]]:
        """What is published about our places in the queue, through one session after another."""
        told: deque[dict[str, int]] = deque()
        news = asyncio.Event()

        def take(places: dict[str, int]) -> None:
            told.append(places)
            news.set()

        while True:
            session = await self._connection.session()
            try:
                subscription = await session.subscribe(
                    uris.queue_topic(self._connection.authid), take
                )
            except Disconnected:
                continue
            session.lost.add_done_callback(lambda _: news.set())
            try:
                while told or not session.is_lost:
                    while told:
                        yield told.popleft()
                    news.clear()
                    if not session.is_lost:
                        await news.wait()
            finally:
                with contextlib.suppress(Error):
                    await subscription.cancel()

    @property
    def position(self) -> Position:
        """How far the stream has come."""
        return self._stream.position

    def after(self, position: Position) -> dict[str, Any] | None:
        """The event that follows *position*, if it is one of the latest."""
        if position.epoch != self._stream.position.epoch:
            return None
        return self._window.after(position.seq)

    def feed(self, events: Iterable[dict[str, Any]]) -> None:
        """Give *events* to the jobs that they are about."""
        for event in events:
            job = self._jobs.get(event["job_id"])
            if job is not None:
                job.feed(event)

    def _receive(self, events: list[dict[str, Any]]) -> None:
        if any(event["seq"] is None for event in events):
            self.feed(event for event in events if event["seq"] is None)
            events = [event for event in events if event["seq"] is not None]
        self._deliver(self._stream.take(events))
        self._catch_up()

    def _deliver(self, events: list[dict[str, Any]]) -> None:
        if not events:
            return
        self.feed(events)
        if self._listeners:
            for event in events:
                self._window.add(event["seq"], event)
            for listener in self._listeners:
                listener.wake()

    def _refresh(self) -> None:
        """Ask again for what may have been missed: we were away, or the executor was."""
        self._stream.doubt()
        self._catch_up()
        for job in self._jobs.values():
            # Besides the stream of our own, nobody counts what was sent to us.
            if self._is_apart(job) or job.delivery is Delivery.SESSION:
                job.doubt()
            else:
                job.wake()

    def _catch_up(self) -> None:
        if self._is_narrow:
            return
        if not self._catching_up and (position := self._stream.question()) is not None:
            self._catching_up = True
            self._start(self._read(position))

    async def _read(self, first: Position) -> None:
        """Ask for events until none are missing."""
        position: Position | None = first
        while position is not None:
            try:
                answer = await ask_for_events(self._connection, position)
            except (Disconnected, Refused):
                return  # there will be no more sessions
            except Error:
                self._stream.failed()
                await asyncio.sleep(random.uniform(0, PAUSE))
            else:
                self._take_up(answer, self._stream.answered(answer))
            position = self._stream.question()
        self._catching_up = False

    def _take_up(self, answer: dict[str, Any], page: Page) -> None:
        if page.snapshot is not None:
            # Of the jobs we hold, events may lie before the place where the stream goes on.
            for job in self._jobs.values():
                job.doubt()
            self._window = Window()
            for listener in self._listeners:
                if page.is_reset:
                    listener.doubt()
                else:
                    listener.begin(Position(answer["epoch"], answer["seq"]))
                listener.wake()
            self._placed.set()
        self._deliver(page.events)

    def _ask_for(self, job: Job) -> None:
        self._unheard.add(job)
        if not self._polling:
            self._polling = True
            self._start(self._poll())

    async def _poll(self) -> None:
        while self._unheard:
            await asyncio.sleep(POLL)
            for job in tuple(self._unheard):
                if job.has_ended:
                    self._unheard.discard(job)
                job.doubt()
        self._polling = False

    def _release(self, topic: str) -> None:
        """A job with news on *topic* has been dropped; with the last one, its subscription ends."""
        watch = self._watches[topic]
        watch.jobs -= 1
        if watch.jobs == 0:
            del self._watches[topic]
            if watch.subscription is not None:
                with contextlib.suppress(RuntimeError):  # the loop has ended already
                    asyncio.get_running_loop()
                    self._start(self._unsubscribe(watch.subscription))

    async def _unsubscribe(self, subscription: Subscription) -> None:
        with contextlib.suppress(Error):
            await subscription.cancel()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
