"""Raw HTTP: requests that are sent byte by byte, and what comes back."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.nodes import Node

LIMIT = 30.0  # seconds


@dataclass(frozen=True)
class Response:
    """What was answered."""

    status: int
    headers: dict[str, list[str]]
    body: bytes

    def header(self, name: str) -> str:
        """The one header of that name; empty if there is none."""
        (value,) = self.headers.get(name.lower(), [""])
        return value

    @property
    def problem(self) -> dict[str, Any]:
        """The problem details that the body is."""
        assert self.header("content-type") == "application/problem+json", self
        problem: dict[str, Any] = json.loads(self.body)
        return problem


async def ask(
    node: Node,
    method: str,
    path: str,
    *,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes | str | dict[str, Any] | list[Any] | None = None,
) -> Response:
    """What *node* answers to a request on a connection of its own."""
    sent = {"Host": f"127.0.0.1:{node.port}", "Connection": "close"}
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    if isinstance(body, dict | list):
        sent["Content-Type"] = "application/json"
        body = json.dumps(body)
    data = body.encode() if isinstance(body, str) else body
    if data is not None:
        sent["Content-Length"] = str(len(data))
    sent |= headers or {}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    answers = await say(node, "\r\n".join((*lines, "", "")).encode("latin-1") + (data or b""))
    return answers[0]


async def say(node: Node, data: bytes) -> list[Response]:
    """What *node* answers to these bytes, until it closes the connection or says no more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    answers = []
    try:
        writer.write(data)
        async with asyncio.timeout(LIMIT):
            while (response := await _response(reader, data)) is not None:
                answers.append(response)
    except (ConnectionError, TimeoutError):
        pass
    finally:
        writer.close()
    return answers


async def _response(reader: asyncio.StreamReader, data: bytes) -> Response | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip().split("\r\n")
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        headers.setdefault(name.lower(), []).append(value)
    status = int(first.split()[1])
    body = b""
    if data.startswith(b"HEAD ") or status in (204, 304):
        pass
    elif headers.get("transfer-encoding") == ["chunked"]:
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    elif "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"][0]))
    else:
        body = await reader.read()
    return Response(status, headers, body)
