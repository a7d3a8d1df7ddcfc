"""The servers that peers need, on free ports of this machine, as long as somebody uses them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..node import free_port
from ..trees import tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

START = 60.0  # seconds that a server may take to listen
GRACE = 15.0  # seconds that a process has to end before it is killed
ELSEWHERE = ("/usr/lib/rabbitmq/bin", *map(str, Path("/usr/lib/postgresql").glob("*/bin")))
"""Where distributions keep programs of servers that are not on the PATH."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that listens; adapters find its address in a variable of their environment."""

    pid: int
    variable: str
    address: str


@contextlib.contextmanager
def running(
    words: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """The pid of a process that is stopped at the end, with whatever descends from it."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            words, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process.pid
    finally:
        family = [each.pid for each in tree_of([process.pid])]
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        for pid in {each.pid for each in tree_of(family)} & set(family):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[Server]:
    """Redis without persistence."""
    port = free_port()
    settings = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with running([_program("redis-server"), *settings], folder) as pid:
        _wait_for(port)
        yield Server(pid, "REDIS_URL", f"redis://127.0.0.1:{port}/0")


@contextlib.contextmanager
def rabbitmq(folder: Path) -> Iterator[Server]:
    """RabbitMQ as it comes, with a database of its own."""
    port, names = free_port(), free_port()
    own = {
        "HOME": str(folder),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(names),
        "RABBITMQ_NODENAME": "bench@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "database"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONFIG_FILE": str(folder / "settings"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }
    epmd = [_program("epmd"), "-address", "127.0.0.1", "-port", str(names)]
    with (
        running(epmd, folder),
        running([_program("rabbitmq-server")], folder, os.environ | own) as pid,
    ):
        _wait_for(port)
        yield Server(pid, "AMQP_URL", f"amqp://guest:guest@127.0.0.1:{port}//")


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[Server]:
    """PostgreSQL at its defaults, which are durable."""
    port = free_port()
    as_itself: list[str] = []
    if os.geteuid() == 0:
        # It refuses to run as root.
        shutil.chown(folder, "postgres", "postgres")
        as_itself = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    data = folder / "database"
    make = [_program("initdb"), "--pgdata", str(data), "--username", "bench", "--auth", "trust"]
    subprocess.run([*as_itself, *make], cwd=folder, check=True, capture_output=True)
    serve = [_program("postgres"), "-D", str(data), "-p", str(port), "-k", str(folder), "-h"]
    with running([*as_itself, *serve, "127.0.0.1"], folder) as pid:
        _wait_for(port)
        yield Server(pid, "POSTGRESQL", f"host=127.0.0.1 port={port} user=bench dbname=postgres")


SERVERS = {each.__name__: each for each in (redis, rabbitmq, postgresql)}


def _program(name: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([*ELSEWHERE, os.environ["PATH"]]))
    if found is None:
        raise FileNotFoundError(f"{name} is not installed")
    return found


def _wait_for(port: int) -> None:
    end = time.monotonic() + START
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > end:
                raise TimeoutError(f"Nothing listens on port {port}") from None
            time.sleep(0.1)
        else:
            return
