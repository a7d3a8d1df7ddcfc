"""When the users of a soak may act."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Hours:
    """
    Opens and closes the node to its users, again and again, until it is all over.

    An account is taken while nothing happens: whoever closes waits for all that was begun.
    """

    def __init__(self) -> None:
        self._opened = asyncio.Event()
        self._at_rest = asyncio.Event()
        self._at_rest.set()
        self._acting = 0
        self.is_over = False

    def open(self) -> None:
        """Let users act from now on."""
        self._opened.set()

    async def close(self) -> None:
        """Let nobody begin anything more, and return once everybody has finished."""
        self._opened.clear()
        await self._at_rest.wait()

    def end(self) -> None:
        """Send everybody home."""
        self.is_over = True
        self._opened.set()

    async def opened(self) -> None:
        """Return while it is open, or once it is all over."""
        while not self._opened.is_set():
            await self._opened.wait()

    @contextlib.asynccontextmanager
    async def action(self) -> AsyncIterator[bool]:
        """Wait until it is open, and keep the account waiting; gives false once it is over."""
        await self.opened()
        if self.is_over:
            yield False
            return
        self._acting += 1
        self._at_rest.clear()
        try:
            yield True
        finally:
            self._acting -= 1
            if not self._acting:
                self._at_rest.set()
