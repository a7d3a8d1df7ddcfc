"""Measures the journal with a million finished jobs, and on a disk where each fsync takes 50 ms."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from taskrealm.executor.retention import Retention
from taskrealm.journal import Entry, Journal, back_up
from taskrealm.protocol.jobs import EventType, Job, new_job_id, now
from taskrealm.settings import RetentionSettings

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable

JOBS = 1_000_000
OLD = 100_000  # of them, to be removed
SUBMITS = 200
WRITER = Path(__file__).parent.parent / "tests" / "faults" / "journal_writer.py"


async def main() -> None:
    """Print the figures."""
    folder = Path(tempfile.mkdtemp(prefix="tr-bench-"))
    try:
        await a_million(folder / "journal")
        slow_disk(folder)
    finally:
        shutil.rmtree(folder)


async def a_million(folder: Path) -> None:
    """Start, pages, submits, backup and removal with a million jobs that have ended."""
    journal = await _open(folder)
    await journal.change(_finish)
    await journal.close()
    size = (folder / "journal.sqlite").stat().st_size
    print(f"{JOBS} finished jobs: {size / 1e6:.0f} MB", flush=True)
    began = time.perf_counter()
    journal = await _open(folder)
    waiting = await journal.unfinished()
    print(f"start: {_since(began):.0f} ms, {len(waiting)} unfinished")
    print(f"page of 50: {await _median(lambda: journal.jobs(owner='ann')):.1f} ms")
    print(f"submit, idle: {await _submits(journal):.1f} ms at the 95th percentile")
    began = time.perf_counter()
    await asyncio.to_thread(back_up, folder, folder.parent / "backup.tar", lambda *_: None)
    print(f"backup: {_since(began) / 1e3:.1f} s")
    retention = Retention(journal, RetentionSettings(days=1.0))
    began = time.perf_counter()
    removal = asyncio.create_task(retention.tend())
    latencies = []
    while not removal.done():
        latencies.append(await _submits(journal))
    await removal
    rate = OLD / (_since(began) / 1e3)
    print(f"removal: {rate:.0f} jobs a second; submits meanwhile: {max(latencies):.1f} ms at worst")
    pages = await journal.pages()
    await journal.close()
    after = (folder / "journal.sqlite").stat().st_size
    print(
        f"file afterwards: {after / 1e6:.0f} MB, of which {pages.free * pages.size / 1e6:.0f} MB idle"
    )


def slow_disk(folder: Path) -> None:
    """64 writers at once where each fsync takes 50 ms."""
    strace = shutil.which("strace")
    if strace is None:
        print("The slow disk is left out: strace is not installed")
        return
    inject = "inject=fdatasync,fsync:delay_enter=50ms"
    began = time.perf_counter()
    figures = json.loads(
        subprocess.run(
            [
                *(strace, "--seccomp-bpf", "-f", "-qq", "-o", folder / "trace"),
                *("-e", "trace=fdatasync,fsync", "-e", inject),
                *(sys.executable, WRITER, folder / "slow"),
            ],
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
    )
    waits = (folder / "trace").read_text().count("sync(")
    print(
        f"fsync of 50 ms: {figures['written']} writes of 64 writers with {waits} waits for the disk,"
        f" {figures['median'] * 1e3:.0f} ms each at the median, all in {_since(began) / 1e3:.1f} s"
    )


async def _open(folder: Path) -> Journal:
    return await Journal.open(folder, output_limit=1_000, on_commit=lambda events: None)


def _finish(connection: sqlite3.Connection) -> None:
    request = json.dumps(
        {"submitted_by": "ann", "role": "user", "submitted_at": "2026-01-01T00:00:00+00:00"}
        | {"arguments": {"source": "film.mov"}, "timeout": 1, "tags": []}
        | {"deliver": "user", "session": None}
    )
    status = json.dumps(
        {"priority": 0, "attempt": 1, "started_at": None, "ended_at": None}
        | {"progress": None, "cancel": None, "outcome": {}}
    )
    connection.execute("insert into streams (owner, epoch) values ('ann', 'e')")
    for number in range(1, JOBS + 1):
        ended_at = f"{2025 if number <= OLD else 2099}-01-01T{number:09d}"
        connection.execute(
            "insert into jobs (number, job_id, owner, task, state, status, ended_at)"
            " values (?, ?, 'ann', 'convert', 'succeeded', ?, ?)",
            (number, f"{number:032x}", status, ended_at),
        )
        connection.execute("insert into requests values (?, ?)", (number, request))
        connection.executemany(
            "insert into events values (?, ?, 1, ?, ?, '2026-01-01T00:00:00+00:00', 1, '{}')",
            [
                (number, step, 3 * number - 3 + step, type_)
                for step, type_ in enumerate(("queued", "started", "succeeded"), 1)
            ],
        )


async def _submits(journal: Journal) -> float:
    """The 95th percentile of the milliseconds that a submit takes, one after the other."""
    times = []
    for _ in range(SUBMITS):
        job = Job(new_job_id(), "convert", "bob", "bob", "user", {}, now())
        began = time.perf_counter()
        await journal.write([Entry(job, EventType.QUEUED)])
        times.append(_since(began))
    return sorted(times)[int(0.95 * SUBMITS)]


async def _median(call: Callable[[], Awaitable[object]]) -> float:
    times = []
    for _ in range(20):
        began = time.perf_counter()
        await call()
        times.append(_since(began))
    return sorted(times)[10]


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1e3


if __name__ == "__main__":
    asyncio.run(main())
