"""What survives the end of an executor: the queue, delays, keys, wishes; and what runs again."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.nodes import Node, Watch, the_one
from tests.site import client, is_running, make_site, programs_of
from tests.site.jobs import events_of, until
from tests.threads import main_thread_held

from taskrealm.client import JobExpired, JobFailed, JobLost
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrealm.client import Job

LIMIT = 60.0  # seconds that anything may take
EXECUTOR = "components/executor.py"

TASKS = '''
from __future__ import annotations

import sys

from taskrealm.tasks import CommandTask, Value

WORK = """
import os, sys, time
attempt, last = os.environ["TASKREALM_ATTEMPT"], sys.argv[1]
print(attempt, flush=True)
time.sleep(600 if int(attempt) < int(last) else 0)
"""


TALK = """
import os, time
attempt = os.environ["TASKREALM_ATTEMPT"]
print(attempt * 200_000, end="", flush=True)
time.sleep(600 if attempt == "1" else 0)
"""


class Repeatable(CommandTask):
    """Sleep in every attempt but the last one."""

    name = "again.work"
    last: int = 2
    command = (sys.executable, "-c", WORK, Value("last"))
    retries = 2


class Talkative(CommandTask):
    """Print much in every attempt, and sleep in the first."""

    name = "again.talkative"
    command = (sys.executable, "-c", TALK)
    retries = 1

    def parse_result(self, output):
        text = output.stdout.decode()
        return [text[0], text[-1], len(text)]


class Stubborn(CommandTask):
    """Take no notice of polite signals."""

    name = "again.stubborn"
    command = ("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    grace = 60.0
    retries = 2


class Patient(Stubborn):
    """Take no notice of polite signals, for a while."""

    name = "again.patient"
    grace = 2.0
'''

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def site() -> Iterator[Node]:
    """A node whose executor is killed; it has to answer again after each test."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path))
        (folder.root / "tasks" / "again.py").write_text(TASKS)
        with Node(folder) as node:
            node.until("READY")
            yield node


def kill_executor(site: Node) -> None:
    Watch([the_one(site.folder, EXECUTOR)]).kill()


@contextmanager
def locked_journal(site: Node) -> Iterator[None]:
    """Nobody else can commit anything meanwhile."""
    path = site.folder.journal / "journal.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as database:
        database.execute("begin immediate")
        yield
        database.execute("rollback")


def until_recorded(site: Node, job: Job, state: str) -> None:
    """Return once the journal's file has *state*, whatever the executor knows of it."""
    path = site.folder.journal / "journal.sqlite"
    deadline = time.monotonic() + LIMIT
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        query = "select state from jobs where job_id = ?"
        while database.execute(query, [job.job_id]).fetchone() != (state,):
            assert time.monotonic() < deadline, f"{job} is not {state}"
            time.sleep(0.01)


async def attempts_of(job: Job) -> list[int]:
    """The number of each attempt that was started."""
    return [event.attempt for event in await events_of(job) if event.type is EventType.STARTED]


async def printed(job: Job, text: str) -> None:
    """Return once the output of *job* contains *text*."""
    seen = ""
    async with asyncio.timeout(LIMIT):
        async for chunk in job.output("stdout"):
            seen += chunk.text
            if text in seen:
                return
    raise AssertionError(f"{job} printed {seen!r}")


async def operate(site: Node, what: str) -> dict[str, Any]:
    """Let an operator ask for *what*, such as `pause`."""
    async with client(site, "root", "operator") as root:
        answer: dict[str, Any] = await getattr(root, what)()
    return answer


@pytest.mark.capability("L2", "L4")
@pytest.mark.fault("F20")
async def test_a_repeatable_job_runs_again_when_its_old_processes_are_dead(site: Node) -> None:
    async with client(site) as ana:
        job = await ana.exec("again.work")
        await printed(job, "1\n")
        programs = programs_of(job.job_id)
        kill_executor(site)
        retrying = await until(job, EventType.RETRYING)

        assert not [pid for pid in programs if is_running(pid)]
        assert retrying.attempt == 1
        assert retrying.data["retries_left"] == 1
        assert 0.5 <= retrying.data["delay"] <= 1
        assert "executor died" in retrying.data["reason"]
        assert await job.result(LIMIT) == "2"
        events = await events_of(job)
        assert [(event.type, event.attempt) for event in events] == [
            ("queued", 0),
            ("started", 1),
            ("retrying", 1),
            ("queued", 1),
            ("started", 2),
            ("succeeded", 2),
        ]


@pytest.mark.capability("L2")
async def test_the_result_of_a_job_that_ran_again_is_made_of_its_last_attempt(site: Node) -> None:
    async with client(site) as ana:
        job = await ana.exec("again.talkative")
        await printed(job, "1" * 200_000)
        kill_executor(site)

        assert await job.result(LIMIT) == ["2", "2", 200_000]
        assert (await job.snapshot())["output"]["stdout"] == 400_000


@pytest.mark.capability("L2")
@pytest.mark.fault("F36")
async def test_a_job_that_never_survives_its_executor_ends_lost_after_its_retries(
    site: Node,
) -> None:
    async with client(site) as ana:
        job = await ana.exec("again.work", {"last": 9}, retries=1)
        for attempt in ("1\n", "2\n"):
            await printed(job, attempt)
            kill_executor(site)
        with pytest.raises(JobLost):
            await job.result(LIMIT)

        assert await attempts_of(job) == [1, 2]


@pytest.mark.capability("N5")
@pytest.mark.fault("F20")
async def test_a_cancel_that_was_accepted_wins_over_a_retry(site: Node) -> None:
    async with client(site) as ana:
        job = await ana.exec("again.stubborn")
        await printed(job, "ready")
        programs = programs_of(job.job_id)
        assert await job.cancel("enough") == "stopping"
        kill_executor(site)
        events = await events_of(job)

        assert [event.type for event in events] == ["queued", "started", "stopping", "cancelled"]
        assert events[-1].data["reason"] == "enough"
        assert not [pid for pid in programs if is_running(pid)]


@pytest.mark.capability("N5")
async def test_a_cancel_that_was_accepted_is_carried_out_when_the_router_is_killed(
    site: Node,
) -> None:
    async with client(site) as ana:
        job = await ana.exec("again.patient")
        await printed(job, "ready")
        assert await job.cancel("enough") == "stopping"
        Watch([the_one(site.folder, "crossbar-worker")]).kill()
        [*_, last] = await events_of(job)

        assert last.type is EventType.CANCELLED
        assert last.data["by"] == "ana"
        assert not programs_of(job.job_id)
    site.until("READY")


@pytest.mark.capability("L1", "N16")
async def test_a_delayed_job_waits_for_its_time_over_a_restart(site: Node) -> None:
    async with client(site) as ana:
        soon = await ana.exec("date", delay=2.5)
        later = await ana.exec("date", delay=3_600)
        assert (await soon.snapshot())["state"] == "delayed"
        kill_executor(site)
        events = await events_of(soon)

        assert [event.type for event in events] == ["delayed", "queued", "started", "succeeded"]
        assert events[0].data["delay"] == 2.5
        assert (events[1].at - events[0].at).total_seconds() >= 2.5
        assert (await later.snapshot())["state"] == "delayed"
        assert await later.cancel() == "removed_from_queue"
        assert [event.type for event in await events_of(later)] == ["delayed", "cancelled"]


@pytest.mark.capability("S8", "L1")
@pytest.mark.fault("F44")
async def test_a_key_stands_for_the_same_job_after_a_restart(site: Node) -> None:
    async with client(site) as ana:
        ended = await ana.exec("probe.nothing", {"number": 1}, key="ended")
        await ended.result(LIMIT)
        waiting = await ana.exec("probe.nothing", {"number": 2}, key="waiting", delay=3_600)
        kill_executor(site)
        again = [
            await ana.exec("probe.nothing", {"number": 1}, key="ended"),
            await ana.exec("probe.nothing", {"number": 2}, key="waiting"),
        ]

        assert [job.job_id for job in again] == [ended.job_id, waiting.job_id]
        assert await again[0].result(LIMIT) is None
        await waiting.cancel()


@pytest.mark.capability("S8", "D9")
@pytest.mark.fault("F44")
async def test_a_client_repeats_a_request_with_a_key_by_itself_and_makes_one_job(
    site: Node,
) -> None:
    async with client(site, "key") as key:
        with locked_journal(site):
            submitted = asyncio.create_task(key.exec("date", key="once"))
            await key.tasks()  # whose answer comes after the request has arrived
            kill_executor(site)
        job = await submitted
        again = await key.exec("date", key="once")

        assert await job.result(LIMIT)
        assert again.job_id == job.job_id
        assert len([each async for each in key.jobs()]) == 1


@pytest.mark.capability("L2")
@pytest.mark.fault("F21")
async def test_a_job_killed_between_running_on_record_and_its_start_is_not_run_twice(
    site: Node,
) -> None:
    async with client(site) as ana:
        await operate(site, "pause")
        lost = await ana.exec("probe.printed", {"text": "lost"})
        repeated = await ana.exec("again.work")
        executor = the_one(site.folder, EXECUTOR)
        killed = Watch([executor])
        with ExitStack() as ends:
            with locked_journal(site):
                await operate(site, "resume")
                held = ends.enter_context(main_thread_held(executor))
            # The journal's thread goes on, and commits what was to be written.
            for job in (lost, repeated):
                until_recorded(site, job, "running")
            held.kill()
        killed.all_end()
        with pytest.raises(JobLost):
            await lost.result(LIMIT)

        assert (await lost.snapshot())["output"]["stdout"] == 0
        assert await repeated.result(LIMIT) == "2"
        assert await attempts_of(repeated) == [1, 2]


@pytest.mark.capability("L2")
@pytest.mark.fault("F21")
async def test_a_job_that_ended_off_the_record_is_lost_or_runs_again_as_its_task_says(
    site: Node,
) -> None:
    async with client(site) as ana:
        job = await ana.exec("again.work")
        await printed(job, "1\n")
        plain = await ana.exec("probe.family")
        await printed(plain, "\n")
        programs = [*programs_of(job.job_id), *programs_of(plain.job_id)]
        with locked_journal(site):
            Watch(programs).kill()
            kill_executor(site)
        events = await events_of(plain)

        assert [event.type for event in events] == ["queued", "started", "lost"]
        # Nobody knows any more how it ended: the same as if the program had still run.
        assert await attempts_of(job) == [1, 2]


@pytest.mark.fault("F24", "F45")
async def test_a_second_executor_on_the_same_node_refuses_and_harms_nothing(site: Node) -> None:
    async with client(site) as ana:
        job = await ana.exec("probe.nap", {"seconds": 60})
        await until(job, EventType.STARTED)
        programs = programs_of(job.job_id)
        executor = the_one(site.folder, EXECUTOR)
        second = subprocess.run(
            [sys.executable, EXECUTOR],
            cwd=site.folder.root,
            input=b"",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT,
            check=False,
        )

        assert second.returncode != 0
        assert f"in use by another process (pid {executor})" in second.stdout.decode()
        assert [pid for pid in programs if is_running(pid)] == programs
        assert await (await ana.exec("date")).result(LIMIT)
        await job.cancel(now=True)


@pytest.mark.fault("F25")
async def test_an_executor_that_was_stopped_for_a_while_loses_nothing(site: Node) -> None:
    async with client(site) as ana:
        ends = await ana.exec("demo.count", {"to": 3, "interval": 0.5})
        goes_on = await ana.exec("demo.count", {"to": 5, "interval": 1})
        await until(goes_on, EventType.PROGRESS)
        executor = the_one(site.folder, EXECUTOR)
        os.kill(executor, signal.SIGSTOP)
        submitted = asyncio.create_task(ana.exec("date"))
        await asyncio.sleep(3)  # nothing can be awaited of what is stopped
        os.kill(executor, signal.SIGCONT)

        assert await (await submitted).result(LIMIT)
        for job in (ends, goes_on):
            events = await events_of(job)
            assert [event.job_seq for event in events] == list(range(1, len(events) + 1))
            assert events[-1].type is EventType.SUCCEEDED
        assert the_one(site.folder, EXECUTOR) == executor


@pytest.mark.fault("F38")
async def test_a_job_waits_for_the_means_to_start_it_or_fails_with_the_reason(site: Node) -> None:
    async with client(site) as ana:
        executor = the_one(site.folder, EXECUTOR)
        usual = resource.prlimit(executor, resource.RLIMIT_NOFILE)
        used = {int(fd) for fd in os.listdir(f"/proc/{executor}/fd")}
        # Those above stay open, but there is no number left for another one.
        first_free = min(set(range(len(used) + 1)) - used)
        resource.prlimit(executor, resource.RLIMIT_NOFILE, (first_free, usual[1]))
        plain = await ana.exec("date")
        repeated = await ana.exec("again.work", {"last": 1})
        retrying = await until(repeated, EventType.RETRYING)
        with pytest.raises(JobFailed, match="Too many open files"):
            await plain.result(LIMIT)
        resource.prlimit(executor, resource.RLIMIT_NOFILE, usual)

        assert "Too many open files" in retrying.data["reason"]
        assert await repeated.result(LIMIT) in ("2", "3")


@pytest.mark.capability("L3", "L1")
@pytest.mark.fault("F23")
async def test_a_node_told_to_stop_cancels_what_runs_too_long_and_keeps_what_waits(
    short_path: Path,
) -> None:
    folder = make_site(short_path, settings="drain_limit = 0.5\n")
    (folder.root / "tasks" / "again.py").write_text(TASKS)
    with Node(folder) as node:
        node.until("READY")
        async with client(node) as ana:
            stubborn = await ana.exec("again.stubborn")
            polite = await ana.exec("probe.nap")
            for job in (stubborn, polite):
                await until(job, EventType.STARTED)
            waiting = await ana.exec("date")
            began = time.monotonic()
            node.process.terminate()
            stopping = await until(stubborn, EventType.STOPPING)
            [*_, cancelled] = await events_of(polite)
            # Its grace is a minute; a second signal takes that away.
            await asyncio.sleep(max(0, began + 1.5 - time.monotonic()))
            code = await asyncio.to_thread(node.stop)
            with Node(folder) as second:
                second.until("READY")
                [*_, killed] = await events_of(stubborn)
                assert await waiting.result(LIMIT)

    assert code == 0
    assert stopping.data["reason"] == "the node is stopping"
    for end in (cancelled, killed):
        assert end.type is EventType.CANCELLED
        assert end.data["by"] == "system"


@pytest.mark.capability("S7")
async def test_a_submission_without_an_answer_ends_with_its_limit_and_can_be_repeated(
    site: Node,
) -> None:
    executor = the_one(site.folder, EXECUTOR)
    async with client(site, "clock_una") as una:
        await una.tasks()
        others = asyncio.all_tasks()
        os.kill(executor, signal.SIGSTOP)
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await una.exec("date", key="k")
            hanging = asyncio.all_tasks() - others
        finally:
            os.kill(executor, signal.SIGCONT)
        async with asyncio.timeout(LIMIT):
            job = await una.exec("date", key="k")
            await job.result()

            assert not hanging
            assert [each["job_id"] async for each in una.jobs()] == [job.job_id]


@pytest.mark.capability("N16")
async def test_time_in_the_queue_goes_on_while_the_executor_is_away(site: Node) -> None:
    async with client(site, "clock_vic") as vic, client(site, "root", "operator") as root:
        await root.pause()
        gone = await vic.exec("date", expires=0.5)
        waits = await vic.exec("date", expires=5)
        stays = await vic.exec("date", expires=600)
        kill_executor(site)
        waited = []
        for job in (gone, waits):
            with pytest.raises(JobExpired, match="no worker slot was free"):
                await job.result(LIMIT)
            first, *_, last = await events_of(job)
            waited.append((last.at - first.at).total_seconds())
        still = await stays.snapshot()
        await root.resume()
        await stays.result(LIMIT)

        assert waited[0] >= 0.5
        assert 5 <= waited[1] < LIMIT
        assert (still["state"], still["expires"]) == ("queued", 600)
