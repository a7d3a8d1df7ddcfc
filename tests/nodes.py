"""Nodes for tests: made in a folder of their own, started, watched and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.plain import RawSocket, WebSocket
from tests.readiness import IDLE

from taskrealm import testing
from taskrealm.settings import NodeFolder
from taskrealm.testing.nodes import START_LIMIT, STOP_LIMIT, free_port, processes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

ROOT = Path(__file__).parent.parent


def make_node(root: Path, *, component: str, gateway: str = IDLE, settings: str = "") -> NodeFolder:
    """
    Write a node into the empty folder *root*: this one's policy, and a port that is free.

    *component* is the text of its executor program, *gateway* that of its gateway, *settings*
    more lines for `[router]`.
    """
    folder = NodeFolder(root)
    folder.settings_file.write_text(f"[router]\nport = {free_port()}\n{settings}")
    folder.policy.parent.mkdir()
    shutil.copy(NodeFolder(ROOT).policy, folder.policy)
    (root / "components").mkdir()
    (root / "components" / "executor.py").write_text(component)
    (root / "components" / "gateway.py").write_text(gateway)
    (root / "tasks").mkdir()
    return folder


class Node(testing.Node):
    """A node of this repository, which tests may also ask without the library."""

    program = ("-m", "tests.up")

    def __init__(
        self,
        folder: NodeFolder,
        program: tuple[str, ...] | None = None,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(folder, environment={"PYTHONPATH": str(ROOT), **(environment or {})})
        if program is not None:
            self.program = program

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
