"""Joining anonymously, from where, and what holds for every way."""

from __future__ import annotations

import asyncio
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.needs import needs
from tests.node.joining.ways import (
    PASSWORD,
    client,
    extra_of,
    join_and_leave,
    joined,
    signed,
    taskrealm,
)
from tests.nodes import ROOT, Node, Watch, comes_true, the_one

from taskrealm.access.addresses import proof_of
from taskrealm.client import BlockingClient, Refused
from taskrealm.protocol import uris
from taskrealm.protocol.errors import UnknownJob

if TYPE_CHECKING:
    from pathlib import Path

    from taskrealm.access.credentials import CredentialStore

    pass

pytestmark = pytest.mark.timeout(120)


@pytest.mark.capability("N25")
async def test_anonymously_each_under_a_name_of_its_own(open_node: Node) -> None:
    async with client(open_node, anonymous=True) as one, client(open_node, anonymous=True) as two:
        job = await one.exec("probe.shell", {"script": "echo hello"})
        await job.result(30)
        with pytest.raises(UnknownJob):
            await two.job(job.job_id).snapshot()

    assert one.authid.startswith("anonymous_")
    assert one.authid != two.authid
    assert (one.role, two.role) == ("user", "user")


async def test_an_anonymous_client_that_lost_its_connection_stays_who_it_was(
    open_node: Node,
) -> None:
    own_id = "join_" + 20 * "x"
    first = await extra_of(open_node, client=own_id)
    second = await extra_of(open_node, client=own_id)

    assert first["uid"] == second["uid"]
    assert first["teams"] == ["anonymous"]


async def test_the_address_is_that_which_a_trusted_proxy_has_seen(open_node: Node) -> None:
    async with await open_node.outside() as peer:
        direct = await peer.join(open_node.issue("join_near"))

    assert direct["authextra"]["address"] == "127.0.0.1"


async def test_only_with_its_proof_is_the_gateway_believed_where_a_client_comes_from(
    open_node: Node,
) -> None:
    secret = open_node.folder.gateway_secret.read_text().strip()
    address = "203.0.113.7"
    via = {"address": address, "proof": proof_of(address, secret)}

    async def seen(via: Any, *, inside: bool) -> str | None:
        async with await (open_node.inside() if inside else open_node.outside()) as peer:
            welcome = await peer.join(open_node.issue("join_far"), authextra={"via": via})
            told: str | None = welcome["authextra"].get("address")
            return told

    assert await seen(via, inside=True) == address
    assert await seen({**via, "proof": 64 * "0"}, inside=True) is None
    assert await seen({**via, "address": "203.0.113.8"}, inside=True) is None
    assert await seen("nonsense", inside=True) is None
    assert await seen(via, inside=False) == "127.0.0.1"


@pytest.mark.capability("Z10")
async def test_every_way_is_open_while_the_executor_is_down(
    open_node: Node, credentials: CredentialStore
) -> None:
    credentials.add_user("join_down")
    credentials.set_password("join_down", PASSWORD)
    secret = credentials.new_secret("join_down")
    component = open_node.folder.root / "components" / "executor.py"
    component.rename(component.with_suffix(".away"))
    try:
        Watch([the_one(open_node.folder, "components/executor.py")]).kill()
        ways: list[dict[str, Any]] = [
            {"ticket": open_node.issue("join_down")},
            {"ticket": signed("join_down")},
            {"ticket": "name join_down"},
            {"ticket": PASSWORD, "authid": "join_down"},
            {"secret": secret, "authid": "join_down"},
        ]
        names = {(await join_and_leave(open_node, **way)) for way in ways}
    finally:
        component.with_suffix(".away").rename(component)
        async with client(open_node, token=open_node.issue("join_down")) as one:
            async with asyncio.timeout(60):
                await one._connection.insist(uris.TASKS)

    assert names == {"join_down"}


@pytest.mark.capability("N25")
def test_the_command_line_and_a_blocking_client_join_in_these_ways_too(
    open_node: Node, credentials: CredentialStore, tmp_path: Path
) -> None:
    taskrealm(open_node, "user", "add", "join_cli", "--role", "backend", "--team", "editors")
    taskrealm(open_node, "user", "password", "join_cli", stdin=f"{PASSWORD}\n")
    secret = taskrealm(open_node, "user", "secret", "join_cli").strip()
    password_file, secret_file = tmp_path / "password", tmp_path / "secret"
    password_file.write_text(f"{PASSWORD}\n")
    secret_file.write_text(f"{secret}\n")

    for way in (
        ("--user", "join_cli", "--password-file", str(password_file)),
        ("--user", "join_cli", "--secret-file", str(secret_file)),
        ("--anonymous",),
    ):
        assert "video.transcode" in taskrealm(open_node, "tasks", "--url", open_node.url, *way)
    with BlockingClient(open_node.url, user="join_cli", secret=secret) as blocking:
        assert (blocking.authid, blocking.role) == ("join_cli", "backend")
    listed = [
        json.loads(line) for line in taskrealm(open_node, "user", "ls", "--json").splitlines()
    ]
    (own,) = [each for each in listed if each["user"] == "join_cli"]
    assert own["teams"] == ["editors"]
    assert [each["method"] for each in own["credentials"]] == ["password", "scram", "wampcra"]
    taskrealm(open_node, "user", "rm", "join_cli")
    with pytest.raises(Refused), BlockingClient(open_node.url, user="join_cli", secret=secret):
        pass


@pytest.mark.capability("N25")
@pytest.mark.parametrize("way", ["jwt", "password", "wampcra", "anonymous"])
def test_autobahn_js_joins_in_these_ways(
    open_node: Node, credentials: CredentialStore, way: str
) -> None:
    credentials.add_user("join_js")
    credentials.set_password("join_js", PASSWORD)
    secret = credentials.new_secret("join_js")
    arguments = {
        "jwt": ("ticket", "", signed("join_js")),
        "password": ("ticket", "join_js", PASSWORD),
        "wampcra": ("wampcra", "join_js", secret),
        "anonymous": ("anonymous", "", ""),
    }[way]
    script = ROOT / "tests" / "node" / "plain_joiner.cjs"
    said = subprocess.run(
        [needs("node"), "--experimental-websocket", script, open_node.url, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    told = json.loads(said.stdout)
    assert told["authid"].startswith("anonymous_" if way == "anonymous" else "join_js")
    assert told["tasks"] > 0


@pytest.mark.capability("Z2")
async def test_no_secret_is_in_any_log(open_node: Node, credentials: CredentialStore) -> None:
    credentials.add_user("join_quiet")
    credentials.set_password("join_quiet", PASSWORD)
    secret = credentials.new_secret("join_quiet")
    token = signed("join_quiet")
    for access in (
        {"token": token},
        {"user": "join_quiet", "password": PASSWORD},
        {"user": "join_quiet", "secret": secret},
        {"user": "join_quiet", "secret": f"{secret}x"},
    ):
        try:
            await joined(open_node, **access)
        except Refused:
            assert access["secret"] != secret

    def written() -> str:
        return "".join(file.read_text(errors="replace") for file in open_node.folder.logs.iterdir())

    # The router's log goes through another process.
    await comes_true(lambda: "join_quiet" in written())
    assert not [text for text in (token, PASSWORD, secret) if text in written()]
