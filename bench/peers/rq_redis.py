"""RQ with Redis: a pool of workers, each of which forks for every task."""

from __future__ import annotations

import os

from redis import Redis
from rq import Queue

from . import work
from .programs import program

queue = Queue(os.environ["QUEUE"], connection=Redis.from_url(os.environ["REDIS_URL"]))


def workers(slots: int) -> list[list[str]]:
    words = [program("rq"), "worker-pool", "--num-workers", str(slots), "--quiet"]
    return [[*words, "--url", os.environ["REDIS_URL"], queue.name]]


def submit(kind: str) -> object:
    return queue.enqueue(getattr(work, kind))


def wait(submitted) -> None:
    result = submitted.latest_result(timeout=60)
    assert result.type is result.Type.SUCCESSFUL
