"""The least that telling of ends takes: a session that publishes, and another process that listens."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Any

from taskrealm.protocol import uris
from taskrealm.wire import join

from .node import REALM, token_for, url_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from taskrealm.settings import NodeFolder
    from taskrealm.wire import Session

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
    loop = asyncio.get_running_loop()
    words = (url_of(folder), token_for(folder, LISTENER), str(count))
    listener = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.listening", *words), stdout=asyncio.subprocess.PIPE
    )
    assert listener.stdout is not None
    await listener.stdout.readline()
    gathered: list[dict[str, Any]] = []

    def publish() -> None:
        session.publish(uris.jobs_topic(LISTENER), gathered[:], eligible_authid=[LISTENER])
        gathered.clear()

    def tell(steps: Sequence[Step]) -> None:
        if not gathered:
            loop.call_later(WINDOW, publish)
        gathered.extend(step._asdict() for step in steps)

    yield tell
    await listener.wait()


async def _listen(url: str, token: str, count: int) -> None:
    """Say when it listens, and end when it has heard of so many ends."""
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
    await all_heard.wait()
    await session.leave()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("token")
    parser.add_argument("count", type=int)
    chosen = parser.parse_args()
    asyncio.run(_listen(chosen.url, chosen.token, chosen.count))
