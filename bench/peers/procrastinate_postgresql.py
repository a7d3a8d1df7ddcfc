"""procrastinate with PostgreSQL; as nothing tells its submitter, that one asks."""

from __future__ import annotations

import asyncio
import os
import subprocess

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Status

from . import work
from .programs import program

POLL = 0.05  # seconds between two questions

app = App(connector=PsycopgConnector(conninfo=os.environ["POSTGRESQL"]))
queue = os.environ["QUEUE"]
tasks = {
    "nothing": app.task(name="nothing", queue=queue)(work.nothing_async),
    "true": app.task(name="true", queue=queue)(work.true_async),
}


def workers(slots: int) -> list[list[str]]:
    words = [program("procrastinate"), "--app", f"{__name__}.app"]
    with psycopg.connect(os.environ["POSTGRESQL"], autocommit=True) as connection:
        connection.execute("drop schema public cascade")
        connection.execute("create schema public")
    subprocess.run([*words, "schema", "--apply"], check=True, capture_output=True)
    return [[*words, "worker", "--queues", queue, "--concurrency", str(slots)]]


async def connect() -> None:
    await app.open_async()


async def submit(kind: str) -> int:
    return await tasks[kind].defer_async()


async def wait(submitted: int) -> None:
    while (status := await app.job_manager.get_job_status_async(submitted)) != Status.SUCCEEDED:
        assert status in {Status.TODO, Status.DOING}, status
        await asyncio.sleep(POLL)
