"""Who has a token that is good may ask, as long as it is good; and pages of others may not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.http.asking import LIMIT, asking, nobody
from tests.http.interface import interface

from taskrealm.access.tokens import TokenStore

if TYPE_CHECKING:
    import aiohttp
    from tests.nodes import Node


async def until_refused(http: aiohttp.ClientSession, **headers: str) -> str:
    """Ask until the token is refused; gives the challenge."""
    async with asyncio.timeout(LIMIT):
        while True:
            async with http.get("/api/jobs", headers=headers) as response:
                assert response.status in (200, 401)
                if response.status == 401:
                    return response.headers["WWW-Authenticate"]
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("token", ["tr_wrong", "x" * 8_000, "a.b.c"])
async def test_a_token_that_is_none_is_refused(site: Node, token: str) -> None:
    async with nobody(site) as http:
        headers = {"Authorization": f"Bearer {token}"}
        async with http.get("/api/jobs", headers=headers) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
            assert (await response.json())["code"] == "invalid_token"


async def test_a_token_that_expires_between_two_requests_is_refused(site: Node) -> None:
    token = site.issue("http_expires", lifetime=2.0)
    async with nobody(site) as http:
        http.headers["Authorization"] = f"Bearer {token}"
        async with http.get("/api/jobs") as response:
            assert response.status == 200

        assert await until_refused(http) == 'Bearer error="invalid_token"'


async def test_a_token_that_is_revoked_between_two_requests_is_refused(site: Node) -> None:
    async with asking(site, "http_revoked") as http:
        async with http.get("jobs") as response:
            assert response.status == 200
        store = TokenStore.open(site.folder.tokens)
        store.revoke_user("http_revoked")
        store.close()

        assert await until_refused(http) == 'Bearer error="invalid_token"'


@pytest.mark.capability("P6")
async def test_a_sign_in_code_is_exchanged_for_a_token_once(site: Node) -> None:
    code = site.issue("http_code", code=True)
    async with interface(site, "http_other") as api:
        first, second = [await api.post("/token", {"code": code}) for _ in range(2)]
        wrong = await api.post("/token", {"code": "tr_wrong"})
        headers = {"Authorization": f"Bearer {first.value['token']}"}
        made = await api.post("/jobs", {"task": "date"}, headers=headers)
        job = await api.get("/jobs/{job_id}", job_id=made.value["job_id"], headers=headers)

    assert (first.status, second.status, wrong.status) == (200, 401, 401)
    assert job.value["owner"] == "http_code"


async def test_a_token_for_a_page_can_do_no_more_than_it_is_limited_to(site: Node) -> None:
    async with interface(site, "http_mints") as api:
        minted = await api.post("/mint", {"read_only": True, "minutes": 5})
        headers = {"Authorization": f"Bearer {minted.value['token']}"}
        looked = await api.get("/jobs", headers=headers)
        tried = await api.post("/jobs", {"task": "date"}, headers=headers)

    assert minted.value["scope"] == {"read_only": True}
    assert looked.status == 200
    assert (tried.status, tried.code) == (403, "not_authorized")


@pytest.mark.capability("P9")
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_pages_of_foreign_origins_are_refused_whatever_they_ask(
    site: Node, origin: str, method: str
) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    async with asking(site, "http_crossed") as http:
        async with http.request(method, "jobs", headers=headers, json={"task": "date"}) as refused:
            assert refused.status == 403
            assert (await refused.json())["code"] == "origin_not_allowed"
            assert "Access-Control-Allow-Origin" not in refused.headers
        async with http.get("jobs") as response:
            assert (await response.json())["jobs"] == []


@pytest.mark.capability("P9")
async def test_own_pages_may_ask_and_see_what_they_need(site: Node) -> None:
    origin = f"http://localhost:{site.port}"
    async with asking(site, "http_own") as http:
        async with http.options(
            "jobs",
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Authorization": "",
            },
        ) as preflight:
            assert preflight.status == 204
            assert preflight.headers["Access-Control-Allow-Origin"] == origin
            assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
            assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
        async with http.get("jobs", headers={"Origin": origin}) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == origin
            assert "Location" in response.headers["Access-Control-Expose-Headers"]
            assert "Access-Control-Allow-Credentials" not in response.headers
            assert "Origin" in response.headers["Vary"]


@pytest.mark.parametrize(
    "path", ["jobs", "nowhere", "", "openapi.json", "health/live", "../metrics", "manual.css"]
)
async def test_every_answer_tells_browsers_to_be_strict_and_sets_no_cookie(
    site: Node, path: str
) -> None:
    async with asking(site, "http_strict") as http, http.get(path) as response:
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in response.headers
        assert "aiohttp" not in response.headers.get("Server", "")
        assert "Twisted" not in response.headers.get("Server", "")


async def test_the_page_about_the_interface_is_there_for_everybody(site: Node) -> None:
    async with nobody(site) as http:
        async with http.get("/api") as page:
            assert page.url.path == "/api/"
            assert page.content_type == "text/html"
            text = await page.text()
        tag = page.headers["ETag"]
        async with http.get("/api/", headers={"If-None-Match": tag}) as unchanged:
            assert (unchanged.status, await unchanged.read()) == (304, b"")
        async with http.get("/api/manual.css") as style:
            assert (style.status, style.content_type) == (200, "text/css")

    assert "POST" in text
    assert "/api/jobs/{job_id}/cancel" in text


async def test_operators_see_and_take_away_who_has_access(site: Node) -> None:
    async with interface(site, "http_boss", "operator") as api:
        async with interface(site, "http_guest") as guest:
            minted = await guest.post("/mint", {"minutes": 5})
            headers = {"Authorization": f"Bearer {minted.value['token']}"}
            await guest.get("/jobs", headers=headers)
            sessions = await api.get("/admin/sessions", params={"user": "http_guest"})
            tokens = await api.get("/admin/tokens", params={"user": "http_guest"})
            [session] = [
                each["session"]
                for each in sessions.value["sessions"]
                if each["token"] == minted.value["id"]
            ]
            ended = await api.ask("DELETE", "/admin/sessions/{session}", session=str(session))
            again = await guest.get("/jobs", headers=headers)
            revoked = await api.post("/admin/revoke", {"token": minted.value["id"]})
            await until_refused(guest.http, **headers)
        log = await api.get("/admin/audit", params={"action": "admin.revoke", "limit": 1})
        users = await api.get("/admin/users")
        rights = await api.get("/admin/rights", params={"user": "http_guest"})
        wrong = [
            await api.ask("DELETE", "/admin/sessions/{session}", session="x"),
            await api.post("/admin/revoke", {}),
            await api.get("/admin/rights"),
        ]

    assert {each["address"] for each in sessions.value["sessions"]} == {"127.0.0.1"}
    assert minted.value["id"] in [each["id"] for each in tokens.value["tokens"]]
    assert (ended.status, again.status) == (204, 200)
    assert revoked.value == {"tokens": 1}
    assert log.value["records"][0]["address"] == "127.0.0.1"
    assert "http_guest" in [each["authid"] for each in users.value["users"]]
    assert rights.value["user"] == "http_guest"
    assert [each.status for each in wrong] == [422] * 3


@pytest.mark.parametrize(
    "path", ["admin/audit", "admin/sessions", "admin/tokens", "admin/users", "admin/rights?user=x"]
)
async def test_nobody_else_sees_who_has_access(site: Node, path: str) -> None:
    async with asking(site, "http_peeks") as http, http.get(path) as response:
        assert response.status == 403
