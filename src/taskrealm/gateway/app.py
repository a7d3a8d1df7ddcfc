"""The gateway as an aiohttp application: its routes, and what holds for all of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web

from ..access.origins import Origins
from . import admin, calls, downloads, events, health, links, metrics, output, sessions, uploads
from .crossing import is_preflight, let_see, preflight, require_allowed
from .manual import Manual
from .problems import problem_of
from .requests import address_of, bearer_of, body_of, query_of
from .routes import JSON, PREFIX, Asked, Reply, Route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from aiohttp.typedefs import Handler, Middleware

    from ..wire import Session
    from .gateway import Gateway

SERVER = "TaskRealm"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""What every answer says that does not say otherwise."""


def routes() -> Sequence[Route]:
    """Every route of the gateway but those of its description."""
    return (
        *(*calls.ROUTES, *events.ROUTES, *output.ROUTES, *sessions.ROUTES),
        *(*downloads.ROUTES, *links.ROUTES, *uploads.ROUTES),
        *(*admin.ROUTES, *health.ROUTES, *metrics.ROUTES),
    )


def application(gateway: Gateway) -> web.Application:
    """The application of *gateway*, ready to be served."""
    described = routes()
    manual = Manual(described)
    app = web.Application(
        middlewares=[_guard(gateway)], client_max_size=gateway.settings.gateway.body_limit
    )
    everything = (*described, *manual.routes)
    with_head = {route.path for route in everything if route.method == "HEAD"}
    for route in everything:
        handler = _serve(gateway, route)
        app.router.add_route(route.method, PREFIX + route.pattern, handler)
        if route.method == "GET" and route.has_head and route.path not in with_head:
            app.router.add_route("HEAD", PREFIX + route.pattern, handler)
    for route in metrics.ROUTES:
        app.router.add_route(route.method, route.path, _serve(gateway, route))
    app.router.add_get(PREFIX, manual.redirect)
    app.on_response_prepare.append(_dress(gateway))

    async def stop(_: web.Application) -> None:
        gateway.seats.clear()
        await gateway.channels.clear()

    app.on_shutdown.append(stop)
    return app


def response(reply: Reply) -> web.Response:
    """*reply* as JSON."""
    if reply.status == 204:
        return web.Response(status=reply.status, headers=reply.headers)
    text = json.dumps(reply.value, allow_nan=False, ensure_ascii=False)
    # Halves of characters, which UTF-8 does not know, become the escapes that JSON has for them.
    body = text.encode(errors="backslashreplace")
    return web.Response(
        status=reply.status, body=body, headers={**reply.headers, "Content-Type": JSON}
    )


def _serve(gateway: Gateway, route: Route) -> Handler:
    """What answers the requests for *route*."""

    async def handle(request: web.Request, bearer: Session | None = None) -> web.StreamResponse:
        asked = Asked(
            gateway,
            request,
            address_of(request),
            query=query_of(request, route.query),
            body=None if route.body is None else await body_of(request, route.body),
            bearer=bearer,
        )
        reply = await route.handler(asked)
        return response(reply) if isinstance(reply, Reply) else reply

    async def handle_of_bearer(request: web.Request) -> web.StreamResponse:
        token, address = bearer_of(request), address_of(request)
        async with gateway.bearers.session(token, address) as session:
            return await handle(request, session)

    return handle_of_bearer if route.bearer else handle


def _guard(gateway: Gateway) -> Middleware:
    """What stands before every handler: counts, refuses foreign pages, and explains failures."""
    origins = Origins(gateway.settings.router)

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        gateway.requests.begin(request)
        try:
            require_allowed(request, origins)
            return preflight() if is_preflight(request) else await handler(request)
        except web.HTTPRedirection:
            raise
        except Exception as error:
            return problem_of(error).response()

    return guard


def _dress(gateway: Gateway) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """What gives every response the headers that all have."""
    origins = Origins(gateway.settings.router)

    async def dress(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Server"] = SERVER
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        let_see(request, response, origins)
        gateway.requests.answer(request, response)

    return dress
