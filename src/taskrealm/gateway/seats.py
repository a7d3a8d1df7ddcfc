"""How many follow something at once."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ..protocol.errors import RateLimited

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..wire import Session

PER_SESSION = 50  # requests that follow something through one session at once
RETRY_AFTER = 5.0  # seconds


class Seats:
    """The requests that last, because they follow something: so many for one session."""

    def __init__(self) -> None:
        self._taken: WeakKeyDictionary[Session, set[asyncio.Task[Any]]] = WeakKeyDictionary()

    @contextmanager
    def one(self, session: Session) -> Iterator[None]:
        """
        Take one for the task that runs just now, until the end of the block.

        Raises:
            RateLimited: There is none left.
        """
        taken = self._taken.setdefault(session, set())
        if len(taken) >= PER_SESSION:
            raise RateLimited(
                f"No more than {PER_SESSION} requests may follow something at once",
                retry_after=RETRY_AFTER,
            )
        task = asyncio.current_task()
        assert task is not None
        taken.add(task)
        try:
            yield
        finally:
            taken.discard(task)

    def clear(self) -> None:
        """Cut off everybody; they come back to the node when it is there again."""
        for taken in self._taken.values():
            for task in taken:
                task.cancel()
