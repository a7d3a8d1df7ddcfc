"""What the node's processes tell the supervisor, in the way that services tell systemd."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "NOTIFY_SOCKET"
"""The environment variable that names the supervisor's socket."""

READY = "READY=1"
"""From Crossbar: every worker has started and the public port is open."""


def ended(component: str) -> str:
    """From a wrapper: its *component* has ended by itself."""
    return f"X_COMPONENT_ENDED={component}"


def send(notice: str) -> None:
    """Send *notice* to the supervisor, if there is one."""
    if address := os.environ.get(VARIABLE):
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
            contextlib.suppress(OSError),
        ):
            sender.connect(address)
            sender.send(notice.encode())


class Notices:
    """The supervisor's side: a socket at the absolute *path*, from now until `close`."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self.address = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(self.address)

    async def wait_for(self, *notices: str) -> str:
        """The first of *notices* that comes; others before it are forgotten."""
        receive = asyncio.get_running_loop().sock_recv
        while True:
            for notice in (await receive(self._socket, 4096)).decode().splitlines():
                if notice in notices:
                    return notice

    def close(self) -> None:
        """Take no more notices."""
        self._socket.close()
