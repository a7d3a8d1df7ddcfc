"""The description of the interface: for programs, and as a page for people."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from aiohttp import web

from .openapi import document
from .page import STYLE, page
from .routes import JSON, PREFIX, Answer, Asked, Route

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
"""What browsers allow the page: its own style sheet, and nothing else."""


class Manual:
    """Answers requests for the description of *routes*, its own among them."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = (
            Route(
                *("GET", "/openapi.json", self.document),
                group="Health",
                summary="This description, for programs (OpenAPI 3.1)",
                answers={200: Answer("The description", media_type=JSON)},
                bearer=False,
            ),
            Route(
                *("GET", "/", self.page),
                group="Health",
                summary="This description, for people",
                answers={200: Answer("The page", media_type="text/html")},
                bearer=False,
            ),
            Route(
                *("GET", "/manual.css", self.style),
                group="Health",
                summary="How the page looks",
                answers={200: Answer("The style sheet", media_type="text/css")},
                bearer=False,
            ),
        )
        described = document((*routes, *self.routes))
        self._document = json.dumps(described, ensure_ascii=False, indent=1).encode()
        self._page = page(described).encode()

    async def document(self, asked: Asked) -> web.Response:
        """The description as OpenAPI document."""
        return _file(asked.request, self._document, JSON)

    async def page(self, asked: Asked) -> web.Response:
        """The description as a page."""
        return _file(asked.request, self._page, "text/html; charset=utf-8")

    async def style(self, asked: Asked) -> web.Response:
        """The style sheet of the page."""
        return _file(asked.request, STYLE.encode(), "text/css; charset=utf-8")

    async def redirect(self, _: web.Request) -> NoReturn:
        """Lead those to the page who have left out its last slash."""
        raise web.HTTPPermanentRedirect(f"{PREFIX}/")


def _file(request: web.Request, body: bytes, media_type: str) -> web.Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Content-Security-Policy": POLICY}
    if tag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, headers={**headers, "Content-Type": media_type})
