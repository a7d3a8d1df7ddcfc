"""What docs/joining.md shows is run, on a node with all of its settings."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.certificates import Authority
from tests.docs.pages import blocks, examples, files, fits
from tests.nodes import ROOT, Node, free_port, make_node

from taskrealm.client import BlockingClient

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(180)

PAGE = ROOT / "docs" / "joining.md"
PASSWORD = "correct horse battery staple"
LIMIT = 60.0  # seconds
PRELUDE = """\
import os
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

token, password, secret = (os.environ.get(name) for name in ("TOKEN", "PASSWORD", "SECRET"))
private_key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(os.environ["PRIVATE_KEY"]))
"""


def settings() -> str:
    """All settings of the page, each of its tables once."""
    tables: dict[str, str] = {}
    for block in blocks(PAGE):
        if block.kind == "toml":
            for header, lines in re.findall(r"^\[(.+)\]\n((?:[^\[\n].*\n|\n)*)", block.text, re.M):
                tables[header] = tables.get(header, "") + lines
    return "".join(f"\n[{header}]\n{lines}" for header, lines in tables.items())


@pytest.fixture(scope="module")
def key() -> Ed25519PrivateKey:
    """The key with which the site signs."""
    return Ed25519PrivateKey.generate()


@pytest.fixture(scope="module")
def node(key: Ed25519PrivateKey) -> Iterator[Node]:
    """A node as the page makes one."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        component = (ROOT / "components" / "executor.py").read_text()
        folder = make_node(
            Path(path), component=component, settings=settings().replace("8090", f"{free_port()}")
        )
        for name, text in files(PAGE).items():
            (folder.root / name).write_text(text)
        entry = jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
        key_set = {"keys": [{**entry, "kid": "2026-11"}]}
        (folder.root / "router" / "site.json").write_text(json.dumps(key_set))
        (folder.root / "password.txt").write_text(f"{PASSWORD}\n")
        tls = folder.state / "tls"
        tls.mkdir(parents=True)
        authority = Authority()
        for place in (tls, folder.root):
            authority.write(place / "authority.crt")
        certificate, private = authority.issue(tls)
        certificate.rename(tls / "node.crt")
        private.rename(tls / "node.key")
        authority.issue(folder.root, "press")
        with Node(folder) as node:
            node.until("READY")
            yield node


def test_every_example_of_the_page_prints_what_it_says(node: Node, key: Ed25519PrivateKey) -> None:
    raw_socket = node.settings.router.raw_socket
    assert raw_socket is not None
    environment = {
        **os.environ,
        "TOKEN": node.issue("ana"),
        "PASSWORD": PASSWORD,
        "PRIVATE_KEY": key.private_bytes_raw().hex(),
    }
    for example in examples(PAGE):
        code = example.code.replace("ws://127.0.0.1:8080/ws", node.url)
        code = code.replace(":8090", f":{raw_socket.port}")
        signs = "jwt.encode" in code
        command = [sys.executable, "-c", f"{PRELUDE}{code}{'print(token)' if signs else ''}"]
        if example.kind == "console":
            program = f"{shlex.quote(sys.executable)} -m taskrealm"
            command = ["bash", "-c", code.replace("taskrealm", program, 1)]
        done = subprocess.run(
            command,
            cwd=node.folder.root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        place = f"{PAGE.name}:{example.line}"

        assert done.returncode == 0, f"{place}: {example.code}\n{done.stderr}"
        if example.printed:
            assert fits(done.stdout, example.printed), f"{place} prints:\n{done.stdout}"
        if "user secret" in code:
            environment["SECRET"] = done.stdout.strip()
        if signs:
            with BlockingClient(node.url, token=done.stdout.strip()) as client:
                assert (client.authid, client.role) == ("ana", "user")


def test_the_function_of_the_page_lets_in_whom_it_knows(node: Node) -> None:
    with BlockingClient(node.url, token="session-of-shop") as client:
        assert (client.authid, client.role) == ("shop", "backend")
