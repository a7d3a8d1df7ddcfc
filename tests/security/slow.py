"""Connections that say what no honest client would, or say it very slowly."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssl import SSLContext

LIMIT = 30.0  # seconds


async def answer_of(port: int, request: bytes, *, tls: SSLContext | None = None) -> bytes:
    """All that *port* answers to *request* until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    answer = bytearray()
    try:
        writer.write(request)
        async with asyncio.timeout(LIMIT):
            with contextlib.suppress(OSError):
                while chunk := await reader.read(65_536):
                    answer += chunk
    finally:
        await drop(writer)
    return bytes(answer)


async def endured(
    port: int, beginning: bytes, trickle: bytes = b"", *, every: float = 0.2, limit: float = LIMIT
) -> float:
    """
    For how many seconds *port* bears a connection that sends *beginning*, then *trickle* forever.

    That is no longer than *limit*.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    drain = asyncio.create_task(_read_all(reader))
    try:
        writer.write(beginning)
        while not drain.done() and loop.time() - began < limit:
            await asyncio.wait([drain], timeout=every)
            if trickle and not drain.done():
                writer.write(trickle)
    finally:
        drain.cancel()
        await asyncio.wait([drain])
        await drop(writer)
    return loop.time() - began


async def drop(writer: asyncio.StreamWriter) -> None:
    """Close a connection, and return once nothing of it is left."""
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _read_all(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(65_536):
            pass
