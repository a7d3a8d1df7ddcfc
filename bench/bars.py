"""The bars: what a node is held to beside the bare parts of the same machine, in the same run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Bar:
    """How much a figure of a subject may be; bars of one matter have one number."""

    number: int
    name: str
    subject: str
    figure: str
    direction: Literal["≤", "≥"]
    limit: float
    what: str

    def is_met_by(self, value: float) -> bool:
        return value <= self.limit if self.direction == "≤" else value >= self.limit


PROGRAMS = "1,000 `true` with captured output, jobs a second"
BURST = f"{PROGRAMS} / bare asyncio spawning"
FUNCTIONS = "5,000 functions that do nothing, jobs a second"
EXEC = "`exec` → job id / an echo call through the same router"
QUEUED = "with 100,000 jobs queued"
HISTORY = "with 1,000,000 jobs in the history"

RACES = {2: "peers", 8: "peers-8"}
"""The subjects that race with other task queues, by slots."""

BARS = (
    *(
        Bar(1, f"exec_many, {slots} slots", "bursts", f"exec_many / bare asyncio, {slots} slots", "≥", 0.75, f"{BURST}; one `exec_many`, {slots} slots")
        for slots in RACES
    ),
    *(
        Bar(1, f"exec_many / fastest peer, {slots} slots", subject, f"programs by exec_many / fastest peer, {slots} slots", "≥", 1.0, f"{PROGRAMS} / the fastest peer; one `exec_many`, {slots} slots")
        for slots, subject in RACES.items()
    ),
    *(
        Bar(2, f"pipelined exec, {slots} slots", "bursts", f"pipelined / bare asyncio, {slots} slots", "≥", 0.6, f"{BURST}; an `exec` each, {slots} slots")
        for slots in RACES
    ),
    *(
        Bar(2, f"pipelined exec / fastest peer, {slots} slots", subject, f"programs by an exec each / fastest peer over a socket, {slots} slots", "≥", 1.0, f"{PROGRAMS} / the fastest peer over a socket; an `exec` each, {slots} slots")
        for slots, subject in RACES.items()
    ),
    Bar(3, "functions / bare pool", "functions", "jobs / bare pool", "≥", 0.5, f"{FUNCTIONS} / a bare pool of processes"),
    Bar(3, "functions / fastest peer", "peers", "functions / fastest peer, 2 slots", "≥", 1.0, f"{FUNCTIONS} / the fastest peer with workers in processes"),
    Bar(4, "exec / echo, p50", "calls", "exec / echo, p50", "≤", 1.5, f"{EXEC}, idle, p50"),
    Bar(4, "exec / echo, p95", "calls", "exec / echo, p95", "≤", 2.0, f"{EXEC}, idle, p95"),
    Bar(5, "exec / echo under load, p95", "calls", "exec / echo under load, p95", "≤", 3.0, f"{EXEC}, all slots running short jobs, p95"),
    Bar(6, "exit → browser over bare, ms", "browser", "exit to browser over bare, ms", "≤", 2.0, "process exit → event in the browser, minus bare publication → browser, p50, ms"),
    Bar(7, "first output → browser, p95 ms", "output", "first output to browser, p95 ms", "≤", 120.0, "first byte of output → browser, p95, ms"),
    Bar(7, "to a watcher, MB/s of 50", "output", "output to a watcher, MB/s", "≥", 49.0, "of a program that prints 50 MB a second, what one watcher is given, MB a second"),
    Bar(7, "of that missing, MB", "output", "output that no watcher gets, MB", "≤", 0.0, "what it is not given, MB"),
    Bar(8, "exec when full / empty, p50", "queue", "exec at 100,000 queued / empty, p50", "≤", 1.2, f"`exec` {QUEUED} / with an empty queue, p50"),
    Bar(8, "memory per queued job, KiB", "queue", "memory per queued job, KiB", "≤", 1.5, f"memory of the executor {QUEUED}, KiB a job"),
    Bar(8, "cancel all of 100,000, s", "queue", "cancel all of 100,000, s", "≤", 10.0, "cancel 100,000 queued jobs, seconds"),
    Bar(8, "restart with 100,000, s", "queue", "restart with 100,000, s", "≤", 10.0, f"restart of the executor {QUEUED}, seconds"),
    Bar(9, "page of jobs, p95 ms", "history", "page of jobs, p95 ms", "≤", 50.0, f"a page of `jobs` {HISTORY}, p95, ms"),
    Bar(9, "events since, p95 ms", "history", "events since, p95 ms", "≤", 50.0, f"`events(since)` {HISTORY}, p95, ms"),
    Bar(9, "search, p95 ms", "history", "search, p95 ms", "≤", 50.0, f"a search {HISTORY}, p95, ms"),
    Bar(10, "fan-out to 1,000 / bare", "fanout", "fan-out to 1,000 / bare", "≤", 1.2, "progress of a job to 1,000 subscribers / the same by bare Crossbar"),
    Bar(10, "exec beside fan-out / idle, p95", "fanout", "exec beside fan-out / idle, p95", "≤", 3.0, "another user's `exec` meanwhile / idle, p95"),
    Bar(11, "start / bare crossbar", "start", "start / bare crossbar", "≤", 1.3, "`taskrealm up` until ready / bare `crossbar start` with the same workers"),
    Bar(12, "idle, % of a core", "idle", "idle, % of a core", "≤", 0.5, "executor and gateway together when idle, % of a core"),
)  # fmt: skip
