"""Watches the file descriptors of many short programs."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

BATCH = 16  # descriptors served before the loop turns to others


class Watch:
    """
    Calls back while a file descriptor is readable, as `loop.add_reader` does.

    The loop sees one descriptor only: the epoll object that holds the others. To add and
    remove one costs a tenth of what it costs the loop, and each program has three.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[int], None]] = {}
        loop.add_reader(self._epoll.fileno(), self._serve)

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Watch:
        """
        The one watch of *loop*, which lasts as long as the loop.

        Raises:
            OSError: It is the first use, and no more files can be opened.
        """
        watch = _WATCHES.get(loop)
        if watch is None:
            watch = _WATCHES[loop] = cls(loop)
        return watch

    def add(self, descriptor: int, callback: Callable[[int], None]) -> None:
        """Call *callback* with *descriptor* whenever that is readable."""
        self._epoll.register(descriptor, select.EPOLLIN)
        self._callbacks[descriptor] = callback

    def remove(self, descriptor: int) -> None:
        """Watch *descriptor*, which is still open, no more."""
        self._epoll.unregister(descriptor)
        del self._callbacks[descriptor]

    def _serve(self) -> None:
        ready = [(fd, self._callbacks[fd]) for fd, _ in self._epoll.poll(0, BATCH)]
        for fd, callback in ready:
            # An earlier callback may have closed it, and even have opened another instead.
            if self._callbacks.get(fd) is callback:
                callback(fd)


_WATCHES: WeakKeyDictionary[asyncio.AbstractEventLoop, Watch] = WeakKeyDictionary()
