"""Watches the file descriptors of many short programs."""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import Self

BATCH = 16  # descriptors served before the loop turns to others
SHARE = 0.25  # of the loop's time that reading output may take
WINDOW = 0.02  # seconds over which that is measured


class Watch:
    """
    Calls back while a file descriptor is readable, as `loop.add_reader` does.

    The loop sees one descriptor only: the epoll object that holds the others. To add and
    remove one costs a tenth of what it costs the loop, and each program has three.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[int], object]] = {}
        loop.add_reader(self._epoll.fileno(), self._serve)

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Self:
        """
        The one watch of this kind of *loop*, which lasts as long as the loop.

        Raises:
            OSError: It is the first use, and no more files can be opened.
        """
        watches = _WATCHES.get(loop)
        if watches is None:
            watches = _WATCHES[loop] = {}
        watch = watches.get(cls)
        if not isinstance(watch, cls):
            watch = watches[cls] = cls(loop)
        return watch

    def add(self, descriptor: int, callback: Callable[[int], object]) -> None:
        """Call *callback* with *descriptor* whenever that is readable."""
        self._epoll.register(descriptor, select.EPOLLIN)
        self._callbacks[descriptor] = callback

    def remove(self, descriptor: int) -> None:
        """Watch *descriptor*, which is still open, no more."""
        self._epoll.unregister(descriptor)
        del self._callbacks[descriptor]

    def close(self, descriptor: int) -> None:
        """Watch *descriptor* no more, and close it."""
        del self._callbacks[descriptor]
        # The kernel forgets by itself what is closed.
        os.close(descriptor)

    def _serve(self) -> None:
        ready = [(fd, self._callbacks.get(fd)) for fd, _ in self._epoll.poll(0, BATCH)]
        for fd, callback in ready:
            # An earlier callback may have closed it, and even have opened another instead.
            if callback is not None and self._callbacks.get(fd) is callback:
                self._call(callback, fd)

    def _call(self, callback: Callable[[int], object], descriptor: int) -> None:
        callback(descriptor)


class OutputWatch(Watch):
    """
    Watches the output of programs, and takes only its share of the loop's time for it.

    When that is used up nothing is read for a moment: the pipes fill, and the programs
    wait. Who prints at full speed takes no time from those who call.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._begun = 0.0
        self._spent = 0.0
        self._is_paused = False

    def look(self, descriptor: int) -> None:
        """Serve *descriptor* now, readable or not, unless reading pauses."""
        if not self._is_paused:
            self._call(self._callbacks[descriptor], descriptor)

    def _call(self, callback: Callable[[int], object], descriptor: int) -> None:
        begun = time.monotonic()
        # The end of a stream is part of the end of a program, which is never put off.
        if not callback(descriptor):
            return
        now = time.monotonic()
        if begun - self._begun > WINDOW:
            self._begun, self._spent = begun, 0.0
        self._spent += now - begun
        if self._spent > SHARE * WINDOW and not self._is_paused:
            self._is_paused = True
            self._loop.remove_reader(self._epoll.fileno())
            self._loop.call_at(self._begun + self._spent / SHARE, self._resume)

    def _resume(self) -> None:
        self._is_paused = False
        self._loop.add_reader(self._epoll.fileno(), self._serve)


_WATCHES: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[type[Watch], Watch]] = (
    WeakKeyDictionary()
)
