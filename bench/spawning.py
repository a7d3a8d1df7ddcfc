"""The floors: programs spawned by asyncio alone, and by nothing but the calls of the system."""

from __future__ import annotations

import asyncio
import os
import selectors
import shutil
import sys
import time

PROGRAM = "true"


def use_pidfds() -> None:
    """Let the running loop learn of ended children by pidfds, as it does by itself since Python 3.12."""
    if sys.version_info < (3, 12):
        watcher = asyncio.PidfdChildWatcher()
        watcher.attach_loop(asyncio.get_running_loop())
        asyncio.set_child_watcher(watcher)


async def spawn_by_asyncio(slots: int, count: int) -> float:
    """Seconds for *count* runs of `true`, both outputs captured, so many at a time."""
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            process = await asyncio.create_subprocess_exec(
                PROGRAM,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            await process.communicate()

    begun = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(slots)))
    return time.perf_counter() - begun


def spawn_by_system_calls(slots: int, count: int) -> float:
    """The same by `posix_spawn`, two pipes and epoll in one thread: the least there is."""
    path = shutil.which(PROGRAM)
    assert path is not None
    begun = time.perf_counter()
    open_pipes: dict[int, int] = {}  # of each child, how many of its pipes are open
    with selectors.EpollSelector() as selector:

        def spawn() -> None:
            out, error = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
            actions = [
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, out[1], 1),
                (os.POSIX_SPAWN_DUP2, error[1], 2),
            ]
            pid = os.posix_spawn(path, [PROGRAM], os.environ, file_actions=actions)
            open_pipes[pid] = 2
            for reader, writer in (out, error):
                os.close(writer)
                selector.register(reader, selectors.EVENT_READ, pid)

        while count or open_pipes:
            while count and len(open_pipes) < slots:
                spawn()
                count -= 1
            for key, _ in selector.select():
                if os.read(key.fd, 65_536):
                    continue
                selector.unregister(key.fd)
                os.close(key.fd)
                open_pipes[key.data] -= 1
                if not open_pipes[key.data]:
                    os.waitpid(key.data, 0)
                    del open_pipes[key.data]
    return time.perf_counter() - begun
