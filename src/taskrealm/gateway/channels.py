"""What is published, for pages that no WebSocket reaches: kept until they have fetched it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections import deque
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ..protocol.errors import RateLimited
from .payloads import to_json
from .problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager

    from ..wire import Session, Subscription

PER_SESSION = 20  # channels that one token may have at once
TOPICS = 200  # topics of one channel
KEPT = 1_000  # publications kept for who comes back
KEPT_SIZE = 1_048_576  # characters of JSON kept, besides the newest publication
IDLE = 60.0  # seconds after which a channel that nobody reads is closed
RETRY_AFTER = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Publication:
    """One publication, the `number`th of its channel."""

    number: int
    topic: str
    args: list[Any]
    size: int

    def as_dict(self) -> dict[str, Any]:
        """What the reader is told."""
        return {"number": self.number, "topic": self.topic, "args": self.args}


class Channel:
    """
    The newest publications on some topics, numbered from 1 on.

    Its reader may be cut off and come back with the number of the last one it has; of one that
    is too far behind it knows no more than that.
    """

    def __init__(self, session: Session) -> None:
        self.id = secrets.token_urlsafe(16)
        self.session = session
        self.is_over = False
        self._kept: deque[Publication] = deque()
        self._size = 0
        self._last = 0
        self._news = asyncio.Event()
        self._topics: dict[str, Subscription] = {}
        self._changing = asyncio.Lock()
        self._readers = 0
        self._clock = asyncio.get_running_loop().time
        self._used = self._clock()
        self._closing = asyncio.Event()

    async def subscribe(self, topic: str) -> None:
        """
        Hear what is published on *topic* from now on.

        Raises:
            NotAuthorized: The session may not.
            RateLimited: Those are too many.
            Disconnected: The session is lost.
        """
        async with self._changing:
            if topic in self._topics:
                return
            if len(self._topics) >= TOPICS:
                raise RateLimited(
                    f"A channel has no more than {TOPICS} topics", retry_after=RETRY_AFTER
                )
            self._used = self._clock()
            handler = partial(self._take, topic)
            self._topics[topic] = await self.session.subscribe(topic, handler)

    async def unsubscribe(self, topic: str) -> None:
        """Hear no more of *topic*."""
        async with self._changing:
            if (subscription := self._topics.pop(topic, None)) is not None:
                await subscription.cancel()

    def after(self, number: int) -> list[Publication] | None:
        """What follows the publication *number*; None if some of that is gone."""
        if not self._last - len(self._kept) <= number <= self._last:
            return None
        return [each for each in self._kept if each.number > number]

    async def news(self, number: int, limit: float) -> None:
        """Return when something follows the publication *number*, or after *limit* seconds."""
        if self._last > number or self.is_over:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self._news.wait()

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Somebody reads until the end of the block, so that the channel is not idle."""
        self._readers += 1
        try:
            yield
        finally:
            self._readers -= 1
            self._used = self._clock()

    def close(self) -> None:
        """Let it end."""
        self._closing.set()

    async def ended(self) -> None:
        """Return when it is closed, its session is lost, or nobody has read it for a while."""
        lost = self.session.lost
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            while True:
                left = self._used + IDLE - self._clock() if not self._readers else IDLE
                if left <= 0:
                    return
                done, _ = await asyncio.wait(
                    (lost, closing), timeout=left, return_when=asyncio.FIRST_COMPLETED
                )
                if done:
                    return
        finally:
            lost.cancel()
            closing.cancel()

    async def end(self) -> None:
        """Hear nothing more, and let no reader wait."""
        self.is_over = True
        self._wake()
        async with self._changing:
            await asyncio.gather(*(each.cancel() for each in self._topics.values()))
            self._topics.clear()

    def _take(self, topic: str, *args: Any, **_: Any) -> None:
        told = [to_json(each) for each in args]
        self._last += 1
        publication = Publication(self._last, topic, told, len(json.dumps(told)))
        self._kept.append(publication)
        self._size += publication.size
        while len(self._kept) > 1 and (len(self._kept) > KEPT or self._size > KEPT_SIZE):
            self._size -= self._kept.popleft().size
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class Channels:
    """The channels that are open, each as long as it is read and its token is good."""

    def __init__(self) -> None:
        self._open: dict[str, Channel] = {}
        self._living: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._open)

    async def open(self, session: AbstractAsyncContextManager[Session]) -> Channel:
        """
        A new channel, which holds *session* for itself.

        Raises:
            RateLimited: There are too many of this session.
        """
        opened: asyncio.Future[Channel] = asyncio.get_running_loop().create_future()
        living = asyncio.create_task(self._live(session, opened))
        self._living.add(living)
        living.add_done_callback(self._living.discard)
        return await opened

    def of(self, channel: str, session: Session) -> Channel:
        """
        The channel that *session* has opened under this id.

        Raises:
            Problem: There is none, or none any more, or it is another's.
        """
        found = self._open.get(channel)
        if found is None or found.session is not session:
            raise Problem(
                HTTPStatus.NOT_FOUND,
                "unknown_channel",
                "There is no such channel, or none any more; open another one",
            )
        return found

    async def clear(self) -> None:
        """Close all."""
        for channel in tuple(self._open.values()):
            channel.close()
        await asyncio.gather(*self._living, return_exceptions=True)

    async def _live(
        self, lease: AbstractAsyncContextManager[Session], opened: asyncio.Future[Channel]
    ) -> None:
        try:
            async with lease as session:
                self._require_room(session)
                channel = Channel(session)
                self._open[channel.id] = channel
                try:
                    if not opened.done():
                        opened.set_result(channel)
                        await channel.ended()
                finally:
                    del self._open[channel.id]
                    await channel.end()
        except Exception as error:
            if opened.done():
                raise
            opened.set_exception(error)

    def _require_room(self, session: Session) -> None:
        if sum(each.session is session for each in self._open.values()) >= PER_SESSION:
            raise RateLimited(
                f"A token has no more than {PER_SESSION} channels at once",
                retry_after=RETRY_AFTER,
            )
