"""Answers that are sent piece by piece, to readers fast and slow."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from ..protocol.errors import Error
from ..wire import Disconnected, Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

log = structlog.get_logger()

STALL = 60.0  # seconds that a reader may take none of what waits for it


class Streaming:
    """
    An answer that has begun. Its reader gets all of it, or sees that it was cut off.

    At most one piece waits for a slow reader; one that takes nothing is left.
    """

    def __init__(self, response: web.StreamResponse) -> None:
        self._response = response

    async def send(self, data: bytes) -> None:
        """
        Send *data*, as soon as there is room for more.

        Raises:
            ConnectionError: The reader has gone, or takes nothing.
        """
        try:
            async with asyncio.timeout(STALL):
                await self._response.write(data)
        except TimeoutError:
            raise ConnectionAbortedError(f"The reader took nothing for {STALL:g} s") from None


@contextlib.asynccontextmanager
async def streaming(request: web.Request, response: web.StreamResponse) -> AsyncIterator[Streaming]:
    """
    Send *response* from within the block; what goes wrong there cuts the connection.

    Once it has begun there is no other way to say that it is not whole.
    """
    await response.prepare(request)
    try:
        yield Streaming(response)
    except Exception as error:
        if not isinstance(error, ConnectionError | Error | Disconnected | Refused):
            log.exception("An answer was cut off", route=_route(request))
        if request.transport is not None:
            request.transport.abort()


def streamed(status: int, headers: Mapping[str, str]) -> web.StreamResponse:
    """An answer that is not to be kept by anybody on its way, nor held up there."""
    return web.StreamResponse(
        status=status, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", **headers}
    )


def _route(request: web.Request) -> str:
    """Which route it was: never its address, which may hold a ticket."""
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical
