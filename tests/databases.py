"""A PostgreSQL server of the tests' own, in a folder of its own, reached by a Unix socket only."""

from __future__ import annotations

import itertools
import os
import pwd
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Self

import psycopg
from psycopg import sql
from tests.needs import needs

if TYPE_CHECKING:
    from pathlib import Path

START_LIMIT = 30.0  # seconds; a start takes about one
STOP_LIMIT = 30.0  # seconds
UNPRIVILEGED = "nobody"
"""Who runs the server where the tests are run by root, as whom it does not start."""


class Postgres:
    """A server that runs from `with` to the end of the block, and ends with this process."""

    def __init__(self, root: Path) -> None:
        """The socket is in *root*, so the path must be short."""
        self._root = root
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        initdb, postgres = needs("initdb"), needs("postgres")
        data = self._root / "data"
        if os.geteuid() == 0:
            account = pwd.getpwnam(UNPRIVILEGED)
            os.chown(self._root, account.pw_uid, account.pw_gid)
        options = ["--auth=trust", "--username=test", "--encoding=UTF8", "--no-locale", "--no-sync"]
        subprocess.run(
            [*_as_somebody_else(), initdb, *options, data],
            check=True,
            cwd=self._root,
            stdout=subprocess.DEVNULL,
        )
        # What it holds need not survive a power cut.
        settings = ["listen_addresses=", f"unix_socket_directories={self._root}", "fsync=off"]
        with (self._root / "log").open("w") as log:
            self._process = subprocess.Popen(
                [
                    *_as_somebody_else(),
                    postgres,
                    "-D",
                    data,
                    *(word for setting in settings for word in ("-c", setting)),
                ],
                cwd=self._root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)  # it ends all sessions
        self._process.wait(STOP_LIMIT)

    def create(self) -> str:
        """The URL, as SQLAlchemy takes it, of a new database."""
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return f"postgresql+psycopg://test@/{name}?host={self._root}"

    @property
    def _conninfo(self) -> str:
        return f"host={self._root} user=test dbname=postgres"

    def _wait(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while True:
            try:
                psycopg.connect(self._conninfo).close()
                return
            except psycopg.OperationalError:
                log = (self._root / "log").read_text()
                assert self._process.poll() is None, log
                assert time.monotonic() < deadline, log
            time.sleep(0.05)


def _as_somebody_else() -> list[str]:
    """The beginning of a command line that ends with this process, and is not run by root."""
    words = ["setpriv", "--pdeathsig", "INT"]
    if os.geteuid() == 0:
        group = pwd.getpwnam(UNPRIVILEGED).pw_gid
        words += [f"--reuid={UNPRIVILEGED}", f"--regid={group}", "--clear-groups"]
    return words
