"""taskiq with a list of Redis, one worker process."""

from __future__ import annotations

import os

from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend

from . import work
from .programs import program

url = os.environ["REDIS_URL"]
broker = ListQueueBroker(url, queue_name=os.environ["QUEUE"]).with_result_backend(
    RedisAsyncResultBackend(url, result_ex_time=3_600)
)
tasks = {
    "nothing": broker.task(work.nothing_async),
    "true": broker.task(work.true_async),
}


def workers(slots: int) -> list[list[str]]:
    counts = ["--workers", "1", "--max-async-tasks", str(slots)]
    return [[program("taskiq"), "worker", f"{__name__}:broker", *counts]]


async def connect() -> None:
    await broker.startup()


async def submit(kind: str) -> object:
    return await tasks[kind].kiq()


async def wait(submitted) -> None:
    (await submitted.wait_result(timeout=60)).raise_for_error()
