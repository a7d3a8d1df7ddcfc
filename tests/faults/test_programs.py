"""What the code of a task may do to itself: nobody else notices."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.nodes import Node, the_one
from tests.site import client, is_running, make_site
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
async def test_no_program_survives_its_cancel_nor_its_executor(short_path: Path) -> None:
    with Node(make_site(short_path)) as node:
        node.until("READY")
        async with client(node) as ana:
            cancelled = await ana.exec("probe.family", {"stubborn": True})
            family = [int(pid) for pid in (await first_line(cancelled)).split()]
            assert await cancelled.cancel() == "stopping"
            async with asyncio.timeout(LIMIT):
                assert [event async for event in cancelled][-1].type is EventType.CANCELLED
            assert not [pid for pid in family if is_running(pid)]

            lost = await ana.exec("probe.family", {"stubborn": True})
            family = [int(pid) for pid in (await first_line(lost)).split()]
            os.kill(the_one(node.folder, "components/executor.py"), signal.SIGKILL)
            async with asyncio.timeout(LIMIT):
                assert [event async for event in lost][-1].type is EventType.LOST
            assert not [pid for pid in family if is_running(pid)]
            assert (
                await (await ana.exec("probe.printed", {"text": "again"})).result(LIMIT) == "again"
            )
