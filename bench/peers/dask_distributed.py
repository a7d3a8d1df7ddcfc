"""Dask: a scheduler, and one worker process with a thread for each slot."""

from __future__ import annotations

import os

from distributed import Client

from . import work
from .programs import program

address = f"tcp://127.0.0.1:{os.environ['FREE_PORT']}"
client: Client


def workers(slots: int) -> list[list[str]]:
    here = ["--host", "127.0.0.1", "--no-dashboard"]
    scheduler = [program("dask"), "scheduler", *here, "--port", os.environ["FREE_PORT"]]
    worker = [program("dask"), "worker", address, *here, "--nworkers", "1"]
    return [scheduler, [*worker, "--nthreads", str(slots), "--memory-limit", "0"]]


def connect() -> None:
    global client
    client = Client(address, timeout=60)


def submit(kind: str) -> object:
    return client.submit(getattr(work, kind), pure=False)


def wait(submitted) -> None:
    submitted.result(timeout=60)
