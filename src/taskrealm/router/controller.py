"""The processes of a running node: Crossbar's controller, and the wrappers that it hosts."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .configuration import EXECUTOR, GATEWAY
from .logs import open_log
from .notices import VARIABLE, Notices

if TYPE_CHECKING:
    from ..settings import NodeFolder

GRACE_LIMIT = 20.0  # seconds beyond the drain limit that cancelled jobs have to end politely
HURRY_LIMIT = 5.0  # seconds that the components then have to kill their jobs and end
KILL_LIMIT = 5.0  # seconds that their wrappers then have to kill them
ANSWER_LIMIT = 5.0  # seconds that the gateway has to answer what it was asked before
STOP_LIMIT = 30.0  # seconds that the router has to end


class Controller:
    """
    Crossbar's controller, a child of this process, from `start` until `ended`.

    Nothing that it prints gets to the screen, and it does not outlive this process.
    """

    def __init__(self, child: asyncio.subprocess.Process, notices: Notices) -> None:
        self._child = child
        self.notices = notices
        """What the node tells while it runs."""
        self._wrappers: dict[str, _Wrapper] = {}
        self.ended = asyncio.create_task(child.wait())
        """Done, with the exit code, when the controller has ended."""

    @classmethod
    async def start(cls, folder: NodeFolder) -> Controller:
        """Start the node in *folder*, which is prepared and named by an absolute path."""
        notices = Notices(folder.state / "notify.sock")
        # Crossbar trusts a pid that it left behind, though another program may have it now.
        (folder.crossbar / "node.pid").unlink(missing_ok=True)
        interpreters = str(Path(sys.executable).parent)
        log = open_log(folder.log("node"))
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "taskrealm.router.launcher"),
            *(str(os.getpid()), str(folder.crossbar)),
            cwd=folder.root,
            env={
                **os.environ,
                VARIABLE: notices.address,
                # There Crossbar finds the `python3` that runs the guests.
                "PATH": os.pathsep.join((interpreters, os.environ.get("PATH", os.defpath))),
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C in a terminal reaches every process in it; what it means is decided here.
            start_new_session=True,
        )
        os.close(log)
        return cls(child, notices)

    async def lost_wrapper(self) -> None:
        """Return once the wrapper of a component has ended, which Crossbar does not mind."""
        self._find_wrappers()
        waits = [asyncio.create_task(each.ended.wait()) for each in self._wrappers.values()]
        try:
            if waits:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def stop(self, hurry: asyncio.Event, drain_limit: float) -> None:
        """
        End what runs of the node: the gateway, then the executor, which drains, then the router.

        *drain_limit* is how many seconds jobs have. A component that takes too long, and the
        executor as soon as *hurry* is set, is told to kill its jobs, and then killed.
        """
        self._find_wrappers()
        limits = {GATEWAY: ANSWER_LIMIT, EXECUTOR: drain_limit + GRACE_LIMIT}
        for component, limit in limits.items():
            if component in self._wrappers:
                await _end(self._wrappers[component], hurry, limit)
        if not self.ended.done():
            self._child.send_signal(signal.SIGINT)
            await asyncio.wait([self.ended], timeout=STOP_LIMIT)
        if not self.ended.done():
            self._child.kill()
            await self.ended
        self.notices.close()

    def _find_wrappers(self) -> None:
        if self.ended.done():
            return
        for pid in _children(self._child.pid):
            try:
                pidfd = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            component = _wrapped_by(pid)
            # As long as it is a child it is not reaped, and so it is the one that it was.
            is_it = component is not None and pid in _children(self._child.pid)
            if component is not None and is_it and component not in self._wrappers:
                self._wrappers[component] = _Wrapper(pidfd)
            else:
                os.close(pidfd)


class _Wrapper:
    """The wrapper of one component, held so that no later process is taken for it."""

    def __init__(self, pidfd: int) -> None:
        self._pidfd = pidfd
        self.ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(pidfd, self._end)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless the wrapper has ended."""
        if not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self.ended.set()


async def _end(wrapper: _Wrapper, hurry: asyncio.Event, limit: float) -> None:
    """End the component of *wrapper* and itself: within *limit* seconds, or less in a *hurry*."""
    gone = asyncio.create_task(wrapper.ended.wait())
    hurried = asyncio.create_task(hurry.wait())
    wrapper.send(signal.SIGTERM)
    await asyncio.wait([gone, hurried], timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    hurried.cancel()
    # A second SIGTERM hurries a component; on SIGQUIT a wrapper kills it.
    for number, patience in (
        (signal.SIGTERM, HURRY_LIMIT),
        (signal.SIGQUIT, KILL_LIMIT),
        (signal.SIGKILL, KILL_LIMIT),
    ):
        if not gone.done():
            wrapper.send(number)
            await asyncio.wait([gone], timeout=patience)
    gone.cancel()


def _children(pid: int) -> list[int]:
    return [int(child) for child in _read(f"/proc/{pid}/task/{pid}/children").split()]


def _wrapped_by(pid: int) -> str | None:
    """The component whose wrapper is the process *pid*; None if it is none."""
    _, found, rest = _read(f"/proc/{pid}/cmdline").partition(b"\0taskrealm.router.guest\0")
    return rest.rstrip(b"\0").decode() if found else None


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
