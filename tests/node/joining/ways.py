"""What joins a node, by one way or another, and what proves who it is."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from taskrealm.client import Client
from taskrealm.wire import join

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.nodes import Node

AUDIENCE = "tasks.example.org"
PASSWORD = "correct horse battery staple"

KEYS = {
    "RS256": rsa.generate_private_key(65_537, 2_048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "HS256": b"a secret of thirty-two bytes or more",
}


def key_set() -> dict[str, Any]:
    """The public halves of `KEYS`, and the secret."""
    as_jwk = {
        "RS256": jwt.algorithms.RSAAlgorithm,
        "ES256": jwt.algorithms.ECAlgorithm,
        "EdDSA": jwt.algorithms.OKPAlgorithm,
        "HS256": jwt.algorithms.HMACAlgorithm,
    }
    entries = []
    for name, key in KEYS.items():
        public = key if isinstance(key, bytes) else key.public_key()
        entries.append({**as_jwk[name].to_jwk(public, as_dict=True), "kid": name})  # type: ignore[attr-defined]
    return {"keys": entries}


def signed(authid: str, algorithm: str = "EdDSA", key: Any = None, **claims: Any) -> str:
    """A token of the site for *authid*, valid for an hour."""
    now = int(time.time())
    return jwt.encode(
        {"sub": authid, "aud": AUDIENCE, "iat": now, "exp": now + 3_600, **claims},
        KEYS[algorithm] if key is None else key,
        algorithm=algorithm,
        headers={"kid": algorithm},
    )


def client(node: Node, **access: Any) -> Client:
    return Client(node.url, **access)


async def joined(node: Node, **access: Any) -> tuple[str, str]:
    """Who a client is that joins so, and may list the tasks."""
    async with client(node, **access) as one:
        assert await one.tasks()
        return one.authid, one.role


async def extra_of(node: Node, **options: Any) -> Mapping[str, Any]:
    """What a session is told of itself that joins so."""
    session = await join(node.url, realm="taskrealm", **options)
    try:
        return session.extra
    finally:
        await session.leave()


async def join_and_leave(node: Node, **way: Any) -> str:
    session = await join(node.url, realm="taskrealm", **way)
    await session.leave()
    return session.authid


def by_certificate(node: Node, name: str) -> tuple[str, dict[str, Any]]:
    """The port for backends, and the access of who has the certificate of *name*."""
    root = node.folder.root
    raw_socket = node.settings.router.raw_socket
    assert raw_socket is not None
    return f"tls://127.0.0.1:{raw_socket.port}", {
        "ca": root / "authority.crt",
        "certificate": root / f"{name}.crt",
        "certificate_key": root / f"{name}.key",
    }


def taskrealm(node: Node, *words: str, stdin: str = "") -> str:
    """What the command line prints to standard output, called on the node's machine."""
    done = subprocess.run(
        [sys.executable, "-m", "taskrealm", *words],
        cwd=node.folder.root,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
