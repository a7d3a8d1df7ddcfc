"""The node that is fuzzed, and the signs that it minds."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.nodes import ROOT, make_node, processes_of

if TYPE_CHECKING:
    from tests.nodes import Node

    from taskrealm.settings import NodeFolder

GROWTH = 120  # MiB of memory by which a process may have grown since the first round
SIGNS = re.compile(
    r"Traceback|INTERNAL ERROR|Unhandled error|nhandled exception|never retrieved"
    r'|"exception"|"level": "(?:error|critical)"'
)
LASTING = {
    "supervisor": "tests.up",
    "controller": "crossbar-controller",
    "router": "crossbar-worker",
    "executor": "components/executor.py",
    "gateway": "components/gateway.py",
}
"""The processes that stay the same, by words in their command lines."""


def make_patient(root: Path) -> NodeFolder:
    """Write a node into the empty folder *root* whose tasks can do no harm."""
    components = ROOT / "components"
    folder = make_node(
        root,
        component=(components / "executor.py").read_text(),
        gateway=(components / "gateway.py").read_text(),
    )
    shutil.copy(Path(__file__).with_name("tasks.py"), root / "tasks" / "fuzz.py")
    (root / "files").mkdir(exist_ok=True)
    return folder


class Patient:
    """Says what *node* minds, compared with the moment when this was made."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._sizes = {path.name: path.stat().st_size for path in self._logs()}
        self.processes = self._processes()
        self.memory: dict[str, int] = {}
        self.latest: dict[str, int] = {}

    def minds(self, _number: int = 0) -> list[str]:
        """What is not as it should be."""
        return [*self._dead(), *self._greedy(), *self._told(), *self._deaf()]

    def _dead(self) -> list[str]:
        now = self._processes()
        return [
            f"{name} was process {pid} and is {now.get(name)}"
            for name, pid in self.processes.items()
            if now.get(name) != pid
        ]

    def _greedy(self) -> list[str]:
        self.latest = {name: _resident(pid) for name, pid in self.processes.items()}
        self.memory = self.memory or self.latest
        return [
            f"{name} has grown from {self.memory[name]} to {size} MiB"
            for name, size in self.latest.items()
            if size > self.memory[name] + GROWTH
        ]

    def _told(self) -> list[str]:
        found = []
        for path in self._logs():
            begin = self._sizes.get(path.name, 0)
            content = path.read_bytes()
            # A log that became too long has begun anew.
            lines = content[begin if begin <= len(content) else 0 :].decode(errors="replace")
            self._sizes[path.name] = len(content)
            found += [
                f"{path.name}: {line[:500]}" for line in lines.splitlines() if SIGNS.search(line)
            ]
        return found[:20]

    def _deaf(self) -> list[str]:
        try:
            asyncio.run(self._ask())
        except Exception as error:
            return [f"A new client is not served: {error!r}"]
        return []

    async def _ask(self) -> None:
        async with asyncio.timeout(60), self._node.client("fuzz_witness") as witness:
            assert await witness.run("fuzz.give", [7], timeout=50) == [7]

    def _logs(self) -> list[Path]:
        return [path for path in self._node.folder.logs.iterdir() if path.suffix == ".log"]

    def _processes(self) -> dict[str, int]:
        """The pid of each lasting process."""
        found: dict[str, int] = {}
        for pid in sorted(processes_of(self._node.folder)):
            line = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
            for name, words in LASTING.items():
                if words in line and name not in found:
                    found[name] = pid
        return found


def _resident(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0
    size = re.search(r"VmRSS:\s+(\d+)", status)
    return 0 if size is None else int(size[1]) // 1_024
