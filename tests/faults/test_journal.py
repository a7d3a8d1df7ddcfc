"""The journal in trouble: nothing acknowledged is lost, nothing is told that is not recorded."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
from tests.needs import needs
from tests.nodes import ROOT, Node, comes_true, the_one
from tests.site import client, make_site, programs_of, session

from taskrealm.client import Request
from taskrealm.journal import Journal, retention
from taskrealm.protocol import uris
from taskrealm.protocol.errors import Unavailable, UnknownJob
from taskrealm.protocol.jobs import EventType, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrealm.client import Client, Job
    from taskrealm.settings import NodeFolder
    from taskrealm.wire import Session

LIMIT = 60.0  # seconds
DISK = 48_000_000  # bytes of the disk that the journal lies on
SIZE = 2_000_000  # bytes that the journal may have

RETENTION = f"\n[retention]\nsize = {SIZE}\ninterval = 0.5\n"
PRINTS = "import sys; sys.stderr.write('x' * 200_000)"
WRITER = Path(__file__).with_name("journal_writer.py")

pytestmark = pytest.mark.timeout(240)


class Disk:
    """
    The disk that the journal in a folder lies on, which can be filled up.

    Where no disk can be mounted, files of the executor may not grow while it is full.
    """

    def __init__(self, folder: NodeFolder) -> None:
        self._folder = folder
        self._ballast = folder.journal / "ballast"
        self._limits: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        self._folder.journal.mkdir(mode=0o700, parents=True)
        self._folder.state.chmod(0o700)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", self._folder.journal]
        with contextlib.suppress(FileNotFoundError):
            subprocess.run(mount, stderr=subprocess.DEVNULL, check=False)
        self._is_mounted = self._folder.journal.is_mount()
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_mounted:
            subprocess.run(["umount", "--lazy", self._folder.journal], check=True)

    def fill(self) -> None:
        """Leave no room at all."""
        if not self._is_mounted:
            log = (self._folder.journal / "journal.sqlite-wal").stat().st_size
            self._limits = self._limit(log, resource.RLIM_INFINITY)
            return
        with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            for size in (65_536, 4_096, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"\0" * size) == size:
                        pass

    def free(self) -> None:
        """Make room again."""
        # An executor that was started since has no limit.
        with contextlib.suppress(ValueError):
            if self._limits is not None:
                self._limit(*self._limits)
        self._ballast.unlink(missing_ok=True)

    def _limit(self, soft: int, hard: int) -> tuple[int, int]:
        executor = the_one(self._folder, "components/executor.py")
        return resource.prlimit(executor, resource.RLIMIT_FSIZE, (soft, hard))


class Lock:
    """Another program that holds a lock on the database, as none should."""

    def __init__(self, folder: NodeFolder) -> None:
        self._path = folder.journal / "journal.sqlite"

    def __enter__(self) -> Self:
        self._intruder = sqlite3.connect(self._path, isolation_level=None)
        self._intruder.execute("begin immediate")
        return self

    def __exit__(self, *_: object) -> None:
        self._intruder.close()


@pytest.fixture(scope="module")
def disk() -> Iterator[tuple[Node, Disk]]:
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path), settings=RETENTION)
        with Disk(folder) as disk, Node(folder) as node:
            node.until("READY")
            yield node, disk


@pytest.fixture
def site(disk: tuple[Node, Disk]) -> Node:
    return disk[0]


async def accepted(user: Client, task: str, arguments: dict[str, Any]) -> Job:
    """The job, as soon as one is accepted."""
    async with asyncio.timeout(LIMIT):
        while True:
            try:
                return await user.exec(task, arguments)
            except Unavailable:
                await asyncio.sleep(0.2)


async def running(user: Client) -> Job:
    """A job whose program runs."""
    job = await user.exec("probe.nap")
    async with asyncio.timeout(LIMIT):
        async for event in job:
            if event.type is EventType.STARTED:
                break
    await comes_true(lambda: bool(programs_of(job.job_id)))
    return job


async def ends(job: Job) -> list[EventType]:
    """The terminal events of a job, which should be one."""
    async with asyncio.timeout(LIMIT):
        return [event.type async for event in job if event.type.is_terminal]


async def until_gone(job: Job) -> None:
    """Return when no program of a job runs any more."""
    await comes_true(lambda: not programs_of(job.job_id))


def logged(site: Node, words: str) -> list[dict[str, Any]]:
    """The lines of the executor's log with *words* in them."""
    lines = site.folder.log("executor").read_text().splitlines()
    return [json.loads(line) for line in lines if words in line]


async def stream_of(peer: Session) -> list[dict[str, Any]]:
    """All events of the caller's stream, which must be without a hole."""
    page = await peer.call(uris.EVENTS)
    page = await peer.call(uris.EVENTS, epoch=page["epoch"], since=0)
    assert [event["seq"] for event in page["events"]] == list(range(1, page["seq"] + 1))
    return page["events"]


@pytest.mark.fault("F27", "R8")
@pytest.mark.capability("L1", "L2")
async def test_on_a_full_disk_no_job_is_taken_and_those_that_run_end_as_they_should(
    disk: tuple[Node, Disk],
) -> None:
    site, device = disk
    peer = await session(site, "full")
    async with client(site, "full") as user:
        unlucky, unwanted = await running(user), await running(user)
        waiting, *behind = await user.exec_many([Request("probe.nothing")] * 3)
        device.fill()
        try:
            refusal = await refused(peer, uris.EXEC, "probe.nothing")
            assert refusal.startswith("Jobs cannot be recorded just now: the disk ")
            assert str(site.folder.root) not in refusal
            for program in programs_of(unlucky.job_id):
                os.kill(program, signal.SIGKILL)
            cancelled = await refused(peer, uris.CANCEL, unwanted.job_id)
            assert cancelled.startswith("The job is stopped, but a crash would make that forgotten")
            removed = await refused(peer, uris.CANCEL, waiting.job_id)
            assert removed.startswith("The job is stopped")
            told = await asyncio.wait_for(user.cancel_many(behind), LIMIT)
            for answer in told.values():
                assert isinstance(answer, Unavailable)
                assert answer.message.startswith("The job is stopped")
            again = await refused(peer, uris.CANCEL, behind[1].job_id)
            assert again.startswith("Jobs cannot be recorded just now: the disk ")
            await until_gone(unwanted)
            await until_gone(unlucky)
            page = await peer.call(uris.JOBS)
            shown = {job["job_id"]: job["state"] for job in page["jobs"]}
            assert not any(State(state).is_terminal for state in shown.values())
            assert len(shown) == 5
        finally:
            device.free()

        assert await ends(unlucky) == [EventType.FAILED]
        assert await ends(unwanted) == [EventType.CANCELLED]
        for job in (waiting, *behind):
            assert await ends(job) == [EventType.CANCELLED]
        late = await accepted(user, "probe.printed", {"text": "again"})
        assert await late.result(LIMIT) == "again"
        streamed = {event["job_id"] for event in await stream_of(peer)}
        assert streamed == {job.job_id for job in (unlucky, unwanted, waiting, *behind, late)}
    [begun] = logged(site, "Until then no job is taken")
    assert begun["level"] == "error"
    assert str(site.folder.journal / "journal.sqlite") in begun["event"]
    assert "disk" in begun["event"]
    await comes_true(lambda: bool(logged(site, "can be written again")))
    await peer.leave()


@pytest.mark.fault("F27", "R8")
@pytest.mark.capability("L2")
async def test_an_end_that_was_not_written_before_a_crash_is_not_made_up(
    disk: tuple[Node, Disk],
) -> None:
    site, device = disk
    peer = await session(site, "unwritten")
    async with client(site, "unwritten") as user:
        job = await running(user)
        device.fill()
        try:
            for program in programs_of(job.job_id):
                os.kill(program, signal.SIGKILL)
            await until_gone(job)
            assert (await peer.call(uris.JOB, job.job_id))["state"] == "running"
            os.kill(the_one(site.folder, "components/executor.py"), signal.SIGKILL)
            await comes_true(lambda: bool(logged(site, "it starts again")))
        finally:
            device.free()

        assert await ends(job) == [EventType.LOST]
    await peer.leave()


async def refused(peer: Session, *call: Any) -> str:
    """The sentence with which a call is answered that cannot be carried out just now."""
    async with asyncio.timeout(LIMIT):
        with pytest.raises(Unavailable) as refusal:
            await peer.call(*call)
    return refusal.value.message


@pytest.mark.fault("F31")
async def test_while_the_journal_is_slow_calls_wait_and_others_are_answered(site: Node) -> None:
    peer = await session(site, "patient")
    await peer.call(uris.EVENTS)
    with Lock(site.folder):
        submitted = asyncio.ensure_future(peer.call(uris.EXEC, "probe.nothing"))
        async with asyncio.timeout(LIMIT):
            for _ in range(20):
                assert (await peer.call(uris.JOBS))["jobs"] == []
        assert not submitted.done()

    job = await asyncio.wait_for(submitted, LIMIT)
    assert (await peer.call(uris.JOB, job["job_id"]))["job_id"] == job["job_id"]
    await peer.leave()


@pytest.mark.fault("R9", "F31")
async def test_a_lock_that_outlasts_all_patience_is_told_and_nothing_is_lost(site: Node) -> None:
    peer = await session(site, "locked")
    async with client(site, "locked") as user:
        job = await running(user)
        with Lock(site.folder):
            refusal = await refused(peer, uris.EXEC, "probe.nothing")
            assert "another program holds their record" in refusal
            assert (await peer.call(uris.JOB, job.job_id))["state"] == "running"
            for program in programs_of(job.job_id):
                os.kill(program, signal.SIGKILL)
            await until_gone(job)

        assert await ends(job) == [EventType.FAILED]
        late = await accepted(user, "probe.printed", {"text": "unlocked"})
        assert await late.result(LIMIT) == "unlocked"
    assert {event["job_id"] for event in await stream_of(peer)} == {job.job_id, late.job_id}
    await peer.leave()


@pytest.mark.fault("F28")
async def test_a_reader_and_a_backup_at_once_hold_nobody_up(site: Node, tmp_path: Path) -> None:
    reader = sqlite3.connect(site.folder.journal / "journal.sqlite", isolation_level=None)
    reader.execute("begin")
    seen = reader.execute("select count(*) from jobs").fetchone()
    async with client(site, "busy") as user:
        backup = await cli(site.folder, "backup", tmp_path / "backup.tar", "--json")
        jobs = [await user.exec("probe.nothing") for _ in range(10)]
        for job in jobs:
            await job.result(LIMIT)
        made = json.loads(await output_of(backup))

    assert reader.execute("select count(*) from jobs").fetchone() == seen
    reader.close()
    assert sum(made["jobs"].values()) >= seen[0]


async def cli(folder: NodeFolder, *words: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "taskrealm", *map(str, words), "--node", str(folder.root)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def output_of(process: asyncio.subprocess.Process, *, code: int = 0) -> str:
    output, _ = await asyncio.wait_for(process.communicate(), LIMIT)
    assert process.returncode == code, output.decode()
    return output.decode()


@pytest.mark.fault("R6")
@pytest.mark.capability("N23", "I4", "N2")
async def test_who_sleeps_longer_than_jobs_are_kept_is_told_and_gets_what_there_is(
    site: Node,
) -> None:
    peer = await session(site, "sleeper")
    async with client(site, "sleeper") as user:
        going_on = await running(user)
        first = await user.exec("probe.printed", {"text": "early"})
        assert await first.result(LIMIT) == "early"
        begin = await peer.call(uris.EVENTS)
        async with asyncio.timeout(LIMIT):
            while (await peer.call(uris.EVENTS, epoch=begin["epoch"], since=1))["recovered"]:
                loud = await user.exec("probe.script", {"code": PRINTS})
                await loud.result()
        late = await peer.call(uris.EVENTS, epoch=begin["epoch"], since=1)
        last = await peer.call(uris.EVENTS, epoch=begin["epoch"], since=late["seq"])
        await until_unknown(peer, first.job_id)

        assert late["epoch"] == begin["epoch"]
        assert [job["job_id"] for job in late["jobs"]] == [going_on.job_id]
        assert (last["recovered"], last["events"]) == (True, [])
        history = await peer.call(uris.EVENTS, job_id=going_on.job_id)
        assert [event["type"] for event in history["events"]] == ["queued", "started"]
        assert await (await user.exec("probe.printed", {"text": "kept"})).result(LIMIT) == "kept"
        await going_on.cancel()
        await ends(going_on)
    await comes_true(lambda: not list(site.folder.journal.glob(f"output/*/{first.job_id}*")))
    await peer.leave()


async def until_unknown(peer: Session, job_id: str) -> None:
    """Return when there is no such job any more."""
    async with asyncio.timeout(LIMIT):
        with contextlib.suppress(UnknownJob):
            while True:
                await peer.call(uris.JOB, job_id)
                await asyncio.sleep(0.2)


@pytest.mark.capability("N36", "L1", "L2")
async def test_a_backup_of_a_working_node_brings_its_jobs_back(short_path: Path) -> None:
    folder = make_site(short_path)
    file = short_path / "backup.tar"
    with Node(folder) as node:
        node.until("READY")
        async with client(node) as ana:
            peer = await session(node)
            done = await ana.exec("probe.printed", {"text": "done"})
            assert await done.result(LIMIT) == "done"
            ran = [await running(ana) for _ in range(2)]
            waiting = await ana.exec("probe.printed", {"text": "waited"})
            made = json.loads(await output_of(await cli(folder, "backup", file, "--json")))
            refusal = await output_of(await cli(folder, "restore", file, "--replace"), code=1)
            forgotten = await ana.exec("probe.nothing")
            before = await peer.call(uris.EVENTS)
            for job in ran:
                await job.cancel()
            assert await waiting.result(LIMIT) == "waited"
            await forgotten.result(LIMIT)
            await peer.leave()
        assert node.stop() == 0
    restored = json.loads(
        await output_of(await cli(folder, "restore", file, "--replace", "--json"))
    )
    with Node(folder) as node:
        node.until("READY")
        async with client(node) as ana:
            peer = await session(node)
            after = await peer.call(uris.EVENTS, epoch=before["epoch"], since=before["seq"])
            assert await ana.job(done.job_id).result(LIMIT) == "done"
            for job in ran:
                assert await ends(ana.job(job.job_id)) == [EventType.LOST]
            assert await ana.job(waiting.job_id).result(LIMIT) == "waited"
            with pytest.raises(UnknownJob):
                await peer.call(uris.JOB, forgotten.job_id)
            await stream_of(peer)
            await peer.leave()

    assert made["jobs"] == restored["jobs"] == {"queued": 1, "running": 2, "succeeded": 1}
    assert "in use by another process" in refusal
    assert after["recovered"] is False
    assert after["epoch"] != before["epoch"]


@pytest.mark.fault("F29")
async def test_a_damaged_journal_is_not_started_and_the_person_learns_why(
    short_path: Path,
) -> None:
    folder = make_site(short_path)
    folder.journal.mkdir(mode=0o700, parents=True)
    folder.state.chmod(0o700)
    database = folder.journal / "journal.sqlite"
    database.write_bytes(b"once this was a database" * 1_000)

    up = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "taskrealm", "up", str(folder.root)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = await output_of(up, code=1)

    assert str(database) in said
    assert "Restore it from a backup with `taskrealm restore FILE --replace`" in said
    assert "Traceback" not in said
    assert database.read_bytes() == b"once this was a database" * 1_000


@pytest.mark.fault("F30")
async def test_a_page_a_start_and_a_removal_cost_the_same_however_many_jobs_have_ended(
    tmp_path: Path,
) -> None:
    costs = []
    for number, jobs in enumerate((2_000, 40_000)):
        folder = tmp_path / str(number)
        journal = await Journal.open(folder, output_limit=1, on_commit=lambda events: None)
        await journal.change(lambda connection, jobs=jobs: finish(connection, jobs))
        work = 0

        def count() -> int:
            nonlocal work
            work += 1
            return 0

        for connection in (journal._database.reader, journal._database.writer):
            connection.set_progress_handler(count, 100)
        await journal.unfinished()
        for owner in (None, "ann"):
            page = await journal.jobs(owner=owner)
            await journal.jobs(owner=owner, before=page[-1].job_id)
        await journal.stream("ann")
        await journal.events("ann", since=1_000, limit=10)
        await journal.change(lambda connection: retention.forget(connection, retention.EVER, 10))
        await journal.change(retention.clear)
        await journal.close()
        costs.append(work)

    assert costs[0] > 0
    assert costs[1] < 1.5 * costs[0]


def finish(connection: sqlite3.Connection, jobs: int) -> None:
    """Record *jobs* jobs that have ended."""
    request = json.dumps(
        {"submitted_by": "ann", "role": "user", "submitted_at": "2026-01-01T00:00:00+00:00"}
        | {"arguments": {}, "timeout": 1, "tags": [], "deliver": "user", "session": None}
    )
    status = json.dumps(
        {"priority": 0, "attempt": 1, "started_at": None, "progress": None}
        | {"ended_at": None, "cancel": None, "outcome": {}}
    )
    connection.execute("insert into streams (owner, epoch) values ('ann', 'e')")
    numbers = [(number, f"{number:032x}") for number in range(1, jobs + 1)]
    connection.executemany(
        "insert into jobs (number, job_id, owner, task, state, status, ended_at)"
        f" values (?1, ?2, 'ann', 'convert', 'succeeded', '{status}', printf('2026-%08d', ?1))",
        numbers,
    )
    connection.executemany(
        f"insert into requests values (?1, '{request}')", [n[:1] for n in numbers]
    )
    connection.executemany(
        "insert into events values (?1, 1, 1, ?1, 'queued', '2026-01-01T00:00:00+00:00', 0, '{}')",
        [n[:1] for n in numbers],
    )


@pytest.mark.fault("F32")
async def test_on_a_slow_disk_whatever_waits_is_written_together(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    process = await asyncio.create_subprocess_exec(
        *(needs("strace"), "--seccomp-bpf", "-f", "-qq", "-o", trace),
        *("-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:delay_enter=50ms"),
        *(sys.executable, WRITER, tmp_path / "journal"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    figures = json.loads(await output_of(process))
    waits = trace.read_text().count("sync(")

    assert figures["written"] == 640
    assert figures["shortest"] > 0.05
    # Sixty-four wait at a time, and for each wait of the disk nearly all of them are served.
    assert waits < 640 / 8
    assert figures["turns"] > waits
