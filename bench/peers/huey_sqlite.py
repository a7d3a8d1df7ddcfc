"""Huey with a file of SQLite, which needs no server."""

from __future__ import annotations

from huey import SqliteHuey

from . import huey_redis, work

huey = SqliteHuey("bench", filename="huey.db", store_none=True)
tasks = {each.__name__: huey.task()(each) for each in (work.nothing, work.true)}
wait = huey_redis.wait


def workers(slots: int) -> list[list[str]]:
    return huey_redis.workers(slots, __name__)


def submit(kind: str) -> object:
    return tasks[kind]()
