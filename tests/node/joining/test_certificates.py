"""Joining by a TLS certificate, at the port that asks for one."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from tests.node.joining.ways import by_certificate, taskrealm

from taskrealm.client import Client, Disconnected, Refused
from taskrealm.protocol.errors import Unavailable
from taskrealm.wire import Tls, join

if TYPE_CHECKING:
    from tests.nodes import Node

    from taskrealm.access.credentials import CredentialStore

pytestmark = pytest.mark.timeout(120)


@pytest.mark.capability("N25", "P2")
@pytest.mark.parametrize("serializer", ["cbor", "msgpack", "json"])
async def test_by_a_certificate_over_a_raw_socket_with_tls(
    open_node: Node, credentials: CredentialStore, serializer: str
) -> None:
    root = open_node.folder.root
    credentials.add_user("join_press", "backend", ("print",))
    taskrealm(open_node, "user", "certificate", "add", "join_press", str(root / "join_press.crt"))
    url, access = by_certificate(open_node, "join_press")
    async with Client(url, serializer=serializer, **access) as one:
        job = await one.exec("probe.shell", {"script": "echo hello"})
        await job.result(30)

    assert (one.authid, one.role) == ("join_press", "backend")


async def test_a_session_that_joined_by_a_certificate_ends_with_it(
    open_node: Node, credentials: CredentialStore
) -> None:
    root = open_node.folder.root
    credentials.add_user("join_press", "backend", ("print",))
    taskrealm(open_node, "user", "certificate", "add", "join_press", str(root / "join_press.crt"))
    url, access = by_certificate(open_node, "join_press")
    tls = Tls(*(access[name] for name in ("ca", "certificate", "certificate_key")))
    session = await join(url, realm="taskrealm", tls=tls)
    credential = x509.load_pem_x509_certificate((root / "join_press.crt").read_bytes())
    ends = credential.not_valid_after_utc

    assert session.extra["method"] == "certificate"
    assert datetime.fromisoformat(session.extra["expires_at"]) == ends
    assert session.extra["address"] == "127.0.0.1"
    fingerprint = credential.fingerprint(SHA256()).hex()
    taskrealm(open_node, "user", "certificate", "rm", "join_press", fingerprint)
    async with asyncio.timeout(30):
        await session.lost
    with pytest.raises(Refused, match="not known"):
        await join(url, realm="taskrealm", tls=tls)


@pytest.mark.capability("N25")
async def test_a_certificate_that_nobody_knows_or_that_is_over_opens_nothing(
    open_node: Node, credentials: CredentialStore
) -> None:
    credentials.add_user("join_late")
    file = open_node.folder.root / "join_late.crt"
    taskrealm(open_node, "user", "certificate", "add", "join_late", str(file))
    url, stranger = by_certificate(open_node, "join_stranger")
    _, late = by_certificate(open_node, "join_late")
    nobody = {"ca": stranger["ca"], "token": open_node.issue("join_token")}

    with pytest.raises(Refused, match="not known"):
        async with Client(url, **stranger):
            pass
    for access in (late, nobody):
        with pytest.raises((Unavailable, Disconnected)):
            async with Client(url, **access):
                pass


@pytest.mark.capability("P2")
async def test_with_a_certificate_for_the_port_a_token_may_still_say_who_it_is(
    open_node: Node,
) -> None:
    url, access = by_certificate(open_node, "join_stranger")
    async with Client(url, token=open_node.issue("join_token"), **access) as one:
        assert one.authid == "join_token"


async def test_a_router_that_shows_no_certificate_to_be_trusted_is_told_nothing(
    open_node: Node,
) -> None:
    url, access = by_certificate(open_node, "join_press")
    del access["ca"]

    with pytest.raises(Unavailable, match="certificate verify failed"):
        async with Client(url, **access):
            pass
