"""Keeps what is given out in bulk below a rate."""

from __future__ import annotations

import asyncio

CREDIT = 0.02  # seconds; what was given out later than it could have been is made up for


class Pace:
    """
    Lets so many bytes a second pass, whoever wants them.

    What is given out faster would take the time of the router and of this process from
    those who want little.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate  # bytes a second
        self._paid_at = 0.0

    async def wait(self) -> None:
        """Return when all that was spent has had its time."""
        await asyncio.sleep(max(0.0, self._paid_at - asyncio.get_running_loop().time()))

    def spend(self, size: int) -> None:
        """Count *size* bytes that are given out now."""
        now = asyncio.get_running_loop().time()
        # Without credit, every wait that ends a little late would lower the rate for good.
        self._paid_at = max(now - CREDIT, self._paid_at) + size / self._rate
