"""A greedy job is ended at its limit, with a sentence that names it, and harms nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.nodes import Node, the_one
from tests.site import SLOTS, client, is_running, make_site, programs_of
from tests.site.jobs import LIMIT, end_of, until, words_of

from taskrealm.client import Request
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from taskrealm.client import Client, Job

pytestmark = pytest.mark.timeout(120)

FILES = 90  # that an executor with little room may have open; it needs about 40 itself
MANY = 30  # jobs at once, of which each needs three files

# The classic: a function that calls itself twice in the background, without end.
FORK_BOMB = ":(){ :|:& };:"
# Its children leave session and environment behind, and their parents soon die; it would burn
# out by itself after seven generations.
FLEEING_BOMB = """
cat >bomb <<'END'
[ $1 = 0 ] && exec sleep 1000
for twice in 1 2; do setsid env -i PATH="$PATH" bash bomb $(($1 - 1)) & done
sleep 0.3
END
exec bash bomb 7
"""
HOG = "python3 -ISc 'import time; hog = bytearray(100_000_000); time.sleep(1000)'"
BUSY = "python3 -ISc 'while True: pass'"


@pytest.fixture(scope="module")
def strict() -> Iterator[Node]:
    """A node on which no job may have more than 100 processes."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        settings = "[executor.limits]\nprocesses = 100\n"
        with Node(make_site(Path(path), settings=settings)) as node:
            node.until("READY")
            yield node


@pytest.fixture
def narrow(short_path: Path) -> Iterator[Node]:
    """A node whose executor can open few files."""
    folder = make_site(short_path)
    settings = folder.settings_file.read_text()
    folder.settings_file.write_text(settings.replace(f"slots = {SLOTS}", f"slots = {MANY}"))
    component = folder.root / "components" / "executor.py"
    limit = f"resource.setrlimit(resource.RLIMIT_NOFILE, ({FILES}, {FILES}))"
    text = component.read_text()
    component.write_text(text.replace("\nrun(", f"\nimport resource\n\n{limit}\nrun("))
    with Node(folder) as node:
        node.until("READY")
        yield node


@asynccontextmanager
async def bounded(node: Node) -> AsyncIterator[None]:
    """What happens inside takes 20 seconds at most, or all jobs of *node* are killed."""
    executor = the_one(node.folder, "components/executor.py")
    try:
        async with asyncio.timeout(20):
            yield
    except TimeoutError:
        os.kill(executor, signal.SIGKILL)
        raise
    assert is_running(executor)


async def greedy(user: Client, task: str, script: str) -> Job:
    return await user.exec(task, {"script": script})


@pytest.mark.capability("X4", "X12")
@pytest.mark.fault("F37", "R11")
@pytest.mark.parametrize(
    "bomb",
    [pytest.param(FORK_BOMB, id="in one session"), pytest.param(FLEEING_BOMB, id="fleeing")],
)
async def test_a_fork_bomb_is_ended_and_others_run_on(strict: Node, bomb: str) -> None:
    async with client(strict) as ana, client(strict, "bo") as bo:
        other = await greedy(bo, "probe.shell", "echo up; while [ ! -e go ]; do sleep 0.1; done")
        await words_of(other)
        [program, *_] = programs_of(other.job_id)
        folder = Path(f"/proc/{program}/cwd").resolve()
        async with bounded(strict):
            job = await greedy(ana, "probe.crowd", bomb)
            end = await end_of(job)
            (folder / "go").touch()

            assert (await end_of(other)).type is EventType.SUCCEEDED
        assert end.type is EventType.FAILED
        assert end.data["error"] == "The job used more than its limit of 30 processes"
        assert programs_of(job.job_id) == []
        assert programs_in(strict.folder.jobs) == []


def programs_in(folder: Path) -> list[int]:
    """The pids of everything that runs in *folder* or below it, whoever started it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if process.joinpath("cwd").resolve().is_relative_to(folder.resolve()):
                found.append(int(process.name))
    return found


@pytest.mark.capability("X4", "X12")
@pytest.mark.fault("F37")
@pytest.mark.parametrize(
    ("task", "script", "limit"),
    [
        pytest.param("probe.memory", HOG, "60 MB of memory", id="memory"),
        pytest.param("probe.memory", f"setsid {HOG} & wait", "60 MB of memory", id="of a child"),
        pytest.param("probe.busy", BUSY, "0.5 s of processor time", id="processor time"),
        pytest.param(
            "probe.shell",
            "for n in $(seq 100); do sleep 1000 & done; wait",
            "100 processes",
            id="processes, set for the node",
        ),
    ],
)
async def test_a_job_that_exceeds_a_limit_fails_with_its_name(
    strict: Node, task: str, script: str, limit: str
) -> None:
    async with client(strict) as ana:
        job = await greedy(ana, task, script)
        end = await end_of(job)

        assert end.type is EventType.FAILED
        assert end.data["error"] == f"The job used more than its limit of {limit}"
        assert end.data["signal"] == "SIGKILL"
        assert "leftovers" not in end.data
        assert programs_of(job.job_id) == []


async def test_a_job_has_no_more_open_files_than_it_may(strict: Node) -> None:
    async with client(strict) as ana:
        job = await greedy(ana, "probe.crowd", "sleep 0.2; ulimit -n; ulimit -Hn")

        assert (await job.result(LIMIT)).split() == ["50", "50"]


async def test_limits_are_shown_before_a_job_runs(strict: Node) -> None:
    async with client(strict) as ana:
        tasks = {task["name"]: task["limits"] for task in await ana.tasks()}
        checked = await ana.check("probe.memory", {"script": "exit"})

        assert tasks["probe.crowd"]["processes"] == 30
        assert tasks["probe.crowd"]["open_files"] == 50
        assert checked["limits"] == tasks["probe.memory"]
        assert checked["limits"]["memory"] == 60_000_000
        assert checked["limits"]["processes"] == 100
        assert checked["limits"]["output"] == 20_000_000


@pytest.mark.capability("X12")
@pytest.mark.fault("F38")
async def test_an_executor_out_of_files_fails_some_jobs_clearly_and_recovers(narrow: Node) -> None:
    executor = the_one(narrow.folder, "components/executor.py")
    async with client(narrow) as ana:
        jobs = await ana.exec_many([Request("probe.nap")] * MANY)
        failed = [job for job in jobs if await has_failed(job)]
        running = [job for job in jobs if job not in failed]
        ends = [await end_of(job) for job in failed]
        for job in running:
            await job.cancel(now=True)
        cancelled = [await end_of(job) for job in running]
        again = await ana.exec("probe.printed", {"text": "again"})

        assert await again.result(LIMIT) == "again"
        assert failed
        assert running
        assert {end.data["error"] for end in ends} == {
            "sleep could not be started just now: Too many open files"
        }
        assert {end.type for end in cancelled} == {EventType.CANCELLED}
        assert is_running(executor)


async def has_failed(job: Job) -> bool:
    """Whether *job* fails instead of running on."""
    await until(job, EventType.STARTED)
    while not programs_of(job.job_id):
        if (await job.snapshot())["state"] == "failed":
            return True
    return False
