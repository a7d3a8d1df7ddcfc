"""TLS on every port, with the certificate of the node and those of its clients."""

from __future__ import annotations

import asyncio
import json
import ssl
import tempfile
from pathlib import Path
from ssl import TLSVersion
from typing import TYPE_CHECKING

import pytest
from tests import standin
from tests.certificates import Authority
from tests.nodes import Node, free_port, make_node
from tests.plain import SERIALIZERS, Closed, RawSocket, Refused, WebSocket
from tests.security.slow import answer_of, drop

from taskrealm.protocol import uris
from taskrealm.settings import NodeFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 30.0  # seconds

ROOT = Authority("Root")
BETWEEN = Authority("Between", ROOT)
CLIENTS = Authority("Clients")


def settings(folder: Path) -> str:
    """A node whose certificate was signed by way of another, and a port of programs that have some."""
    BETWEEN.issue(folder)
    CLIENTS.write(folder / "clients.crt")
    return f"""
        [router.tls]
        certificate = "127.0.0.1.crt"
        key = "127.0.0.1.key"
        [router.raw_socket]
        port = {free_port()}
        [router.raw_socket.tls]
        certificate = "127.0.0.1.crt"
        key = "127.0.0.1.key"
        client_authorities = "clients.crt"
    """


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        root = Path(path)
        with Node(make_node(root, component=standin.PROGRAM, settings=settings(root))) as node:
            node.until("READY")
            yield node


def backend_port(node: Node) -> int:
    assert node.settings.router.raw_socket is not None
    return node.settings.router.raw_socket.port


@pytest.fixture
def own(node: Node, tmp_path: Path) -> tuple[Path, Path]:
    """The certificate of a backend, and its key."""
    return CLIENTS.issue(tmp_path, "billing")


@pytest.mark.capability("P1", "P5", "P8")
@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
async def test_a_user_joins_over_a_websocket_with_tls(
    node: Node, serializer: str, version: TLSVersion
) -> None:
    trusted = ROOT.trusted(newest=version)
    async with await WebSocket.connect(node.port, serializer, tls=trusted) as peer:
        await peer.join(node.issue("live_wim"))
        seen = await peer.call(uris.TASKS)

    assert seen["caller_authid"] == "live_wim"


@pytest.mark.capability("P2", "P5", "P8")
@pytest.mark.parametrize("serializer", SERIALIZERS)
async def test_a_backend_joins_over_a_raw_socket_with_tls(
    node: Node, own: tuple[Path, Path], serializer: str
) -> None:
    trusted = ROOT.trusted(own=own)
    async with await RawSocket.connect_tcp(backend_port(node), serializer, tls=trusted) as peer:
        await peer.join(node.issue("live_bill", "backend"))
        seen = await peer.call(uris.TASKS)

    assert seen["caller_authrole"] == "backend"


@pytest.mark.capability("P8")
async def test_without_a_certificate_of_the_right_authority_no_backend_gets_in(
    node: Node, tmp_path: Path
) -> None:
    foreign = Authority("Foreign").issue(tmp_path, "billing")
    expired = CLIENTS.issue(tmp_path, "late", days=-1)

    for own in (None, foreign, expired):
        with pytest.raises((Closed, OSError)):
            async with asyncio.timeout(LIMIT):
                await RawSocket.connect_tcp(backend_port(node), tls=ROOT.trusted(own=own))


@pytest.mark.capability("P8")
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
async def test_older_versions_of_tls_are_refused(node: Node) -> None:
    for port in (node.port, backend_port(node)):
        old = ROOT.trusted(newest=TLSVersion.TLSv1_1)
        old.minimum_version = TLSVersion.TLSv1_1
        # Clients of today do not speak it any more unless they are asked to.
        old.set_ciphers("DEFAULT:@SECLEVEL=0")
        with pytest.raises(ssl.SSLError):
            await asyncio.open_connection("127.0.0.1", port, ssl=old)


@pytest.mark.capability("P8")
async def test_without_tls_nothing_is_answered(node: Node, own: tuple[Path, Path]) -> None:
    assert b"HTTP/1.1 200" not in await answer_of(node.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    with pytest.raises(Closed):
        await RawSocket.connect_tcp(backend_port(node))


@pytest.mark.capability("P9", "P1")
async def test_pages_of_the_node_are_those_with_tls(node: Node) -> None:
    trusted = ROOT.trusted()
    own, bare = f"https://127.0.0.1:{node.port}", f"http://127.0.0.1:{node.port}"
    async with await WebSocket.connect(node.port, origin=own, tls=trusted) as peer:
        await peer.join(node.issue("live_wim"))
    with pytest.raises(Refused):
        await WebSocket.connect(node.port, origin=bare, tls=trusted)


@pytest.mark.capability("P8")
async def test_browsers_are_told_to_stay_with_tls(node: Node) -> None:
    request = b"GET / HTTP/1.1\r\nHost: tasks.example.org\r\nConnection: close\r\n\r\n"
    answer = await answer_of(node.port, request, tls=ROOT.trusted())

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"strict-transport-security: max-age=31536000\r\n" in answer.lower()


@pytest.mark.capability("P8")
async def test_a_renewed_certificate_is_taken_up_without_a_restart(node: Node) -> None:
    async def serial() -> int:
        _, writer = await asyncio.open_connection("127.0.0.1", node.port, ssl=ROOT.trusted())
        certificate = writer.get_extra_info("peercert")
        await drop(writer)
        return int(certificate["serialNumber"], 16)

    before = await serial()
    BETWEEN.issue(node.folder.root, serial=4711)
    renewed = await serial()
    # While it is being replaced the files do not belong together.
    key = node.folder.root / "127.0.0.1.key"
    content = key.read_bytes()
    key.write_text("half a key")
    meanwhile = await serial()
    key.write_bytes(content)

    assert before != 4711
    assert (renewed, meanwhile, await serial()) == (4711, 4711, 4711)


def test_the_configuration_of_a_node_with_tls_names_no_place_of_the_machine(node: Node) -> None:
    folder = NodeFolder(node.folder.root)
    text = (folder.crossbar / "config.json").read_text()

    assert str(folder.root) not in text
    assert json.loads(text)
