"""Nobody gets in, out, or around by HTTP: every address, without, with a wrong, or another's token."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from tests.security.evidence import Evidence
from tests.security.web import ask, say
from tests.site import client
from tests.site.jobs import LIMIT

from taskrealm.gateway.app import routes
from taskrealm.protocol.jobs import new_job_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.nodes import Node

    from taskrealm.gateway.routes import Route

VICTIM, MALLORY = "victim_of_requests", "mallory_requester"
SECRET = "only the victim of requests knows"

ROUTES = [pytest.param(route, id=f"{route.method} {route.path}") for route in routes()]
BEARER = [each for each in ROUTES if each.values[0].bearer]  # type: ignore[attr-defined]
OF_JOBS = [
    each
    for each in ROUTES
    if "{job_id}" in each.values[0].path or "{upload}" in each.values[0].path  # type: ignore[attr-defined]
]
BODIES = {
    "/jobs/{job_id}/answer": {"question": "q", "value": 1},
    "/jobs/{job_id}/cancel": {},
    "/jobs/{job_id}/artifacts/{name}/link": {},
}
QUERIES = {"/jobs/{job_id}/output/search": "?text=x"}


@pytest_asyncio.fixture
async def hers(site: Node) -> AsyncIterator[dict[str, str]]:
    """What stands for a part of an address, of the victim."""
    async with client(site, VICTIM) as victim:
        file = await victim.upload(SECRET.encode(), name="secret.txt")
        job = await victim.exec("papers.leave", [f"echo {SECRET}; echo {SECRET} > out.txt"])
        await job.result(LIMIT)
        yield {"job_id": job.job_id, "upload": str(file), "name": "out.txt"}
        assert [each.name for each in await job.artifacts()] == ["out.txt"]


def address(route: Route, **parts: str) -> str:
    """The path of *route* with these *parts*, and anything for the others."""
    path = re.sub(r"\{(\w+)\}", lambda found: parts.get(found[1], "x"), route.path)
    return f"/api{path}{QUERIES.get(route.path, '')}"


def body_of(route: Route) -> dict[str, object] | None:
    return BODIES.get(route.path, {}) if route.body is not None else None


@pytest.mark.capability("Z2", "Z8")
@pytest.mark.parametrize("route", BEARER)
async def test_without_a_token_there_is_nothing_to_be_had(site: Node, route: Route) -> None:
    answer = await ask(site, route.method, address(route), body=body_of(route))

    assert answer.status == 401
    assert answer.header("www-authenticate").startswith("Bearer")
    if route.method != "HEAD":
        assert answer.problem["code"] == "invalid_token"


def wrong_places(token: str) -> dict[str, tuple[str, dict[str, str], str | None]]:
    """A token where it does not belong: query, headers and body."""
    basic = base64.b64encode(f"user:{token}".encode()).decode()
    return {
        "in the query": (f"?token={token}&access_token={token}", {}, None),
        "in a cookie": ("", {"Cookie": f"token={token}; session={token}; cbtid={token}"}, None),
        "as a password": ("", {"Authorization": f"Basic {basic}"}, None),
        "without a scheme": ("", {"Authorization": token}, None),
        "with another scheme": ("", {"Authorization": f"Token {token}"}, None),
        "twice": ("", {"Authorization": f"Bearer {token} {token}"}, None),
        "with a comma": ("", {"Authorization": f"Bearer {token}, Bearer {token}"}, None),
        "in quotes": ("", {"Authorization": f'Bearer "{token}"'}, None),
        "in a header of its own": ("", {"X-Token": token, "X-Auth-Token": token}, None),
        "for a proxy": ("", {"Proxy-Authorization": f"Bearer {token}"}, None),
        "as a subprotocol": ("", {"Sec-WebSocket-Protocol": f"wamp.2.json, {token}"}, None),
        "in the body": ("", {"Content-Type": "application/json"}, f'{{"token": "{token}"}}'),
        "with another letter": ("", {"Authorization": f"Bearer {token[:-1]}"}, None),
        "in capitals": ("", {"Authorization": f"Bearer {token.upper()}"}, None),
    }


@pytest.mark.capability("Z2", "Z3")
@pytest.mark.parametrize("place", wrong_places("tr_x"))
async def test_a_token_opens_nothing_where_it_does_not_belong(site: Node, place: str) -> None:
    token = site.issue(MALLORY)
    evidence = Evidence(site)
    query, headers, body = wrong_places(token)[place]
    answer = await ask(site, "GET", f"/api/jobs{query}", headers=headers, body=body)
    opened = await ask(site, "GET", "/api/jobs", token=token)

    assert answer.status in (401, 422)
    assert answer.status == 401 or "query" in place
    assert opened.status == 200
    assert token not in evidence.text


@pytest.mark.capability("Z2", "Z11")
@pytest.mark.parametrize("kind", ["expired", "revoked", "wrong", "code that was used"])
async def test_a_token_that_is_no_more_opens_nothing(site: Node, kind: str) -> None:
    from taskrealm.access.tokens import TokenStore

    token = site.issue("mallory_expired", lifetime=1e-6 if kind == "expired" else 60.0)
    if kind == "wrong":
        token = "tr_" + 43 * "w"
    elif kind == "revoked":
        assert (await ask(site, "GET", "/api/jobs", token=token)).status == 200
        store = TokenStore.open(site.folder.tokens)
        store.revoke_user("mallory_expired")
        store.close()
    elif kind == "code that was used":
        token = site.issue("mallory_coder", code=True)
        first = await ask(site, "POST", "/api/token", body={"code": token})
        assert first.status == 200, first
    answer = await ask(site, "GET", "/api/jobs", token=token)
    if kind == "revoked":
        # The session of the gateway ends with the token, within a second.
        while answer.status == 200:
            answer = await ask(site, "GET", "/api/jobs", token=token)

    assert answer.status == 401
    assert answer.problem["code"] == "invalid_token"
    assert token.encode() not in answer.body


@pytest.mark.capability("D1", "C3", "Z8")
@pytest.mark.parametrize("route", OF_JOBS)
async def test_what_is_anothers_is_nowhere(site: Node, hers: dict[str, str], route: Route) -> None:
    token = site.issue(MALLORY)
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
    if route.media_type is not None:
        headers["Content-Type"] = route.media_type
    answers = []
    for parts in (hers, {**hers, "job_id": new_job_id(), "upload": "file_" + 32 * "0"}):
        body = body_of(route) if route.media_type is None else "x"
        answer = await ask(
            site, route.method, address(route, **parts), token=token, headers=headers, body=body
        )
        text = answer.body.decode()
        answers.append(
            (answer.status, text.replace(parts["job_id"], "…").replace(parts["upload"], "…"))
        )

    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    assert SECRET not in answers[0][1]


@pytest.mark.capability("Z8")
@pytest.mark.parametrize("role", ["user", "backend"])
@pytest.mark.parametrize(
    "route", [each for each in BEARER if "/admin/" in each.id or "/metrics" in each.id]
)
async def test_what_is_for_operators_is_for_operators(site: Node, role: str, route: Route) -> None:
    token = site.issue("mallory_no_operator", role)
    body = body_of(route)
    if route.path == "/admin/schedules/{name}":
        body = {"action": "pause"}
    path = address(route, session="1")
    if route.path == "/admin/rights":
        path += "?user=root"
    answer = await ask(site, route.method, path, token=token, body=body)

    assert answer.status in (403, 422), answer
    assert answer.status == 403 or route.body is not None


@pytest.mark.parametrize("route", ROUTES)
async def test_a_method_that_an_address_does_not_know_is_refused(site: Node, route: Route) -> None:
    for method in ("TRACE", "PROPFIND", "CONNECT", "get"):
        answer = await ask(site, method, address(route), token=site.issue(MALLORY))

        assert answer.status in (400, 404, 405, 501), (method, answer)


# Cross-site requests --------------------------------------------------------------------------


@pytest.mark.capability("P9")
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
async def test_a_form_of_another_site_submits_nothing(site: Node, kind: str) -> None:
    token = site.issue(MALLORY)
    for bearer in (None, token):
        answer = await ask(
            site,
            "POST",
            "/api/jobs",
            token=bearer,
            headers={
                "Origin": "http://evil.example",
                "Content-Type": kind,
                "Cookie": f"token={token}",
            },
            body='{"task": "date"}',
        )

        assert answer.status == 403
        assert answer.problem["code"] == "origin_not_allowed"
    assert "access-control-allow-origin" not in answer.headers
    assert "set-cookie" not in answer.headers


@pytest.mark.capability("P9")
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1.evil.example", "file://"]
)
@pytest.mark.parametrize(
    "path", ["/", "/api/jobs", "/api/token", "/api/health/live", "/api/openapi.json", "/metrics"]
)
async def test_a_page_of_another_site_may_read_nothing(site: Node, origin: str, path: str) -> None:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    for method in ("OPTIONS", "GET"):
        answer = await ask(site, method, path, headers=headers)

        allowed = answer.headers.get("access-control-allow-origin", [])
        assert origin not in allowed
        assert "true" not in answer.headers.get("access-control-allow-credentials", [])


# Addresses that want to be something else -------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/..\\..\\..\\etc\\passwd",
        "/assets/..%2f..%2f__init__.py",
        "/assets/../../__init__.py",
        "//etc/passwd",
        "/%00",
        "/index.html%00.js",
        "/.crossbar/config.json",
        "/state/operator.token",
        "/api/../state/operator.token",
        "/api/%2e%2e/%2e%2e/state/operator.token",
        "/api/files/..%2f..%2fstate%2foperator.token",
        "/api/jobs/..%2f..%2f..%2fstate%2foperator.token/output",
        "/api/jobs/x/artifacts/..%2f..%2f..%2fetc%2fpasswd",
        "/api/uploads/..%2f..%2fjournal.sqlite",
    ],
)
async def test_no_path_leads_out_of_what_is_served(site: Node, path: str) -> None:
    operator = site.folder.operator_token.read_text().strip()
    answer = await ask(site, "GET", path, token=site.issue(MALLORY))

    assert answer.status in (400, 404, 405)
    for text in (
        b"root:",
        operator.encode(),
        b"docstring",
        b"SQLite",
        str(site.folder.root).encode(),
    ):
        assert text not in answer.body


@pytest.mark.capability("O3")
@pytest.mark.parametrize(
    "text",
    [
        "%0d%0aSet-Cookie:%20forged=1",
        "%0aX-Forged:%201",
        "%E5%98%8A%E5%98%8DX-Forged:%201",
        "a%0d%0a%0d%0a<script>alert(1)</script>",
    ],
)
async def test_no_address_splits_a_response_or_becomes_a_page(site: Node, text: str) -> None:
    token = site.issue(MALLORY)
    for path in (
        f"/{text}",
        f"/api/{text}",
        f"/api/jobs/{text}",
        f"/api/jobs/x/artifacts/{text}",
        f"/api/jobs?task={text}",
    ):
        answer = await ask(site, "GET", path, token=token)

        assert "x-forged" not in answer.headers
        assert "set-cookie" not in answer.headers
        assert answer.status in (200, 400, 404, 422)
        if b"<script>" in answer.body:
            assert "html" not in answer.header("content-type")


HOST = b"Host: 127.0.0.1\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(
            b"POST /api/jobs HTTP/1.1\r\n"
            + HOST
            + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
            id="two lengths",
        ),
        pytest.param(
            b"POST /api/jobs HTTP/1.1\r\n"
            + HOST
            + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            id="length and chunks",
        ),
        pytest.param(
            b"POST /api/jobs HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            id="a strange encoding",
        ),
        pytest.param(
            b"POST /api/jobs HTTP/1.1\r\n" + HOST + b"Content-Length: +5\r\n\r\nhello",
            id="a signed length",
        ),
        pytest.param(
            b"POST /api/jobs HTTP/1.1\r\n" + HOST + b"Content-Length: 0x5\r\n\r\nhello",
            id="a length in hexadecimal",
        ),
        pytest.param(
            b"POST /api/jobs HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\nhello",
            id="a negative length",
        ),
        pytest.param(
            b"POST /api/jobs HTTP/1.1\r\n"
            + HOST
            + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
            id="a chunk of no size",
        ),
        pytest.param(
            b"GET /api/jobs HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n", id="a space before the colon"
        ),
        pytest.param(
            b"GET /api/jobs HTTP/1.1\r\n" + HOST + b"X-A: a\0b\r\n\r\n", id="a NUL in a header"
        ),
        pytest.param(
            b"GET /api/jobs HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
            id="a long header",
        ),
        pytest.param(
            b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", id="a long path"
        ),
        pytest.param(
            b"GET /api/jobs HTTP/1.1\r\n" + HOST + b"X: x\r\n" * 2_000 + b"\r\n", id="many headers"
        ),
        pytest.param(b"GET /api/jobs HTTP/9.9\r\n" + HOST + b"\r\n", id="another version"),
        pytest.param(b"GET /api/jobs\r\n\r\n", id="no version"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", id="TLS"),
        pytest.param(b"\x7f\xf1\x00\x00" + b"\0" * 20 + b"\r\n\r\n", id="a raw socket"),
        pytest.param(b"\0" * 1_000 + b"\r\n\r\n", id="zeros"),
    ],
)
async def test_what_is_no_proper_request_gets_one_refusal_at_most(
    site: Node, request_: bytes
) -> None:
    evidence = Evidence(site)
    smuggled = b"GET /api/health/live HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    answers = await say(site, request_ + smuggled)

    assert len(answers) <= 1
    assert all(answer.status >= 400 for answer in answers)
    assert evidence.tracebacks() == []


@pytest.mark.capability("Z3")
async def test_no_log_and_no_answer_tells_of_headers_or_queries(site: Node) -> None:
    evidence = Evidence(site)
    secret = "tr_" + "hunter2" * 6
    for path in (
        f"/api/jobs?token={secret}",
        f"/ws?token={secret}",
        f"/?token={secret}",
        f"/{secret}",
        f"/api/files/{secret}",
    ):
        answer = await ask(
            site,
            "GET",
            path,
            headers={
                "Cookie": f"a={secret}",
                "Authorization": f"Bearer {secret}",
                "Referer": f"http://x/{secret}",
            },
        )

        assert secret.encode() not in answer.body
        assert secret not in str(answer.headers)
    await evidence.shows("refused|Closed|")
    assert secret not in evidence.text


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP", "True-Client-IP"]
)
async def test_nobody_says_where_a_request_comes_from_but_a_proxy_that_is_known(
    site: Node, name: str
) -> None:
    value = "for=192.0.2.7" if name == "Forwarded" else "192.0.2.7"
    authid = f"mallory_{name.lower().replace('-', '_')}"
    token = site.issue(authid)
    # Each submission is recorded; of refusals there may have been too many for that.
    for path, body in (("/api/jobs", {"task": "date"}), (f"/api/jobs/{new_job_id()}/cancel", {})):
        await ask(site, "POST", path, token=token, headers={name: value}, body=body)
    async with client(site, "overseer_of_addresses", "operator") as operator:
        from taskrealm.protocol import uris

        records = await operator._connection.call(uris.AUDIT, actor=authid)

    assert "192.0.2.7" not in str(records)
    assert "127.0.0.1" in str(records)
