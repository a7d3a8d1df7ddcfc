"""One node for all tests of this folder, on which every way to join is open."""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.certificates import Authority
from tests.node.joining.ways import AUDIENCE, key_set
from tests.nodes import Node, free_port
from tests.site import make_site

from taskrealm.access.credentials import CredentialStore
from taskrealm.testing.nodes import processes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 1.0  # seconds that the site's function may take

SITE_CODE = """
import asyncio
import os
import time


async def authenticate(token):
    print("a site may print", flush=True)
    match token.partition(" "):
        case "name", _, name:
            return name
        case "role", _, name:
            return name, "backend"
        case "teams", _, name:
            await asyncio.sleep(0)
            return {"authid": name, "teams": ["editors"], "expires_in": 60}
        case "soon", _, name:
            return {"authid": name, "expires_in": 2}
        case "system", _, name:
            return name, "executor"
        case "nonsense", _, _:
            return 42
        case "fail", _, secret:
            raise RuntimeError(f"the database password is {secret}")
        case "wait", _, _:
            await asyncio.sleep(3600)
        case "hang", _, _:
            time.sleep(3600)
        case "die", _, _:
            os._exit(3)
"""

RAW_SOCKET = """
trusted_proxies = ["127.0.0.2"]
[router.raw_socket]
port = {port}
[router.raw_socket.tls]
certificate = "{certificate}"
key = "{key}"
client_authorities = "authority.crt"
"""

SETTINGS = f'''
[access]
authenticate = "router/site.py:authenticate"
authenticate_limit = {LIMIT}
passwords = true
wampcra = true
scram = true
cryptosign = true
certificates = true
anonymous = true

[access.jwt]
keys = "router/keys.json"
algorithms = ["RS256", "ES256", "EdDSA", "HS256"]
audience = "{AUDIENCE}"
role_claim = "role"
roles = ["user", "operator"]
teams_claim = "teams"
'''


@pytest.fixture(scope="package")
def open_node() -> Iterator[Node]:
    """A running node on which every way to join is open."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        root = Path(path)
        authority = Authority()
        authority.write(root / "authority.crt")
        certificate, key = authority.issue(root)
        for name in ("join_press", "join_stranger", "join_late"):
            authority.issue(root, name, days=-1 if name == "join_late" else 5)
        folder = make_site(
            root,
            router=RAW_SOCKET.format(port=free_port(), certificate=certificate.name, key=key.name),
        )
        with folder.settings_file.open("a") as file:
            file.write(SETTINGS)
        (folder.root / "router" / "site.py").write_text(SITE_CODE)
        (folder.root / "router" / "keys.json").write_text(json.dumps(key_set()))
        with Node(folder) as node:
            node.until("READY")
            yield node
            assert node.stop() == 0
            assert not processes_of(folder)


@pytest.fixture(scope="package")
def credentials(open_node: Node) -> Iterator[CredentialStore]:
    with closing(CredentialStore.open(open_node.folder.credentials)) as store:
        yield store
