"""What tests ask of a node over HTTP, as programs and as curl."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
from tests.needs import needs

from taskrealm.access.tokens import TokenStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.nodes import Node

LIMIT = 60.0  # seconds that anything may take
STREAM = {"Accept": "text/event-stream"}


@asynccontextmanager
async def asking(
    site: Node,
    authid: str,
    role: str = "user",
    *,
    token: str | None = None,
    source: str = "127.0.0.1",
) -> AsyncIterator[aiohttp.ClientSession]:
    """Requests of *authid*, by a new token unless one is given, from the address *source*."""
    token = token or site.issue(authid, role)
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{site.port}/api/",
        headers={"Authorization": f"Bearer {token}"},
        connector=aiohttp.TCPConnector(local_addr=(source, 0)),
        timeout=aiohttp.ClientTimeout(total=LIMIT),
    ) as http:
        yield http


@asynccontextmanager
async def nobody(site: Node, *, source: str = "127.0.0.1") -> AsyncIterator[aiohttp.ClientSession]:
    """Requests without a token, which come from the address *source*."""
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{site.port}",
        connector=aiohttp.TCPConnector(local_addr=(source, 0)),
        timeout=aiohttp.ClientTimeout(total=LIMIT),
    ) as http:
        yield http


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a stream of server-sent events."""

    place: str
    name: str
    data: Any


async def told(response: aiohttp.ClientResponse) -> AsyncIterator[Told]:
    """The events of a stream, as they come."""
    fields: dict[str, str] = {}
    async for line in response.content:
        text = line.decode().rstrip("\n")
        if text:
            name, _, value = text.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield Told(fields["id"], fields["event"], json.loads(fields["data"]))
            fields = {}


async def submit(http: aiohttp.ClientSession, task: str, **kwargs: Any) -> str:
    """The id of a new job."""
    async with http.post("jobs", json={"task": task, "kwargs": kwargs}) as response:
        assert response.status == 202, await response.text()
        return str((await response.json())["job_id"])


async def ended(http: aiohttp.ClientSession, job_id: str) -> list[dict[str, Any]]:
    """The events of a job, once it has ended."""
    async with asyncio.timeout(LIMIT):
        async with http.get(f"jobs/{job_id}/events", headers=STREAM) as response:
            return [each.data async for each in told(response)]


def revoke(site: Node, authid: str) -> None:
    """Let no token of *authid* be good any more."""
    store = TokenStore.open(site.folder.tokens)
    try:
        for token in store.tokens(authid):
            assert store.revoke(token.id)
    finally:
        store.close()


async def curl(*arguments: str, data: bytes = b"") -> tuple[int, bytes]:
    """The exit status of a curl, and what it prints; *data* is what it reads."""
    process = await asyncio.create_subprocess_exec(
        needs("curl"),
        *("--silent", "--show-error", "--max-time", str(LIMIT)),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate(data)
    assert process.returncode is not None
    return process.returncode, printed
