"""Where the executor spends its time while it runs jobs, looked at from outside by py-spy."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from taskrealm.client import Client

from . import functions, node
from .bursts import run_many, run_pipelined
from .node import running_node, token_for, url_of
from .trees import node_of, parts_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

SECONDS = 10
RATE = 250  # looks a second
BURST = 500  # jobs in one burst
LINES = 40
WAYS = {
    "exec_many": (node.TASKS, run_many),
    "pipelined": (node.TASKS, run_pipelined),
    "functions": (functions.TASKS, partial(run_many, task="nothing")),
}
"""The tasks of the node, and how a burst of jobs is run."""
WAITING = re.compile(
    r"_worker \(concurrent|(?:\w+\.)?(?:get \(queue|_take \(taskrealm/journal|wait \(threading|select \(selectors|acquire)"
)
ROOM = re.compile(r"\(taskrealm/(\w+)/|\((?:.*/)?(autobahn|asyncio|structlog|sqlite3|json)/")


def print_profile(way: str) -> None:
    """Run bursts for a while, and print the shares of rooms and of functions."""
    spy = shutil.which("py-spy", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if spy is None:
        raise SystemExit("py-spy is not installed; get it by: .venv/bin/pip install py-spy")
    tasks, run = WAYS[way]
    with running_node(2, tasks) as folder, tempfile.NamedTemporaryFile("r") as file:
        pid = parts_of(node_of(folder.root))["executor"]
        words = [spy, "record", "--pid", str(pid), "--format", "raw", "--output", file.name]
        asyncio.run(_bursts(run, url_of(folder), token_for(folder, "ana"), seconds=2))
        watching = subprocess.Popen(
            [*words, "--duration", str(SECONDS), "--rate", str(RATE), "--threads"],
            stdout=subprocess.DEVNULL,
        )
        asyncio.run(_bursts(run, url_of(folder), token_for(folder, "ana"), seconds=SECONDS))
        if watching.wait() != 0:
            raise SystemExit("py-spy may not look at other processes here; try again as root")
        stacks = Counter[tuple[str, ...]]()
        for line in file:
            frames, _, count = line.rpartition(" ")
            stack = tuple(frames.split(";"))
            if not WAITING.match(stack[-1]):
                stacks[stack] += int(count)
    looks = sum(stacks.values())
    _print("by room, itself", _rooms(stacks), looks)
    _print("by function, with all that it calls", _functions(stacks), looks)


async def _bursts(
    run: Callable[[Client, int], Awaitable[float]], url: str, token: str, *, seconds: float
) -> None:
    end = time.monotonic() + seconds
    async with Client(url, token=token) as client:
        while time.monotonic() < end:
            await run(client, BURST)


def _rooms(stacks: Mapping[tuple[str, ...], int]) -> Counter[str]:
    """Of each look, the innermost room of ours, or library, that was at work."""
    found = Counter[str]()
    for frames, count in stacks.items():
        rooms = [room[1] or room[2] for room in map(ROOM.search, frames) if room]
        found[rooms[-1] if rooms else "others"] += count
    return found


def _functions(stacks: Mapping[tuple[str, ...], int]) -> Counter[str]:
    found = Counter[str]()
    for frames, count in stacks.items():
        for frame in {re.sub(r":\d+\)$", ")", frame) for frame in frames}:
            found[frame] += count
    return found


def _print(title: str, shares: Counter[str], looks: int) -> None:
    print(f"\n{title}")
    for name, count in shares.most_common(LINES):
        print(f"{count / looks:7.1%}  {name}")
