"""How long sessions last: through proxies, while nobody says anything, and until one takes over."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.nodes import Node, the_one
from tests.plain import CALL, EVENT, GOODBYE, Refused, WebSocket
from tests.site import client, make_site
from tests.wire.line import line_to

from taskrealm.client import Client, Disconnected, Status
from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidArguments
from taskrealm.wire import transport

if TYPE_CHECKING:
    from collections.abc import Iterator

PING_INTERVAL = 1.0  # seconds
IDLE_TIMEOUT = 5.0  # seconds
PATIENCE = 2.0  # seconds for which the proxy of these tests keeps a silent connection
LIMIT = 30.0  # seconds

ROUTER = f"ping_interval = {PING_INTERVAL}\nidle_timeout = {IDLE_TIMEOUT}\n"

LIFE = ["queued", "started", "succeeded"]

CLIENT = "0123456789abcdef"
OTHER = "fedcba9876543210"


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node that pings often and does not keep idle sessions."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        with Node(make_site(Path(path), router=ROUTER)) as node:
            node.until("READY")
            yield node


async def enter(node: Node, authid: str, client_id: str, port: int | None = None) -> WebSocket:
    """A session of *authid*, whose client calls itself *client_id*."""
    peer = await WebSocket.connect(port or node.port)
    await peer.join(node.issue(authid), authextra={"client": client_id})
    return peer


async def until_answered(peer: WebSocket) -> None:
    """Return once the executor answers; a session that asks is not idle meanwhile."""
    async with asyncio.timeout(LIMIT):
        while True:
            try:
                await peer.call(uris.TASKS)
                return
            except Refused:
                await asyncio.sleep(0.1)


async def events_until(peer: WebSocket, type: str) -> list[dict[str, Any]]:
    """The events of jobs that *peer* is sent, up to the first of this type."""
    heard: list[dict[str, Any]] = []
    while not heard or heard[-1]["type"] != type:
        message = await peer.receive()
        assert message[0] == EVENT
        heard += message[4][0]
    return heard


@pytest.mark.capability("D10")
async def test_pings_keep_a_silent_session_alive_behind_a_proxy_that_drops_silent_ones(
    node: Node,
) -> None:
    async with line_to(node.port, PATIENCE) as line:
        async with await enter(node, "pia", CLIENT, line.port) as peer:
            for _ in range(3):
                peer.pinged.clear()
                listening = asyncio.create_task(peer.receive(LIMIT))
                await asyncio.wait(
                    (listening, asyncio.create_task(peer.pinged.wait())),
                    timeout=LIMIT,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                assert not listening.done(), listening.result()
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

            assert await peer.call(uris.JOBS) == {"jobs": [], "next": None}
        assert line.connections == 1


async def test_that_proxy_drops_a_connection_without_pings(node: Node) -> None:
    async with line_to(node.port, PATIENCE) as line:
        async with asyncio.timeout(LIMIT):
            reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()


@pytest.mark.capability("D11")
async def test_an_idle_session_is_ended_and_told_why(node: Node) -> None:
    async with await node.user("ida") as idle:
        goodbye = await idle.receive(LIMIT)

        assert goodbye[0] == GOODBYE
        assert goodbye[1]["message"] == "Nothing was said for 5 s"
        assert goodbye[2] == uris.IDLE
        assert await idle.until_closed() == []


@pytest.mark.capability("D11")
async def test_whoever_is_sent_something_or_asks_something_is_not_idle(node: Node) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with client(node, "ivo") as asks, client(node, "ivo") as hears:
        before = [(await each._connection.session()).session_id for each in (asks, hears)]
        events = hears.events()
        while loop.time() - began < 1.5 * IDLE_TIMEOUT:
            job = await asks.exec("probe.nap", {"seconds": 1.0})
            async with asyncio.timeout(LIMIT):
                while (await anext(events)).type != "succeeded":
                    pass
                await job.result()

        after = [(await each._connection.session()).session_id for each in (asks, hears)]
        assert after == before


@pytest.mark.capability("D11", "D6")
async def test_a_client_whose_session_was_ended_comes_back_and_misses_nothing(node: Node) -> None:
    async with client(node, "ines") as ines:
        events = ines.events()
        await ines.exec("probe.nothing")
        async with asyncio.timeout(LIMIT):
            while (await anext(events)).type != "succeeded":
                pass
            await until(ines, Status.OFFLINE)
            await until(ines, Status.LIVE)
            job = await ines.exec("probe.nothing")
            event = await anext(events)

        assert (event.job_id, event.type) == (job.job_id, "queued")


async def until(user: Client, status: Status) -> None:
    while user.status is not status:
        await user._connection.change()


@pytest.mark.capability("D6", "D9", "N1")
@pytest.mark.fault("F43")
async def test_a_network_that_swallows_everything_fails_calls_and_loses_no_event(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the network were away for half a minute.
    monkeypatch.setattr(transport, "PING_INTERVAL", 1.0)
    monkeypatch.setattr(transport, "PING_TIMEOUT", 1.0)
    async with line_to(node.port) as line, asyncio.timeout(LIMIT):
        url = line.ws
        async with Client(url, token=node.issue("nat")) as nat, client(node, "nat") as elsewhere:
            job = await nat.exec("probe.nap", {"seconds": 1.0})
            with line.silent():
                with pytest.raises(Disconnected):
                    await nat.tasks()
                # What runs is not concerned, and more may happen meanwhile.
                await elsewhere.job(job.job_id).result()
                other = await elsewhere.exec("probe.nothing")
                await other.result()

            assert [event.type for event in [event async for event in job]] == LIFE
            assert [event.type for event in [e async for e in nat.job(other.job_id)]] == LIFE
            assert await nat.tasks()


@pytest.mark.capability("D12")
async def test_a_new_session_of_a_client_ends_its_older_one(node: Node) -> None:
    async with await enter(node, "tom", CLIENT) as older, await enter(node, "tom", CLIENT) as newer:
        # What the older one says from now on is not heard, whether it says goodbye or not.
        await older.send([CALL, 1, {}, uris.EXEC, ["probe.nothing"]])
        told = await older.until_closed()

        assert [(message[0], message[2]) for message in told] == [(GOODBYE, uris.TAKEN_OVER)]
        assert await newer.call(uris.JOBS) == {"jobs": [], "next": None}


@pytest.mark.capability("D12")
async def test_a_connection_that_the_network_has_swallowed_does_not_linger(node: Node) -> None:
    async with line_to(node.port) as line, await enter(node, "lea", CLIENT, line.port) as older:
        await older.subscribe(uris.jobs_topic("lea"))
        with line.silent():
            async with await enter(node, "lea", CLIENT) as newer:
                await newer.subscribe(uris.jobs_topic("lea"))
                await newer.call(uris.EXEC, "probe.nothing")
                assert await events_until(newer, "succeeded")
        told = await older.until_closed()

        assert GOODBYE in [message[0] for message in told]


@pytest.mark.capability("D12", "I6")
@pytest.mark.parametrize(
    ("authid", "client_id"),
    [
        pytest.param("eve", CLIENT, id="of another user with the same id"),
        pytest.param("kim", OTHER, id="of the same user with another id"),
    ],
)
async def test_nothing_is_taken_over_by_a_session(node: Node, authid: str, client_id: str) -> None:
    async with await enter(node, "kim", CLIENT) as kim:
        async with await enter(node, authid, client_id) as other:
            assert await kim.call(uris.JOBS, owner="kim") == {"jobs": [], "next": None}
            assert await other.call(uris.JOBS, owner=authid) == {"jobs": [], "next": None}


async def test_an_id_that_could_be_guessed_is_refused(node: Node) -> None:
    async with await node.outside() as peer:
        with pytest.raises(Refused, match="client: must be 16 to 64 letters") as refusal:
            await peer.join(node.issue("max"), authextra={"client": "7"})

    assert refusal.value.uri == InvalidArguments.uri


@pytest.mark.capability("D12")
async def test_jobs_for_one_session_are_delivered_to_the_one_that_took_over(node: Node) -> None:
    async with await enter(node, "sam", CLIENT) as older:
        job = await older.call(uris.EXEC, "probe.nap", deliver="session")
        async with await enter(node, "sam", CLIENT) as newer, await node.user("sam") as other:
            for peer in (newer, other):
                await peer.subscribe(uris.jobs_topic("sam"))
            await newer.call(uris.CANCEL, job["job_id"])
            heard = await events_until(newer, "cancelled")
            await other.call(uris.EXEC, "probe.nothing")
            elsewhere = await events_until(other, "succeeded")

        assert {event["job_id"] for event in heard} == {job["job_id"]}
        assert job["job_id"] not in {event["job_id"] for event in elsewhere}


@pytest.mark.capability("D12", "L1")
async def test_they_are_also_when_the_executor_was_killed_meanwhile(node: Node) -> None:
    async with await node.user("ulf") as ulf, await enter(node, "ute", CLIENT) as older:
        for _ in range(2):
            await ulf.call(uris.EXEC, "probe.nap")
        waiting = await older.call(uris.EXEC, "probe.nap", deliver="session")
        wrapper = the_one(node.folder, "taskrealm.router.guest executor")
        os.kill(wrapper, signal.SIGSTOP)
        try:
            os.kill(the_one(node.folder, "components/executor.py"), signal.SIGKILL)
            newer = await enter(node, "ute", CLIENT)
        finally:
            os.kill(wrapper, signal.SIGCONT)
        async with newer:
            await until_answered(newer)
            await newer.subscribe(uris.jobs_topic("ute"))
            await newer.call(uris.CANCEL, waiting["job_id"])
            heard = await events_until(newer, "cancelled")

        assert {event["job_id"] for event in heard} == {waiting["job_id"]}
