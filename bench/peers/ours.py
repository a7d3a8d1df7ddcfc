"""A node of ours, asked for each job by a call of its own, none of which waits for the others."""

from __future__ import annotations

import asyncio
import os

from taskrealm.client import Client

client = Client(os.environ["NODE_URL"], token=os.environ["NODE_TOKEN"])


async def connect() -> None:
    await client.__aenter__()


async def burst(kind: str, count: int) -> None:
    jobs = await asyncio.gather(*(client.exec(kind) for _ in range(count)))
    await asyncio.gather(*(job.result() for job in jobs))
