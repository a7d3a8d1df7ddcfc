"""What a node bounds: how many jobs wait, and what it costs while it has nothing to do."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.nodes import Node, the_one
from tests.site import SLOTS, client, make_site

from taskrealm.client import Request
from taskrealm.protocol.errors import QueueFull

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 30.0  # seconds
QUEUE_LIMIT = 3
SETTINGS = f"queue_limit = {QUEUE_LIMIT}\nqueue_limit_per_user = {QUEUE_LIMIT}\n"


@pytest.fixture(scope="module")
def narrow() -> Iterator[Node]:
    """A node on which few jobs may wait."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        with Node(make_site(Path(path), settings=SETTINGS)) as node:
            node.until("READY")
            yield node


@pytest.mark.capability("Q7")
async def test_a_full_queue_refuses_and_takes_again_when_there_is_room(narrow: Node) -> None:
    async with client(narrow) as ana:
        accepted = await ana.exec_many([Request("probe.nap")] * (SLOTS + QUEUE_LIMIT))
        with pytest.raises(QueueFull) as refusal:
            await ana.exec("probe.nothing")
        assert refusal.value.limit == QUEUE_LIMIT
        assert await accepted[-1].cancel() == "removed_from_queue"
        with pytest.raises(QueueFull):
            await ana.exec_many([Request("probe.nothing")] * 2)

        last = await ana.exec("probe.nothing")
        for job in accepted:
            await job.cancel(now=True)
        assert await last.result(LIMIT) is None
        assert len([job async for job in ana.jobs()]) == SLOTS + QUEUE_LIMIT + 1


@pytest.mark.capability("O6")
async def test_a_node_that_only_waits_uses_next_to_no_processor(narrow: Node) -> None:
    async with client(narrow, "bo") as bo:
        pids = [
            the_one(narrow.folder, words)
            for words in ("components/executor.py", "crossbar-worker", "crossbar-controller")
        ]
        await (await bo.exec("probe.nothing")).result(LIMIT)
        before = [processor_time(pid) for pid in pids]
        await (await bo.exec("probe.nap", {"seconds": 4})).result(LIMIT)
        spent = [processor_time(pid) - start for pid, start in zip(pids, before, strict=True)]

        assert sum(spent) < 0.4  # seconds, in four


def processor_time(pid: int) -> float:
    """Seconds that a process has had a processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.capability("L3", "L1")
async def test_a_node_that_stops_leaves_the_queue_for_the_next_start(short_path: Path) -> None:
    folder = make_site(short_path)
    with Node(folder) as first:
        first.until("READY")
        async with client(first) as ana:
            running = await ana.exec_many(
                [Request("demo.count", {"to": 2, "interval": 0.5})] * SLOTS
            )
            waiting = await ana.exec("date")
            async for event in running[0]:
                if event.type == "progress":
                    break
            stopped = asyncio.get_running_loop().run_in_executor(None, first.stop, signal.SIGTERM)
            results = [await job.result(LIMIT) for job in running]
            assert await stopped == 0
            with Node(folder) as second:
                second.until("READY")
                outcome = await waiting.result(LIMIT)

    assert results == [2, 2]
    assert outcome
