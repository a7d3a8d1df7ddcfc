"""A node of its own for a benchmark: a router, an executor, two tasks and echo procedures."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from taskrealm.access.tokens import TokenStore
from taskrealm.settings import NodeFolder, load_settings
from taskrealm.wire import Session, join

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

REALM = "taskrealm"
ECHO = "taskrealm.bench.echo"
DURABLE_ECHO = "taskrealm.bench.durable_echo"
ASKED = "taskrealm.bench.asked"

SETTINGS = """\
[router]
port = {port}

[executor]
slots = {slots}
queue_limit = 20000
queue_limit_per_user = 20000
"""

TASKS = '''\
from __future__ import annotations

from taskrealm.tasks import CommandTask


class Nothing(CommandTask):
    """Do nothing, successfully."""

    name = "true"
    command = ("true",)


class Stamp(CommandTask):
    """Print the time in nanoseconds, as the last thing before the end."""

    name = "stamp"
    command = ("date", "+%s%N")
'''


@contextlib.contextmanager
def running_node(slots: int, tasks: str = TASKS, settings: str = SETTINGS) -> Iterator[NodeFolder]:
    """A node with *slots* worker slots, started like any other and stopped at the end."""
    folder = NodeFolder(Path(tempfile.mkdtemp(prefix="tr-bench-")) / "node")
    program = [sys.executable, "-m", "bench.up"]
    subprocess.run([*program, "init", folder.root], check=True, capture_output=True)
    folder.settings_file.write_text(settings.format(port=free_port(), slots=slots))
    shutil.rmtree(folder.root / "tasks")
    (folder.root / "tasks").mkdir()
    (folder.root / "tasks" / "bench.py").write_text(tasks)
    policy = folder.root / "router" / "roles.toml"
    policy.write_text(policy.read_text().replace("call = [", 'call = [\n  "taskrealm.bench.",', 1))
    node = subprocess.Popen(
        [*program, "up", folder.root],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert node.stdout is not None
        if not any("http" in line for line in node.stdout):
            logs = "".join(log.read_text() for log in folder.logs.glob("*"))
            raise RuntimeError(f"The node did not start:\n{logs}")
        yield folder
    finally:
        node.terminate()
        node.communicate()
        shutil.rmtree(folder.root.parent)


@contextlib.asynccontextmanager
async def inner_session(folder: NodeFolder) -> AsyncIterator[Session]:
    """A session as the executor's own sessions are joined, with the same rights."""
    session = await join(
        f"unix:{folder.socket}",
        realm=REALM,
        key=folder.keys / "executor.key",
        authid="executor",
        authrole="executor",
    )
    try:
        yield session
    finally:
        await session.leave()


def url_of(folder: NodeFolder) -> str:
    """Where the node's public port takes WebSocket connections."""
    return f"ws://127.0.0.1:{load_settings(folder.settings_file).router.port}/ws"


def token_for(folder: NodeFolder, user: str, role: str = "user") -> str:
    """A token of *user* for an hour."""
    with contextlib.closing(TokenStore.open(folder.tokens)) as store:
        return store.issue(user, role, lifetime=3_600)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
