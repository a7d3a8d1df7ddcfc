"""Nodes for tests: made in a folder of their own, started, watched and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.plain import Closed, RawSocket, Refused, WebSocket

from taskrealm.protocol import uris
from taskrealm.settings import NodeFolder, load_settings
from taskrealm.tokens import TokenStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT = Path(__file__).parent.parent
START_LIMIT = 40.0  # seconds; a start takes about five on an idle machine
STOP_LIMIT = 20.0  # seconds


def make_node(root: Path, *, component: str, settings: str = "") -> NodeFolder:
    """
    Write a node into the empty folder *root*: this one's policy, and a port that is free.

    *component* is the text of its executor program, *settings* more lines for `[router]`.
    """
    folder = NodeFolder(root)
    folder.settings_file.write_text(f"[router]\nport = {free_port()}\n{settings}")
    folder.policy.parent.mkdir()
    shutil.copy(NodeFolder(ROOT).policy, folder.policy)
    (root / "components").mkdir()
    (root / "components" / "executor.py").write_text(component)
    (root / "tasks").mkdir()
    return folder


async def answering(folder: NodeFolder) -> None:
    """Return once the executor of the node in *folder* answers."""
    while True:
        try:
            async with await RawSocket.connect(folder.socket) as peer:
                await peer.join(folder.operator_token.read_text().strip())
                await peer.call(uris.TASKS)
            return
        except (Refused, Closed, OSError):
            await asyncio.sleep(0.1)


def free_port() -> int:
    """A TCP port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Node:
    """
    A node run by its supervisor, from `with` to the end of the block.

    `program` is what runs it, and prints the name of each phase on a line of its own.
    """

    def __init__(self, folder: NodeFolder, program: tuple[str, ...] = ("-m", "tests.up")) -> None:
        self.folder = folder
        self.port = load_settings(folder.settings_file).router.port
        self.output: list[str] = []
        self._program = program

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, *self._program, self.folder.root],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT)
        finally:
            for pid in processes_of(self.folder):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.kill()
            self.process.communicate()

    def until(self, phase: str, limit: float = START_LIMIT) -> None:
        """Return once it prints *phase*; what else it prints is kept in `output`."""
        deadline = time.monotonic() + limit
        assert self.process.stdout is not None
        stream = self.process.stdout.fileno()
        line = b""
        while line != f"{phase}\n".encode():
            line = b""
            while not line.endswith(b"\n"):
                ready, _, _ = select.select([stream], [], [], deadline - time.monotonic())
                assert ready, f"No {phase} within {limit} s, but {self.output}"
                byte = os.read(stream, 1)
                assert byte, f"Ended without {phase}: {self.output}"
                line += byte
            self.output.append(line.decode().rstrip("\n"))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop; gives its exit code."""
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=STOP_LIMIT)
        self.output += output.decode().splitlines()
        return self.process.returncode

    def issue(
        self, authid: str, role: str = "user", *, lifetime: float = 60.0, code: bool = False
    ) -> str:
        """A token for *authid*, or a sign-in code."""
        store = TokenStore.open(self.folder.tokens)
        try:
            return store.issue(authid, role, lifetime=lifetime, single_use=code)
        finally:
            store.close()

    async def inside(self, serializer: str = "json") -> RawSocket:
        """A connection over the Unix socket."""
        return await RawSocket.connect(self.folder.socket, serializer)

    async def outside(self, serializer: str = "json", *, origin: str | None = None) -> WebSocket:
        """A connection to the public port."""
        return await WebSocket.connect(self.port, serializer, origin=origin)

    async def user(self, authid: str, role: str = "user") -> WebSocket:
        """A session of *authid* over the public port."""
        peer = await self.outside()
        await peer.join(self.issue(authid, role))
        return peer


class Watch:
    """Processes that are watched from now on."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pidfds = [os.pidfd_open(pid) for pid in pids]
        assert self._pidfds

    def kill(self) -> None:
        """Kill them all, and return once they have ended."""
        for pidfd in self._pidfds:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        self.all_end()

    def all_end(self, limit: float = STOP_LIMIT) -> None:
        """Return once every one of them has ended."""
        deadline = time.monotonic() + limit
        for pidfd in self._pidfds:
            ready, _, _ = select.select([pidfd], [], [], max(0, deadline - time.monotonic()))
            os.close(pidfd)
            assert ready, f"Something still runs after {limit} s"


def processes_of(folder: NodeFolder) -> list[int]:
    """The pids of all processes that run in *folder* or below it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if process.joinpath("cwd").resolve().is_relative_to(folder.root.resolve()):
                found.append(int(process.name))
    return found


def the_one(folder: NodeFolder, words: str) -> int:
    """The pid of the one process of the node in *folder* with *words* in its command line."""
    parents: dict[int, int] = {}
    for each in processes_of(folder):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if words in Path(f"/proc/{each}/cmdline").read_text().replace("\0", " "):
                status = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
                parents[each] = int(status[1])
    # A child that is not a program of its own yet still looks like its parent.
    (pid,) = [each for each, parent in parents.items() if parent not in parents]
    return pid


async def comes_true(holds: Callable[[], bool], limit: float = START_LIMIT) -> None:
    """Return once something holds that only a look at it can tell."""
    async with asyncio.timeout(limit):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
