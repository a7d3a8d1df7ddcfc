"""Streams of events: whole and in order, whatever happens to those who follow them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.needs import needs
from tests.nodes import Node, processes_of
from tests.plain import EVENT, RESULT
from tests.site import client, make_site, session
from tests.wire.line import line_to

from taskrealm.client import Client, Disconnected, Request, Status, StreamReset
from taskrealm.journal.database import DATABASE, connect
from taskrealm.journal.staging import settle
from taskrealm.protocol import uris
from taskrealm.protocol.errors import UnknownJob
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tests.wire.line import Line

    from taskrealm.client import Events, Job
    from taskrealm.settings import NodeFolder

LIMIT = 50.0  # seconds that anything may take
LISTENER = Path(__file__).parent / "listener.mjs"
LAST_WORD = "that was all"

pytestmark = pytest.mark.timeout(120)


async def journal_of(node: Node, authid: str, since: int = 0) -> list[dict[str, Any]]:
    """Every event behind *since* in the stream of *authid*, as the node's journal has it."""
    peer = await session(node, authid)
    asked: dict[str, Any] = {"epoch": None, "since": since}
    asked["epoch"] = (await peer.call(uris.EVENTS, **asked))["epoch"]
    events: list[dict[str, Any]] = []
    while True:
        page = await peer.call(uris.EVENTS, **asked)
        assert page["recovered"]
        events += page["events"]
        if not page["more"]:
            break
        asked["since"] = events[-1]["seq"]
    await peer.leave()
    return events


def through(line: Line, node: Node, authid: str) -> Client:
    return Client(line.ws, token=node.issue(authid, lifetime=600.0))


async def until(status: Status, user: Client) -> None:
    async with asyncio.timeout(LIMIT):
        while user.status is not status:
            await user._connection.change()


async def to_the_last_word(events: Events) -> list[dict[str, Any]]:
    """What *events* bring, up to the end of the job that says so."""
    heard = []
    async with asyncio.timeout(LIMIT):
        async for event in events:
            heard.append(event.as_dict())
            if event.data.get("result") == LAST_WORD:
                break
    return heard


async def say_the_last_word(user: Client, others: Iterable[Job] = ()) -> Job:
    """Run a job that ends after *others*, by whose result listeners know that they may stop."""
    for other in others:
        await other.result(LIMIT)
    job = await user.exec("probe.printed", {"text": LAST_WORD}, priority=-1_000)
    await job.result(LIMIT)
    return job


class Listener:
    """A program with the browser library, and what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said: list[dict[str, Any]] = []

    async def until(self, **expected: Any) -> None:
        """Return once it says just that."""
        while (said := await self._next()) != expected:
            assert said, f"The listener has ended without {expected}"

    async def to_its_end(self) -> list[dict[str, Any]]:
        """Every event that it has heard, once it has ended by itself."""
        while await self._next():
            pass
        return [said["event"] for said in self.said if "event" in said]

    async def _next(self) -> dict[str, Any] | None:
        assert self._process.stdout is not None
        async with asyncio.timeout(LIMIT):
            line = await self._process.stdout.readline()
        if line:
            self.said.append(json.loads(line))
        return self.said[-1] if line else None


@asynccontextmanager
async def listening(url: str, token: str) -> AsyncIterator[Listener]:
    """A listener that has joined and found its place."""
    process = await asyncio.create_subprocess_exec(
        needs("node"),
        "--experimental-websocket",
        LISTENER,
        url,
        token,
        LAST_WORD,
        stdout=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    listener = Listener(process)
    try:
        await listener.until(status="live")
        yield listener
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.capability("D6", "D8", "N1")
@pytest.mark.fault("F43", "R5")
async def test_clients_cut_ten_times_during_a_job_have_heard_what_the_journal_has(
    site: Node,
) -> None:
    async with line_to(site.port) as line, client(site, "nan") as steady:
        async with (
            through(line, site, "nan") as nan,
            listening(line.ws, site.issue("nan", lifetime=600.0)) as browser,
        ):
            heard = asyncio.ensure_future(to_the_last_word(nan.events()))
            job = await nan.exec("demo.count", {"to": 200, "interval": 0.02})
            followed = asyncio.ensure_future(_all(job))
            printed = asyncio.ensure_future(_text(job))
            for number in range(10):
                lost = asyncio.ensure_future(until(Status.OFFLINE, nan))
                if number % 2:
                    await steady.exec_many([Request("probe.nothing")] * 5)
                    line.cut()
                else:
                    # Somewhere within a message: there is more to come than this.
                    cutting = asyncio.ensure_future(line.cut_within(700 + 31 * number))
                    await steady.exec_many([Request("probe.nothing")] * 5)
                    await cutting
                await lost
                await until(Status.LIVE, nan)
            await job.result(LIMIT)
            await say_the_last_word(steady)
            journal = await journal_of(site, "nan")

            assert await heard == journal
            assert await browser.to_its_end() == journal
            assert await followed == [each for each in journal if each["job_id"] == job.job_id]
            assert await printed == "".join(f"{number + 1} of 200\n" for number in range(200))
            assert [said for said in browser.said if "snapshot" in said] == [
                {"snapshot": [], "isFirst": True}
            ]
            assert line.connections > 10


@pytest.mark.capability("D6", "N1")
@pytest.mark.fault("F43")
async def test_clients_notice_that_the_network_has_vanished_and_miss_nothing(site: Node) -> None:
    async with line_to(site.port) as line, client(site, "neo") as steady:
        async with (
            through(line, site, "neo") as neo,
            listening(line.ws, site.issue("neo", lifetime=600.0)) as browser,
        ):
            heard = asyncio.ensure_future(to_the_last_word(neo.events()))
            await (await neo.exec("probe.nothing")).result(LIMIT)
            with line.silent():
                await steady.exec_many([Request("probe.nothing")] * 20)
                await until(Status.OFFLINE, neo)  # nobody has told it
            await say_the_last_word(steady)
            journal = await journal_of(site, "neo")

            assert await heard == journal
            assert await browser.to_its_end() == journal


@pytest.mark.capability("D1", "N1")
@pytest.mark.fault("F16", "R7")
async def test_a_slow_client_and_a_quick_one_of_one_user_both_hear_everything(site: Node) -> None:
    async with line_to(site.port) as line, client(site, "oda") as quick:
        async with (
            through(line, site, "oda") as slow,
            listening(line.ws, site.issue("oda", lifetime=600.0)) as page,
        ):
            slowly = asyncio.ensure_future(to_the_last_word(slow.events()))
            quickly = asyncio.ensure_future(to_the_last_word(quick.events()))
            with line.trickling(40_000):
                jobs = await quick.exec_many([Request("probe.nothing")] * 100)
                await say_the_last_word(quick, jobs)
                heard = await quickly
                assert not slowly.done()
            journal = await journal_of(site, "oda")

            assert heard == journal
            assert await slowly == journal
            assert await page.to_its_end() == journal


@pytest.mark.capability("U14")
@pytest.mark.fault("F16")
async def test_every_listener_of_a_client_hears_everything_at_its_own_pace(site: Node) -> None:
    async with client(site, "pru") as pru:
        late = pru.events()
        eager = [asyncio.ensure_future(to_the_last_word(pru.events())) for _ in range(3)]
        jobs = await pru.exec_many([Request("probe.nothing")] * 400)
        both = [asyncio.ensure_future(_all(jobs[0])) for _ in range(2)]
        await say_the_last_word(pru, jobs)
        journal = await journal_of(site, "pru")

        assert len(journal) > 1_200  # more than the client keeps for those who read late
        assert await asyncio.gather(*eager) == [journal] * 3
        assert await to_the_last_word(late) == journal
        of_the_first = [each for each in journal if each["job_id"] == jobs[0].job_id]
        assert await asyncio.gather(*both) == [of_the_first] * 2
        assert await _all(jobs[0]) == of_the_first


@pytest.mark.capability("N2")
@pytest.mark.fault("R6")
async def test_who_sleeps_longer_than_the_journal_reaches_back_is_told_and_shown_what_runs(
    short_path: Path,
) -> None:
    folder = make_site(short_path)
    async with AsyncExitStack() as stack:
        first = stack.enter_context(Node(folder))
        first.until("READY")
        token = first.issue("sue", lifetime=3_600.0)
        line = await stack.enter_async_context(line_to(first.port))
        sue = await stack.enter_async_context(Client(line.ws, token=token))
        browser = await stack.enter_async_context(listening(line.ws, token))
        events = sue.events()
        before = asyncio.ensure_future(to_the_reset(events))
        early = await sue.exec("probe.nothing")
        await early.result(LIMIT)
        heard = await journal_of(first, "sue")
        with line.dead():
            async with client(first, "sue") as awake:
                missed = await awake.exec_many([Request("probe.nothing")] * 5)
                for job in missed:
                    await job.result(LIMIT)
                *_, waiting = await awake.exec_many([Request("probe.nap")] * 3)
            kill(first)
            forget_what_has_ended(folder)
            second = stack.enter_context(Node(folder))
            second.until("READY")
            async with client(second, "sue") as awake:
                async for event in awake.job(waiting.job_id):
                    if event.type is EventType.STARTED:
                        break
        await browser.until(snapshot=[waiting.job_id], isFirst=False)
        assert await before == (heard, [waiting.job_id])
        with pytest.raises(UnknownJob):
            await sue.job(missed[0].job_id).result(LIMIT)
        await say_the_last_word(sue)

        after = await to_the_last_word(events)
        assert after == await journal_of(second, "sue", since=after[0]["seq"] - 1)
        page = await browser.to_its_end()
        assert page[: len(heard)] == heard
        late = page[len(heard) :]
        assert late == await journal_of(second, "sue", since=late[0]["seq"] - 1)


async def to_the_reset(events: Events) -> tuple[list[dict[str, Any]], list[str]]:
    """What came before the reset, and the jobs that it shows."""
    heard: list[dict[str, Any]] = []
    async with asyncio.timeout(LIMIT):
        try:
            while True:
                heard.append((await anext(events)).as_dict())
        except StreamReset as reset:
            return heard, [job["job_id"] for job in reset.jobs]


def kill(node: Node) -> None:
    """Kill everything that runs on *node*."""
    node.process.kill()
    while pids := processes_of(node.folder):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def forget_what_has_ended(folder: NodeFolder) -> None:
    """Let the journal, which nobody has open, reach back no further than jobs have not ended."""
    ended = "select number from jobs where state = 'succeeded'"
    with closing(connect(folder.journal / DATABASE, "rw")) as database:
        settle(database)
    with closing(sqlite3.connect(folder.journal / DATABASE)) as database, database:
        database.execute(
            "update streams set first = 1 + (select max(seq) from events"
            f" where events.stream = streams.stream and number in ({ended})) where owner = 'sue'"
        )
        database.execute(f"delete from events where number in ({ended})")
        database.execute("delete from jobs where state = 'succeeded'")


async def test_answers_stay_far_below_the_size_of_a_message_however_big_events_are(
    site: Node,
) -> None:
    text = "\N{SNOWMAN}" * 8_000  # three bytes each
    async with client(site, "tim") as tim:
        for _ in range(3):  # a request has a size, too
            for job in await tim.exec_many([Request("probe.printed", {"text": text})] * 20):
                await job.result(LIMIT)
    peer = await session(site, "tim")
    place = await peer.call(uris.EVENTS)
    asked = {"epoch": place["epoch"], "since": 0}
    sizes, seqs = [], []
    while True:
        page = await peer.call(uris.EVENTS, **asked)
        sizes.append(len(json.dumps(page["events"], ensure_ascii=False).encode()))
        seqs += [each["seq"] for each in page["events"]]
        if not page["more"]:
            break
        asked["since"] = seqs[-1]
    await peer.leave()

    assert seqs == list(range(1, place["seq"] + 1))
    assert len(sizes) > 1
    assert max(sizes) < 1_048_576


@pytest.mark.capability("D9")
async def test_calls_in_flight_fail_at_once_when_the_line_is_cut(site: Node) -> None:
    async with line_to(site.port) as line, through(line, site, "quy") as quy:
        await (await quy.exec("date")).result(LIMIT)
        with line.silent():
            calls = [
                asyncio.ensure_future(call)
                for call in (quy.tasks(), quy.exec("date"), quy.job("0" * 32).snapshot())
            ]
            await asyncio.wait(calls, timeout=0.5)
            assert not any(call.done() for call in calls)
            line.cut()
            async with asyncio.timeout(5):
                outcomes = await asyncio.gather(*calls, return_exceptions=True)

        assert [type(outcome) for outcome in outcomes] == [Disconnected] * 3


@pytest.mark.capability("S3", "U4")
async def test_output_comes_before_the_end_and_the_end_comes_last(site: Node) -> None:
    """Told by one who watches everything, so that nothing has to be subscribed to in time."""
    texts = [f"{number} " * number for number in range(1, 61)]
    async with await site.user("olga", "operator") as watcher, await site.user("rosa") as rosa:
        await watcher.subscribe(uris.USER_PREFIX, match="prefix")
        await rosa.subscribe(uris.jobs_topic("rosa"))
        wanted = [{"task": "probe.printed", "kwargs": {"text": text}} for text in texts]
        await rosa.send([48, 1_000, {}, uris.EXEC_MANY, [wanted]])
        first = await rosa.receive(LIMIT)
        ids = [each["job_id"] for each in first[3][0]]
        printed = dict.fromkeys(ids, "")
        ended: dict[str, str] = {}
        while len(ended) < len(ids):
            message = await watcher.receive(LIMIT)
            for event, job_id in _told(message):
                assert job_id not in ended, "Something came after the end"
                if event is None:
                    printed[job_id] += message[4][0]["text"]
                elif event["type"] == "succeeded":
                    ended[job_id] = printed[job_id]

        assert first[0] == RESULT  # before any event
        assert [ended[job_id] for job_id in ids] == texts


def _told(message: list[Any]) -> list[tuple[dict[str, Any] | None, str]]:
    """What a publication tells of jobs: events, or for a piece of output no event; each with whose."""
    assert message[0] == EVENT
    *_, kind, last = message[3]["topic"].split(".")
    if last == "jobs":
        return [(event, event["job_id"]) for event in message[4][0]]
    return [(None, last)] if kind == "output" else []


async def _all(job: Job) -> list[dict[str, Any]]:
    async with asyncio.timeout(LIMIT):
        return [event.as_dict() async for event in job]


async def _text(job: Job) -> str:
    async with asyncio.timeout(LIMIT):
        return "".join([chunk.text async for chunk in job.output("stdout")])
