"""What a site sets about HTTP is so."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.http.asking import STREAM, asking
from tests.http.interface import interface
from tests.nodes import Node
from tests.site import make_site

from taskrealm.access.credentials import CredentialStore

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOP = "https://shop.example"
ROUTER = f"""\
allowed_origins = ["{SHOP}"]
trusted_proxies = ["127.0.0.1"]
"""
SECTIONS = """
[access]
passwords = true

[gateway]
sessions = 2
body_limit = 65_536
"""
TASKS = """\
[tasks."greet"]
title = "Greet somebody"
command = ["printf", "hello %s", "{who}"]
[tasks."greet".parameters.who]
type = "choice"
choices.command = ["printf", "ana\\\\nbob\\\\n"]
"""


@pytest.fixture(scope="module")
def own() -> Iterator[Node]:
    """A node with settings of its own."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path), router=ROUTER, settings=SECTIONS)
        (folder.root / "tasks" / "own.toml").write_text(TASKS)
        with Node(folder) as node:
            node.until("READY")
            yield node


@pytest.mark.capability("P9")
async def test_pages_of_the_origins_in_the_settings_may_ask(own: Node) -> None:
    async with asking(own, "http_shop") as http:
        async with http.get("jobs", headers={"Origin": SHOP}) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == SHOP
        async with http.get("jobs", headers={"Origin": f"{SHOP}.evil.test"}) as response:
            assert response.status == 403


async def test_a_body_is_no_larger_than_is_set(own: Node) -> None:
    async with interface(own, "http_large") as api:
        most = await api.post("/jobs", {"task": "x" * 65_000})
        more = await api.post("/jobs", {"task": "x" * 66_000})

    assert (most.status, more.status) == (404, 413)


async def test_no_more_tokens_are_in_use_at_once_than_is_set(own: Node) -> None:
    async with asking(own, "http_one") as one, asking(own, "http_two") as two:
        async with one.get("events", headers=STREAM), two.get("events", headers=STREAM):
            async with asking(own, "http_three") as three, three.get("jobs") as response:
                assert response.status == 503
                assert int(response.headers["Retry-After"]) > 0
            async with one.get("jobs") as response:
                assert response.status == 200


async def test_choices_of_a_parameter_are_told(own: Node) -> None:
    async with interface(own, "http_chooses") as api:
        offered = await api.post("/tasks/{task}/choices", {"parameter": "who"}, task="greet")
        unknown = await api.post("/tasks/{task}/choices", {"parameter": "what"}, task="greet")

    assert [each["value"] for each in offered.value["choices"]] == ["ana", "bob"]
    assert (unknown.status, list(unknown.value["fields"])) == (422, ["parameter"])


async def test_a_trusted_proxy_is_believed_where_a_client_comes_from(own: Node) -> None:
    async with interface(own, "http_proxied", "operator") as api:
        headers = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
        sessions = await api.get(
            "/admin/sessions", params={"user": "http_proxied"}, headers=headers
        )

    assert [each["address"] for each in sessions.value["sessions"]] == ["203.0.113.9"]


@pytest.mark.capability("P6")
async def test_a_password_is_exchanged_for_a_token_and_not_guessed(own: Node) -> None:
    with closing(CredentialStore.open(own.folder.credentials)) as credentials:
        credentials.add_user("http_pass")
        credentials.set_password("http_pass", "correct horse battery")
    async with interface(own, "http_asks") as api:
        good = await api.post("/token", {"user": "http_pass", "password": "correct horse battery"})
        headers = {"Authorization": f"Bearer {good.value['token']}"}
        made = await api.post("/jobs", {"task": "date"}, headers=headers)
        half = await api.post("/token", {"user": "http_pass"})
        guesses = [
            await api.post("/token", {"user": "http_pass", "password": f"guess {number}"})
            for number in range(8)
        ]

    assert (good.status, made.status) == (200, 202)
    assert (half.status, half.value["fields"]) == (
        422,
        {"body": "must have a code, or a user and a password"},
    )
    assert (guesses[0].status, guesses[0].value["detail"]) == (401, "Name or password is wrong")
    assert guesses[-1].status == 429
    assert int(guesses[-1].headers["Retry-After"]) > 0
