"""Who sessions are is decided by the router alone, and they get no further than their role."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest
from tests.plain import (
    AUTHENTICATE,
    CHALLENGE,
    HELLO,
    ROLES,
    Closed,
    Refused,
)

from taskrealm.protocol import uris
from taskrealm.protocol.errors import Internal, InvalidToken
from taskrealm.protocol.jobs import new_job_id

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.nodes import Node

FORGED = {"forward_for": [{"session": 1, "authid": "root", "authrole": "operator"}]}

NOT_AUTHORIZED = "wamp.error.not_authorized"


@pytest.mark.capability("Z2", "Z10")
@pytest.mark.parametrize(
    ("ticket", "reason"),
    [
        pytest.param("", "needs a token", id="no token"),
        pytest.param("tr_" + 43 * "x", "not valid", id="a wrong token"),
        pytest.param(100_000 * "x", "not valid", id="a huge token"),
    ],
)
async def test_without_a_valid_token_nobody_joins_and_the_reason_is_given(
    node: Node, ticket: str, reason: str
) -> None:
    async with await node.outside() as peer:
        with pytest.raises(Refused, match=reason) as refusal:
            await peer.join(ticket)

    assert refusal.value.uri == InvalidToken.uri


@pytest.mark.capability("Z2")
async def test_an_expired_token_is_refused(node: Node) -> None:
    token = node.issue("alice", lifetime=1e-6)

    async with await node.outside() as peer:
        with pytest.raises(Refused, match="expired"):
            await peer.join(token)


@pytest.mark.parametrize("ticket", [None, 42, True, {"ticket": "x"}, ["x"], "\ud800"], ids=ascii)
async def test_a_ticket_that_is_no_text_ends_the_connection(node: Node, ticket: Any) -> None:
    async with await node.outside() as peer:
        with pytest.raises(Closed):
            await peer.join(ticket)


@pytest.mark.capability("Z2")
async def test_a_session_is_who_its_token_says_whatever_it_claims(node: Node) -> None:
    async with await node.outside() as peer:
        welcome = await peer.join(
            node.issue("alice"),
            authid="root",
            authrole="operator",
            authextra={"uid": "uxyz", "role": "operator"},
        )
        seen = await peer.call(uris.TASKS)

    assert (welcome["authid"], welcome["authrole"]) == ("alice", "user")
    assert welcome["authextra"]["uid"] == uris.uid_of("alice")
    assert (seen["caller_authid"], seen["caller_authrole"]) == ("alice", "user")


async def test_a_sign_in_code_lets_one_session_in(node: Node) -> None:
    code = node.issue("alice", code=True)

    async with await node.outside() as first, await node.outside() as second:
        welcome = await first.join(code)
        with pytest.raises(Refused, match="used before") as refusal:
            await second.join(code)

    assert welcome["authid"] == "alice"
    assert refusal.value.uri == InvalidToken.uri


@pytest.mark.capability("Z9")
@pytest.mark.parametrize(
    "methods",
    [
        ["cryptosign"],
        ["anonymous"],
        ["cookie"],
        ["wampcra"],
        ["tls"],
        ["anonymous-proxy"],
        [],
        None,
    ],
    ids=repr,
)
async def test_nothing_but_a_token_opens_the_public_port(
    node: Node, methods: list[str] | None
) -> None:
    async with await node.outside() as peer:
        with pytest.raises((Refused, Closed)):
            await peer.join(authmethods=methods, authid="executor", authrole="executor")


@pytest.mark.capability("Z9")
async def test_even_the_right_key_opens_the_unix_socket_only(node: Node) -> None:
    seed = bytes.fromhex(node.folder.private_key("executor").read_text())

    async with await node.outside() as outside, await node.inside() as inside:
        with pytest.raises(Refused):
            await outside.join_by_key(seed)
        welcome = await inside.join_by_key(seed)

    assert welcome["authrole"] == "executor"


@pytest.mark.capability("Z9")
async def test_another_key_does_not_open_the_unix_socket(node: Node) -> None:
    async with await node.inside() as peer:
        with pytest.raises(Refused, match="not known here"):
            await peer.join_by_key(os.urandom(32))


async def test_the_public_key_without_the_private_one_is_of_no_use(node: Node) -> None:
    public = node.folder.public_key("executor").read_text().strip()

    async with await node.inside() as peer:
        hello = {"roles": ROLES, "authmethods": ["cryptosign"], "authextra": {"pubkey": public}}
        await peer.send([HELLO, "taskrealm", hello])
        challenge = await peer.receive()
        await peer.send([AUTHENTICATE, os.urandom(64).hex() + challenge[2]["challenge"], {}])
        answer = await peer.receive()

    assert challenge[0] == CHALLENGE
    assert "The proof is not valid" in answer[1]["message"]


async def test_a_failure_of_the_authenticator_refuses_and_tells_nothing(node: Node) -> None:
    public = node.folder.public_key("executor")
    hidden = public.rename(public.with_suffix(".hidden"))
    try:
        async with await node.inside() as peer:
            with pytest.raises(Refused) as refusal:
                await peer.join_by_key(os.urandom(32))
    finally:
        hidden.rename(public)

    assert refusal.value.uri == Internal.uri
    assert str(node.folder.root) not in refusal.value.text


@pytest.mark.capability("Z8")
async def test_a_user_may_listen_to_the_own_topics(node: Node) -> None:
    uid = uris.uid_of("alice")

    async with await node.user("alice") as peer:
        await peer.subscribe(uris.jobs_topic("alice"))
        await peer.subscribe(uris.output_topic("alice", new_job_id()))
        await peer.subscribe(f"{uris.USER_PREFIX}{uid}.", match="prefix")
        await peer.subscribe(uris.CATALOG)


@pytest.mark.capability("Z8")
@pytest.mark.parametrize("role", ["backend", "operator"])
async def test_backends_and_operators_may_listen_to_everybody(node: Node, role: str) -> None:
    async with await node.user("overseer", role) as peer:
        await peer.subscribe(uris.USER_PREFIX, match="prefix")
        await peer.subscribe(uris.jobs_topic("bob"))
        with pytest.raises(Refused):
            await peer.subscribe("taskrealm.", match="prefix")


@pytest.mark.capability("Z8")
@pytest.mark.parametrize("role", ["user", "backend", "operator"])
@pytest.mark.parametrize(
    "procedure",
    [
        "wamp.session.list",
        "wamp.session.get",
        "wamp.session.count",
        "wamp.session.kill",
        "wamp.session.kill_all",
        "wamp.session.kill_by_authid",
        "wamp.session.add_testament",
        "wamp.registration.list",
        "wamp.registration.remove_callee",
        "wamp.subscription.list",
        "wamp.subscription.get_events",
        "wamp.subscription.remove_subscriber",
        uris.AUTHENTICATE,
        uris.AUTHORIZE,
        "crossbar.get_info",
    ],
)
async def test_nobody_outside_can_call_what_is_the_routers(
    node: Node, role: str, procedure: str
) -> None:
    async with await node.user("mallory", role) as peer:
        with pytest.raises(Refused) as refusal:
            await peer.call(procedure, 1, "x", {})

    assert refusal.value.uri in (NOT_AUTHORIZED, "wamp.error.no_such_procedure")


@pytest.mark.capability("Z8")
async def test_every_procedure_of_the_contract_can_be_called(node: Node) -> None:
    async with await node.user("alice") as peer:
        answers = [await _answer(peer.call(procedure)) for procedure in uris.PROCEDURES]

    assert all(answer == "" or answer.startswith(uris.ERROR_PREFIX) for answer in answers)


@pytest.mark.capability("Z8")
async def test_the_executor_too_has_its_own_part_of_the_realm_only(node: Node) -> None:
    seed = bytes.fromhex(node.folder.private_key("executor").read_text())

    async with await node.inside() as peer:
        await peer.join_by_key(seed)
        for attempt in (
            peer.register(uris.AUTHENTICATE, force_reregister=True),
            peer.publish("com.example"),
            peer.call("wamp.session.kill", 1),
        ):
            with pytest.raises(Refused) as refusal:
                await attempt

            assert refusal.value.uri == NOT_AUTHORIZED


@pytest.mark.capability("P9")
@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "file://",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1",
        "http://127.0.0.1:{port}.evil.example",
    ],
)
async def test_pages_from_elsewhere_cannot_connect(node: Node, origin: str) -> None:
    with pytest.raises(Refused):
        await node.outside(origin=origin.format(port=node.port))


@pytest.mark.capability("P9")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_the_nodes_own_pages_can_connect(node: Node, host: str) -> None:
    async with await node.outside(origin=f"http://{host}:{node.port}") as peer:
        welcome = await peer.join(node.issue("alice"))

    assert welcome["authid"] == "alice"


@pytest.mark.capability("P7")
async def test_a_message_that_is_too_large_is_refused(node: Node) -> None:
    async with await node.user("alice") as peer:
        with pytest.raises(Closed):
            await peer.call(uris.TASKS, 1_100_000 * "x")


@pytest.mark.capability("Z3")
async def test_tokens_get_into_no_log(node: Node) -> None:
    token, wrong = node.issue("alice"), "tr_" + 43 * "w"
    async with await node.outside() as peer, await node.outside() as refused:
        await peer.join(token)
        with pytest.raises(Refused):
            await refused.join(wrong)

    logged = "".join(path.read_text() for path in node.folder.logs.iterdir())

    assert token not in logged
    assert wrong not in logged


def test_what_the_node_keeps_is_for_its_owner_alone(node: Node) -> None:
    state = node.folder.state
    secrets = [
        node.folder.private_key("executor"),
        node.folder.operator_token,
        *state.glob("tokens.sqlite*"),
        *node.folder.logs.iterdir(),
    ]

    assert state.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}


async def test_many_connections_that_never_say_hello_keep_nobody_out(node: Node) -> None:
    silent = await asyncio.gather(*(node.outside() for _ in range(50)))

    async with await node.user("alice") as peer:
        seen = await peer.call(uris.TASKS)

    assert seen["caller_authid"] == "alice"
    for each in silent:
        await each.__aexit__()


async def _answer(request: Awaitable[object]) -> str:
    """The URI of the error that *request* is answered with, empty if it succeeds."""
    try:
        await request
    except Refused as refusal:
        return refusal.uri
    return ""
