"""Whether a node of this machine is there for its users."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ..protocol.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from ..settings import NodeFolder

RETRY: Final = 0.05  # seconds between two questions whether the executor is there

_IS_ALIVE: Final = b"GET /api/health/live HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n"


async def answers(folder: NodeFolder) -> None:
    """Return once the executor answers a call through the router, and the gateway a request."""
    # While the router starts there is time for it.
    from ..client import Client, Disconnected

    token = folder.operator_token.read_text(encoding="ascii").strip()
    while True:
        try:
            async with Client(f"unix:{folder.socket}", token=token) as client:
                await client.tasks()
            await ask_gateway(folder.gateway_socket)
            return
        except (Unavailable, Disconnected, OSError):
            await asyncio.sleep(RETRY)


async def ask_gateway(path: Path) -> None:
    """
    Ask the gateway behind the socket *path* for a sign of life.

    Raises:
        OSError: Nobody listens there, or there is no good answer.
    """
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(_IS_ALIVE)
        if b" 200 " not in await reader.readline():
            raise ConnectionError("The gateway gives no good answer")
    finally:
        writer.close()
