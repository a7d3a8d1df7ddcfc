"""One `exec` at a time, beside an echo call through the same router: idle, and under load."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from typing import TYPE_CHECKING, Any

from taskrealm.client import Client, Request
from taskrealm.protocol import uris
from taskrealm.wire import join

from .beside import beside
from .echoes import echoing
from .figures import Figures, alone, p95
from .node import DURABLE_ECHO, ECHO, REALM, running_node, token_for, url_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from taskrealm.settings import NodeFolder
    from taskrealm.wire import Session

SLOTS = 2
CALLS = 200  # of each kind in one round
BATCH = 10  # jobs that keep the slots busy are submitted together
BATCHES = 3  # of them at the same time


async def measure(rounds: int) -> Figures:
    """Bars 4 and 5, by a session of its own, in the way of any client."""
    figures = Figures()
    with running_node(SLOTS) as folder:
        async with echoing(folder):
            session = await join(url_of(folder), realm=REALM, ticket=token_for(folder, "ana"))
            await _calls(session)
            for _ in range(rounds):
                idle = await _calls(session)
                async with busy(folder):
                    loaded = await _calls(session)
                figures.add(_figures("", idle) | _figures(" under load", loaded))
            await session.leave()
    return figures


async def _calls(session: Session) -> dict[str, list[float]]:
    """Milliseconds of both echoes and of `exec`, in turn; each job has ended before the next call."""
    ended: set[str] = set()
    arrived = asyncio.Event()

    def watch(events: list[dict[str, Any]]) -> None:
        ended.update(event["job_id"] for event in events if event["type"] == "succeeded")
        arrived.set()

    subscription = await session.subscribe(uris.jobs_topic(session.authid), watch)
    taken: dict[str, list[float]] = {"exec": [], "durable echo": [], "echo": []}
    for _ in range(CALLS):
        taken["echo"].append((await _timed(session, ECHO, "true", [], {}))[0])
        taken["durable echo"].append((await _timed(session, DURABLE_ECHO, "true", [], {}))[0])
        took, answer = await _timed(session, uris.EXEC, "true", [], {})
        taken["exec"].append(took)
        while answer["job_id"] not in ended:
            arrived.clear()
            await arrived.wait()
    await subscription.cancel()
    return taken


async def _timed(session: Session, uri: str, *args: Any) -> tuple[float, Any]:
    begun = time.perf_counter()
    answer = await session.call(uri, *args)
    return (time.perf_counter() - begun) * 1e3, answer


def _figures(when: str, taken: dict[str, list[float]]) -> dict[str, float]:
    """The middle and the slow ones of each, and as multiples of an echo."""
    measures: dict[str, Callable[[list[float]], float]] = {"p50": statistics.median, "p95": p95}
    ratios = {
        f"{what} / echo{when}, {name}": measure(taken[what]) / measure(taken["echo"])
        for what in ("exec", "durable echo")
        for name, measure in measures.items()
    }
    return ratios | {
        f"{what}{when}, {name} ms": measure(values)
        for what, values in taken.items()
        for name, measure in measures.items()
    }


def busy(folder: NodeFolder) -> AbstractAsyncContextManager[object]:
    """While within, short jobs of another user run in all slots, and a few wait."""
    return beside("calls", "--busy", url_of(folder), token_for(folder, "bo"))


async def _keep_busy(url: str, token: str) -> None:
    async with Client(url, token=token) as client:

        async def fill() -> None:
            jobs = await client.exec_many([Request("true")] * BATCH)
            await asyncio.gather(*(job.result() for job in jobs))

        async def go_on() -> None:
            while True:
                await fill()

        await fill()
        print("busy", flush=True)
        await asyncio.gather(*(go_on() for _ in range(BATCHES)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--busy", nargs=2)
    chosen, _ = parser.parse_known_args()
    if chosen.busy:
        asyncio.run(_keep_busy(*chosen.busy))
    else:
        alone(measure)
