"""What the router passes on to a program behind it, and what it says when that is not there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.nodes import free_port
from tests.security.slow import answer_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

LIMIT = 30.0  # seconds
BODY_LIMIT = 1_000_000  # bytes
OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


class Upstream:
    """A program behind the router, that keeps what it was sent."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.answer = OK + b"hello"
        self.sent = 0
        self.gone = asyncio.Event()

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [
            line for line in head.lower().splitlines() if line.startswith(b"content-length: ")
        ]
        body = await reader.readexactly(int(lengths[0].split()[1])) if lengths else b""
        self.requests.append(head + body)
        with contextlib.suppress(OSError):
            for start in range(0, len(self.answer), 65_536):
                writer.write(self.answer[start : start + 65_536])
                await writer.drain()
                self.sent = start
            if b"/stream" in head:
                await reader.read()
        self.gone.set()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


class Front:
    """The port of the router, and its process."""

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self.pid = pid

    async def ask(self, request: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        head = f"{request}\r\nHost: tasks.example.org\r\nConnection: close\r\n\r\n"
        answer = await answer_of(self.port, head.encode() + body)
        status, *lines = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return int(status.split()[1]), headers, answer.partition(b"\r\n\r\n")[2]

    @property
    def memory(self) -> int:
        """Bytes of main memory."""
        fields = Path(f"/proc/{self.pid}/statm").read_text().split()
        return int(fields[1]) * 4_096


@pytest.fixture(scope="module")
def socket() -> Iterator[Path]:
    """The Unix socket of the program."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        yield Path(path) / "program.sock"


@pytest.fixture(scope="module")
def front(socket: Path) -> Iterator[Front]:
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.node.behind", str(port), socket, str(BODY_LIMIT)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        yield Front(port, process.pid)
        process.kill()


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
async def server(upstream: Upstream, socket: Path) -> AsyncIterator[asyncio.Server]:
    socket.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(upstream.hear, socket)
    async with server:
        yield server


async def test_without_the_program_the_answer_is_a_problem_that_clients_understand(
    front: Front,
) -> None:
    status, headers, body = await front.ask("GET /api/jobs HTTP/1.1")

    assert status == 503
    assert headers["content-type"] == "application/problem+json"
    assert int(headers["retry-after"]) > 0
    assert json.loads(body)["status"] == 503
    assert json.loads(body)["code"] == "unavailable"


@pytest.mark.usefixtures("server")
async def test_the_same_is_said_if_the_program_ends_before_it_has_answered(
    front: Front, upstream: Upstream
) -> None:
    upstream.answer = b""

    status, _, body = await front.ask("GET /api/jobs HTTP/1.1")

    assert (status, json.loads(body)["code"]) == (503, "unavailable")


@pytest.mark.usefixtures("server")
async def test_an_answer_is_passed_on_with_what_every_answer_says(
    front: Front, upstream: Upstream
) -> None:
    upstream.answer = (
        b"HTTP/1.1 418 Teapot\r\nServer: aiohttp/3\r\nReferrer-Policy: same-origin\r\n"
        b"Set-Cookie: a=b\r\nConnection: close\r\nContent-Length: 5\r\n\r\nshort"
    )
    status, headers, body = await front.ask("GET /api/a%2Fb?x=%20y HTTP/1.1")

    assert (status, body) == (418, b"short")
    assert "server" not in headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert upstream.requests[0].startswith(b"GET /api/a%2Fb?x=%20y HTTP/1.1\r\n")


@pytest.mark.usefixtures("server")
async def test_a_body_in_chunks_is_passed_on_with_its_length(
    front: Front, upstream: Upstream
) -> None:
    request = "POST /api/jobs HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: nothing"
    chunks = b"5\r\nGET /\r\n6\r\n admin\r\n0\r\n\r\n"
    status, _, _ = await front.ask(request, chunks)

    (heard,) = upstream.requests
    assert status == 200
    assert b"content-length: 11\r\n" in heard.lower()
    assert b"transfer-encoding" not in heard.lower()
    assert b"expect" not in heard.lower()
    assert heard.endswith(b"\r\n\r\nGET / admin")


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("forwarded_for", "client"),
    [("", "127.0.0.1"), ("203.0.113.5", "203.0.113.5"), ("8.8.8.8, 203.0.113.5", "203.0.113.5")],
)
async def test_the_program_is_told_of_the_client_that_a_trusted_proxy_names(
    front: Front, upstream: Upstream, forwarded_for: str, client: str
) -> None:
    header = f"\r\nX-Forwarded-For: {forwarded_for}" if forwarded_for else ""
    await front.ask(f"GET /api/jobs HTTP/1.1{header}")

    assert f"x-forwarded-for: {client}\r\n".encode() in upstream.requests[0].lower()


@pytest.mark.usefixtures("server")
async def test_a_body_that_is_too_large_does_not_get_there(
    front: Front, upstream: Upstream
) -> None:
    status, _, _ = await front.ask(f"POST /api/x HTTP/1.1\r\nContent-Length: {BODY_LIMIT + 1}")

    assert (status, upstream.requests) == (413, [])


@pytest.mark.usefixtures("server")
async def test_when_a_client_goes_its_stream_goes_too(front: Front, upstream: Upstream) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    writer.write(b"GET /api/stream HTTP/1.1\r\nHost: a\r\n\r\n")
    async with asyncio.timeout(LIMIT):
        assert b"200" in await reader.readuntil(b"hello")
        writer.close()
        await upstream.gone.wait()


@pytest.mark.usefixtures("server")
async def test_an_answer_comes_no_faster_than_it_is_taken(front: Front, upstream: Upstream) -> None:
    size = 100_000_000
    upstream.answer = OK + bytes(size)
    before = front.memory
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port, limit=65_536)
    writer.write(b"GET /api/large HTTP/1.0\r\nHost: a\r\n\r\n")
    async with asyncio.timeout(LIMIT):
        await reader.readuntil(b"\r\n\r\n")
        halted = -1
        while halted != upstream.sent:
            halted = upstream.sent
            await asyncio.sleep(1)  # nobody reads
        grown = front.memory - before
        taken = 0
        while chunk := await reader.read(1_000_000):
            taken += len(chunk)
    writer.close()

    assert halted < size / 2
    assert grown < 20_000_000
    assert taken == size
