"""Named pipes, through which the processes of a job tell something in any language."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

from .programs import SpawnFailed
from .watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHUNK = 16_384  # bytes read before the loop turns to others; as text, a few milliseconds of work
LAST_CHUNKS = 64  # read of a pipe that is filled on and on: as much as the largest holds


class NamedPipe:
    """
    A pipe under a path, into which any process of this user can write.

    Writers may come and go: for whoever reads here the pipe does not end. Who writes more
    than is read has to wait, in the kernel.
    """

    def __init__(self, path: Path, on_data: Callable[[bytes], None]) -> None:
        """
        Make the pipe; *on_data* is called in the running loop with at most 16 KiB at a time.

        Raises:
            SpawnFailed: It cannot be made, and a program that needs it cannot be started.
        """
        self._path = path
        self._on_data = on_data
        self._is_watched = False
        self._is_open = False
        try:
            self._watch = Watch.of(asyncio.get_running_loop())
            os.mkfifo(path, 0o600)
            # Opened for writing as well: without any writer, a pipe is always at its end.
            self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            self._remove()
            raise SpawnFailed(f"The pipe for reports cannot be made: {error.strerror}") from error
        self._is_open = True
        self.resume()

    def pause(self) -> None:
        """Read no more, until `resume` or `close`."""
        if self._is_watched:
            self._is_watched = False
            self._watch.remove(self._descriptor)

    def resume(self) -> None:
        """Read again; a pipe that has been closed stays so."""
        if self._is_open and not self._is_watched:
            self._is_watched = True
            self._watch.add(self._descriptor, self._read)

    def close(self) -> None:
        """Read what is in the pipe, and remove it."""
        if not self._is_open:
            return
        self.pause()
        self._is_open = False
        for _ in range(LAST_CHUNKS):
            if not self._read(self._descriptor):
                break
        os.close(self._descriptor)
        self._remove()

    def _read(self, descriptor: int) -> bool:
        try:
            data = os.read(descriptor, CHUNK)
        except BlockingIOError:
            return False
        self._on_data(data)
        return True

    def _remove(self) -> None:
        # The processes of the job may have removed it, or have put something else in its place.
        with contextlib.suppress(OSError):
            self._path.unlink()
