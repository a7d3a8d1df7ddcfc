"""What operators do to a whole node, and what the longest queue does to anybody."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.nodes import Node, Watch, the_one
from tests.site import SLOTS, client, make_site, session
from tests.site.jobs import until

from taskrealm.client import Request
from taskrealm.protocol import uris
from taskrealm.protocol.errors import Draining, Error, InvalidArguments, NotAuthorized, QueueFull
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from taskrealm.client import Client

LIMIT = 60.0  # seconds that anything may take
MANY = 20_000
SETTINGS = f"queue_limit = {MANY + 100}\nqueue_limit_per_user = {MANY}\n"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def busy() -> Iterator[Node]:
    """A node with a long queue, which takes and starts jobs again after each test."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        with Node(make_site(Path(path), settings=SETTINGS)) as node:
            node.until("READY")
            yield node


@pytest.fixture
async def root(busy: Node) -> AsyncIterator[Client]:
    """An operator."""
    async with client(busy, "root", "operator") as root:
        yield root
        await root.resume()


def taskrealm(node: Node, *words: str) -> tuple[int, str, str]:
    """Run the command line as the node's operator: exit code, output, messages."""
    done = subprocess.run(
        [sys.executable, "-m", "taskrealm", *words],
        cwd=node.folder.root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.capability("Z8", "I5")
@pytest.mark.parametrize("role", ["user", "backend"])
async def test_only_operators_may_steer_a_node(busy: Node, role: str) -> None:
    peer = await session(busy, "mallory", role)
    for uri in uris.ADMIN_PROCEDURES:
        with pytest.raises(NotAuthorized):
            await peer.call(uri)
    await peer.leave()


@pytest.mark.capability("L1")
async def test_a_paused_queue_takes_jobs_and_starts_them_after_resume_even_over_a_restart(
    busy: Node, root: Client
) -> None:
    watcher = await busy.user("ana")
    async with client(busy) as ana, watcher:
        await watcher.subscribe(uris.CATALOG)
        assert (await root.pause())["intake"] == "paused"
        [news] = await watcher.event()
        assert news["intake"] == "paused"
        jobs = await ana.exec_many([Request("date")] * (SLOTS + 1))
        Watch([the_one(busy.folder, "components/executor.py")]).kill()
        [news] = await watcher.event(LIMIT)
        assert news["intake"] == "paused"
        snapshot = await jobs[0].snapshot()
        assert (snapshot["state"], snapshot["position"]) == ("queued", 1)
        assert snapshot["intake"] == "paused"
        await root.resume()

        for job in jobs:
            assert await job.result(LIMIT)


@pytest.mark.capability("L3")
@pytest.mark.fault("F23")
async def test_a_drained_node_takes_and_starts_nothing_until_resume(
    busy: Node, root: Client, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    script = f"until [ -e {go} ]; do sleep 0.05; done; echo 2"
    async with client(busy) as ana:
        finishes, stays = await ana.exec_many(
            [Request("timing.retried", {"script": script}), Request("probe.nap")]
        )
        waiting = await ana.exec("date")
        known = await ana.exec("date", key="known")
        for job in (finishes, stays):
            await until(job, EventType.STARTED)
        situation = await root.drain(3)
        go.touch()
        with pytest.raises(Draining):
            await ana.exec("date")
        again = await ana.exec("date", key="known")
        with pytest.raises(InvalidArguments, match="limit"):
            await root.drain(-1)

        assert situation == {"intake": "draining", "running": 2, "queued": 2, "delayed": 0}
        assert again.job_id == known.job_id
        assert await finishes.result(LIMIT) == "2"
        cancelled = await until(stays, EventType.CANCELLED)
        assert cancelled.data["by"] == "system"
        assert (await waiting.snapshot())["state"] == "queued"
        assert (await root.resume())["intake"] == "open"
        assert await waiting.result(LIMIT)


@pytest.mark.capability("I6", "I5")
async def test_statistics_count_jobs_by_state_and_task(busy: Node, root: Client) -> None:
    async with client(busy) as ana:
        before = (await root.statistics())["tasks"].get("probe.printed", {"states": {}})["states"]
        for _ in range(3):
            await (await ana.exec("probe.printed", {"text": "x"})).result(LIMIT)
        naps = await ana.exec_many([Request("probe.nap")] * (SLOTS + 1))
        delayed = await ana.exec("date", delay=3_600)
        for job in naps[:SLOTS]:
            await until(job, EventType.STARTED)
        await asyncio.sleep(1.5)  # what the journal holds is counted again after a second
        found = await root.statistics()

        assert found["running"] == found["slots"] == SLOTS
        assert (found["queued"], found["delayed"]) == (1, 1)
        assert found["oldest"] > 0
        assert found["states"]["running"] == SLOTS
        printed = found["tasks"]["probe.printed"]
        assert printed["states"]["succeeded"] == before.get("succeeded", 0) + 3
        assert printed["durations"]["count"] == before.get("succeeded", 0) + 3
        assert 0 < printed["durations"]["median"] <= printed["durations"]["longest"]
        assert found["rates"]["15"]["succeeded"] > 0
        for job in (*naps, delayed):
            await job.cancel(now=True)


@pytest.mark.capability("J5", "I6")
async def test_the_command_line_shows_and_steers_a_node(busy: Node, root: Client) -> None:
    code, out, err = await asyncio.to_thread(taskrealm, busy, "queue", "pause")
    assert (code, out) == (0, "")
    assert "paused" in err
    code, out, err = await asyncio.to_thread(
        taskrealm, busy, "queue", "drain", "--limit", "0", "--json"
    )
    assert code == 0, err
    assert json.loads(out)["intake"] == "draining"
    code, out, err = await asyncio.to_thread(taskrealm, busy, "run", "date")
    assert code == 7
    assert "takes no more jobs" in err
    code, _, err = await asyncio.to_thread(taskrealm, busy, "queue", "resume")
    assert code == 0
    run = ("run", "--key", "cli", "--delay", "0.2", "--retries", "0", "--detach", "date")
    code, first, err = await asyncio.to_thread(taskrealm, busy, *run)
    assert code == 0, err
    code, second, err = await asyncio.to_thread(taskrealm, busy, *run)
    assert code == 0, err
    assert first == second
    code, out, err = await asyncio.to_thread(taskrealm, busy, "status")
    assert code == 0, err
    assert f"of {SLOTS} in use" in out
    assert "takes jobs and starts them" in err
    code, out, err = await asyncio.to_thread(taskrealm, busy, "run", "--not-before", "soon", "date")
    assert code == 2
    assert "ISO 8601" in err


@pytest.mark.capability("L3")
async def test_an_executor_told_to_stop_says_so_and_ends_well(busy: Node, root: Client) -> None:
    executor = the_one(busy.folder, "components/executor.py")
    ended = Watch([executor])
    watcher = await busy.user("ana")
    async with watcher:
        await watcher.subscribe(uris.CATALOG)
        os.kill(executor, signal.SIGTERM)
        [news] = await watcher.event()
        ended.all_end()
        assert news["intake"] == "draining"
        [news] = await watcher.event(LIMIT)
        assert news["intake"] == "open"  # its wrapper has started another one
    log = (busy.folder.logs / "executor.log").read_text()
    assert "ended with exit code 0" in log


async def test_errors_of_administration_are_errors_of_the_contract(busy: Node) -> None:
    peer = await session(busy, "root", "operator")
    with pytest.raises(Error) as refusal:
        await peer.call(uris.DRAIN, limit="soon")
    assert type(refusal.value) is InvalidArguments
    assert "limit" in refusal.value.fields
    await peer.leave()


@pytest.mark.capability("Q3", "Q7", "Q10")
@pytest.mark.fault("F33", "F34")
async def test_an_urgent_job_starts_next_however_long_the_queue_that_somebody_has_filled(
    busy: Node, root: Client
) -> None:
    async with client(busy, "flooder") as flooder, client(busy, "bo") as bo:
        await root.pause()
        for _ in range(4):
            jobs = await flooder.exec_many([Request("probe.nothing")] * (MANY // 4))
        await flooder.exec_many([Request("probe.nothing")] * SLOTS)  # which need no room
        with pytest.raises(QueueFull, match=f"{MANY + SLOTS} jobs of flooder wait") as refusal:
            await flooder.exec("probe.nothing")
        assert refusal.value.limit == MANY
        usual = await bo.exec("date")
        urgent = await bo.exec("date", priority=1_000)
        assert (await usual.snapshot())["position"] == 4  # bo and flooder take turns
        assert (await urgent.snapshot())["position"] == 1
        await root.resume()
        started = await until(urgent, EventType.STARTED)
        waiting = (await root.statistics())["queued"]

        assert started.attempt == 1
        assert waiting > MANY - 1_000
        assert (await jobs[-1].snapshot())["state"] == "queued"
