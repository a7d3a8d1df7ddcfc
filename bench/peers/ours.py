"""A node of ours, asked for one job after the other."""

from __future__ import annotations

import os

from taskrealm.client import Client, Job

client = Client(os.environ["NODE_URL"], token=os.environ["NODE_TOKEN"])


async def connect() -> None:
    await client.__aenter__()


async def submit(kind: str) -> Job:
    return await client.exec(kind)


async def wait(submitted: Job) -> None:
    await submitted.result()
