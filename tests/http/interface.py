"""Asks a node over HTTP, and holds every answer to what the interface's description says."""

from __future__ import annotations

import io
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from tests.http.asking import asking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import aiohttp
    from tests.nodes import Node


@dataclass(frozen=True, slots=True)
class Said:
    """An answer that is as it was described."""

    status: int
    headers: Mapping[str, str]
    value: Any

    @property
    def code(self) -> str:
        """The code of a problem."""
        return str(self.value["code"])


class Interface:
    """One bearer's view of a node: requests by method and path, as they are described."""

    def __init__(self, http: aiohttp.ClientSession, document: dict[str, Any]) -> None:
        self.http = http
        self.document = document

    async def get(self, path: str, **options: Any) -> Said:
        """Ask for *path*, in which names stand in braces; *options* give them, and more."""
        return await self.ask("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Said:
        """Send *body* as JSON to *path*, as in `get`."""
        return await self.ask("POST", path, json=body, **options)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Any = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: bytes | None = None,
        **parts: str,
    ) -> Said:
        """One request, whose answer must be one of those that are described."""
        async with self.http.request(
            method,
            path.format(**parts).removeprefix("/"),
            params=params,
            headers=headers,
            # Of large bytes aiohttp makes a warning, which is an error here.
            data=None if data is None else io.BytesIO(data),
            **({} if json is None else {"json": json}),
        ) as response:
            body = await response.read()
            described = self.document["paths"][path][method.lower()]["responses"]
            assert str(response.status) in described, f"{response.status}: {body!r}"
            value = self._checked(described[str(response.status)], response.content_type, body)
            return Said(response.status, response.headers, value)

    def _checked(self, described: dict[str, Any], media_type: str, body: bytes) -> Any:
        if "$ref" in described:
            described = self.document["components"]["responses"][described["$ref"].split("/")[-1]]
        if not body:
            assert "content" not in described
            return None
        value = json.loads(body)
        schema = described["content"][media_type]["schema"]
        components = self.document["components"]
        Draft202012Validator({**schema, "components": components}).validate(value)
        return value


@asynccontextmanager
async def interface(site: Node, authid: str, role: str = "user") -> AsyncIterator[Interface]:
    """The interface of *site* for *authid*."""
    async with asking(site, authid, role) as http, http.get("openapi.json") as response:
        yield Interface(http, await response.json())
