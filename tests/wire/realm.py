"""A Crossbar node with one open realm, for tests of what travels through it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from taskrealm.protocol import uris

if TYPE_CHECKING:
    from collections.abc import Iterator

BOOT_TIMEOUT = 40.0  # seconds
MESSAGE_SIZE = 262_144  # bytes; what the WebSocket of this node takes
NAME = "taskrealm"

TICKETS = {
    "ticket-of-ana": ("ana", "user"),
    "ticket-of-ben": ("ben", "user"),
    "ticket-of-olga": ("olga", "operator"),
    "ticket-of-nobody": ("nobody", "unavailable"),
    "ticket-of-nobody_in_particular": ("nobody", "undisclosed"),
}
ROLES = ("user", "operator", "executor", "system")
EXECUTOR_KEY = bytes(range(32))


@dataclass(frozen=True)
class Realm:
    """Where the node of these tests listens."""

    port: int
    socket: Path

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def unix(self) -> str:
        return f"unix:{self.socket}"


@contextmanager
def running_realm() -> Iterator[Realm]:
    """Start a node, wait until it is ready, and stop it in the end."""
    # Not under pytest's own directory: the path of a Unix socket has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="tr-"))
    realm = Realm(port=_free_port(), socket=folder / "r.sock")
    (folder / "tickets.json").write_text(json.dumps(TICKETS))
    (folder / "config.json").write_text(json.dumps(_configuration(realm)))
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as readiness,
        (folder / "log").open("w") as log,
    ):
        readiness.bind(str(folder / "notify"))
        readiness.settimeout(BOOT_TIMEOUT)
        node = subprocess.Popen(
            [
                Path(sys.executable).with_name("crossbar"),
                "start",
                "--cbdir",
                folder,
                "--loglevel",
                "warn",
            ],
            env={
                **os.environ,
                "NOTIFY_SOCKET": str(folder / "notify"),
                "TICKETS": str(folder / "tickets.json"),
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            while b"READY=1" not in readiness.recv(4096):
                pass
            yield realm
        finally:
            node.send_signal(signal.SIGINT)
            node.wait(BOOT_TIMEOUT)
            shutil.rmtree(folder)


def _configuration(realm: Realm) -> dict[str, Any]:
    everything = {
        "uri": "",
        "match": "prefix",
        "allow": {"call": True, "register": True, "publish": True, "subscribe": True},
        "disclose": {"caller": True, "publisher": True},
    }
    undisclosed = {key: value for key, value in everything.items() if key != "disclose"}
    roles = [
        *({"name": name, "permissions": [everything]} for name in ROLES),
        {"name": "undisclosed", "permissions": [undisclosed]},
    ]
    public = Ed25519PrivateKey.from_private_bytes(EXECUTOR_KEY).public_key()
    auth = {
        "ticket": {"type": "dynamic", "authenticator": uris.AUTHENTICATE},
        "cryptosign": {
            "type": "static",
            "principals": {
                "executor": {
                    "role": "executor",
                    "authorized_keys": [public.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()],
                }
            },
        },
    }
    web = {
        "type": "web",
        "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": realm.port},
        "paths": {
            "ws": {
                "type": "websocket",
                "serializers": ["cbor", "msgpack", "json"],
                "options": {"max_message_size": MESSAGE_SIZE, "max_frame_size": MESSAGE_SIZE},
                "auth": auth,
            },
        },
    }
    local = {
        "type": "rawsocket",
        "endpoint": {"type": "unix", "path": str(realm.socket)},
        "serializers": ["cbor", "msgpack", "json"],
        "auth": auth,
    }
    gatekeeper = {
        "type": "class",
        "classname": "gatekeeper.Gatekeeper",
        "realm": NAME,
        "role": "system",
    }
    return {
        "version": 2,
        "workers": [
            {
                "type": "router",
                "options": {"pythonpath": [str(Path(__file__).parent)]},
                "realms": [{"name": NAME, "roles": roles}],
                "components": [gatekeeper],
                "transports": [web, local],
            }
        ],
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
