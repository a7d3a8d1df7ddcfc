"""Dramatiq with Redis, as many processes as there are cores, the slots as their threads."""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend
from redis import Redis

from . import work
from .programs import program

broker = RedisBroker(url=os.environ["REDIS_URL"])
# Redis clients of today end a blocking wait after five seconds unless told otherwise.
client = Redis.from_url(os.environ["REDIS_URL"], socket_timeout=None)
broker.add_middleware(Results(backend=RedisBackend(client=client)))
dramatiq.set_broker(broker)
actors = {
    each.__name__: dramatiq.actor(each, queue_name=os.environ["QUEUE"], store_results=True)
    for each in (work.nothing, work.true)
}


def workers(slots: int) -> list[list[str]]:
    processes = min(slots, os.cpu_count() or 1)
    counts = ["--processes", str(processes), "--threads", str(slots // processes)]
    return [[program("dramatiq"), __name__, *counts]]


def submit(kind: str) -> object:
    return actors[kind].send()


def wait(submitted) -> None:
    submitted.get_result(block=True, timeout=60_000)
