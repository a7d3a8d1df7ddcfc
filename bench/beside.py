"""Processes beside the one that measures: what they do must not delay what is measured."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def beside(module: str, *words: object) -> AsyncIterator[Process]:
    """While within, another process runs a *module* of the benchmarks, and has said that it is ready."""
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"bench.{module}", *map(str, words)), stdout=asyncio.subprocess.PIPE
    )
    assert other.stdout is not None
    await other.stdout.readline()
    try:
        yield other
    finally:
        if other.returncode is None:
            other.terminate()
        await other.wait()
