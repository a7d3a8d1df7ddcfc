"""Huey with Redis, workers in processes."""

from __future__ import annotations

from . import huey_redis

huey = huey_redis.huey
submit = huey_redis.submit
wait = huey_redis.wait


def workers(slots: int) -> list[list[str]]:
    return huey_redis.workers(slots, __name__, "process")
