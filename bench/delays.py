"""From the exit of a program to its terminal event, beside a bare publication on the same topic."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

from taskrealm.protocol import uris
from taskrealm.wire import join

from .figures import Figures, alone, p95
from .node import REALM, inner_session, running_node, token_for, url_of

PROGRAMS = 100  # in one round


async def measure(rounds: int) -> Figures:
    """Bar 6 as a session in Python sees it, without the browser."""
    figures = Figures()
    with running_node(2) as folder:
        async with inner_session(folder) as inside:
            session = await join(url_of(folder), realm=REALM, ticket=token_for(folder, "ana"))
            topic = uris.jobs_topic(session.authid)
            arrived: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
            await session.subscribe(
                topic, lambda events: arrived.put_nowait((time.time_ns(), events))
            )
            for _ in range(rounds):
                exits, bare = [], []
                for _ in range(PROGRAMS):
                    inside.publish(topic, [{"type": "bare", "at": time.time_ns()}])
                    moment, [event] = await arrived.get()
                    bare.append((moment - event["at"]) / 1e6)
                    await session.call(uris.EXEC, "stamp")
                    while event["type"] != "succeeded":
                        moment, [*_, event] = await arrived.get()
                    exits.append((moment - int(event["result"])) / 1e6)
                middle, least = statistics.median(exits), statistics.median(bare)
                figures.add(
                    {
                        "exit to event over publication to event, p50 ms": middle - least,
                        "exit to event, p50 ms": middle,
                        "exit to event, p95 ms": p95(exits),
                        "publication to event, p50 ms": least,
                        "publication to event, p95 ms": p95(bare),
                    }
                )
            await session.leave()
    return figures


if __name__ == "__main__":
    alone(measure)
