"""The private working directories of running jobs, and their pipes."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import stat
import time
from typing import TYPE_CHECKING, NamedTuple

from ..engine import NamedPipes

if TYPE_CHECKING:
    from pathlib import Path

SETTLING = 1_000_000_000  # nanoseconds, many ticks of the clock of any file system


class WorkFolders:
    """
    Lends each running job an empty directory that only this user can enter.

    Making and removing a directory waits for the disk, so one that a job has left as it
    was is lent again.
    """

    def __init__(self, root: Path) -> None:
        """Whatever an earlier executor left in *root* is removed."""
        _remove(root)
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._root = root
        self._numbers = itertools.count(1)
        self._free: list[Path] = []
        self._settled: dict[str, _Moment] = {}
        self.pipes = NamedPipes(root)
        """The pipes of running jobs: beside the directories, not in one."""

    def lend(self) -> Path:
        """An empty directory, for one job."""
        if self._free:
            return self._free.pop()
        folder = self._root / str(next(self._numbers))
        folder.mkdir(mode=0o700)
        return folder

    def beside(self, name: str) -> Path:
        """Where a file *name* belongs that is no directory of a job, nor in one."""
        return self._root / name

    async def take_back(self, folder: Path) -> None:
        """Take back what was lent, and remove whatever the job left in it."""
        if self._is_untouched(folder):
            self._free.append(folder)
        else:
            self._settled.pop(os.fspath(folder), None)
            await asyncio.to_thread(_remove, folder)

    def close(self) -> None:
        """Lend nothing any more."""
        self.pipes.close()

    def _is_untouched(self, folder: Path) -> bool:
        path = os.fspath(folder)
        try:
            found = os.lstat(path)
            moment = _Moment(found.st_dev, found.st_ino, found.st_ctime_ns)
            if moment == self._settled.get(path):
                return True
            if not stat.S_ISDIR(found.st_mode) or stat.S_IMODE(found.st_mode) != 0o700:
                return False
            with os.scandir(path) as entries:
                is_empty = next(entries, None) is None
        except OSError:
            return False
        if is_empty and time.time_ns() - found.st_ctime_ns > SETTLING:
            self._settled[path] = moment
        return is_empty


class _Moment(NamedTuple):
    """
    A directory, and when it has changed last.

    Nobody can set that time, and nothing can be put into a directory without changing it. But
    the clock behind it has ticks: only a change after some others have passed is sure to be seen.
    """

    device: int
    inode: int
    changed_at: int


def _remove(folder: Path) -> None:
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
        return
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        # There are directories in it that not even their owner may enter.
        folder.chmod(0o700)
        for parent, names, _ in os.walk(folder):
            for name in names:
                _unlock(os.path.join(parent, name))
        shutil.rmtree(folder, ignore_errors=True)


def _unlock(path: str) -> None:
    # What it might be a link to is not ours.
    if not os.path.islink(path):
        os.chmod(path, 0o700)
