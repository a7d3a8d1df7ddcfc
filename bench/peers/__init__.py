"""
Other task queues, each used in the way that its own documentation shows.

Each has an adapter here, a module of its name with

    workers(slots)     the command lines of what runs the tasks, so many at a time
    submit(kind)       ask for one task, `nothing` or `true`; gives what `wait` needs
    wait(submitted)    return when that task has ended
    connect()          if there is any: called once before the first task
    close()            if there is any: called once after the last task

all but the first of which may be coroutine functions. An adapter runs in a virtual environment that
has its library; both are made when they are first needed, below the system's folder of temporary
files, and nothing of them is kept here. Servers come from the distribution, and listen on free
ports of this machine only as long as the race runs.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """
    A task queue.

    `processes` says that its tasks run side by side in processes of their own, and `socket`
    that who submits them talks to a server, and not to a file.
    """

    title: str
    environment: str
    requirements: tuple[str, ...]
    servers: tuple[str, ...]
    workers: str
    learns: str
    processes: bool = False
    socket: bool = True


REDIS = "redis==8.1.0"
CELERY = ("celery[redis]==5.7.0", REDIS)
HUEY = ("huey==3.5.4", REDIS)

PEERS = {
    "celery_rabbitmq": Peer(
        *("Celery, RabbitMQ", "celery", CELERY, ("rabbitmq",)),
        *("processes (prefork)", "told by its reply queue", True),
    ),
    "celery_redis": Peer(
        *("Celery, Redis", "celery", CELERY, ("redis",)),
        *("processes (prefork)", "told by Redis", True),
    ),
    "dramatiq_redis": Peer(
        *("Dramatiq, Redis", "dramatiq", ("dramatiq[redis]==2.2.1", REDIS), ("redis",)),
        *("processes", "told by a blocking pop", True),
    ),
    "huey_redis_processes": Peer(
        *("Huey, Redis, processes", "huey", HUEY, ("redis",)),
        *("processes", "told by a blocking pop", True),
    ),
    "rq_redis": Peer(
        *("RQ, Redis", "rq", ("rq==2.12.0", REDIS), ("redis",)),
        *("a process for each task", "told by a stream", True),
    ),
    "huey_redis": Peer(
        *("Huey, Redis", "huey", HUEY, ("redis",)),
        *("threads of one process", "told by a blocking pop"),
    ),
    "huey_sqlite": Peer(
        *("Huey, SQLite", "huey", HUEY, ()),
        *("threads of one process", "asks every 50 ms or less often"),
        socket=False,
    ),
    "taskiq_redis": Peer(
        *("taskiq, Redis", "taskiq", ("taskiq==0.13.0", "taskiq-redis==1.2.4", REDIS), ("redis",)),
        *("one process, asyncio", "asks every 0.2 s"),
    ),
    "arq_redis": Peer(
        *("arq, Redis", "arq", ("arq==0.28.0",), ("redis",)),
        *("one process, asyncio", "asks every 20 ms, as the worker does; 0.5 s if not told"),
    ),
    "procrastinate_postgresql": Peer(
        *("procrastinate, PostgreSQL", "procrastinate"),
        *(("procrastinate==3.10.0", "psycopg[binary]==3.3.9"), ("postgresql",)),
        *("one process, asyncio", "asks every 50 ms"),
    ),
    "dask_distributed": Peer(
        *("Dask", "distributed", ("distributed==2026.8.0",), ()),
        *("threads of one process", "told by the scheduler"),
    ),
}
