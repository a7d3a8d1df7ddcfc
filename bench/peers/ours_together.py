"""A node of ours, asked for all jobs in one call."""

from __future__ import annotations

import asyncio

from taskrealm.client import Request

from .ours import client, connect

__all__ = ["burst", "connect"]


async def burst(kind: str, count: int) -> None:
    jobs = await client.exec_many([Request(kind)] * count)
    await asyncio.gather(*(job.result() for job in jobs))
