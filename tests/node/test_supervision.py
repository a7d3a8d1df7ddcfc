"""A node starts, stays up whatever is killed of it, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests import standin
from tests.nodes import (
    ROOT,
    START_LIMIT,
    STOP_LIMIT,
    Node,
    Watch,
    make_node,
    processes_of,
    the_one,
)
from tests.plain import Refused
from tests.readiness import answering

from taskrealm.access.policy import load_policy
from taskrealm.engine.trees import COOKIE
from taskrealm.protocol import uris
from taskrealm.router.configuration import render
from taskrealm.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(120)

# Starts a process that, like those of jobs, tells by its environment whose it is.
WITH_A_JOB = f"""
import os, subprocess
from pathlib import Path
from taskrealm.settings import NodeFolder

cookie = f"{{NodeFolder(Path.cwd()).node_id()}}.job.1"
environment = {{**os.environ, {COOKIE!r}: cookie}}
subprocess.Popen(["sleep", "1000"], env=environment, start_new_session=True)
{standin.PROGRAM}"""

# Takes no notice of being told to stop.
DEAF = """
import signal
from tests.standin import main

signal.signal(signal.SIGTERM, signal.SIG_IGN)
main(end=signal.SIGUSR1)
"""


@pytest.fixture(scope="module")
def lively() -> Iterator[Node]:
    """A node of which parts are killed; it has to be ready again after each test."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        with Node(make_node(Path(path), component=WITH_A_JOB)) as node:
            node.until("READY")
            yield node


@pytest.mark.capability("Z10", "L6")
async def test_while_the_executor_is_gone_people_can_sign_in_and_callers_are_told_at_once(
    lively: Node,
) -> None:
    component = Watch([the_one(lively.folder, "components/executor.py")])

    async with await lively.user("bob") as watcher:
        await watcher.subscribe(uris.CATALOG)
        component.kill()
        async with await lively.user("alice") as peer:
            with pytest.raises(Refused) as refusal:
                await peer.call(uris.TASKS)
        await watcher.event()

    assert refusal.value.uri == "wamp.error.no_such_procedure"


async def test_a_killed_component_comes_back_and_its_jobs_are_dead(lively: Node) -> None:
    component = Watch([the_one(lively.folder, "components/executor.py")])
    job = Watch([the_one(lively.folder, "sleep 1000")])

    async with await lively.user("alice") as peer:
        await peer.subscribe(uris.CATALOG)
        component.kill()
        job.all_end()
        (news,) = await peer.event()
        seen = await peer.call(uris.TASKS)

    assert seen["pid"] == news["joined"]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("taskrealm.router.guest executor", id="the wrapper of the executor"),
        pytest.param("crossbar-worker", id="the router worker"),
        pytest.param("crossbar-controller", id="the controller"),
    ],
)
def test_when_a_part_of_the_node_is_killed_all_of_it_goes_and_comes_back(
    lively: Node, words: str
) -> None:
    everything = Watch(processes_of(lively.folder))

    Watch([the_one(lively.folder, words)]).kill()
    everything.all_end()
    lively.until("READY")

    assert "RESTARTING" in lively.output


def test_when_the_supervisor_is_killed_nothing_is_left(lively: Node) -> None:
    everything = Watch(processes_of(lively.folder))

    lively.process.kill()

    everything.all_end()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", lively.port))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_node_prints_its_phases_only_and_ends_well(
    short_path: Path, number: signal.Signals
) -> None:
    with Node(make_node(short_path, component=standin.PROGRAM)) as node:
        node.until("READY")
        async with await node.user("alice") as peer:
            await peer.subscribe(uris.CATALOG)
            code = node.stop(number)
            (news,) = await peer.event()

    assert code == 0
    assert node.output == ["PREPARING", "STARTING", "WAITING", "READY", "STOPPING"]
    assert not processes_of(node.folder)
    # The executor could still say so: it stops before the router does.
    assert "stopping" in news


def test_a_second_signal_kills_a_component_that_does_not_stop(short_path: Path) -> None:
    with Node(make_node(short_path, component=DEAF)) as node:
        node.until("READY")
        node.process.terminate()
        node.until("STOPPING")
        code = node.stop()

    assert code == 0
    assert not processes_of(node.folder)


def test_an_executor_that_cannot_start_ends_the_first_start_with_its_own_words(
    short_path: Path,
) -> None:
    program = "raise SystemExit('tasks/report.py has an error in line 3')"
    with Node(make_node(short_path, component=program)) as node:
        output, _ = node.process.communicate(timeout=40)

    assert node.process.returncode == 1
    assert b"tasks/report.py has an error in line 3" in output
    assert not processes_of(node.folder)


async def test_crossbar_alone_starts_a_node_that_was_never_started(short_path: Path) -> None:
    folder = make_node(short_path, component=standin.PROGRAM)
    folder.crossbar.mkdir()
    configuration = render(load_settings(folder.settings_file), load_policy(folder.policy))
    (folder.crossbar / "config.json").write_text(configuration)
    programs = Path(sys.executable).parent
    crossbar = subprocess.Popen(
        [programs / "crossbar", "start"],
        cwd=folder.root,
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(START_LIMIT):
            await answering(folder)
    finally:
        crossbar.send_signal(signal.SIGINT)
        code = crossbar.wait(STOP_LIMIT)

    assert code == 0
    assert not processes_of(folder)
