"""The private working directories of running jobs, and the place of their pipes."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


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

    def lend(self) -> Path:
        """An empty directory, for one job."""
        if self._free:
            return self._free.pop()
        folder = self._root / str(next(self._numbers))
        folder.mkdir(mode=0o700)
        return folder

    def pipe(self, job_id: str) -> Path:
        """Where the pipe of a running job belongs: beside the directories, not in one."""
        return self._root / f"{job_id}.report"

    async def take_back(self, folder: Path) -> None:
        """Take back what was lent, and remove whatever the job left in it."""
        if _is_untouched(folder):
            self._free.append(folder)
        else:
            await asyncio.to_thread(_remove, folder)


def _is_untouched(folder: Path) -> bool:
    try:
        found = os.lstat(folder)
        if not stat.S_ISDIR(found.st_mode) or stat.S_IMODE(found.st_mode) != 0o700:
            return False
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:
        return False


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
