"""
The least that telling of ends takes: a session that publishes, and another process that listens.

That process may ask for the work as well, by a call each, none of which waits for the one before.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from taskrealm.protocol import uris
from taskrealm.wire import join

from .beside import beside
from .floor import Steps, open_book, work_off
from .node import ASKED, REALM, token_for, url_of

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from taskrealm.settings import NodeFolder
    from taskrealm.wire import Call, Session

    from .floor import Step

LISTENER = "eve"
WINDOW = 0.02  # seconds in which steps gather until they are told together


@contextlib.asynccontextmanager
async def told_by_router(
    folder: NodeFolder, session: Session, count: int
) -> AsyncIterator[Callable[[Sequence[Step]], object]]:
    """
    Another process, which *session* tells of steps through the router of the node in *folder*.

    At the end it has heard of *count* jobs that have succeeded.
    """
    async with _listener(folder, count) as listener:
        yield _teller(session)
        await listener.wait()


async def run_asked(
    slots: int,
    count: int,
    work: Callable[[], Awaitable[object]],
    folder: NodeFolder,
    session: Session,
) -> float:
    """
    Seconds for *count* times *work*, so many at a time, for another process that asks for each.

    *session* answers each call when that is durable, and tells of each step through the router of the
    node in *folder*. The time ends when the other process has heard of all ends.
    """
    numbers, steps, tell = Numbers(count), Steps(), _teller(session)
    with open_book() as book:

        async def take(_call: Call) -> str:
            number = numbers.new()
            some = [steps.make(number, 1, "queued")]
            await book.write(some)
            tell(some)
            numbers.put(number)
            return f"{number:032x}"

        await session.register(ASKED, take)
        async with _listener(folder, count, "--ask") as asker:
            await work_off(slots, numbers, work, book, steps, tell)
            said, _ = await asker.communicate()
    return float(said)


class Numbers:
    """The numbers of jobs that somebody asks for, so many in all."""

    def __init__(self, count: int) -> None:
        self._new = iter(range(count))
        self._left = count
        self._waiting: asyncio.Queue[int] = asyncio.Queue()

    def new(self) -> int:
        """One that is not durable yet."""
        return next(self._new)

    def put(self, number: int) -> None:
        """Let its work begin."""
        self._waiting.put_nowait(number)

    def __aiter__(self) -> Numbers:
        return self

    async def __anext__(self) -> int:
        if not self._left:
            raise StopAsyncIteration
        self._left -= 1
        return await self._waiting.get()


def _listener(folder: NodeFolder, count: int, *words: str) -> AbstractAsyncContextManager[Process]:
    return beside("listening", url_of(folder), token_for(folder, LISTENER), count, *words)


def _teller(session: Session) -> Callable[[Sequence[Step]], object]:
    """Publishes what it is given, together with what follows in the same window."""
    loop = asyncio.get_running_loop()
    gathered: list[dict[str, Any]] = []

    def publish() -> None:
        session.publish(uris.jobs_topic(LISTENER), gathered[:], eligible_authid=[LISTENER])
        gathered.clear()

    def tell(steps: Sequence[Step]) -> None:
        if not gathered:
            loop.call_later(WINDOW, publish)
        gathered.extend(step._asdict() for step in steps)

    return tell


async def _listen(url: str, token: str, count: int, *, is_asking: bool) -> None:
    """Say when it listens, ask if it shall, and end when it has heard of so many ends."""
    session = await join(url, realm=REALM, ticket=token)
    left = count
    all_heard = asyncio.Event()

    def hear(steps: list[dict[str, Any]]) -> None:
        nonlocal left
        left -= sum(step["state"] == "succeeded" for step in steps)
        if left == 0:
            all_heard.set()

    await session.subscribe(uris.jobs_topic(LISTENER), hear)
    print("listening", flush=True)
    begun = time.perf_counter()
    if is_asking:
        await asyncio.gather(*(session.call(ASKED) for _ in range(count)))
    await all_heard.wait()
    print(time.perf_counter() - begun)
    await session.leave()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("token")
    parser.add_argument("count", type=int)
    parser.add_argument("--ask", action="store_true")
    chosen = parser.parse_args()
    asyncio.run(_listen(chosen.url, chosen.token, chosen.count, is_asking=chosen.ask))
