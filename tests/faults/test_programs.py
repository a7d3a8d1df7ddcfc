"""What the code of a task may do to itself: nobody else notices."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.nodes import Node, comes_true, the_one
from tests.site import SLOTS, client, is_running, make_site
from tests.site.jobs import first_line

from taskrealm.client import JobFailed, JobTimedOut, Request
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from taskrealm.client import Job

LIMIT = 60.0  # seconds

pytestmark = pytest.mark.timeout(180)

CRASH = "import ctypes; ctypes.string_at(0)"
EXITS = "import os; os._exit(7)"
COMPLAINS = "import sys; sys.exit('no such album')"
SHOOTS_ITSELF = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
NEVER_ENDS = "while True: pass"

MAKES_A_MESS = """
import os, signal, subprocess, threading
os.mkdir("rubbish")
os.umask(0o777)
os.environ["COLOUR"] = "red"
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
threading.Thread(target=threading.Event().wait).start()
os.chdir("/")
os.write(1, b"straight from below Python\\n")
os._exit(0)
"""
LOOKS_AROUND = """
import json, os, signal
umask = os.umask(0)
ignored = [int(n) for n in signal.valid_signals() if signal.getsignal(n) == signal.SIG_IGN]
print(json.dumps({
    "directory": os.getcwd(), "content": os.listdir(), "umask": umask,
    "colour": os.environ.get("COLOUR"), "ignored": ignored,
    "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
}))
"""


async def printed_by(job: Job) -> str:
    async with asyncio.timeout(LIMIT):
        return "".join([chunk.text async for chunk in job.output("stdout")])


@pytest.mark.fault("F39")
@pytest.mark.capability("X12", "X8")
@pytest.mark.parametrize(
    ("code", "exit_code", "signal_name", "reason"),
    [
        pytest.param(EXITS, 7, None, "exit code 7", id="leaves without a word"),
        pytest.param(COMPLAINS, 1, None, "exit code 1", id="complains and exits"),
        pytest.param(CRASH, None, "SIGSEGV", "SIGSEGV", id="reads what is not its own"),
        pytest.param(SHOOTS_ITSELF, None, "SIGKILL", "SIGKILL", id="kills itself"),
    ],
)
async def test_a_program_that_crashes_fails_its_job_alone_and_frees_its_slot(
    site: Node, code: str, exit_code: int | None, signal_name: str | None, reason: str
) -> None:
    async with client(site, "paula") as paula:
        # More of them than there are slots: one that was not freed would stop the others.
        jobs = await paula.exec_many([Request("probe.script", [code])] * 3)
        after = await paula.exec("probe.printed", {"text": "still here"})
        for job in jobs:
            with pytest.raises(JobFailed, match=reason) as failure:
                await job.result(LIMIT)
            assert failure.value.exit_code == exit_code
            assert failure.value.signal == signal_name

        assert await after.result(LIMIT) == "still here"


@pytest.mark.fault("F39")
@pytest.mark.capability("X12", "X8", "A15")
@pytest.mark.parametrize(
    ("how", "exit_code", "signal_name", "reason"),
    [
        pytest.param(
            "leave", 7, None, "ended its worker with exit code 7", id="leaves without a word"
        ),
        pytest.param("text", 1, None, "ended with exit code 1", id="complains and exits"),
        pytest.param("memory", 1, None, "MemoryError", id="runs out of memory"),
        pytest.param(
            "crash",
            None,
            "SIGSEGV",
            "The worker of the function was ended by SIGSEGV",
            id="reads what is not its own",
        ),
        pytest.param(
            "killed",
            None,
            "SIGKILL",
            "The worker of the function was ended by SIGKILL, which nobody here sent",
            id="kills itself",
        ),
    ],
)
async def test_a_function_that_crashes_fails_its_job_alone_and_frees_its_slot(
    site: Node, how: str, exit_code: int | None, signal_name: str | None, reason: str
) -> None:
    async with client(site, "code_paula") as paula:
        jobs = await paula.exec_many([Request("func.fails", [how])] * 3)
        after = await paula.exec("func.whole", [1])
        for job in jobs:
            with pytest.raises(JobFailed, match=reason) as failure:
                await job.result(LIMIT)
            assert failure.value.exit_code == exit_code
            assert failure.value.signal == signal_name

        assert await after.result(LIMIT) == "1 for code_paula"


@pytest.mark.fault("F39")
@pytest.mark.capability("X4")
async def test_a_function_in_an_endless_loop_is_ended_by_its_time_limit(
    site: Node, tmp_path: Path
) -> None:
    async with client(site, "code_paula") as paula:
        job = await paula.exec("func.loops", [str(tmp_path / "mark")], timeout=1.0)
        with pytest.raises(JobTimedOut):
            await job.result(LIMIT)

        assert await (await paula.exec("func.whole", [2])).result(LIMIT) == "2 for code_paula"


@pytest.mark.fault("F39")
@pytest.mark.capability("X4")
async def test_a_program_in_an_endless_loop_is_ended_by_its_time_limit(site: Node) -> None:
    async with client(site, "paula") as paula:
        job = await paula.exec("probe.script", [NEVER_ENDS], timeout=0.5)

        with pytest.raises(JobTimedOut):
            await job.result(LIMIT)


@pytest.mark.fault("F40")
async def test_what_a_job_does_to_its_surroundings_is_gone_with_it(site: Node) -> None:
    async with client(site, "petra") as petra:
        mess = await petra.exec("probe.script", [MAKES_A_MESS])
        assert await printed_by(mess) == "straight from below Python\n"
        await mess.result(LIMIT)
        found = json.loads(await (await petra.exec("probe.script", [LOOKS_AROUND])).result(LIMIT))

    assert found["content"] == []
    assert found["colour"] is None
    assert found["blocked"] == 0
    assert found["umask"] != 0o777
    # Python itself ignores these two.
    assert set(found["ignored"]) <= {signal.SIGPIPE, signal.SIGXFSZ}


@pytest.mark.fault("F40")
@pytest.mark.parametrize(
    "what",
    ["thread", "environment", "directory", "umask", "signals", "streams", "child", "fork", "file"],
)
async def test_what_a_function_does_to_its_surroundings_is_gone_with_it(
    site: Node, what: str
) -> None:
    async with client(site, "code_petra") as petra:
        messes = [await petra.exec("func.leaves", [what]) for _ in range(SLOTS * 2)]
        looks = [await petra.exec("func.looks") for _ in range(SLOTS * 2)]
        left = [pid for job in messes for pid in await job.result(LIMIT)]
        found = [await job.result(LIMIT) for job in looks]
        printed = [await printed_by(job) for job in looks]

    assert not [pid for pid in left if is_running(pid)]
    assert printed == ["clean\n"] * len(looks)
    for each in found:
        assert each.pop("umask") != 0o777
        assert each == {
            "content": [],
            "colour": None,
            "term": True,
            "blocked": 0,
            "threads": 1,
        }


@pytest.mark.fault("F41")
async def test_neither_executor_nor_workers_grow_with_the_functions_they_have_run(
    short_path: Path,
) -> None:
    settings = "[executor.workers]\njobs = 100_000\n"
    with Node(make_site(short_path, settings=settings)) as node:
        node.until("READY")
        executor = the_one(node.folder, "components/executor.py")
        async with client(node, "code_pia") as pia:

            async def run(count: int) -> None:
                jobs = await pia.exec_many([Request("func.nothing")] * count)
                async with asyncio.timeout(LIMIT):
                    await asyncio.gather(*(job.result() for job in jobs))

            for _ in range(3):
                await run(400)
            pids = [executor, *workers_of(executor)]
            before = [footprint(pid) for pid in pids]
            for _ in range(3):
                await run(400)
            after = [footprint(pid) for pid in pids]
            assert [executor, *workers_of(executor)] == pids

    assert len(pids) == 1 + SLOTS
    for (memory, files, threads), (grown, files_after, threads_after) in zip(
        before, after, strict=True
    ):
        assert grown < memory * 1.05
        assert files_after <= files + 2
        assert threads_after <= threads + 2


def workers_of(executor: int) -> list[int]:
    """The pids of the warm workers of an executor."""
    children = Path(f"/proc/{executor}/task/{executor}/children").read_text().split()
    return sorted(
        int(child)
        for child in children
        if "taskrealm.engine.worker" in Path(f"/proc/{child}/cmdline").read_text()
    )


@pytest.mark.fault("F41")
async def test_the_executor_does_not_grow_with_the_jobs_it_has_run(site: Node) -> None:
    executor = the_one(site.folder, "components/executor.py")
    async with client(site, "pia") as pia:

        async def run(count: int) -> None:
            jobs = await pia.exec_many([Request("probe.nothing")] * count)
            async with asyncio.timeout(LIMIT):
                await asyncio.gather(*(job.result() for job in jobs))

        # Until then the caches of the database and of the allocator fill.
        for _ in range(6):
            await run(400)
        memory, files, threads = footprint(executor)
        for _ in range(4):
            await run(400)
        grown, files_after, threads_after = footprint(executor)

    assert grown < memory * 1.05
    assert files_after <= files + 2
    assert threads_after <= threads + 2


def footprint(pid: int) -> tuple[int, int, int]:
    """Resident memory in KiB, open files and threads of a process."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    files = len(os.listdir(f"/proc/{pid}/fd"))
    return int(status["VmRSS"].split()[0]), files, int(status["Threads"])


@pytest.mark.fault("F42")
@pytest.mark.capability("N4", "L4")
async def test_no_program_survives_its_cancel_nor_its_executor(site: Node) -> None:
    async with client(site) as ana:
        cancelled = await ana.exec("probe.family", {"stubborn": True})
        family = [int(pid) for pid in (await first_line(cancelled)).split()]
        assert await cancelled.cancel() == "stopping"
        async with asyncio.timeout(LIMIT):
            assert [event async for event in cancelled][-1].type is EventType.CANCELLED
        assert not [pid for pid in family if is_running(pid)]

        lost = await ana.exec("probe.family", {"stubborn": True})
        family = [int(pid) for pid in (await first_line(lost)).split()]
        os.kill(the_one(site.folder, "components/executor.py"), signal.SIGKILL)
        async with asyncio.timeout(LIMIT):
            assert [event async for event in lost][-1].type is EventType.LOST
        assert not [pid for pid in family if is_running(pid)]
        assert await (await ana.exec("probe.printed", {"text": "again"})).result(LIMIT) == "again"


@pytest.mark.fault("F42")
@pytest.mark.capability("N4", "L4")
async def test_no_function_survives_its_cancel_nor_its_executor(
    site: Node, short_path: Path
) -> None:
    async with client(site, "code_ana") as ana:
        cancelled = await ana.exec("func.family", [str(short_path / "cancelled")])
        family = await family_in(short_path / "cancelled")
        await cancelled.cancel(now=True)
        async with asyncio.timeout(LIMIT):
            assert [event async for event in cancelled][-1].type is EventType.CANCELLED
        assert not [pid for pid in family if is_running(pid)]

        lost = await ana.exec("func.family", [str(short_path / "lost")])
        family = await family_in(short_path / "lost")
        executor = the_one(site.folder, "components/executor.py")
        family += workers_of(executor)
        os.kill(executor, signal.SIGKILL)
        async with asyncio.timeout(LIMIT):
            assert [event async for event in lost][-1].type is EventType.LOST
        assert not [pid for pid in family if is_running(pid)]
        after = await ana.exec("func.whole", [3])
        assert await after.result(LIMIT) == "3 for code_ana"


async def family_in(mark: Path) -> list[int]:
    """The pids that a family has noted, once they are all there."""
    await comes_true(lambda: mark.exists() and mark.read_text().endswith("]"), LIMIT)
    return [int(pid) for pid in json.loads(mark.read_text())]
