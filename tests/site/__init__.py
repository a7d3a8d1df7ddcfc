"""A node like a site's own: the real executor, the reference tasks, and a few more for tests."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.nodes import ROOT, make_node

from taskrealm.client import Client
from taskrealm.wire import join

if TYPE_CHECKING:
    from tests.nodes import Node

    from taskrealm.settings import NodeFolder
    from taskrealm.wire import Session

SLOTS = 2

NAMES = (
    *("batches.py", "forms.py", "functions.py", "papers.py", "probes.py", "steps.py", "talks.py"),
    "timing.py",
)
TASKS = tuple(Path(__file__).with_name(name) for name in NAMES)


def make_site(root: Path, *, settings: str = "", router: str = "") -> NodeFolder:
    """
    Write a site into the empty folder *root*.

    *settings* are more lines for `[executor]`, *router* are more for `[router]`.
    """
    executor, gateway = (
        (ROOT / "components" / f"{name}.py").read_text() for name in ("executor", "gateway")
    )
    folder = make_node(
        root,
        component=executor,
        gateway=gateway,
        settings=f"{router}\n[executor]\nslots = {SLOTS}\n{settings}",
    )
    shutil.copytree(
        ROOT / "tasks",
        root / "tasks",
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for file in TASKS:
        shutil.copy(file, root / "tasks" / file.name)
    (root / "files").mkdir(exist_ok=True)
    return folder


def client(site: Node, authid: str = "ana", role: str = "user") -> Client:
    """A client of *authid* over the public port; every test has users of its own."""
    return Client(f"ws://127.0.0.1:{site.port}/ws", token=site.issue(authid, role))


async def session(site: Node, authid: str = "ana", role: str = "user") -> Session:
    """A bare session of *authid* over the public port, to ask what no client would."""
    url = f"ws://127.0.0.1:{site.port}/ws"
    return await join(url, realm="taskrealm", ticket=site.issue(authid, role))


def is_running(pid: int) -> bool:
    """Whether there is such a process, and more of it than its exit status."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def programs_of(job_id: str) -> list[int]:
    """The pids of everything that a job has started and that still runs."""
    mark = f"TASKREALM_JOB_ID={job_id}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in process.joinpath("environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found
