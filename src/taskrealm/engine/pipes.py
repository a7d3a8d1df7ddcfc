"""Named pipes, through which the processes of a job tell something in any language."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
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
        self.path = path
        self._on_data = on_data
        self._is_watched = False
        self._is_open = False
        self._writer: int | None = None
        try:
            self._watch = Watch.of(asyncio.get_running_loop())
            os.mkfifo(path, 0o600)
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            self._remove()
            raise SpawnFailed(f"The pipe for reports cannot be made: {error.strerror}") from error
        self._made = _look(path)
        self._is_open = True
        self.resume()

    def begin(self, on_data: Callable[[bytes], None]) -> None:
        """Call *on_data* from now on, as a new pipe would; for one that was left untouched."""
        self._on_data = on_data

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

    def is_untouched(self) -> bool:
        """
        Whether nobody has written into the pipe, can do so just now, or has changed its path.

        Something that has just been written is read.
        """
        if self._writer is not None or not self._is_watched:
            return False
        try:
            # It would have to wait if a writer were there.
            data = os.read(self._descriptor, CHUNK)
        except BlockingIOError:
            return False
        if data:
            self._on_data(data)
            return False
        try:
            return _look(self.path) == self._made
        except OSError:
            return False

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
        if self._writer is not None:
            os.close(self._writer)
        self._remove()

    def _read(self, descriptor: int) -> bool:
        """Read once; whether there was something."""
        if self._writer is None and self._is_open:
            self._hold_open(descriptor)
        try:
            data = os.read(descriptor, CHUNK)
        except BlockingIOError:
            return False
        if data:
            self._on_data(data)
        return bool(data)

    def _hold_open(self, descriptor: int) -> None:
        """Be a writer as well: once there has been one, a pipe without any is at its end."""
        # When no more files can be opened, the end is seen again and again until one can be.
        with contextlib.suppress(OSError):
            self._writer = os.open(
                f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC
            )

    def _remove(self) -> None:
        # The processes of the job may have removed it, or have put something else in its place.
        with contextlib.suppress(OSError):
            self.path.unlink()


class NamedPipes:
    """
    Lends pipes in one folder.

    Making and removing one waits for the disk, so one that nobody has used is lent again.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._numbers = itertools.count(1)
        self._free: list[NamedPipe] = []

    def lend(self, on_data: Callable[[bytes], None]) -> NamedPipe:
        """
        A pipe that nobody has written into; *on_data* is called as `NamedPipe` says.

        Raises:
            SpawnFailed: It cannot be made.
        """
        if not self._free:
            return NamedPipe(self._root / f"{next(self._numbers)}.pipe", on_data)
        pipe = self._free.pop()
        pipe.begin(on_data)
        return pipe

    def take_back(self, pipe: NamedPipe) -> None:
        """Take back what was lent, and read what is in it."""
        if pipe.is_untouched():
            pipe.begin(_drop)
            self._free.append(pipe)
        else:
            pipe.close()

    def close(self) -> None:
        """Remove the pipes that are not lent."""
        while self._free:
            self._free.pop().close()


def _look(path: Path) -> tuple[int, int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino, found.st_mode


def _drop(data: bytes) -> None:
    """Take what a stranger writes into a pipe that belongs to no job."""
