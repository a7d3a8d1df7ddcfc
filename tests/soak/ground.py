"""The node that a soak harms: its processes by name, and every way to end them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from tests.nodes import Node, Watch, processes_of
from tests.readiness import answering
from tests.site import make_site

from taskrealm.engine.trees import COOKIE

if TYPE_CHECKING:
    from taskrealm.settings import NodeFolder

# A component that starts the real one again without a pause, so that it can be killed often.
RESTLESS = """
import ctypes, os, signal, subprocess, sys

# Each executor clears away what carries a cookie of the node, but for itself.
if os.environ.pop("TASKREALM_COOKIE", None):
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ)

child = None
is_over = False

def end(*_):
    global is_over
    is_over = True
    if child is not None:
        child.terminate()

signal.signal(signal.SIGTERM, end)
PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
while not is_over:
    child = subprocess.Popen([sys.executable, "-P", "components/jobs.py"], stdin=subprocess.PIPE)
    # What the executor leaves behind comes here, and is reaped here.
    while os.wait()[0] != child.pid:
        pass
"""

START_LIMIT = 120.0  # seconds
STOP_LIMIT = 60.0  # seconds; a drain takes up to ten, and more on a busy machine

SETTINGS = """\
timeout = 900.0
"""

ROLES = {
    "supervisor": "-m tests.up",
    "controller": "crossbar-controller",
    "router": "crossbar-worker",
    "wrapper": "taskrealm.router.guest executor",
    "executor": "components/executor.py",
}
"""The processes of a node, by words in their command lines."""


class Ground:
    """One node, from its first start to its last stop, across any number of violent ends."""

    def __init__(self, root: Path, *, slots: int, is_restless: bool = False) -> None:
        """The executor of a node that *is_restless* is back at once after a kill."""
        self.folder: NodeFolder = make_site(root, settings=SETTINGS)
        text = self.folder.settings_file.read_text().replace("slots = 2", f"slots = {slots}")
        self.folder.settings_file.write_text(text)
        shutil.copy(Path(__file__).with_name("tasks.py"), root / "tasks" / "soak.py")
        self._roles = dict(ROLES)
        if is_restless:
            component = root / "components" / "executor.py"
            component.rename(component.with_name("jobs.py"))
            component.write_text(RESTLESS)
            self._roles["executor"] = "components/jobs.py"
        self.node = Node(self.folder)

    async def start(self) -> None:
        """Start the node, and wait until it is ready."""
        self.node = Node(self.folder)
        self.node.__enter__()
        await asyncio.to_thread(self.node.until, "READY", START_LIMIT)

    async def answers(self) -> None:
        """Return once the executor answers."""
        async with asyncio.timeout(START_LIMIT):
            await answering(self.folder)

    async def stop(self) -> int:
        """Stop the node in good order; gives its exit code."""
        process = self.node.process
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.communicate, None, STOP_LIMIT)
        return process.returncode

    @property
    def has_given_up(self) -> bool:
        """Whether the supervisor has ended by itself."""
        return self.node.process.poll() is not None

    def processes(self) -> dict[str, int]:
        """The pid of each process of the node that is there now, by its role."""
        found = {"supervisor": self.node.process.pid}
        for pid in processes_of(self.folder):
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
                for role, mark in self._roles.items():
                    if mark in words and role != "supervisor":
                        found[role] = pid
        return found

    def signal(self, number: signal.Signals, *roles: str) -> bool:
        """Send a signal to processes of the node; gives whether all of them were there."""
        processes = self.processes()
        pids = [processes[role] for role in roles if role in processes]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return len(pids) == len(roles)

    async def die(self) -> None:
        """Kill every process of the node at once, but not what its jobs run."""
        processes = self.processes()
        watch = Watch(processes.values())
        for pid in processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(self.node.process.communicate)
        await asyncio.to_thread(watch.all_end)

    def job_processes(self) -> list[str]:
        """
        Every process on this machine that carries the cookie of a job of this node.

        The workers that the executor holds ready are not among them; what they leave is.
        """
        executor = self.processes().get("executor")
        mark = f"{COOKIE}={self.folder.node_id()}.".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                status = process.joinpath("stat").read_text().rpartition(")")[2].split()
                is_held = int(status[1]) == executor
                for variable in process.joinpath("environ").read_bytes().split(b"\0"):
                    if is_held and variable.startswith(mark + b"worker"):
                        continue
                    if variable.startswith(mark) and variable != mark + b"executor":
                        words = process.joinpath("cmdline").read_bytes().replace(b"\0", b" ")
                        found.append(f"{process.name} {variable.decode()} {words[:60]!r}")
        return found

    def database(self) -> sqlite3.Connection:
        """The journal's database, for reading only."""
        (file,) = self.folder.journal.glob("*.sqlite")
        return sqlite3.connect(f"file:{file}?mode=ro", uri=True)
