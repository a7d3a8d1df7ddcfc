"""What every answer of the public port tells browsers, and what it does not tell anybody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.security.slow import answer_of

if TYPE_CHECKING:
    from tests.nodes import Node

EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


async def headers_of(
    node: Node, path: str, *, method: str = "GET", more: str = ""
) -> tuple[int, dict[str, str]]:
    """The status of an answer, and its headers."""
    head = f"{method} {path} HTTP/1.1\r\nHost: tasks.example.org:8080\r\n"
    answer = await answer_of(node.port, f"{head}{more}Connection: close\r\n\r\n".encode())
    status, *lines = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert len(headers) == len(lines), "A header is there twice"
    return int(status.split()[1]), {name.lower(): value for name, value in headers.items()}


async def an_asset(node: Node) -> str:
    """The path of the console's script."""
    page = await answer_of(node.port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    found = re.search(rb'src="\./(assets/[^"]+\.js)"', page)
    assert found is not None
    return "/" + found[1].decode()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/index.html", 200),
        ("GET", "/icons/idle.svg", 200),
        ("GET", "/nowhere", 404),
        ("POST", "/", 405),
        ("BREW", "/", 501),
        ("GET", "/%00", 400),
    ],
)
async def test_every_answer_is_closed_to_other_pages(
    node: Node, method: str, path: str, status: int
) -> None:
    got, headers = await headers_of(node, path, method=method)

    assert got == status
    assert headers.items() >= EVERYWHERE.items()
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "geolocation=()" in headers["permissions-policy"]
    assert "unsafe" not in headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/", "/nowhere", "/icons/idle.svg"])
async def test_no_answer_tells_what_the_server_is(node: Node, path: str) -> None:
    _, headers = await headers_of(node, path)

    assert "server" not in headers
    assert "rossbar" not in str(headers)
    assert "wisted" not in str(headers)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_console_may_talk_to_its_own_node_only(node: Node, method: str) -> None:
    _, headers = await headers_of(node, "/", method=method)

    policy = headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "connect-src 'self' ws://tasks.example.org:8080 wss://tasks.example.org:8080;" in policy
    assert "require-trusted-types-for 'script'" in policy


@pytest.mark.capability("P9")
@pytest.mark.parametrize("path", ["/", "/icons/idle.svg"])
async def test_no_other_origin_may_read_the_console(node: Node, path: str) -> None:
    _, headers = await headers_of(node, path, more="Origin: http://evil.example\r\n")

    assert not [name for name in headers if name.startswith("access-control-")]


async def test_without_tls_browsers_are_not_told_to_use_it(node: Node) -> None:
    _, headers = await headers_of(node, "/")

    assert "strict-transport-security" not in headers


async def test_what_never_changes_is_asked_for_once_and_the_rest_every_time(node: Node) -> None:
    _, page = await headers_of(node, "/")
    _, asset = await headers_of(node, await an_asset(node))

    assert page["cache-control"] == "no-cache"
    assert "immutable" in asset["cache-control"]


def parts_of(script: str) -> list[str]:
    """The other files that a script of the library imports at once."""
    return re.findall(r'from"\./([^"]+)"', script)


async def body_of(node: Node, path: str) -> str:
    answer = await answer_of(
        node.port, f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
    )
    return answer.partition(b"\r\n\r\n")[2].decode()


@pytest.mark.parametrize("name", ["client.js", "elements.js", "taskrealm.js"])
async def test_pages_of_any_origin_may_load_the_library(node: Node, name: str) -> None:
    other = "Origin: https://shop.example.org\r\n"
    parts = parts_of(await body_of(node, f"/lib/{name}"))

    for path in (name, *parts):
        status, headers = await headers_of(node, f"/lib/{path}", more=other)
        assert status == 200
        assert "javascript" in headers["content-type"]
        assert headers["access-control-allow-origin"] == "*"
        assert headers["cross-origin-resource-policy"] == "cross-origin"
        assert headers["x-content-type-options"] == "nosniff"
    assert bool(parts) == (name != "taskrealm.js")


async def test_a_script_of_the_library_is_fetched_again_only_when_it_has_changed(
    node: Node,
) -> None:
    (part,) = parts_of(await body_of(node, "/lib/client.js"))
    _, first = await headers_of(node, "/lib/client.js")
    same, _ = await headers_of(node, "/lib/client.js", more=f"If-None-Match: {first['etag']}\r\n")
    # As after an installation of an older version, whose files are older too.
    other, _ = await headers_of(
        node,
        "/lib/client.js",
        more=f'If-None-Match: "older"\r\nIf-Modified-Since: {first["last-modified"]}\r\n',
    )
    _, kept = await headers_of(node, f"/lib/{part}")

    assert first["cache-control"] == "no-cache"
    assert (same, other) == (304, 200)
    assert "immutable" in kept["cache-control"]


@pytest.mark.parametrize("path", ["/lib/", "/lib", "/lib/nowhere.js", "/lib/../index.html"])
async def test_nothing_else_is_open_to_other_origins(node: Node, path: str) -> None:
    _, headers = await headers_of(node, path, more="Origin: https://shop.example.org\r\n")

    assert headers.items() >= EVERYWHERE.items()
    assert "access-control-allow-origin" not in headers


async def test_a_refused_websocket_tells_nothing_either(node: Node) -> None:
    status, headers = await headers_of(node, "/ws")

    assert status in (400, 426)
    assert "server" not in headers
