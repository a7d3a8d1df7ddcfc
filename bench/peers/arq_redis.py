"""arq with Redis; worker and submitter ask 50 times a second, as twice, the default, is 4 tasks."""

from __future__ import annotations

import os
from typing import Any

from arq import create_pool
from arq.connections import ArqRedis, RedisSettings

from . import work
from .programs import program

POLL = 0.02  # seconds between two questions

redis: ArqRedis


async def nothing(ctx: dict[str, Any]) -> None:
    await work.nothing_async()


async def true(ctx: dict[str, Any]) -> int:
    return await work.true_async()


class WorkerSettings:
    """What the program `arq` reads."""

    functions = (nothing, true)
    redis_settings = RedisSettings.from_dsn(os.environ["REDIS_URL"])
    queue_name = os.environ["QUEUE"]
    max_jobs = int(os.environ["SLOTS"])
    poll_delay = POLL


def workers(slots: int) -> list[list[str]]:
    return [[program("arq"), f"{__name__}.WorkerSettings"]]


async def connect() -> None:
    global redis
    redis = await create_pool(
        WorkerSettings.redis_settings, default_queue_name=WorkerSettings.queue_name
    )


async def submit(kind: str) -> object:
    return await redis.enqueue_job(kind)


async def wait(submitted) -> None:
    await submitted.result(timeout=60, poll_delay=POLL)
