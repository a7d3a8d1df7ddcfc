"""Threads that are there before they are needed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait


class Threads(ThreadPoolExecutor):
    """A pool that can start all its threads early: later there may be no room for another."""

    def __init__(self, count: int, name: str) -> None:
        super().__init__(count, thread_name_prefix=name)
        self._count = count

    def start(self) -> None:
        """
        Start all threads that do not run yet.

        Raises:
            RuntimeError: There is no room for so many.
        """
        # Each one holds one thread until all of them are there.
        together = threading.Barrier(self._count)
        try:
            wait([self.submit(together.wait) for _ in range(self._count)])
        except RuntimeError:
            together.abort()
            raise
