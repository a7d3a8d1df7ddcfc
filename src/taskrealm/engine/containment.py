"""
What nothing that a component has started can leave, even when the component was killed.

A process may leave its parent, group and session and drop its environment; its cgroup it
leaves only on purpose and with the right to do so.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .status import children_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PR_SET_CHILD_SUBREAPER = 36
KILL_LIMIT = 5.0  # seconds that what has been killed is given to vanish


class NotContained(Exception):
    """No cgroup can be used; `str()` tells a person why."""


def adopt() -> None:
    """
    Become the parent of every orphan below this process.

    Raises:
        OSError: The kernel cannot do this.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "This process cannot adopt orphans")


def end_children() -> list[int]:
    """
    Kill all children of this process, and the orphans that it adopts thereby, to the last.

    For a process with one thread that has no child to keep. Returns who has not vanished
    after `KILL_LIMIT`: processes that are stuck in the kernel or run as another user.
    """
    own = os.getpid()
    give_up = time.monotonic() + KILL_LIMIT
    while children := children_of(own, own):
        for pid in children:
            # It is our own child and not reaped yet: its pid is still its own.
            with contextlib.suppress(PermissionError):
                os.kill(pid, signal.SIGKILL)
        reaped = [os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG) for pid in children]
        if not any(reaped):
            if time.monotonic() > give_up:
                return children
            time.sleep(0.001)
    return []


class Containment:
    """
    One cgroup (version 2), below that of this process, and all that was born in it.

    It needs no controllers, and no privilege where the cgroup of this process belongs to
    its user, as it does in a unit of systemd with `Delegate=yes`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._home = folder.parent

    @classmethod
    def open(cls, name: str) -> Containment:
        """
        Make the cgroup *name*, empty: what an earlier one held is killed.

        No two that are used at once may have the same name on one machine.

        Raises:
            NotContained: That is not possible here.
        """
        mount, home = _hierarchy()
        try:
            for folder, names, _ in os.walk(mount):
                if name in names:
                    Containment(Path(folder) / name).remove()
                    names.remove(name)
            containment = cls(home / name)
            containment.folder.mkdir()
            if not (containment.folder / "cgroup.kill").exists():
                containment.folder.rmdir()
                raise NotContained("this kernel is older than 5.14 and cannot kill a cgroup")
            with containment.entered():
                pass
        except OSError as error:
            raise NotContained(f"{error.filename or home}: {error.strerror}") from None
        return containment

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """What this process starts meanwhile is contained from its birth."""
        _move_here(self.folder)
        try:
            yield
        finally:
            _move_here(self._home)

    def kill(self) -> None:
        """
        Kill all that is contained, at once and to the last.

        Raises:
            OSError: It cannot be done, or something is stuck in the kernel.
        """
        (self.folder / "cgroup.kill").write_text("1")
        give_up = time.monotonic() + KILL_LIMIT
        while "populated 1" in (self.folder / "cgroup.events").read_text():
            if time.monotonic() > give_up:
                raise TimeoutError(f"Something in {self.folder} is stuck in the kernel")
            time.sleep(0.001)

    def remove(self) -> None:
        """
        Kill all that is contained, and remove the cgroup.

        Raises:
            OSError: It cannot be done.
        """
        self.kill()
        # Programs may have made cgroups of their own in it.
        for folder, _, _ in os.walk(self.folder, topdown=False):
            os.rmdir(folder)


def _move_here(folder: Path) -> None:
    (folder / "cgroup.procs").write_text("0")


def _hierarchy() -> tuple[Path, Path]:
    """Where the cgroups of version 2 are mounted, and the folder of this process's own."""
    own = _own_cgroup()
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        # The fields after the lone dash are type, source and options of the file system.
        place, _, kind = line.partition(" - ")
        if kind.startswith("cgroup2 "):
            root, mount = (_unescaped(field) for field in place.split()[3:5])
            below = os.path.relpath(own, root)
            if not below.startswith(".."):
                return Path(mount), Path(mount) / below
    raise NotContained("no cgroups of version 2 are mounted")


def _own_cgroup() -> str:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return line.removeprefix("0::")
    raise NotContained("this kernel has no cgroups of version 2")


def _unescaped(field: str) -> str:
    return field.encode().decode("unicode_escape") if "\\" in field else field
