"""The start of a node, beside Crossbar's own with as many workers."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .figures import Figures, alone
from .node import free_port
from .trees import cpu_of

if TYPE_CHECKING:
    from collections.abc import Iterator


Start = tuple[float, float]
"""Seconds until all was ready, and seconds of processor time until then."""

LIMIT = 120.0  # seconds that a start may take

GUEST = """\
import os
import socket
import sys

from autobahn.asyncio.component import Component, run

component = Component(
    realm="realm1",
    transports={
        "type": "rawsocket",
        "serializer": "cbor",
        "url": "rs://localhost",
        "endpoint": {"type": "unix", "path": "router.sock"},
    },
)


@component.on_join
async def joined(session, details):
    await session.register(lambda: None, f"com.example.{sys.argv[1]}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"JOINED=1", os.environ["NOTIFY_SOCKET"])


run([component], log_level="warn")
"""
"""A component that joins and registers one procedure, as autobahn's manual shows it."""


async def measure(rounds: int) -> Figures:
    """Bar 11; both are started in turn, once beforehand to fill caches."""
    figures = Figures()
    with _folder() as place, _folder() as bare:
        node = place / "node"
        subprocess.run(_taskrealm("init", node), check=True, capture_output=True)
        _start_node(node)
        _start_bare(bare)
        for _ in range(rounds):
            (seconds, spent), (bare_seconds, bare_spent) = _start_node(node), _start_bare(bare)
            figures.add(
                {
                    "start / bare crossbar": seconds / bare_seconds,
                    "start / bare crossbar, processor time": spent / bare_spent,
                    "start, s": seconds,
                    "start, processor time, s": spent,
                    "start of bare crossbar, s": bare_seconds,
                    "start of bare crossbar, processor time, s": bare_spent,
                }
            )
    return figures


def _start_node(folder: Path) -> Start:
    """Start the node in *folder*, and stop it again."""
    settings = folder / "taskrealm.toml"
    settings.write_text(f"[router]\nport = {free_port()}\n")
    with _running(_taskrealm("up", folder), folder, stdout=subprocess.PIPE) as node:
        begun = time.perf_counter()
        assert node.stdout is not None
        if not any(b"http" in line for line in node.stdout):
            raise RuntimeError("The node did not start")
        return time.perf_counter() - begun, cpu_of([node.pid])


def _start_bare(folder: Path) -> Start:
    """Start Crossbar with a router and two components in *folder*, and stop it again."""
    (folder / "guest.py").write_text(GUEST)
    (folder / "config.json").write_text(json.dumps(_configuration()))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        address = folder / "notices.sock"
        notices.bind(str(address))
        crossbar = str(Path(sys.executable).parent / "crossbar")
        command = [crossbar, "start", "--cbdir", str(folder), "--loglevel", "warn"]
        try:
            with _running(command, folder, NOTIFY_SOCKET=str(address)) as node:
                begun = time.perf_counter()
                awaited = [b"READY=1", b"JOINED=1", b"JOINED=1"]
                while awaited:
                    if not select.select([notices], [], [], LIMIT)[0]:
                        raise RuntimeError(f"Crossbar did not start: {awaited} did not come")
                    awaited.remove(notices.recv(4096))
                return time.perf_counter() - begun, cpu_of([node.pid])
        finally:
            address.unlink()


def _configuration() -> dict[str, object]:
    allowed = {"call": True, "register": True, "publish": True, "subscribe": True}
    everything = {"uri": "", "match": "prefix", "allow": allowed}
    web = {"type": "tcp", "interface": "127.0.0.1", "port": free_port()}
    return {
        "version": 2,
        "workers": [
            {
                "type": "router",
                "realms": [
                    {
                        "name": "realm1",
                        "roles": [{"name": "anonymous", "permissions": [everything]}],
                    }
                ],
                "transports": [
                    {
                        "type": "rawsocket",
                        "endpoint": {"type": "unix", "path": "router.sock"},
                        "serializers": ["cbor"],
                    },
                    {
                        "type": "web",
                        "endpoint": web,
                        "paths": {"/": {"type": "json", "value": {}}, "ws": {"type": "websocket"}},
                    },
                ],
            },
            *(
                {
                    "type": "guest",
                    "executable": sys.executable,
                    "arguments": ["guest.py", name],
                    "options": {"workdir": "."},
                }
                for name in ("executor", "gateway")
            ),
        ],
    }


@contextlib.contextmanager
def _running(
    command: list[str], folder: Path, *, stdout: int = subprocess.DEVNULL, **variables: str
) -> Iterator[subprocess.Popen[bytes]]:
    # As on the machine of anybody who has not told Python otherwise.
    told = {"PYTHONDONTWRITEBYTECODE"}
    environment = {name: value for name, value in os.environ.items() if name not in told}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment | variables,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def _taskrealm(verb: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "taskrealm", verb, str(folder)]


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="tr-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


if __name__ == "__main__":
    alone(measure)
