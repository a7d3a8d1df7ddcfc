"""Live sessions end when what they have joined with expires or is revoked, on every transport."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.nodes import Node, free_port
from tests.plain import CALL, EVENT, GOODBYE, SERIALIZERS, Peer, RawSocket, Refused
from tests.site import make_site

from taskrealm.access.tokens import TokenStore
from taskrealm.client import Client, Status
from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidToken
from taskrealm.protocol.jobs import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT = 30.0  # seconds
PROMPT = 1.0  # seconds within which a revocation is honoured

CLIENT = "0123456789abcdef"


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node that backends may also reach by raw socket over TCP."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        router = f"\n[router.raw_socket]\nport = {free_port()}\n"
        with Node(make_site(Path(path), router=router)) as node:
            node.until("READY")
            yield node


@pytest.fixture(params=["websocket", "raw socket over TCP", "Unix socket"])
def way(request: pytest.FixtureRequest) -> str:
    """A way into the node."""
    return str(request.param)


async def connect(node: Node, way: str, serializer: str = "json") -> Peer:
    if way == "websocket":
        return await node.outside(serializer)
    if way == "Unix socket":
        return await node.inside(serializer)
    assert node.settings.router.raw_socket is not None
    return await RawSocket.connect_tcp(node.settings.router.raw_socket.port, serializer)


def store(node: Node) -> TokenStore:
    return TokenStore.open(node.folder.tokens)


def revoke(node: Node, peer: Peer) -> None:
    """Revoke the token with which *peer* has joined."""
    with closing(store(node)) as tokens:
        assert tokens.revoke(peer.welcome["authextra"]["token"])


def revoke_user(node: Node, authid: str) -> None:
    with closing(store(node)) as tokens:
        tokens.revoke_user(authid)


async def farewell(peer: Peer) -> tuple[str, float]:
    """Why *peer* was ended, and the seconds until then; nothing else may come before or after."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(LIMIT):
        messages = await peer.until_closed()
    passed = loop.time() - began
    assert [message[0] for message in messages] == [GOODBYE], messages
    return messages[0][2], passed


@pytest.mark.capability("Z11", "P1", "P2", "P3", "P5")
@pytest.mark.parametrize("serializer", SERIALIZERS)
async def test_a_session_ends_when_its_token_expires(node: Node, way: str, serializer: str) -> None:
    async with await connect(node, way, serializer) as peer:
        await peer.join(node.issue("live_eva", lifetime=2.0))
        expires_at = peer.welcome["authextra"]["expires_at"]
        reply = await peer.receive(LIMIT)
        at = now().isoformat()

        assert reply[0] == GOODBYE
        assert reply[2] == uris.EXPIRED
        assert at >= expires_at
        assert await peer.until_closed() == []


@pytest.mark.capability("Z11")
async def test_it_is_deaf_and_dumb_from_that_moment(node: Node, way: str) -> None:
    dora = f"live_dora of the {way}"
    async with await connect(node, way) as peer, await node.user(dora) as other:
        await peer.join(node.issue(dora))
        await peer.subscribe(uris.jobs_topic(dora))
        revoke(node, peer)
        goodbye = await peer.receive(LIMIT)
        # It does not answer the goodbye, but goes on as if nothing had happened.
        await peer.send([CALL, 77, {}, uris.EXEC, ["probe.nothing"]])
        rest, _ = await asyncio.gather(peer.until_closed(), other.call(uris.EXEC, "probe.nothing"))
        jobs = (await other.call(uris.JOBS))["jobs"]

    assert goodbye[2] == uris.REVOKED
    assert EVENT not in [message[0] for message in rest]
    assert len(jobs) == 1


@pytest.mark.capability("Z11")
async def test_a_session_ends_within_a_second_when_its_token_is_revoked(
    node: Node, way: str
) -> None:
    async with await connect(node, way) as peer, await connect(node, way) as other:
        await peer.join(node.issue("live_rita"))
        await other.join(node.issue("live_rita"))
        revoke(node, peer)
        reason, passed = await farewell(peer)
        jobs = await other.call(uris.JOBS)

    assert reason == uris.REVOKED
    assert passed < 2 * PROMPT  # the farewell is part of it
    assert jobs["jobs"] == []


@pytest.mark.capability("Z11")
async def test_all_sessions_of_a_user_end_when_the_user_is_revoked(node: Node) -> None:
    async with await node.user("live_uma") as one, await node.user("live_uma") as two:
        async with await node.user("live_ulla") as other:
            revoke_user(node, "live_uma")
            reasons = [reason for reason, _ in await asyncio.gather(farewell(one), farewell(two))]

            assert reasons == [uris.REVOKED, uris.REVOKED]
            assert await other.call(uris.JOBS)


@pytest.mark.capability("Z11", "Z2")
async def test_who_was_revoked_is_refused_when_joining_again(node: Node) -> None:
    token = node.issue("live_rolf")
    async with await node.outside() as peer:
        await peer.join(token)
        revoke(node, peer)
        await farewell(peer)
    async with await node.outside() as again:
        with pytest.raises(Refused) as refusal:
            await again.join(token)

    assert refusal.value.uri == InvalidToken.uri


@pytest.mark.capability("D12", "Z11")
async def test_a_session_that_took_over_is_revoked_like_any_other(node: Node) -> None:
    older, newer = await node.outside(), await node.outside()
    async with older, newer:
        await older.join(node.issue("live_tina"), authextra={"client": CLIENT})
        await newer.join(node.issue("live_tina"), authextra={"client": CLIENT})
        for peer in (older, newer):
            revoke(node, peer)
        endings = await asyncio.gather(farewell(older), farewell(newer))
        reasons = [reason for reason, _ in endings]

    assert reasons == [uris.TAKEN_OVER, uris.REVOKED]


@pytest.mark.capability("Z11")
async def test_a_session_with_a_sign_in_code_lasts_as_long_as_what_that_was_exchanged_for(
    node: Node,
) -> None:
    code = node.issue("live_cora", code=True)
    async with await node.outside() as peer:
        await peer.join(code)
        exchanged: dict[str, Any] = await peer.call(uris.TOKEN, code)
        # Whatever changes the store makes the router look again.
        node.issue("live_cora")
        waiting = asyncio.create_task(peer.receive(limit=None))
        done, _ = await asyncio.wait([waiting], timeout=2 * PROMPT)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert not done
        async with await node.outside() as page:
            await page.join(exchanged["token"])
            revoke(node, page)
            reasons = [reason for reason, _ in await asyncio.gather(farewell(peer), farewell(page))]

    assert reasons == [uris.REVOKED, uris.REVOKED]


@pytest.mark.capability("Z11", "D9")
async def test_a_client_asks_for_a_new_token_when_its_own_expires(node: Node) -> None:
    asked = []

    def token() -> str:
        asked.append(now())
        return node.issue("live_theo", lifetime=3.0 if len(asked) == 1 else 60.0)

    async with asyncio.timeout(LIMIT), Client(node.url, token=token) as theo:
        await until(theo, lambda: theo.status is Status.OFFLINE)
        await until(theo, lambda: theo.status is Status.LIVE)
        job = await theo.exec("probe.nothing")
        await job.result()

    assert len(asked) == 2


@pytest.mark.capability("Z11")
async def test_a_client_whose_token_was_revoked_is_told_so_and_gives_up(node: Node) -> None:
    token = node.issue("live_vera")
    async with asyncio.timeout(LIMIT), Client(node.url, token=token) as vera:
        with closing(store(node)) as tokens:
            found = tokens.find(token)
            assert found is not None
            tokens.revoke(found.id)
        await until(vera, lambda: vera.status is Status.REFUSED)


@pytest.mark.capability("Z8")
async def test_the_executor_alone_can_end_a_session_by_its_number(node: Node) -> None:
    seed = bytes.fromhex(node.folder.private_key("executor").read_text())
    async with await node.user("live_otto", "operator") as operator, await node.inside() as own:
        await own.join_by_key(seed)
        async with await node.user("live_nora") as nora:
            with pytest.raises(Refused) as refusal:
                await operator.call(uris.END, nora.session)
            ended = await own.call(uris.END, nora.session)
            reason, _ = await farewell(nora)
            again = await own.call(uris.END, nora.session)
            itself = await own.call(uris.END, own.session)

    assert refusal.value.uri == "wamp.error.not_authorized"
    assert (ended, again, itself) == (True, False, False)
    assert reason == uris.REVOKED


async def until(user: Client, holds: Callable[[], bool]) -> None:
    while not holds():
        await user._connection.change()
