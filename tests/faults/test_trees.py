"""Cancel stops the work, nothing outlives its job, and no job outlives the executor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.nodes import Node, Watch, processes_of, the_one
from tests.site import SLOTS, client, is_running, make_site, programs_of
from tests.site.jobs import LIMIT, end_of, events_of, until, words_of

from taskrealm.client import Request
from taskrealm.engine.containment import Containment, NotContained
from taskrealm.protocol.errors import UnknownJob
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrealm.client import Client, Job

pytestmark = pytest.mark.timeout(120)

# A multiple of 1,000; with more of them, a leak too small for the usual run shows as well.
SHORT_JOBS = int(os.environ.get("TASKREALM_SHORT_JOBS", "1000"))

# Children of every kind that kills tend to miss; each tells its pid.
IN_BACKGROUND = "bash -c 'echo $$; exec sleep 1000' &"
DEAF = """bash -c 'trap "" TERM; echo $$; while :; do sleep 1; done' &"""
IN_A_SESSION = "setsid bash -c 'echo $$; exec sleep 1000' &"
DAEMON = "(setsid bash -c 'echo $$; exec sleep 1000' &) &"
WITHOUT_COOKIE = "(setsid env -i bash -c 'echo $$; exec sleep 1000' &) &"
BROOD = (IN_BACKGROUND, DEAF, IN_A_SESSION, DAEMON, WITHOUT_COOKIE)

# Starts all of them and tells all pids, its own too, in one line.
FAMILY = f"(echo $$; {' '.join(BROOD)} wait; sleep 1000) | (read -r a; read -r b; read -r c; read -r d; read -r e; read -r f; echo $a $b $c $d $e $f; sleep 1000)"

# A tree that goes on as new processes in new sessions, faster than one can look.
RESPAWNING = """
python3 -c '
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
if os.fork():
    print("ready", flush=True)
    time.sleep(1000)
while True:
    if os.fork():
        time.sleep(0.01)
        os._exit(0)
    os.setsid()
'
"""


# Runs a node in a mount namespace of its own, where there are no cgroups of version 2.
WITHOUT_CGROUPS = """
import ctypes, runpy
NEW_MOUNTS, PRIVATE_AND_BELOW, DETACH = 0x20000, 1 << 18 | 1 << 14, 2
libc = ctypes.CDLL(None)
assert libc.unshare(NEW_MOUNTS) == 0
assert libc.mount(b"none", b"/", None, PRIVATE_AND_BELOW, None) == 0
for line in open("/proc/self/mountinfo").readlines():
    if " - cgroup2 " in line:
        assert libc.umount2(line.split()[4].encode(), DETACH) == 0
runpy.run_module("tests.up", run_name="__main__")
"""


@pytest.fixture(scope="module")
def sturdy() -> Iterator[Node]:
    """A node whose executor some tests kill; it comes back by itself."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        with Node(make_site(Path(path), settings="queue_limit_per_user = 1_000\n")) as node:
            node.until("READY")
            yield node


async def shell(user: Client, script: str) -> Job:
    return await user.exec("probe.shell", {"script": script})


async def family(user: Client) -> tuple[Job, list[int]]:
    """A job with children of every kind, and the pids of all of them."""
    job = await shell(user, FAMILY)
    pids = [int(word) for word in await words_of(job)]
    assert len(pids) == len(BROOD) + 1
    assert all(map(is_running, pids))
    return job, pids


@pytest.mark.capability("C2", "X6", "N4")
@pytest.mark.fault("F1", "F2", "F3")
@pytest.mark.parametrize("at_once", [False, True], ids=["politely", "at once"])
async def test_cancel_ends_children_of_every_kind(sturdy: Node, at_once: bool) -> None:
    async with client(sturdy) as ana:
        job, pids = await family(ana)
        assert await job.cancel(now=at_once) == "stopping"
        end = await end_of(job)

        assert end.type is EventType.CANCELLED
        assert end.data["signal"] in ("SIGTERM", "SIGKILL")
        assert not [pid for pid in pids if is_running(pid)]


@pytest.mark.capability("C2", "N4")
@pytest.mark.fault("F3")
async def test_who_ignores_the_request_is_killed_after_the_grace_and_the_end_says_so(
    sturdy: Node,
) -> None:
    async with client(sturdy) as ana:
        job = await shell(ana, "trap '' TERM; echo ready; while :; do sleep 0.05; done")
        await words_of(job)
        await job.cancel()
        events = await events_of(job)

        assert [event.type for event in events[-2:]] == [EventType.STOPPING, EventType.CANCELLED]
        assert events[-1].data["signal"] == "SIGKILL"


@pytest.mark.capability("X6", "N4")
@pytest.mark.fault("F2")
async def test_cancel_ends_a_tree_that_respawns_faster_than_one_can_look(sturdy: Node) -> None:
    async with client(sturdy) as ana:
        job = await shell(ana, RESPAWNING)
        await words_of(job)
        await job.cancel()

        assert (await end_of(job)).type is EventType.CANCELLED
        assert programs_of(job.job_id) == []


@pytest.mark.capability("C2", "N4")
@pytest.mark.fault("F9")
async def test_a_job_that_has_stopped_itself_can_be_cancelled(sturdy: Node) -> None:
    async with client(sturdy) as ana:
        job = await shell(ana, "echo ready; kill -STOP $$; sleep 1000")
        await words_of(job)
        await job.cancel()

        assert (await end_of(job)).type is EventType.CANCELLED


@pytest.mark.capability("X3", "X6")
@pytest.mark.fault("F8")
async def test_a_time_limit_takes_the_same_way_as_a_cancel_and_says_that_it_was_one(
    sturdy: Node,
) -> None:
    async with client(sturdy) as ana:
        job = await ana.exec("probe.shell", {"script": FAMILY}, timeout=2)
        pids = [int(word) for word in await words_of(job)]
        events = await events_of(job)

        assert [event.type for event in events[-2:]] == [EventType.STOPPING, EventType.TIMED_OUT]
        assert not [pid for pid in pids if is_running(pid)]


@pytest.mark.capability("C1", "C2", "C3", "C4", "N4")
@pytest.mark.fault("F4", "R16")
async def test_a_cancel_in_every_state_ends_a_job_once_and_for_all(sturdy: Node) -> None:
    async with client(sturdy) as ana, client(sturdy, "eve") as eve:
        blocking = [await shell(ana, "trap '' TERM; echo up; sleep 1000; :") for _ in range(SLOTS)]
        for each in blocking:
            await words_of(each)
        trace = Path(tempfile.mkdtemp(prefix="tr-")) / "started"
        waiting = await shell(ana, f"touch {trace}")
        for job in (waiting, *blocking):
            with pytest.raises(UnknownJob):
                await eve.job(job.job_id).cancel()

        assert await waiting.cancel() == "removed_from_queue"
        assert await waiting.cancel() == "already_cancelled"
        first, *others = blocking
        answers = await asyncio.gather(*(first.cancel() for _ in range(5)))
        assert set(answers) <= {"stopping", "already_cancelled"}
        for each in others:
            await each.cancel(now=True)
        ends = [await events_of(job) for job in (waiting, *blocking)]
        assert [await job.cancel() for job in blocking] == ["already_cancelled"] * SLOTS

        assert [event.type for event in ends[0]] == [EventType.QUEUED, EventType.CANCELLED]
        for events in ends:
            assert [event.type for event in events].count(EventType.CANCELLED) == 1
            assert [event.type for event in events].count(EventType.STOPPING) <= 1
            assert events[-1].type is EventType.CANCELLED
        assert not trace.exists()
        trace.parent.rmdir()


@pytest.mark.capability("C2", "N4")
@pytest.mark.fault("F4", "F5", "R15", "R16")
async def test_a_cancel_while_a_job_starts_or_ends_leaves_one_end_and_a_free_slot(
    sturdy: Node,
) -> None:
    dice = random.Random(5)
    async with client(sturdy) as ana:
        jobs = []
        for _ in range(60):
            job = await ana.exec("probe.nothing")
            await asyncio.sleep(dice.choice((0, 0, 0.001, 0.003, 0.01)))
            answer = await job.cancel(now=dice.random() < 0.5)
            jobs.append((job, answer))
        for job, answer in jobs:
            end = await end_of(job)
            assert end.type in (EventType.SUCCEEDED, EventType.CANCELLED)
            assert answer in ("removed_from_queue", "stopping", f"already_{end.type}")
        naps = await ana.exec_many([Request("probe.nap")] * SLOTS)
        # There are as many slots as before.
        for nap in naps:
            await until(nap, EventType.STARTED)
        late = await ana.exec("probe.nap")
        assert (await late.snapshot())["state"] == "queued"
        for nap in (late, *naps):
            await nap.cancel(now=True)
            await end_of(nap)


@pytest.mark.fault("R16")
@pytest.mark.capability("C2", "N4")
async def test_a_second_cancel_kills_without_waiting_for_the_grace(sturdy: Node) -> None:
    async with client(sturdy) as ana:
        job = await ana.exec("probe.patient")
        await words_of(job)
        assert await job.cancel() == "stopping"
        await until(job, EventType.STOPPING)
        assert await job.cancel() == "stopping"

        assert (await end_of(job)).data["signal"] == "SIGKILL"


@pytest.mark.capability("X6", "N4")
@pytest.mark.fault("F6")
@pytest.mark.parametrize("child", [DAEMON, WITHOUT_COOKIE], ids=["daemon", "without cookie"])
async def test_what_a_program_left_behind_is_ended_and_its_owner_told(
    sturdy: Node, child: str
) -> None:
    async with client(sturdy) as ana:
        job = await shell(ana, f"{child} sleep 0.2; exit 0")
        [pid] = [int(word) for word in await words_of(job)]
        end = await end_of(job)

        assert end.type is EventType.SUCCEEDED
        assert end.data["leftovers"] == 1
        assert not is_running(pid)
        assert (await job.snapshot())["leftovers"] == 1


@pytest.mark.capability("X6", "N4")
@pytest.mark.fault("F6", "F7")
async def test_grandchildren_that_hold_the_output_open_cannot_keep_a_slot(sturdy: Node) -> None:
    async with client(sturdy) as ana:
        jobs = [await shell(ana, "setsid yes & exit 0") for _ in range(SLOTS)]
        jobs.append(await shell(ana, "setsid sleep 1000 & exit 3"))
        ends = [await end_of(job) for job in jobs]

        assert [end.type for end in ends] == ["succeeded"] * SLOTS + ["failed"]
        assert [end.data["leftovers"] for end in ends] == [1] * (SLOTS + 1)
        assert ends[-1].data["exit_code"] == 3


@pytest.mark.fault("R14")
async def test_what_children_print_after_their_parent_has_ended_arrives(sturdy: Node) -> None:
    async with client(sturdy) as ana:
        job = await shell(ana, "(for n in 1 2 3; do sleep 0.1; echo $n; done) & exit 0")
        text = "".join([chunk.text async for chunk in job.output("stdout")])

        assert (await end_of(job)).type is EventType.SUCCEEDED
        assert text == "1\n2\n3\n"


@pytest.mark.fault("R12")
async def test_a_job_that_removes_its_own_folder_harms_nobody(sturdy: Node) -> None:
    async with client(sturdy) as ana:
        scripts = (
            "rmdir $PWD",
            "cd ..; d=$OLDPWD; rmdir $d; touch $d",
            "d=$PWD; cd ..; rmdir $d; ln -s /etc $d",
            "chmod 0 $PWD",
        )
        jobs = [await shell(ana, script) for script in scripts]
        ends = [await end_of(job) for job in jobs]
        after = [await shell(ana, "pwd; ls -A; touch mine") for _ in range(SLOTS + 1)]

        assert [end.type for end in ends] == ["succeeded"] * len(scripts)
        for job in after:
            assert re.fullmatch(r"/\S+/jobs/\d+", await job.result(LIMIT))
        assert Path("/etc/passwd").exists()


@pytest.mark.capability("X12")
@pytest.mark.fault("F12")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("kill -SEGV $$", {"signal": "SIGSEGV"}, id="segmentation fault"),
        pytest.param("kill -ABRT $$", {"signal": "SIGABRT"}, id="abort with a core dump"),
        pytest.param("kill -40 $$", {"signal": "signal 40"}, id="a signal without a name"),
        pytest.param("exit 255", {"exit_code": 255}, id="exit code 255"),
        pytest.param("kill -KILL $$", {"signal": "SIGKILL"}, id="killed by someone else"),
    ],
)
async def test_a_program_that_crashes_is_an_error_and_its_slot_is_free(
    sturdy: Node, script: str, expected: dict[str, object]
) -> None:
    async with client(sturdy) as ana:
        jobs = [await shell(ana, script) for _ in range(SLOTS + 1)]
        ends = [await end_of(job) for job in jobs]

        for end in ends:
            assert end.type is EventType.FAILED
            assert expected.items() <= end.data.items()
            assert str(next(iter(expected.values()))) in end.data["error"]
        assert ("nobody here sent" in ends[0].data["error"]) == ("KILL" in script)


@pytest.mark.capability("X12")
@pytest.mark.fault("F12")
async def test_programs_that_cannot_start_fail_and_free_their_slots(sturdy: Node) -> None:
    async with client(sturdy) as ana:
        jobs = await ana.exec_many([Request("probe.missing")] * (2 * SLOTS))
        ends = [await end_of(job) for job in jobs]

        assert {end.type for end in ends} == {EventType.FAILED}
        assert "no-such-program-anywhere is not in the PATH" in ends[0].data["error"]


class Means(NamedTuple):
    """What an executor holds."""

    files: int
    threads: int
    memory: int  # bytes
    children: list[str]
    """The command lines of its child processes; workers, which stay, are not among them."""
    workers: int

    @classmethod
    def of(cls, pid: int) -> Means:
        process = Path(f"/proc/{pid}")
        status = process.joinpath("status").read_text()
        pids = process.joinpath(f"task/{pid}/children").read_text().split()
        running = []
        for each in pids:
            with contextlib.suppress(OSError):  # it has been reaped meanwhile
                running.append(Path(f"/proc/{each}/cmdline").read_text())
        # What has ended and is not reaped yet has an empty command line.
        children = [each for each in running if "taskrealm.engine.worker" not in each]
        return cls(
            files=len(os.listdir(process / "fd")),
            threads=int(re.findall(r"^Threads:\s+(\d+)", status, re.M)[0]),
            memory=int(re.findall(r"^VmRSS:\s+(\d+)", status, re.M)[0]) * 1024,
            children=children,
            workers=len(running) - len(children),
        )


@pytest.mark.capability("X6", "N1")
@pytest.mark.fault("F10", "F11", "R13")
async def test_a_thousand_short_jobs_with_orphans_leave_nothing_behind(sturdy: Node) -> None:
    executor = the_one(sturdy.folder, "components/executor.py")
    orphaning = Request("probe.shell", {"script": "(setsid true &); exit 0"})
    short = Request("probe.nothing")

    async def run(count: int) -> list[EventType]:
        jobs = await ana.exec_many([short, orphaning] * (count // 2))
        return [(await end_of(job)).type for job in jobs]

    async with client(sturdy) as ana:
        await run(200)
        before = Means.of(executor)
        ends = [end for _ in range(SHORT_JOBS // 1_000) for end in await run(1_000)]
        # The last of them are reaped with the next job at the latest.
        await run(2)
        after = Means.of(executor)

    assert ends == [EventType.SUCCEEDED] * SHORT_JOBS
    assert after.children == []
    assert after.workers <= before.workers
    assert after.files <= before.files
    assert after.threads <= before.threads
    assert after.memory < 1.2 * before.memory


@pytest.mark.capability("L4", "X6")
@pytest.mark.fault("F1", "F2", "F42")
async def test_no_job_outlives_a_killed_executor(sturdy: Node) -> None:
    async with client(sturdy) as ana:
        jobs = [await family(ana) for _ in range(SLOTS)]
        everything = Watch(pid for _, pids in jobs for pid in pids)
        Watch([the_one(sturdy.folder, "components/executor.py")]).kill()
        everything.all_end()

        for job, _ in jobs:
            assert (await end_of(job)).type is EventType.LOST
        assert await (await shell(ana, "echo back")).result(LIMIT) == "back"


@pytest.mark.capability("L4", "X6")
@pytest.mark.fault("F22")
async def test_no_job_outlives_the_next_start_of_a_node_that_was_killed_whole(
    short_path: Path,
) -> None:
    try:
        Containment.open(f"taskrealm.test.{os.getpid()}").remove()
    except NotContained as reason:
        pytest.skip(str(reason))
    folder = make_site(short_path)
    with Node(folder) as first:
        first.until("READY")
        async with client(first) as ana:
            job, pids = await family(ana)
            everything = Watch(pids)
            parts = [pid for pid in processes_of(folder) if pid not in pids]
            for pid in parts:
                os.kill(pid, signal.SIGSTOP)  # so that none of them notices
            for pid in (first.process.pid, *parts):
                os.kill(pid, signal.SIGKILL)
            with Node(folder) as second:
                everything.all_end()
                second.until("READY")
                assert (await end_of(job)).type is EventType.LOST


@pytest.mark.capability("L4", "X6")
@pytest.mark.fault("F42")
async def test_without_cgroups_no_job_outlives_a_killed_executor_either_and_the_log_says_so(
    short_path: Path,
) -> None:
    if os.getuid() != 0:
        pytest.skip("needs the right to make a mount namespace")
    with Node(make_site(short_path), program=("-c", WITHOUT_CGROUPS)) as node:
        node.until("READY")
        async with client(node) as ana:
            job, pids = await family(ana)
            everything = Watch(pids)
            Watch([the_one(node.folder, "components/executor.py")]).kill()
            everything.all_end()

            assert (await end_of(job)).type is EventType.LOST
    text = node.folder.log("executor").read_text()
    assert text.count("No cgroup holds the executor (no cgroups of version 2 are mounted)") == 1


@pytest.mark.fault("R15")
@pytest.mark.parametrize("phase", ["STARTING", "WAITING"])
def test_a_node_that_is_stopped_while_it_starts_leaves_nothing(
    short_path: Path, phase: str
) -> None:
    with Node(make_site(short_path)) as node:
        node.until(phase)
        code = node.stop()

    assert code == 0
    assert not processes_of(node.folder)
