"""What the tasks of every peer do."""

from __future__ import annotations

import asyncio
import subprocess


def nothing() -> None:
    """Do nothing, successfully."""


def true() -> int:
    """Run `true`, and capture what it prints."""
    return subprocess.run(["true"], stdin=subprocess.DEVNULL, capture_output=True).returncode


async def nothing_async() -> None:
    """Do nothing, for peers whose workers are asyncio."""


async def true_async() -> int:
    """Run `true`, for peers whose workers are asyncio."""
    process = await asyncio.create_subprocess_exec(
        "true",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await process.communicate()
    assert process.returncode == 0
    return process.returncode
