"""A job that uses up more than it may is ended whole, and told which limit it was."""

from __future__ import annotations

import asyncio
import gc
import signal
import weakref
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from taskrealm.engine.watchdog import Watchdog
from taskrealm.tasks import Limits

if TYPE_CHECKING:
    from .conftest import Node, Running

MB = 1_000_000  # bytes


def run(node: Node, script: str, **limits: float) -> Running:
    return node.run(replace(node.program("sh", "-c", script), limits=Limits(**limits)))  # type: ignore[arg-type]


FOUR_SLEEPS = "for n in 1 2 3 4; do sleep 1000 & done; echo ready; wait"
HOG = "python3 -ISc 'import time; hog = bytearray(60_000_000); time.sleep(1000)'"
BUSY = "python3 -ISc 'while True: pass'"
CHILDREN = [
    pytest.param("{}", id="as its child"),
    pytest.param("setsid {}", id="in a session of its own"),
    pytest.param("(setsid {} &); sleep 1000", id="as a daemon"),
    pytest.param("setsid env -i PATH=$PATH {} & sleep 1000", id="without a cookie"),
]


async def test_a_job_with_too_many_processes_is_killed_whole(node: Node) -> None:
    running = run(node, FOUR_SLEEPS, processes=4)
    exit = await running.end()

    assert exit.signal == signal.SIGKILL
    assert exit.excess == "The job used more than its limit of 4 processes"
    assert node.living() == []


@pytest.mark.parametrize("child", CHILDREN)
async def test_a_job_that_needs_too_much_memory_is_killed_whole(node: Node, child: str) -> None:
    running = run(node, child.format(HOG), memory=50 * MB)
    exit = await running.end()

    assert exit.excess == "The job used more than its limit of 50 MB of memory"
    assert node.living() == []


@pytest.mark.parametrize("child", CHILDREN)
async def test_a_job_that_needs_too_much_processor_time_is_killed_whole(
    node: Node, child: str
) -> None:
    running = run(node, child.format(BUSY), cpu=0.3)
    exit = await running.end()

    assert exit.excess == "The job used more than its limit of 0.3 s of processor time"
    assert node.living() == []


async def test_processor_time_of_children_that_have_ended_counts(node: Node) -> None:
    busy = "python3 -ISc 'for n in range(500_000): pass'"
    running = run(node, f"while :; do {busy}; done", cpu=0.5)

    assert (await running.end()).excess is not None


async def test_processor_time_of_daemons_that_have_ended_counts(node: Node) -> None:
    busy = "timeout -s KILL 0.7 python3 -ISc 'while True: pass'"
    running = run(node, f"while :; do (setsid {busy} &); sleep 0.3; done", cpu=2)

    assert (await running.end()).excess is not None


async def test_memory_that_processes_share_counts_once(node: Node) -> None:
    source = """
import mmap, os, time
shared = mmap.mmap(-1, 60_000_000)
shared.write(bytes(60_000_000))
for _ in range(3):
    if os.fork() == 0:
        sum(shared[::4096])
        print("ready", flush=True)
        time.sleep(1000)
time.sleep(0.8)
"""
    program = node.program("python3", "-ISc", source)
    running = node.run(replace(program, limits=Limits(memory=150 * MB)))
    exit = await running.end()

    assert (exit.code, exit.excess) == (0, None)
    assert exit.leftovers == 3


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param({"processes": 5}, id="processes"),
        pytest.param({"memory": 500 * MB}, id="memory"),
        pytest.param({"cpu": 30.0}, id="processor time"),
    ],
)
async def test_a_job_within_its_limits_is_left_alone(node: Node, limits: dict[str, float]) -> None:
    running = run(node, "for n in 1 2 3; do sleep 0.6 & done; wait; exit 3", **limits)
    exit = await running.end()

    assert (exit.code, exit.excess) == (3, None)


async def test_one_greedy_job_does_not_harm_the_others(node: Node) -> None:
    modest = [run(node, "sleep 1000", processes=4) for _ in range(3)]
    greedy = run(node, FOUR_SLEEPS, processes=4)

    assert (await greedy.end()).excess is not None
    assert all(node.lives(each.process.pid) for each in modest)
    for each in modest:
        each.process.kill()
    assert {(await each.end()).excess for each in modest} == {None}


async def test_open_files_are_limited_for_all_that_a_program_starts(node: Node) -> None:
    source = """
import os, resource
files = []
try:
    while True: files.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error: print(error.strerror, resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    limited = "grep -q '^Max open files *20 ' /proc/$$/limits"
    running = run(node, f"until {limited}; do :; done; python3 -ISc '{source}'", open_files=20)
    await running.end()

    assert running.stdout == "Too many open files (20, 20)\n"


async def test_the_kernel_takes_programs_before_the_executor(node: Node) -> None:
    own = int(Path("/proc/self/oom_score_adj").read_text())
    running = node.sh("echo ready; exec sleep 1000")
    await running.line("ready")
    score = int(Path(f"/proc/{running.process.pid}/oom_score_adj").read_text())
    running.process.kill()
    await running.end()

    assert score == min(1_000, own + 500)


async def test_a_watchdog_does_not_outlive_its_loop() -> None:
    def loop_with_watchdog() -> weakref.ref[asyncio.AbstractEventLoop]:
        loop = asyncio.new_event_loop()
        Watchdog.of(loop)
        loop.close()
        return weakref.ref(loop)

    loop = loop_with_watchdog()
    gc.collect()

    assert loop() is None
