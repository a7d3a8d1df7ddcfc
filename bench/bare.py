"""Crossbar by itself: one router worker with a realm in which everybody may do everything."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from taskrealm.wire import join

from .node import REALM, free_port
from .trees import PARTS, command_of, tree_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from taskrealm.wire import Session

CROSSBAR = Path(sys.executable).with_name("crossbar")
PATIENCE = 120.0  # seconds until it must be there


class Bare(NamedTuple):
    """A router that runs: where it takes connections, and its process."""

    url: str
    socket: str
    router: int


@contextlib.asynccontextmanager
async def bare_router() -> AsyncIterator[Bare]:
    """A router with the transports of a node, and nothing else of it."""
    with tempfile.TemporaryDirectory(prefix="tr-bare-") as name:
        folder, port = Path(name), free_port()
        folder.joinpath("config.json").write_text(json.dumps(_configuration(port)))
        crossbar = subprocess.Popen(
            [CROSSBAR, "start", "--cbdir", name, "--loglevel", "warn"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url, socket = f"ws://127.0.0.1:{port}/", f"unix:{folder / 'socket'}"
            async with asyncio.timeout(PATIENCE):
                await (await _joined(url)).leave()
            [router] = [
                each.pid
                for each in tree_of([crossbar.pid])
                if PARTS["router"].search(command_of(each.pid))
            ]
            yield Bare(url, socket, router)
        finally:
            crossbar.terminate()
            crossbar.wait()


async def _joined(url: str) -> Session:
    while True:
        with contextlib.suppress(Exception):
            return await join(url, realm=REALM)
        await asyncio.sleep(0.2)


def _configuration(port: int) -> object:
    everything = {"call": True, "register": True, "publish": True, "subscribe": True}
    auth = {"anonymous": {"type": "static", "role": "anybody"}}
    permission = {"uri": "", "match": "prefix", "allow": everything, "cache": True}
    return {
        "version": 2,
        "controller": {"id": "bare"},
        "workers": [
            {
                "type": "router",
                "id": "router",
                "realms": [
                    {"name": REALM, "roles": [{"name": "anybody", "permissions": [permission]}]}
                ],
                "transports": [
                    {
                        "type": "websocket",
                        "id": "public",
                        "endpoint": {"type": "tcp", "port": port, "backlog": 1024},
                        "serializers": ["msgpack"],
                        "auth": auth,
                    },
                    {
                        "type": "rawsocket",
                        "id": "inside",
                        "endpoint": {"type": "unix", "path": "socket"},
                        "serializers": ["msgpack"],
                        "auth": auth,
                    },
                ],
            }
        ],
    }
