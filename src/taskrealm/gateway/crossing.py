"""Requests of pages of other origins: refused, unless the settings allow them (CORS)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from .problems import Problem

if TYPE_CHECKING:
    from ..access.origins import Origins

METHODS = "GET, HEAD, POST, PATCH, DELETE"
MAX_AGE = "600"  # seconds for which a browser need not ask again

TAKEN = ", ".join(
    (
        *("Authorization", "Content-Type", "If-Match", "If-None-Match", "If-Range", "Range"),
        *("Last-Event-ID", "traceparent"),
        *("Tus-Resumable", "Upload-Length", "Upload-Metadata", "Upload-Offset", "Upload-Checksum"),
    )
)
"""Headers that pages of other origins may send."""

SHOWN = ", ".join(
    (
        *("Accept-Ranges", "Content-Disposition", "Content-Range", "ETag", "Location"),
        *("Retry-After", "WWW-Authenticate"),
        *(
            "Tus-Resumable",
            "Tus-Version",
            "Tus-Extension",
            "Tus-Max-Size",
            "Tus-Checksum-Algorithm",
        ),
        *("Upload-Length", "Upload-Metadata", "Upload-Offset", "Upload-Expires"),
        *("Output-Offset", "Output-Next", "Output-Size", "Output-End", "Repr-Digest"),
    )
)
"""Headers of answers that pages of other origins may see."""


def require_allowed(request: web.Request, origins: Origins) -> None:
    """
    Make sure that no page of a foreign origin has sent *request*.

    Browsers name the origin of a page in every request that can change something.

    Raises:
        Problem: One has.
    """
    given = request.headers.getall("Origin", [])
    if given and not (len(given) == 1 and origins.allow(given[0])):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "origin_not_allowed",
            "Pages of this origin may not ask here; `router.allowed_origins` names those that may",
        )


def is_preflight(request: web.Request) -> bool:
    """Whether a browser asks what the page may ask."""
    return (
        request.method == "OPTIONS"
        and "Origin" in request.headers
        and "Access-Control-Request-Method" in request.headers
    )


def preflight() -> web.Response:
    """The answer to a browser that asks what the page may ask."""
    return web.Response(
        status=HTTPStatus.NO_CONTENT,
        headers={
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": TAKEN,
            "Access-Control-Max-Age": MAX_AGE,
        },
    )


def let_see(request: web.Request, response: web.StreamResponse, origins: Origins) -> None:
    """Let a page of an origin that is allowed see *response*; credentials are never sent."""
    response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin is not None and origins.allow(origin):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = SHOWN
