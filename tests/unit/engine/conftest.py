"""What the tests of running programs share: a way to start one, and a check for leaks."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from taskrealm.engine.processes import Exit, Process, adopt_orphans
from taskrealm.engine.programs import Program
from taskrealm.engine.trees import cookie_of, identity_of
from taskrealm.engine.watchdog import WATCHERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    MostFiles = Callable[[int], AbstractContextManager[None]]

LIMIT = 30.0  # seconds after which a test no longer waits for what was promised
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


class Running:
    """A program that was started, and what it has written so far."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.pieces: list[tuple[str, bytes]] = []
        self._news = asyncio.Event()
        self.process = Process.start(program, self._on_output)

    def _on_output(self, stream: str, data: bytes) -> None:
        self.pieces.append((stream, data))
        self._news.set()

    def _written(self, stream: str) -> str:
        return b"".join(data for name, data in self.pieces if name == stream).decode()

    @property
    def stdout(self) -> str:
        return self._written("stdout")

    @property
    def stderr(self) -> str:
        return self._written("stderr")

    async def line(self, start: str) -> str:
        """The rest of the first line of standard output that begins with *start*."""
        async with asyncio.timeout(LIMIT):
            while True:
                for line in self.stdout.splitlines(keepends=True):
                    if line.startswith(start) and line.endswith("\n"):
                        return line.removeprefix(start).strip()
                self._news.clear()
                await self._news.wait()

    async def pid_of(self, name: str) -> int:
        """The pid in a line such as `daemon 123`."""
        return int(await self.line(name + " "))

    async def end(self) -> Exit:
        async with asyncio.timeout(LIMIT):
            return await self.process.wait()


class Node:
    """Starts programs, each with a cookie and in a directory of its own."""

    def __init__(self, root: Path) -> None:
        self.prefix = f"{uuid.uuid4().hex}."
        self._root = root
        self._started = 0

    def program(
        self,
        *argv: str,
        environment: Mapping[str, str] = ENVIRONMENT,
        directory: Path | None = None,
    ) -> Program:
        self._started += 1
        if directory is None:
            directory = self._root / str(self._started)
            directory.mkdir()
        return Program(argv, environment, directory, f"{self.prefix}{self._started:032x}.1")

    def start(self, *argv: str, environment: Mapping[str, str] = ENVIRONMENT) -> Running:
        return self.run(self.program(*argv, environment=environment))

    def run(self, program: Program) -> Running:
        return Running(program)

    def sh(self, script: str) -> Running:
        return self.start("sh", "-c", script)

    def python(self, source: str) -> Running:
        return self.start(sys.executable, "-ISuc", source)

    def lives(self, pid: int) -> bool:
        return identity_of(pid) is not None

    def living(self) -> list[int]:
        """All processes that carry a cookie of this node."""
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        return [pid for pid in pids if (cookie_of(pid) or "").startswith(self.prefix)]


@pytest.fixture
def most_files() -> MostFiles:
    """Lets this process open so many more files and no more."""

    @contextmanager
    def most_files(spare: int) -> Iterator[None]:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + spare, limits[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    return most_files


def children() -> str:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text()


def open_files() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    """A node that must leave no process, zombie or open file behind."""
    adopt_orphans()
    node = Node(tmp_path)
    # The first program of an event loop opens what all of them share.
    await node.start("true").end()
    orphans, files = children(), open_files()
    yield node
    # The watchdog may have begun to look at a job before that ended.
    await asyncio.get_running_loop().run_in_executor(WATCHERS, int)
    assert children() == orphans
    # Loops of earlier tests may close theirs meanwhile.
    assert open_files() <= files
    assert node.living() == []
