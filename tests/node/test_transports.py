"""The ways in: one public port for pages and WebSocket, one Unix socket for the same machine."""

from __future__ import annotations

import asyncio
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from tests.plain import SERIALIZERS

from taskrealm.protocol import uris

if TYPE_CHECKING:
    from tests.nodes import Node

STRANGE = "Zoë.d'Arc #1/ü 東"


@pytest.mark.capability("P1", "P5")
@pytest.mark.parametrize("serializer", SERIALIZERS)
async def test_a_user_joins_over_websocket(node: Node, serializer: str) -> None:
    async with await node.outside(serializer) as peer:
        await peer.join(node.issue(STRANGE))
        await peer.subscribe(uris.jobs_topic(STRANGE))
        seen = await peer.call(uris.TASKS)

    assert seen["caller_authid"] == STRANGE


@pytest.mark.capability("P3", "P5")
@pytest.mark.parametrize("serializer", SERIALIZERS)
async def test_a_backend_joins_over_the_unix_socket(node: Node, serializer: str) -> None:
    async with await node.inside(serializer) as peer:
        await peer.join(node.issue("billing", "backend"))
        seen = await peer.call(uris.TASKS)

    assert (seen["caller_authid"], seen["caller_authrole"]) == ("billing", "backend")


@pytest.mark.capability("P3")
async def test_the_operators_token_in_the_nodes_folder_opens_the_unix_socket(node: Node) -> None:
    token = node.folder.operator_token.read_text().strip()

    async with await node.inside() as peer:
        welcome = await peer.join(token)

    assert welcome["authrole"] == "operator"


async def test_a_session_learns_its_uid_and_when_its_token_expires(node: Node) -> None:
    async with await node.outside() as peer:
        welcome = await peer.join(node.issue("alice", lifetime=60))

    extra: dict[str, Any] = welcome["authextra"]
    assert extra["uid"] == uris.uid_of("alice")
    assert "expires_at" in extra


@pytest.mark.capability("O4")
async def test_the_public_port_serves_the_console(node: Node) -> None:
    with await asyncio.to_thread(
        urllib.request.urlopen, f"http://127.0.0.1:{node.port}/"
    ) as answer:
        page = answer.read()

    assert answer.headers["content-type"].startswith("text/html")
    assert b"TaskRealm" in page


@pytest.mark.capability("D10")
async def test_a_silent_session_is_asked_for_a_sign_of_life_and_stays(node: Node) -> None:
    async with await node.user("alice") as peer:
        waiting = asyncio.create_task(peer.receive(limit=None))
        async with asyncio.timeout(20):
            await peer.pinged.wait()
        waiting.cancel()
        await asyncio.wait([waiting])
        seen = await peer.call(uris.TASKS)

    assert seen["caller_authid"] == "alice"
