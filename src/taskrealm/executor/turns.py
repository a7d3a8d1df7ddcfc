"""Long answers, of which few are made at the same time."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..wire import Call


class Turns:
    """
    Lets procedures whose answers may be long wait until the router takes one.

    However many ask at once, few such answers are in memory and on the line, and short
    ones do not wait behind all of them.
    """

    def __init__(self, count: int) -> None:
        """*count* answers are made at the same time."""
        self._free = asyncio.Semaphore(count)

    def taking(self, procedure: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """*procedure*, of which each call takes a turn."""

        @functools.wraps(procedure)
        async def answer(call: Call, *args: Any, **kwargs: Any) -> Any:
            async with self._free:
                await call.room()
                return await procedure(call, *args, **kwargs)

        return answer
