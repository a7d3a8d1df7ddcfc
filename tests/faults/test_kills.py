"""What a SIGKILL leaves behind: no process, no gap in any stream, no job without an end."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.nodes import Node, Watch, processes_of, the_one
from tests.site import client, is_running, make_site, session
from tests.site.jobs import end_of, first_line, until

from taskrealm.client import Disconnected, Request
from taskrealm.protocol import uris
from taskrealm.protocol.errors import Unavailable, UnknownQuestion
from taskrealm.protocol.jobs import Event, EventType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrealm.client import Client
    from taskrealm.wire import Session

LIMIT = 60.0  # seconds; a node that was killed needs about ten to come back

MANY = 900  # jobs, which are not all cancelled by one write
RACES = 500
AT_ONCE = 10

OTHERS = (uris.JOBS, uris.UPLOAD_STATUS, uris.STATISTICS, uris.SCHEDULES, f"{uris.RUN_PREFIX}none")

PAUSE = 0.02  # seconds between two looks; the router takes only so many calls a second
LAST_WORD = "survived"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def site() -> Iterator[Node]:
    """A node for the tests of this module, to be harmed; each leaves it well."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        with Node(make_site(Path(path))) as node:
            node.until("READY")
            yield node


class Story:
    """One user's jobs at the moment of a kill, and everything the user heard."""

    def __init__(self, user: Client) -> None:
        self._user = user
        self._heard: list[Event] = []
        self._listening = asyncio.create_task(self._listen())
        self.families: list[int] = []

    async def _listen(self) -> None:
        async for event in self._user.events():
            self._heard.append(event)
            if event.data.get("result") == LAST_WORD:
                return

    async def begin(self) -> None:
        """Run one job to its end, two that hold the slots, and let one wait."""
        self.done = await self._user.exec("probe.nothing")
        await self.done.result(LIMIT)
        self.running = [await self._user.exec("probe.family", {"stubborn": True}) for _ in range(2)]
        for job in self.running:
            self.families += [int(pid) for pid in (await first_line(job)).split()]
        self.waiting = await self._user.exec("probe.printed", {"text": LAST_WORD})

    async def end(self) -> None:
        """Follow every job to its end, and expect what the design promises."""
        async with asyncio.timeout(LIMIT):
            ends = {job.job_id: [event async for event in job][-1] for job in self.running}
            assert await self.waiting.result() == LAST_WORD
            await self._listening

        assert {end.type for end in ends.values()} <= {EventType.LOST, EventType.CANCELLED}
        assert not [pid for pid in self.families if is_running(pid)]
        async with asyncio.timeout(LIMIT):
            for job in (self.done, *self.running, self.waiting):
                heard = [event for event in self._heard if event.job_id == job.job_id]
                assert heard == [event async for event in self._user.job(job.job_id)]
                assert [event.type.is_terminal for event in heard].index(True) == len(heard) - 1
        seqs = [event.seq for event in self._heard]
        assert seqs == list(range(1, len(seqs) + 1))


@pytest.mark.capability("L1", "L2", "L4", "L5", "L7", "D6", "D8", "J3", "N1")
@pytest.mark.fault("F20", "F43", "R1", "R2", "R3")
@pytest.mark.parametrize(
    "words",
    [
        pytest.param("components/executor.py", id="the executor"),
        pytest.param("crossbar-worker", id="the router worker"),
        pytest.param("taskrealm.router.guest executor", id="the wrapper of the executor"),
        pytest.param("crossbar-controller", id="the controller"),
    ],
)
async def test_a_kill_loses_running_jobs_and_nothing_else_of(site: Node, words: str) -> None:
    async with client(site, f"user of {words}") as user:
        story = Story(user)
        await story.begin()
        os.kill(the_one(site.folder, words), signal.SIGKILL)

        await story.end()


@pytest.mark.capability("L1", "L2", "L4", "D6", "N1")
@pytest.mark.fault("F20", "R4")
async def test_a_node_killed_whole_goes_on_where_it_was_after_the_next_start(
    short_path: Path,
) -> None:
    folder = make_site(short_path)
    with Node(folder) as first:
        first.until("READY")
        async with client(first) as ana:
            story = Story(ana)
            await story.begin()
            pids = processes_of(folder)
            watch = Watch(pids)
            for pid in pids:
                if pid not in story.families:
                    os.kill(pid, signal.SIGKILL)
            first.process.kill()
            with Node(folder) as second:
                second.until("READY")
                await story.end()
            watch.all_end()


@pytest.mark.capability("N18")
async def test_a_question_dies_with_the_executor_and_is_asked_anew_by_the_next_attempt(
    site: Node,
) -> None:
    source = "from taskrealm.tasks import report; print(report.ask('Go on?', timeout=600))"
    async with client(site, "quentin") as user:
        lost = await user.exec("steps.python", {"source": source})
        again = await user.exec("talks.asks_again")
        old = [await until(job, EventType.QUESTION) for job in (lost, again)]
        os.kill(the_one(site.folder, "components/executor.py"), signal.SIGKILL)

        assert (await end_of(lost)).type is EventType.LOST
        assert (await lost.snapshot())["questions"] == []
        async with asyncio.timeout(LIMIT):
            async for event in again:
                if event.type is EventType.QUESTION and event.attempt == 2:
                    break
        [question] = (await again.snapshot())["questions"]
        for event in old:
            with pytest.raises(UnknownQuestion):
                await user.job(event.job_id).answer(event.data["question"], True)
        await again.answer(question["question"], True)
        assert await again.result(LIMIT) == "True"


@pytest.mark.capability("C1", "C2", "C4")
@pytest.mark.fault("F5")
async def test_a_cancel_that_races_the_end_has_the_answer_that_comes_true(site: Node) -> None:
    rng = random.Random(5)
    async with client(site, "rae") as rae:

        async def race() -> tuple[str, list[EventType]]:
            job = await rae.exec("probe.nothing")
            # From before the start of the program to after its end.
            await asyncio.sleep(rng.uniform(0, 0.03))
            answer = await job.cancel()
            return answer, [event.type async for event in job]

        for _ in range(RACES // AT_ONCE):
            async with asyncio.timeout(LIMIT):
                races = await asyncio.gather(*(race() for _ in range(AT_ONCE)))
            for answer, types in races:
                *before, end = types
                assert not any(type.is_terminal for type in before), types
                if answer in ("stopping", "removed_from_queue"):
                    assert end is EventType.CANCELLED
                else:
                    assert answer == f"already_{end}"


@pytest.mark.capability("L1", "L2", "N22", "D6")
@pytest.mark.fault("R1")
async def test_a_kill_while_many_are_cancelled_takes_back_nothing_that_was_heard(
    site: Node,
) -> None:
    heard: list[Event] = []
    async with client(site, "mia") as mia:
        jobs = await mia.exec_many([Request("date", delay=600)] * MANY)
        ends = asyncio.Event()

        async def listen() -> None:
            async for event in mia.events():
                heard.append(event)
                if event.type is EventType.CANCELLED:
                    ends.set()
                if sum(each.type is EventType.CANCELLED for each in heard) == MANY:
                    return

        listening = asyncio.create_task(listen())
        first = asyncio.create_task(mia.cancel_many(jobs, "first"))
        async with asyncio.timeout(LIMIT):
            await ends.wait()
            known = {event.job_id for event in heard if event.type is EventType.CANCELLED}
            os.kill(the_one(site.folder, "components/executor.py"), signal.SIGKILL)
            # The answer may have been on its way before.
            answered = (await asyncio.gather(first, return_exceptions=True))[0]
            while True:
                try:
                    second = await mia.cancel_many(jobs, "second")
                    break
                except (Unavailable, Disconnected):
                    await asyncio.sleep(0.05)
            await listening

    gone = {job_id for job_id, answer in second.items() if answer == "already_cancelled"}
    assert known <= gone
    assert isinstance(answered, Unavailable | Disconnected) or len(gone) == MANY
    assert {second[job_id] for job_id in second if job_id not in gone} <= {"removed_from_queue"}
    cancelled = [event for event in heard if event.type is EventType.CANCELLED]
    assert sorted(event.job_id for event in cancelled) == sorted(job.job_id for job in jobs)
    assert {event.job_id for event in cancelled if event.data["reason"] == "first"} == gone
    numbers = [event.seq or 0 for event in heard]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


@pytest.mark.capability("L6", "D9", "Z10")
async def test_while_the_executor_is_down_callers_are_told_at_once(site: Node) -> None:
    peer = await session(site)
    executor = the_one(site.folder, "components/executor.py")
    wrapper = the_one(site.folder, "taskrealm.router.guest executor")
    os.kill(wrapper, signal.SIGSTOP)  # so that it cannot start another one
    os.kill(executor, signal.SIGKILL)
    async with asyncio.timeout(LIMIT):
        assert type(await first_failure(peer)) in (Unavailable, Disconnected)
        late = await session(site, "bo")
        assert type(await first_failure(late)) is Unavailable
        os.kill(wrapper, signal.SIGCONT)
        await late.leave()
        async with client(site, "bo") as bo:
            assert await (await bo.exec("date")).result()
    await peer.leave()


@pytest.mark.capability("L6")
async def test_once_the_executor_is_back_it_answers_every_call(site: Node) -> None:
    peer = await session(site, "root", "operator")
    Watch([the_one(site.folder, "components/executor.py")]).kill()
    async with asyncio.timeout(LIMIT):
        await first_failure(peer)
        kinds = [Unavailable]
        while kinds[0] is Unavailable:
            await asyncio.sleep(PAUSE)
            # The router takes them in this order.
            calls = [peer.call(uri) for uri in (uris.TASKS, *OTHERS)]
            kinds = [type(each) for each in await asyncio.gather(*calls, return_exceptions=True)]
    await peer.leave()

    assert Unavailable not in kinds


async def first_failure(peer: Session) -> Exception:
    """What a call fails with, as soon as one does."""
    while True:
        try:
            await peer.call(uris.TASKS)
        except (Unavailable, Disconnected) as error:
            return error
