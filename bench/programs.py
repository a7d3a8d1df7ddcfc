"""
What the executor spends on a job: the program `true`, or a Python function, to its end.

Runs the executor in this process, with its journal but without a router, beside bare spawning
by asyncio. Prints the processor time of a job in the thread of the event loop and in all threads,
the children left out: the figures that do not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import functools
import gc
import pstats
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from taskrealm.engine import adopt_orphans
from taskrealm.executor.assembly import Assembly
from taskrealm.executor.foundation import Foundation
from taskrealm.executor.requests import Request
from taskrealm.executor.site import load_site
from taskrealm.logs import log_to_stderr
from taskrealm.protocol.jobs import EventType
from taskrealm.settings import NodeFolder, load_settings
from taskrealm.tasks import Caller

from . import functions, node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from taskrealm.protocol.jobs import Event

BURST = 50  # jobs in one round
ANA = Caller("ana", "user", "ana")
TASKS = {"true": node.TASKS, "nothing": functions.TASKS}
"""The tasks whose jobs can be looked at, and what declares them."""


@contextlib.contextmanager
def own_node(slots: int, task: str) -> Iterator[NodeFolder]:
    """The folder of a node with *task* and *slots* slots, which nobody starts."""
    folder = NodeFolder(Path(tempfile.mkdtemp(prefix="tr-bench-")) / "node")
    program = [sys.executable, "-m", "bench.up", "init", str(folder.root)]
    subprocess.run(program, check=True, capture_output=True)
    folder.settings_file.write_text(node.SETTINGS.format(port=8_080, slots=slots))
    shutil.rmtree(folder.root / "tasks")
    (folder.root / "tasks").mkdir()
    (folder.root / "tasks" / "bench.py").write_text(TASKS[task])
    try:
        yield folder
    finally:
        shutil.rmtree(folder.root.parent)


class Programs:
    """Jobs that wait in an executor of its own, to be run when somebody measures."""

    def __init__(self, foundation: Foundation, assembly: Assembly, task: str) -> None:
        self._task = task
        self._journal = foundation.journal
        self._executor = assembly.executor
        self._ended = 0
        self._all_ended = asyncio.Event()
        foundation.publisher.publish = self._count  # type: ignore[method-assign, assignment]

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, folder: NodeFolder, task: str) -> AsyncIterator[Programs]:
        """The executor of the node in *folder*, in this process."""
        settings = load_settings(folder.settings_file)
        load = functools.partial(load_site, folder, settings)
        foundation = await Foundation.open(folder, settings, load())
        try:
            assembly = Assembly(foundation, load)
            if any(each.uses_workers for each in assembly.executor.registry.values()):
                foundation.workers.start()
            yield cls(foundation, assembly, task)
        finally:
            await foundation.close()

    async def submit(self) -> None:
        """Let the jobs of a round wait."""
        self._executor.gate.pause()
        answered = asyncio.get_running_loop().create_future()
        answered.set_result(None)
        requests = [Request(self._task)] * BURST
        await self._executor.submit(requests, ANA, session=1, answered=answered)

    async def run(self) -> None:
        """Run what waits, until the last end is durable."""
        self._ended = 0
        self._all_ended.clear()
        self._executor.gate.resume()
        await self._all_ended.wait()

    def _count(self, events: list[Event]) -> None:
        for event in events:
            if event.type.is_terminal:
                assert event.type is EventType.SUCCEEDED, event
                self._ended += 1
        if self._ended == BURST:
            self._all_ended.set()


async def spawn_bare(slots: int) -> None:
    """The same programs by asyncio alone, with pidfds, and with their output in pipes."""
    left = iter(range(BURST))

    async def worker() -> None:
        for _ in left:
            process = await asyncio.create_subprocess_exec(
                "true",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            await process.communicate()

    await asyncio.gather(*(worker() for _ in range(slots)))


async def measured(work: Callable[[], Awaitable[None]]) -> tuple[float, float, float]:
    """Microseconds for each program: in this thread, in all, and by the clock."""
    gc.collect()
    wall, thread, whole = time.perf_counter(), time.thread_time(), time.process_time()
    await work()
    spent = (time.thread_time() - thread, time.process_time() - whole, time.perf_counter() - wall)
    return (spent[0] / BURST * 1e6, spent[1] / BURST * 1e6, spent[2] / BURST * 1e6)


async def compare(folder: NodeFolder, task: str, slots: int, rounds: int) -> None:
    """Print the least that each way took in *rounds* rounds."""
    jobs, bare = [], []
    async with Programs.opened(folder, task) as programs:
        await programs.submit()
        await programs.run()
        for _ in range(rounds):
            bare.append(await measured(functools.partial(spawn_bare, slots)))
            await programs.submit()
            jobs.append(await measured(programs.run))
    print(f"{'us for each job':24} loop thread  all threads        clock")
    for name, figures in (("a job", jobs), ("bare spawning", bare)):
        print(f"{name:24}", *(f"{min(column):12.0f}" for column in zip(*figures, strict=True)))


async def profiled(folder: NodeFolder, task: str, count: int) -> None:
    """Print where the thread of the event loop spends its time: *count* lines."""
    profile = cProfile.Profile(time.thread_time)
    async with Programs.opened(folder, task) as programs:
        for _ in range(10):
            await programs.submit()
            profile.enable()
            await programs.run()
            profile.disable()
    pstats.Stats(profile).sort_stats("tottime").print_stats(count)
    pstats.Stats(profile).sort_stats("cumulative").print_stats(count)


def main() -> None:
    """Measure, or show the profile."""
    parser = argparse.ArgumentParser(prog="python -m bench.programs", description=__doc__)
    parser.add_argument("--task", choices=TASKS, default="true")
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--profile", type=int, metavar="LINES", help="show where the time goes")
    chosen = parser.parse_args()
    adopt_orphans()
    asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
    with own_node(chosen.slots, chosen.task) as folder, (folder.root / "log").open("w") as log:
        sys.stderr = log
        log_to_stderr()
        if chosen.profile:
            asyncio.run(profiled(folder, chosen.task, chosen.profile))
        else:
            asyncio.run(compare(folder, chosen.task, chosen.slots, chosen.rounds))


if __name__ == "__main__":
    main()
