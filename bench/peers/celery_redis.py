"""Celery with Redis as its broker and for its results."""

from __future__ import annotations

import os

from celery import Celery

from . import work
from .programs import program

app = Celery("bench", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.task_default_queue = os.environ["QUEUE"]
tasks = {each.__name__: app.task(each) for each in (work.nothing, work.true)}


def workers(slots: int, module: str = __name__) -> list[list[str]]:
    words = [program("celery"), "-A", module, "worker", "--concurrency", str(slots)]
    return [[*words, "--loglevel", "WARNING"]]


def submit(kind: str) -> object:
    return tasks[kind].delay()


def wait(submitted) -> None:
    submitted.get(timeout=60)
