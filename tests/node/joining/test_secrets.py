"""Joining by what one knows or keeps: passwords, secrets of programs, keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.node.joining.ways import PASSWORD, client, extra_of, joined, taskrealm
from tests.plain import Refused as PlainlyRefused

from taskrealm.client import Refused
from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidToken, RateLimited
from taskrealm.wire import join

if TYPE_CHECKING:
    from pathlib import Path

    from tests.nodes import Node

    from taskrealm.access.credentials import CredentialStore

    pass

pytestmark = pytest.mark.timeout(120)


@pytest.mark.capability("N25")
async def test_by_password_and_with_the_token_that_it_gives(
    open_node: Node, credentials: CredentialStore
) -> None:
    credentials.add_user("join_pia", teams=("editors",))
    credentials.set_password("join_pia", PASSWORD)
    session = await join(open_node.url, realm="taskrealm", ticket=PASSWORD, authid="join_pia")
    given = await session.call(uris.TOKEN)
    await session.leave()

    assert (session.extra["method"], session.extra["teams"]) == ("password", ["editors"])
    assert await joined(open_node, token=given["token"]) == ("join_pia", "user")
    assert (await extra_of(open_node, ticket=given["token"]))["teams"] == ["editors"]


async def test_a_password_that_is_replaced_does_not_serve_any_longer(
    open_node: Node, credentials: CredentialStore
) -> None:
    credentials.add_user("join_careful")
    taskrealm(open_node, "user", "password", "join_careful", stdin=f"{PASSWORD}\n")
    async with client(open_node, user="join_careful", password=PASSWORD) as one:
        assert one.authid == "join_careful"
    taskrealm(open_node, "user", "password", "join_careful", stdin="another password\n")

    with pytest.raises(Refused):
        await joined(open_node, user="join_careful", password=PASSWORD)
    assert await joined(open_node, user="join_careful", password="another password")


@pytest.mark.capability("Z2")
async def test_a_wrong_password_and_an_unknown_user_are_told_the_same(
    open_node: Node, credentials: CredentialStore
) -> None:
    credentials.add_user("join_paul")
    credentials.set_password("join_paul", PASSWORD)
    told = []
    for user in ("join_paul", "join_nobody"):
        with pytest.raises(Refused) as refusal:
            await joined(open_node, user=user, password="wrong password")
        told.append((refusal.value.uri, str(refusal.value)))

    assert told == [(InvalidToken.uri, "Name or password is wrong")] * 2


async def test_whoever_guesses_passwords_must_wait_longer_and_longer(open_node: Node) -> None:
    guesses = 0
    wait = 0.0
    while wait == 0:  # on a busy machine a guess may take as long as the first wait
        try:
            await joined(open_node, user="join_guessed", password="a wrong one")
        except RateLimited as error:
            wait = error.retry_after
        except Refused:
            guesses += 1

    assert guesses >= 5
    assert wait <= 2 ** (guesses - 5)


@pytest.mark.capability("N25")
@pytest.mark.parametrize("methods", [["scram"], ["wampcra"]], ids=lambda each: each[0])
async def test_by_a_secret_that_never_travels(
    open_node: Node, credentials: CredentialStore, methods: list[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr("taskrealm.wire.proofs.SECRET_METHODS", tuple(methods))
    credentials.add_user("join_crm", "backend")
    secret = credentials.new_secret("join_crm")

    assert await joined(open_node, user="join_crm", secret=secret) == ("join_crm", "backend")
    extra = await extra_of(open_node, secret=secret, authid="join_crm")
    assert extra["method"] == methods[0]
    for user, wrong in (("join_crm", "wrong"), ("join_nobody", secret)):
        with pytest.raises(Refused, match="The proof is not valid") as refusal:
            await joined(open_node, user=user, secret=wrong)
        assert refusal.value.uri == InvalidToken.uri


async def test_challenges_do_not_tell_who_is_known(
    open_node: Node, credentials: CredentialStore
) -> None:
    credentials.add_user("join_known", "operator")
    credentials.new_secret("join_known")

    async def challenge(method: str, authid: str) -> dict[str, Any]:
        async with await open_node.outside() as peer:
            hello = {
                "roles": {"caller": {}},
                "authmethods": [method],
                "authid": authid,
                "authextra": {"nonce": "AAAAAAAAAAAAAAAAAAAAAA=="},
            }
            await peer.send([1, "taskrealm", hello])
            message = await peer.receive()
            assert message[0] == 4, message
            extra: dict[str, Any] = message[2]
        if "challenge" in extra:
            extra |= {"challenge": json.loads(extra["challenge"]), "is_cra": True}
        return extra

    for method in ("wampcra", "scram"):
        known, unknown, again = [
            await challenge(method, authid)
            for authid in ("join_known", "join_unknown", "join_unknown")
        ]

        assert known.keys() == unknown.keys()
        assert len(known["salt"]) == len(unknown["salt"])
        assert unknown["salt"] == again["salt"]
        if method == "wampcra":
            roles = [each["challenge"]["authrole"] for each in (known, unknown)]
            assert roles == [None, None]


@pytest.mark.parametrize("answer", ["", "x", "ü", 2_000 * "A", "AAAA"], ids=lambda each: each[:4])
@pytest.mark.parametrize("method", ["wampcra", "scram", "cryptosign"])
async def test_an_answer_that_is_none_is_refused_in_our_words(
    open_node: Node, credentials: CredentialStore, method: str, answer: str
) -> None:
    credentials.add_user("join_odd")
    credentials.new_secret("join_odd")
    public = 64 * "a"
    credentials.add_key("join_odd", public)
    async with await open_node.outside() as peer:
        with pytest.raises(PlainlyRefused) as refusal:
            await peer.join(
                answer,
                authid="join_odd",
                authmethods=[method],
                authextra={"nonce": "AAAAAAAAAAAAAAAAAAAAAA==", "pubkey": public},
            )

    assert refusal.value.uri == InvalidToken.uri
    assert refusal.value.text == "The proof is not valid"


@pytest.mark.parametrize("extra", [{}, {"nonce": 5}, {"nonce": "?"}], ids=repr)
async def test_a_hello_that_lacks_what_scram_needs_is_refused_in_our_words(
    open_node: Node, extra: Any
) -> None:
    async with await open_node.outside() as peer:
        with pytest.raises(PlainlyRefused) as refusal:
            await peer.join(authid="join_odd", authmethods=["scram"], authextra=extra)

    assert refusal.value.uri == InvalidToken.uri
    assert refusal.value.text == "The proof is not valid"


@pytest.mark.capability("N25")
async def test_by_a_key_of_ones_own(
    open_node: Node, credentials: CredentialStore, tmp_path: Path
) -> None:
    credentials.add_user("join_billing", "backend")
    file = tmp_path / "billing.key"
    public = taskrealm(open_node, "user", "key", "add", "join_billing", "--new", str(file)).strip()

    assert await joined(open_node, key=file) == ("join_billing", "backend")
    assert file.stat().st_mode & 0o777 == 0o600
    taskrealm(open_node, "user", "key", "rm", "join_billing", public)
    with pytest.raises(Refused, match="not known"):
        await joined(open_node, key=file)


@pytest.mark.capability("Z9")
@pytest.mark.parametrize("component", ["executor", "gateway"])
async def test_the_nodes_own_keys_open_no_port(open_node: Node, component: str) -> None:
    with pytest.raises(Refused, match="not known"):
        await joined(open_node, key=open_node.folder.private_key(component))


async def test_the_gateway_joins_by_its_own_key_over_the_unix_socket(open_node: Node) -> None:
    session = await join(
        f"unix:{open_node.folder.socket}",
        realm="taskrealm",
        key=open_node.folder.private_key("gateway"),
    )
    await session.leave()

    assert (session.authid, session.authrole) == ("gateway", "gateway")
