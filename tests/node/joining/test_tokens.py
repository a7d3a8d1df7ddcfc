"""Joining by tokens: of the node, signed by the site, or known to its own function."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.node.joining.ways import AUDIENCE, KEYS, extra_of, joined, key_set, signed, taskrealm

from taskrealm.client import Refused
from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidToken, NotAuthorized, Unavailable
from taskrealm.wire import join

if TYPE_CHECKING:
    from tests.nodes import Node

pytestmark = pytest.mark.timeout(120)


@pytest.mark.capability("N25", "Z1")
async def test_by_a_token_of_the_node(open_node: Node) -> None:
    token = open_node.issue("join_token")

    assert await joined(open_node, token=token) == ("join_token", "user")
    assert (await extra_of(open_node, ticket=token))["method"] == "token"


async def test_no_other_session_gets_a_token_without_a_code(open_node: Node) -> None:
    session = await join(open_node.url, realm="taskrealm", ticket=open_node.issue("join_token"))
    with pytest.raises(NotAuthorized):
        await session.call(uris.TOKEN)
    await session.leave()


@pytest.mark.capability("N25", "Z1")
@pytest.mark.parametrize("algorithm", list(KEYS))
async def test_by_a_token_that_the_site_has_signed(open_node: Node, algorithm: str) -> None:
    token = signed("join_signed", algorithm, teams=["editors"])

    assert await joined(open_node, token=token) == ("join_signed", "user")
    extra = await extra_of(open_node, ticket=token)
    assert (extra["method"], extra["teams"]) == ("jwt", ["editors"])
    assert "expires_at" in extra


@pytest.mark.capability("Z1")
async def test_a_signed_token_gives_the_roles_that_are_set_and_no_other(open_node: Node) -> None:
    operator = await joined(open_node, token=signed("join_chief", role="operator"))
    with pytest.raises(Refused, match="a role that such tokens cannot give") as refusal:
        await joined(open_node, token=signed("join_chief", role="backend"))

    assert operator == ("join_chief", "operator")
    assert refusal.value.uri == InvalidToken.uri


@pytest.mark.capability("Z2")
@pytest.mark.parametrize(
    ("token", "reason"),
    [
        pytest.param(signed("join_x", exp=int(time.time()) - 60), "expired", id="expired"),
        pytest.param(signed("join_x", aud="others"), "meant for somebody else", id="for others"),
        pytest.param(
            signed("join_x", key=Ed25519PrivateKey.generate()), "not signed", id="another key"
        ),
        pytest.param(
            jwt.encode({"sub": "join_x", "aud": AUDIENCE}, None, algorithm="none"),
            "not signed",
            id="alg none",
        ),
    ],
)
async def test_a_signed_token_that_is_not_right_is_refused_with_the_reason(
    open_node: Node, token: str, reason: str
) -> None:
    with pytest.raises(Refused, match=reason) as refusal:
        await joined(open_node, token=token)

    assert refusal.value.uri == InvalidToken.uri


async def test_keys_that_change_in_their_file_hold_from_the_next_session_on(
    open_node: Node,
) -> None:
    file = open_node.folder.root / "router" / "keys.json"
    newest = Ed25519PrivateKey.generate()
    entry = jwt.algorithms.OKPAlgorithm.to_jwk(newest.public_key(), as_dict=True)
    file.write_text(json.dumps({"keys": [*key_set()["keys"], {**entry, "kid": "EdDSA"}]}))
    try:
        assert await joined(open_node, token=signed("join_new_key", key=newest))
    finally:
        file.write_text(json.dumps(key_set()))

    with pytest.raises(Refused):
        await joined(open_node, token=signed("join_new_key", key=newest))


async def test_what_was_signed_before_its_user_was_revoked_is_refused(open_node: Node) -> None:
    token = signed("join_revoked")
    assert await joined(open_node, token=token)
    taskrealm(open_node, "user", "revoke", "join_revoked")

    with pytest.raises(Refused, match="revoked"):
        await joined(open_node, token=token)
    later = signed("join_revoked", iat=int(time.time()) + 2)
    assert await joined(open_node, token=later)


@pytest.mark.capability("Z1")
@pytest.mark.parametrize(
    ("token", "who"),
    [
        pytest.param("name join_hook", ("join_hook", "user"), id="an authid"),
        pytest.param("role join_shop", ("join_shop", "backend"), id="authid and role"),
        pytest.param("teams join_editor", ("join_editor", "user"), id="a mapping"),
    ],
)
async def test_by_the_sites_own_function(open_node: Node, token: str, who: tuple[str, str]) -> None:
    assert await joined(open_node, token=token) == who


async def test_what_the_sites_function_says_of_a_user_is_known_of_the_session(
    open_node: Node,
) -> None:
    extra = await extra_of(open_node, ticket="teams join_editor")

    assert (extra["method"], extra["teams"]) == ("hook", ["editors"])
    assert "expires_at" in extra


@pytest.mark.capability("Z2")
async def test_a_token_that_the_sites_function_does_not_know_is_refused(open_node: Node) -> None:
    with pytest.raises(Refused, match="not valid") as refusal:
        await joined(open_node, token="unknown")

    assert refusal.value.uri == InvalidToken.uri


@pytest.mark.capability("Z6")
@pytest.mark.parametrize("token", ["system join_x", "nonsense", "fail hunter2", "wait", "die"])
async def test_a_function_that_fails_waits_dies_or_talks_nonsense_lets_nobody_in(
    open_node: Node, token: str
) -> None:
    async with asyncio.timeout(30):
        with pytest.raises(Unavailable) as refusal:
            await joined(open_node, token=token)

    assert "hunter2" not in str(refusal.value)
    await comes_back(open_node)


@pytest.mark.capability("Z6")
async def test_a_function_that_hangs_lets_nobody_in_and_keeps_only_itself_busy(
    open_node: Node,
) -> None:
    hanging = asyncio.create_task(joined(open_node, token="hang"))
    async with asyncio.timeout(20):
        await asyncio.gather(
            *(joined(open_node, token=signed(f"join_meanwhile_{each}")) for each in range(5))
        )
        with pytest.raises(Unavailable):
            await hanging

    await comes_back(open_node)


@pytest.mark.capability("Z6")
async def test_more_at_once_than_can_wait_are_refused_and_soon_there_is_room_again(
    open_node: Node,
) -> None:
    async def attempt() -> str:
        try:
            await join(open_node.url, realm="taskrealm", ticket="wait", open_timeout=30)
        except Unavailable:
            return "refused"
        return "joined"

    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(*(attempt() for _ in range(100)))

    assert set(outcomes) == {"refused"}
    await comes_back(open_node)


async def comes_back(node: Node) -> None:
    """Return once the site's function answers again."""
    async with asyncio.timeout(30):
        while True:
            try:
                await joined(node, token="name join_again")
                return
            except Unavailable:
                await asyncio.sleep(0.1)
