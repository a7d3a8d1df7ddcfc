"""What the executor spends on taking jobs in, without a router: `python -m bench.submission`."""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import pstats
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taskrealm.executor.assembly import Assembly
from taskrealm.executor.attempt import Ending
from taskrealm.executor.foundation import Foundation
from taskrealm.executor.program import YOUNG
from taskrealm.executor.site import load_site
from taskrealm.logs import log_to_stderr
from taskrealm.protocol import uris
from taskrealm.protocol.jobs import EventType
from taskrealm.settings import NodeFolder, load_settings
from taskrealm.wire import Call

from .node import TASKS

if TYPE_CHECKING:
    from collections.abc import Callable

BURST = 1_000  # jobs in one call of `exec_many`
CALLS = 1_000  # of `exec` in one round
ROUNDS = 10
WAITING = 100_000
SETTINGS = """\
[executor]
slots = 2
queue_limit = 1000000
queue_limit_per_user = 1000000
"""


class Realm:
    """Stands in for the session by which the executor has joined: calls it, and counts what it tells."""

    on_refusal: Any = None
    on_error: Any = None
    backlog = 0

    def __init__(self) -> None:
        self.procedures: dict[str, Callable[..., Any]] = {}
        self.handlers: dict[str, Callable[..., Any]] = {}
        self.publications = 0

    async def register(self, uri: str, handler: Callable[..., Any], **_: object) -> None:
        self.procedures[uri] = handler

    async def subscribe(self, topic: str, handler: Callable[..., Any], **_: object) -> None:
        self.handlers[topic] = handler

    async def call(self, uri: str, *_: object) -> Any:
        return {"exact": [], "prefix": []} if uri == "wamp.subscription.list" else []

    def publish(self, topic: str, *args: object, **receivers: object) -> None:
        self.publications += 1

    def join(self, session: int, authid: str, role: str) -> None:
        """Let somebody be in the realm."""
        told = {"session": session, "authid": authid, "authrole": role, "authextra": {}}
        self.handlers["wamp.session.on_join"](told)

    async def ask(self, uri: str, *args: object) -> Any:
        """Call the procedure *uri* as a session of a user does."""
        answered = asyncio.get_running_loop().create_future()
        call = Call(1, "ana", "user", False, answered, room=_no_room)
        try:
            return await self.procedures[uri](call, *args)
        finally:
            answered.set_result(None)


async def _no_room() -> None:
    return


class Bench:
    """An executor in this process, which takes jobs and starts none."""

    def __init__(self, folder: NodeFolder) -> None:
        self._folder = folder

    async def __aenter__(self) -> Bench:
        folder = self._folder
        settings = load_settings(folder.settings_file)
        load = partial(load_site, folder, settings)
        self.foundation = await Foundation.open(folder, settings, load())
        self.assembly = Assembly(self.foundation, load)
        self.realm = Realm()
        gc.set_threshold(YOUNG)
        return self

    async def recover(self) -> None:
        """Take up what is in the journal, and begin to answer."""
        await self.assembly.executor.recover()
        await self.assembly.attach(self.realm)  # type: ignore[arg-type]
        self.realm.join(1, "ana", "user")

    async def __aexit__(self, *_: object) -> None:
        await self.foundation.close()

    async def exec_many(self, count: int = BURST) -> None:
        """One call for so many jobs."""
        await self.realm.ask(uris.EXEC_MANY, [{"task": "true"}] * count)
        await self.told()

    async def exec(self) -> float:
        """One call for one job; how many seconds it took to the answer."""
        began = time.perf_counter()
        await self.realm.ask(uris.EXEC, "true", [], {})
        return time.perf_counter() - began

    async def pipelined(self) -> None:
        """Many calls for one job each, none of which waits for the one before."""
        await asyncio.gather(*(self.exec() for _ in range(CALLS)))
        await self.told()

    async def cancel_all(self) -> None:
        """Let every job end that waits, as a batch does with its children."""
        course, unended = self.assembly.executor._course, self.assembly.executor._unended
        data = {"by": "ana", "reason": None, "duration": None}
        for live in tuple(unended.values()):
            course.halt(live, Ending(EventType.CANCELLED, data))
        await course.activities.quiet(lambda _: False)
        await self.told()

    async def told(self) -> None:
        """Wait until the events of all jobs have been published."""
        publisher = self.foundation.publisher
        while publisher._waiting:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def cost(action: Callable[[], Any], jobs: int) -> str:
    """CPU of the loop's thread and of the whole process for each of so many *jobs*, at best."""
    threads, processes = [], []
    for _ in range(ROUNDS):
        gc.collect()
        thread, process = time.thread_time(), time.process_time()
        await action()
        threads.append(time.thread_time() - thread)
        processes.append(time.process_time() - process)
    return f"{min(threads) / jobs * 1e6:7.1f} µs in the loop, {min(processes) / jobs * 1e6:7.1f} µs in all"


async def latency(bench: Bench) -> str:
    """How long one `exec` takes while nothing else happens."""
    times = []
    for _ in range(CALLS):
        times.append(await bench.exec())
        await bench.told()
    ordered = sorted(times)
    return (
        f"p50 {statistics.median(times) * 1e6:.0f} µs, p95 {ordered[len(ordered) * 19 // 20] * 1e6:.0f} µs,"
        f" least {ordered[0] * 1e6:.0f} µs"
    )


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096


async def costs(folder: NodeFolder) -> None:
    """CPU for each job and latency, with an empty queue."""
    async with Bench(folder) as bench:
        await bench.recover()
        await bench.exec_many(50)
        print("exec, one by one:   ", await latency(bench))
        print("exec, pipelined:    ", await cost(bench.pipelined, CALLS))
        print(f"exec_many of {BURST}:  ", await cost(bench.exec_many, BURST))


async def queue(folder: NodeFolder, waiting: int, *, traced: bool) -> None:
    """Memory, latency and restart with so many jobs *waiting*."""
    async with Bench(folder) as bench:
        await bench.recover()
        await bench.exec_many()
        print("empty, exec:        ", await latency(bench))
        gc.collect()
        if traced:
            tracemalloc.start()
        before = resident()
        collections: list[float] = []
        gc.callbacks.append(lambda phase, _: collections.append(time.perf_counter()))
        began = time.perf_counter()
        for _ in range(waiting // BURST):
            await bench.exec_many()
        took = time.perf_counter() - began
        gc.callbacks.clear()
        pauses = [
            end - start for start, end in zip(collections[::2], collections[1::2], strict=True)
        ]
        print(
            f"{waiting} jobs in {took:.1f} s; gc {sum(pauses):.2f} s in {len(pauses)} runs,"
            f" {max(pauses, default=0) * 1e3:.0f} ms at most"
        )
        gc.collect()
        print(f"memory: {(resident() - before) / waiting / 1024:.2f} KiB a job (RSS)")
        if traced:
            size, _ = tracemalloc.get_traced_memory()
            print(f"memory: {size / waiting / 1024:.2f} KiB a job (traced)")
            snapshot = tracemalloc.take_snapshot()
            for each in snapshot.statistics("lineno")[:30]:
                print(
                    f"   {each.size / waiting:7.1f} B {each.count / waiting:6.2f}  {each.traceback}"
                )
            tracemalloc.stop()
            return
        print("full, exec:         ", await latency(bench))
        began, thread, process = time.perf_counter(), time.thread_time(), time.process_time()
        await bench.cancel_all()
        print(
            f"all cancelled: {time.perf_counter() - began:.1f} s,"
            f" CPU {time.thread_time() - thread:.1f} s in the loop and"
            f" {time.process_time() - process:.1f} s in all"
        )
        for _ in range(waiting // BURST):
            await bench.exec_many()
    async with Bench(folder) as bench:
        before = resident()
        began, thread, process = time.perf_counter(), time.thread_time(), time.process_time()
        await bench.recover()
        print(
            f"restart: {time.perf_counter() - began:.1f} s,"
            f" CPU {time.thread_time() - thread:.1f} s in the loop and"
            f" {time.process_time() - process:.1f} s in all, {(resident() - before) / waiting / 1024:.2f} KiB a job"
        )


async def profile_restart(folder: NodeFolder, waiting: int) -> None:
    """cProfile of taking up so many jobs *waiting*."""
    async with Bench(folder) as bench:
        await bench.recover()
        await bench.exec_many(waiting)
    async with Bench(folder) as bench:
        with cProfile.Profile() as profiler:
            await bench.recover()
        report(profiler)
        with cProfile.Profile() as profiler:
            await bench.cancel_all()
        report(profiler)


def report(profiler: cProfile.Profile) -> None:
    for order in ("tottime", "cumulative"):
        pstats.Stats(profiler, stream=sys.stdout).sort_stats(order).print_stats(55)


async def profile(folder: NodeFolder, what: str) -> None:
    """cProfile of one action, by the time in each function itself and in all that it calls."""
    async with Bench(folder) as bench:
        await bench.recover()
        action = getattr(bench, what)
        await action()
        profiler = cProfile.Profile()
        profiler.enable()
        for _ in range(ROUNDS):
            await action()
        profiler.disable()
        report(profiler)


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.submission", description=__doc__)
    parser.add_argument(
        "what", nargs="?", default="costs", choices=["costs", "queue", "trace", "profile"]
    )
    parser.add_argument(
        "--action", default="exec_many", choices=["exec_many", "pipelined", "restart"]
    )
    parser.add_argument("--waiting", type=int, default=WAITING)
    chosen = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="tr-bench-")) / "node"
    folder = NodeFolder(root)
    subprocess.run(
        [sys.executable, "-m", "bench.up", "init", root], check=True, stdout=subprocess.DEVNULL
    )
    folder.settings_file.write_text(SETTINGS)
    shutil.rmtree(root / "tasks")
    (root / "tasks").mkdir()
    (root / "tasks" / "bench.py").write_text(TASKS)
    folder.state.mkdir(exist_ok=True)
    folder.paused.touch()
    log_to_stderr()
    try:
        if chosen.what == "costs":
            asyncio.run(costs(folder))
        elif chosen.what == "profile":
            asyncio.run(
                profile_restart(folder, 5 * BURST)
                if chosen.action == "restart"
                else profile(folder, chosen.action)
            )
        else:
            asyncio.run(queue(folder, chosen.waiting, traced=chosen.what == "trace"))
    finally:
        shutil.rmtree(root.parent)


if __name__ == "__main__":
    main()
