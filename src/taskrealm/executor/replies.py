"""The way back to a program that has asked something: a named pipe of its own."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import stat
import struct
import termios
from typing import TYPE_CHECKING, Any

import structlog

from ..tasks.values import Unfit

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger()

LOOK_INTERVAL = 0.05  # seconds between two looks whether the program has read its answer
READ_LIMIT = 30.0  # seconds that an answer waits in the pipe for a program that does not read yet


class Reply:
    """
    Where the one answer to a question goes.

    It waits in the pipe until the program reads it. What the program has put there instead
    of a pipe of its own is not touched.
    """

    def __init__(self, path: object, directory: Path) -> None:
        """
        *path* is that of a pipe in the working *directory* of the job, or only its name.

        Raises:
            Unfit: There is no such pipe.
        """
        if not isinstance(path, str) or not path or "\0" in path:
            raise Unfit("its reply must be the path of a named pipe (mkfifo)")
        folder, _, name = path.rpartition("/")
        if (folder and folder != os.fspath(directory)) or name in ("", ".", ".."):
            raise Unfit("its reply must be in the directory that TASKREALM_DIRECTORY names")
        # Opened for reading as well: it does not matter whether the program reads already.
        flags = os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY
        try:
            found = os.lstat(directory / name)
            if not stat.S_ISFIFO(found.st_mode) or found.st_uid != os.geteuid():
                raise Unfit("its reply is not a named pipe of the program's own (mkfifo)")
            self._pipe: int | None = os.open(directory / name, flags)
            opened = os.fstat(self._pipe)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise Unfit(f"its reply cannot be opened: {reason or error}") from None
        if (opened.st_dev, opened.st_ino) != (found.st_dev, found.st_ino):
            self.close()
            raise Unfit("its reply is not what it was a moment ago")

    def give(self, answer: Any) -> None:
        """Let the program have the *answer*."""
        self._write({"answer": answer})

    def refuse(self, refused: str, reason: str | None = None) -> None:
        """Tell the program that there will be no answer: `timeout`, `cancelled` or `invalid`."""
        self._write({"refused": refused} | ({} if reason is None else {"reason": reason}))

    def close(self) -> None:
        """Let go of the pipe."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    def _write(self, line: dict[str, Any]) -> None:
        if self._pipe is None:
            return
        try:
            # What a pipe holds at least is more than any answer, and nobody else writes here.
            os.write(self._pipe, json.dumps(line).encode() + b"\n")
        except OSError as error:
            log.warning("A program could not be given its answer", error=str(error))
            self.close()
            return
        loop = asyncio.get_running_loop()
        self._look(loop, loop.time() + READ_LIMIT)

    def _look(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        """Close once the answer has been read, so that whoever reads to the end comes to it."""
        if self._pipe is None:
            return
        [waiting] = struct.unpack("i", fcntl.ioctl(self._pipe, termios.FIONREAD, b"\0\0\0\0"))
        if waiting == 0 or loop.time() >= deadline:
            self.close()
        else:
            loop.call_later(LOOK_INTERVAL, self._look, loop, deadline)
