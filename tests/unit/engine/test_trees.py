"""Processes are found by their cookie, wherever they went."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from taskrealm.engine.status import Identity
from taskrealm.engine.trees import (
    Outrun,
    cookie_of,
    identity_of,
    kill_all,
    sweep,
    sweep_blocking,
)

if TYPE_CHECKING:
    from .conftest import Node

ESCAPED = "setsid sh -c 'echo escaped $$; exec sleep 1000' & exec sleep 1000"


async def test_a_sweep_kills_all_jobs_of_a_node_and_counts_their_processes(node: Node) -> None:
    jobs = [node.sh(ESCAPED), node.sh(ESCAPED)]
    escaped = [await job.pid_of("escaped") for job in jobs]
    # Jobs of another node are none of its business.
    stranger = node.start("sleep", "1000")

    assert await sweep(jobs[0].program.cookie) == 2
    assert await sweep(jobs[1].program.cookie) == 2

    assert not any(map(node.lives, escaped))
    assert node.lives(stranger.process.pid)
    stranger.process.kill()
    await asyncio.gather(*(job.end() for job in (*jobs, stranger)))


async def test_a_sweep_of_a_prefix_takes_every_job_below_it(node: Node) -> None:
    jobs = [node.start("sleep", "1000") for _ in range(3)]

    assert await sweep(node.prefix) == 3

    assert [(await job.end()).signal for job in jobs] == [9, 9, 9]


async def test_a_sweep_that_finds_nothing_kills_nothing(node: Node) -> None:
    assert await sweep(node.prefix) == 0


async def test_an_empty_prefix_is_refused(node: Node) -> None:
    with pytest.raises(ValueError, match="every job of every node"):
        await sweep("")


async def test_jobs_that_outlive_a_killed_executor_are_swept_without_a_loop(node: Node) -> None:
    program = node.program("sh", "-c", ESCAPED)
    source = f"""
import asyncio
from pathlib import Path
from taskrealm.engine.processes import Process, adopt_orphans
from taskrealm.engine.programs import Program
async def main():
    adopt_orphans()
    program = Program({program.argv!r}, {program.environment!r}, Path("/"), {program.cookie!r})
    process = Process.start(program, lambda stream, data: print(data.decode(), flush=True))
    await process.wait()
asyncio.run(main())
"""
    with subprocess.Popen(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, text=True
    ) as executor:
        assert executor.stdout is not None
        escaped = int(executor.stdout.readline().split()[1])
        executor.kill()
        executor.wait()
    assert node.lives(escaped)

    assert sweep_blocking(node.prefix) == 2

    assert not node.lives(escaped)
    # This process has adopted them, and reaps them at the next end of a program.
    await node.start("true").end()


async def test_a_sweep_ends_a_tree_that_flees_by_going_on_as_its_own_child(node: Node) -> None:
    running = node.python(
        """
import os, time
if os.fork():
    print("ready")
    time.sleep(1000)
os.setsid()
while True:
    if os.fork():
        os._exit(0)
"""
    )
    await running.line("ready")

    assert await sweep(node.prefix) >= 2

    assert node.living() == []
    await running.end()


async def test_who_is_outrun_says_so_after_some_time(node: Node) -> None:
    running = node.sh("for n in 1 2 3; do setsid sleep 1000 & done; echo ready; wait")
    await running.line("ready")
    cookie = running.program.cookie

    with pytest.raises(Outrun):
        kill_all(lambda pid: cookie_of(pid) == cookie, patience=0.0)

    await running.end()


def test_this_process_itself_is_never_swept() -> None:
    source = "from taskrealm.engine.trees import sweep_blocking; print(sweep_blocking('self.'))"
    result = subprocess.run(
        [sys.executable, "-c", source],
        env={"TASKREALM_COOKIE": "self.job.1"},
        capture_output=True,
        text=True,
        timeout=20,
    )

    assert (result.returncode, result.stdout) == (0, "0\n")


async def test_the_cookie_is_found_wherever_it_stands_in_the_environment(node: Node) -> None:
    running = node.sh("A=1 TASKREALM_COOKIE=other Z=1 exec sh -c 'echo ready; kill -STOP $$'")
    await running.line("ready")

    assert cookie_of(running.process.pid) == "other"
    running.process.kill()
    await running.end()


async def test_a_process_between_two_programs_is_never_taken_for_one_without_a_cookie(
    node: Node,
) -> None:
    program = node.program("./again")
    again = program.directory / "again"
    again.write_text("#!/bin/sh\nexec ./again\n")
    again.chmod(0o755)
    running = node.run(program)
    seen = {cookie_of(running.process.pid) for _ in range(5_000)}
    running.process.kill()
    await running.end()

    assert seen <= {program.cookie, None}


async def test_a_process_without_environment_or_that_is_gone_has_no_cookie(node: Node) -> None:
    running = node.start("env", "-i", "sh", "-c", "echo ready; kill -STOP $$")
    await running.line("ready")
    assert cookie_of(running.process.pid) == ""
    running.process.kill()
    await running.end()

    assert cookie_of(running.process.pid) == ""


@pytest.mark.fault("F22", "F5")
async def test_who_has_got_the_pid_of_another_process_is_not_taken_for_that_one(
    node: Node,
) -> None:
    running = node.start("sleep", "1000")
    pid = running.process.pid
    identity = identity_of(pid)
    assert identity is not None
    # As if the pid had gone to `sleep` between the look and the signal.
    answers = iter([True, False])

    killed = kill_all(lambda each: each == pid and next(answers, False))

    assert killed == set()
    assert node.lives(pid)
    # Nor is it waited for in the place of an earlier process with this pid.
    earlier = Identity(pid, identity.started_at - 1)
    assert kill_all(lambda each: False, {earlier}) == {earlier}
    assert node.lives(pid)
    running.process.kill()
    await running.end()
