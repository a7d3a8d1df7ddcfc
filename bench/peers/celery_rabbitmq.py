"""Celery with RabbitMQ as its broker, results by its reply queue."""

from __future__ import annotations

import os

from celery import Celery

from . import celery_redis, work

app = Celery("bench", broker=os.environ["AMQP_URL"], backend="rpc://")
app.conf.task_default_queue = os.environ["QUEUE"]
tasks = {each.__name__: app.task(each) for each in (work.nothing, work.true)}
wait = celery_redis.wait


def workers(slots: int) -> list[list[str]]:
    return celery_redis.workers(slots, __name__)


def submit(kind: str) -> object:
    return tasks[kind].delay()
