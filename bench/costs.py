"""What one job costs, and which part of a node: microseconds of the processor."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from taskrealm.client import Client

from .bursts import run_many, run_pipelined
from .figures import Figures, alone
from .node import running_node, token_for, url_of
from .trees import Process, node_of, parts_of, tree_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from taskrealm.settings import NodeFolder

BURST = 1_000  # jobs in one burst
WARMTH = 200  # jobs before what is measured
WAYS = {"exec_many": run_many, "an exec each": run_pipelined}


async def measure(rounds: int) -> Figures:
    """The parts of a job that runs `true`, submitted together and each by a call of its own."""
    figures = Figures()
    with running_node(2) as folder:
        async with Client(url_of(folder), token=token_for(folder, "ana")) as client:
            await run_many(client, WARMTH)
            for _ in range(rounds):
                found: dict[str, float] = {}
                for name, run in WAYS.items():
                    costs = await _costs(folder, client, run)
                    found |= {
                        f"{name}: {part}, µs a job": cost / BURST * 1e6
                        for part, cost in costs.items()
                    }
                figures.add(found)
    return figures


async def _costs(
    folder: NodeFolder, client: Client, run: Callable[[Client, int], Awaitable[float]]
) -> dict[str, float]:
    """Seconds of the processor that a burst costs each part."""
    node = node_of(folder.root)
    parts = parts_of(node)
    before, client_before = _looked_at(node), time.process_time()
    await run(client, BURST)
    client_after, after = time.process_time(), _looked_at(node)

    def spent(part: str) -> float:
        pid = parts[part]
        return after[pid].own - before[pid].own

    executor = parts["executor"]
    loop = after[executor].loop - before[executor].loop
    children = after[executor].ended_children - before[executor].ended_children
    named = set(parts.values())
    return {
        "executor, event loop": loop,
        "executor, journal and other threads": max(0.0, spent("executor") - loop),
        "programs": children,
        "router": spent("router"),
        "client": client_after - client_before,
        "gateway": spent("gateway"),
        "what keeps these running": sum(
            after[pid].own - before[pid].own for pid in (before.keys() & after.keys()) - named
        ),
    }


def _looked_at(node: int) -> dict[int, Process]:
    """The processes of the node, but not those that come and go."""
    executor = parts_of(node)["executor"]
    return {each.pid: each for each in tree_of([node]) if each.parent != executor}


if __name__ == "__main__":
    alone(measure)
