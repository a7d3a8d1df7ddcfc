"""Huey with Redis, which tells the submitter of results; workers are threads, as by default."""

from __future__ import annotations

import os

from huey import RedisHuey

from . import work
from .programs import program

# What returns nothing has no result unless it is asked for.
huey = RedisHuey(
    os.environ["QUEUE"], url=os.environ["REDIS_URL"], notify_result=True, store_none=True
)
tasks = {each.__name__: huey.task()(each) for each in (work.nothing, work.true)}


def workers(slots: int, module: str = __name__, kind: str = "thread") -> list[list[str]]:
    words = [program("huey_consumer"), f"{module}.huey", "--workers", str(slots)]
    return [[*words, "--worker-type", kind, "--quiet"]]


def submit(kind: str) -> object:
    return tasks[kind]()


def wait(submitted) -> None:
    submitted.get(blocking=True, timeout=60)
