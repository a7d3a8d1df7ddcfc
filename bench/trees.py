"""What processes have used of the processor, with all that descends from them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TICK = 1 / os.sysconf("SC_CLK_TCK")

PARTS = {
    "executor": re.compile(r"components/executor\.py"),
    "gateway": re.compile(r"components/gateway\.py"),
    "router": re.compile(r"crossbar[-.]worker"),
}
"""The processes of a node by their command lines; any other keeps these running."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process as the kernel tells of it; times are in seconds."""

    pid: int
    parent: int
    own: float
    ended_children: float
    loop: float

    @classmethod
    def all(cls) -> dict[int, Process]:
        """Every process of the machine."""
        found = map(cls._read, filter(str.isdigit, os.listdir("/proc")))
        return {process.pid: process for process in found if process is not None}

    @classmethod
    def _read(cls, name: str) -> Process | None:
        folder = Path("/proc", name)
        try:
            words = folder.joinpath("stat").read_text().rpartition(")")[2].split()
            first_thread = folder.joinpath("schedstat").read_text().split()[0]
        except OSError:
            return None
        user, system, *of_children = (int(word) * TICK for word in words[11:15])
        return cls(
            int(name), int(words[1]), user + system, sum(of_children), int(first_thread) / 1e9
        )


def tree_of(roots: Iterable[int]) -> list[Process]:
    """The processes of these pids that live, and their descendants."""
    processes = Process.all()
    wanted = set(roots)
    while more := {p.pid for p in processes.values() if p.parent in wanted} - wanted:
        wanted |= more
    return [processes[pid] for pid in wanted & processes.keys()]


def cpu_of(roots: Iterable[int]) -> float:
    """Seconds that the trees of these processes have used, children included that have ended."""
    return sum(process.own + process.ended_children for process in tree_of(roots))


def node_of(root: Path) -> int:
    """The process that `taskrealm up` has become for the node in *root*."""
    for process in Process.all().values():
        words = command_of(process.pid)
        if "bench.up" in words and str(root) in words:
            return process.pid
    raise RuntimeError(f"No node runs in {root}")


def parts_of(node: int) -> dict[str, int]:
    """The pid of each part of a node that `PARTS` names."""
    commands = {process.pid: command_of(process.pid) for process in tree_of([node])}
    return {
        name: next(pid for pid, words in commands.items() if pattern.search(words))
        for name, pattern in PARTS.items()
    }


def command_of(pid: int) -> str:
    """The command line of a process, or nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def memory_of(pid: int) -> int:
    """Bytes of a process that are in memory and that it shares with nobody."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+) kB", rollup, re.MULTILINE)
    return sum(map(int, found)) * 1_024
