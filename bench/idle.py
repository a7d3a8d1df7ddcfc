"""What a node takes of the machine while nobody asks anything of it."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

from .figures import Figures, alone
from .node import running_node
from .trees import command_of, node_of, tree_of

SETTLED = 10.0  # seconds after the start
REST = 30.0  # seconds that are looked at

PARTS = {
    "executor": r"components/executor\.py",
    "gateway": r"components/gateway\.py",
    "wrappers": r"taskrealm\.router\.guest",
    "workers": r"taskrealm\.engine\.worker",
    "router": r"crossbar[-.]worker",
    "controller": r"crossbar-controller",
    "supervisor": r"bench\.up",
}
"""The processes of a node, each by its command line."""


async def measure(rounds: int) -> Figures:
    """Bar 12, and the memory of each process, counted once where several share it."""
    figures = Figures()
    with running_node(2) as folder:
        pids = {process.pid: _part_of(process.pid) for process in tree_of([node_of(folder.root)])}
        await asyncio.sleep(SETTLED)
        for _ in range(rounds):
            before, begun = _processor_times(pids), time.perf_counter()
            await asyncio.sleep(REST)
            rest = time.perf_counter() - begun
            shares = {
                part: 100 * (spent - before[part]) / rest
                for part, spent in _processor_times(pids).items()
            }
            memory = dict.fromkeys(PARTS, 0.0)
            for pid, part in pids.items():
                memory[part] += _memory_of(pid) / 1_048_576
            figures.add(
                {
                    "idle, % of a core": shares["executor"] + shares["gateway"],
                    **{f"idle {part}, % of a core": share for part, share in shares.items()},
                    **{f"idle {part}, MiB": size for part, size in memory.items() if size},
                }
            )
    return figures


def _part_of(pid: int) -> str:
    command = command_of(pid)
    return next(part for part, words in PARTS.items() if re.search(words, command))


def _processor_times(pids: dict[int, str]) -> dict[str, float]:
    """Seconds that each part has run, as exactly as the scheduler counts them."""
    times = dict.fromkeys(PARTS, 0.0)
    for pid, part in pids.items():
        for thread in Path(f"/proc/{pid}/task").iterdir():
            times[part] += int((thread / "schedstat").read_text().split()[0]) / 1e9
    return times


def _memory_of(pid: int) -> int:
    """Bytes in memory, with a fair share of what others use as well."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1_024


if __name__ == "__main__":
    alone(measure)
