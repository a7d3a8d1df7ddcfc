"""Whoever sends too much, too slowly or nonsense harms nobody but themselves, on every port."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cbor2
import msgpack
import pytest
from tests import standin
from tests.certificates import Authority
from tests.nodes import Node, free_port, make_node, the_one
from tests.plain import (
    ABORT,
    CALL,
    ERROR,
    GOODBYE,
    HELLO,
    PUBLISH,
    ROLES,
    SERIALIZERS,
    SUBSCRIBE,
    Closed,
    Peer,
    RawSocket,
    Refused,
    WebSocket,
)
from tests.security.slow import LIMIT, answer_of, endured
from tests.site import make_site

from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidArguments, InvalidToken, RateLimited
from taskrealm.router.sessions import PAUSE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

PATIENCE = 2.0  # seconds for a handshake
RATE = 50.0  # messages a second
PER_ADDRESS = 60  # connections
MESSAGE_LIMIT = 100_000  # bytes
BODY_LIMIT = 100_000  # bytes
BURST = 5 * round(RATE)  # messages

ROUTER = f"""
handshake_limit = {PATIENCE}
message_rate = {RATE}
connections_per_address = {PER_ADDRESS}
max_message_size = {MESSAGE_LIMIT}
"""


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node with little patience."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        raw_socket = f"[router.raw_socket]\nport = {free_port()}\n"
        gateway = f"[gateway]\nbody_limit = {BODY_LIMIT}\n"
        with Node(make_site(Path(path), router=f"{ROUTER}\n{raw_socket}\n{gateway}")) as node:
            node.until("READY")
            yield node


def raw_port(node: Node) -> int:
    assert node.settings.router.raw_socket is not None
    return node.settings.router.raw_socket.port


async def connect(node: Node, way: str, serializer: str = "json") -> Peer:
    if way == "websocket":
        return await node.outside(serializer)
    return await RawSocket.connect_tcp(raw_port(node), serializer)


@contextlib.asynccontextmanager
async def unharmed(node: Node) -> AsyncIterator[None]:
    """Others are served before and after, and nothing in the log shows a traceback."""
    await serves(node)
    began = logged(node)
    yield
    await serves(node)
    assert "Traceback" not in logged(node)[len(began) :]


async def serves(node: Node) -> None:
    """A new session is let in and answered: an old one would not answer pings in between."""
    async with await node.user("live_paula") as other:
        await other.call(uris.TASKS)


def logged(node: Node) -> str:
    return "".join(node.folder.log(program).read_text() for program in ("node", "executor"))


def memory_of(node: Node) -> int:
    """Bytes of main memory that the router worker has to itself."""
    pid = the_one(node.folder, "crossbar-worker")
    (line,) = [
        line
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        if line.startswith("Private_Dirty:")
    ]
    return int(line.split()[1]) * 1024


SLOWLY: dict[str, tuple[bytes, bytes]] = {
    "nothing": (b"", b""),
    "one byte": (b"G", b""),
    "headers without end": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n"),
    "a header without end": (b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"y"),
    "a body by drops": (
        b"POST /api/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n",
        b"x",
    ),
    "a chunked body by drops": (
        b"POST /api/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"1\r\nx\r\n",
    ),
    "answered requests and then nothing": (b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", b""),
    "TLS, of which there is none": (b"\x16\x03\x01\x02\x00\x01", b""),
}


@pytest.mark.parametrize("way", SLOWLY)
async def test_a_slow_connection_is_cut_on_the_public_port(node: Node, way: str) -> None:
    async with unharmed(node):
        seconds = await endured(node.port, *SLOWLY[way])

    assert seconds < 3 * PATIENCE


@pytest.mark.parametrize(
    ("beginning", "trickle"),
    [
        pytest.param(b"", b"", id="nothing"),
        pytest.param(b"\x7f", b"", id="half a handshake"),
        pytest.param(b"\x7f\xf1\0\0", b"", id="a handshake"),
        pytest.param(b"\x7f\xf1\0\0\0\0\x80\0[", b" ", id="half a message"),
    ],
)
async def test_a_slow_connection_is_cut_on_the_raw_socket(
    node: Node, beginning: bytes, trickle: bytes
) -> None:
    async with unharmed(node):
        seconds = await endured(raw_port(node), beginning, trickle)

    assert seconds < 3 * PATIENCE


@pytest.mark.parametrize("way", ["websocket", "raw socket"])
@pytest.mark.parametrize("words", [0, 1], ids=["says nothing", "says hello and no more"])
async def test_who_does_not_join_in_time_loses_the_connection(
    node: Node, way: str, words: int
) -> None:
    loop = asyncio.get_running_loop()
    async with unharmed(node), await connect(node, way) as peer:
        began = loop.time()
        for _ in range(words):
            await peer.send([HELLO, "taskrealm", {"roles": ROLES, "authmethods": ["ticket"]}])
        await peer.until_closed()

    assert loop.time() - began < 3 * PATIENCE


async def test_who_has_left_and_does_not_join_again_loses_the_connection(node: Node) -> None:
    loop = asyncio.get_running_loop()
    async with unharmed(node), await node.user("live_paul") as peer:
        await peer.send([GOODBYE, {}, "wamp.close.normal"])
        began = loop.time()
        (reply,) = await peer.until_closed()

    assert reply[0] == GOODBYE
    assert loop.time() - began < 3 * PATIENCE


async def test_who_keeps_saying_hello_and_never_joins_loses_the_connection_at_once(
    node: Node,
) -> None:
    async with unharmed(node), await node.outside() as peer:
        hello = [HELLO, "taskrealm", {"roles": ROLES, "authmethods": ["ticket"], "authid": ""}]
        with contextlib.suppress(OSError):
            for _ in range(100):
                await peer.send(hello)
        messages = await peer.until_closed()

    assert len(messages) <= 10


async def test_a_session_that_has_joined_may_be_silent_for_longer(node: Node) -> None:
    async with await connect(node, "raw socket") as peer:
        await peer.join(node.issue("live_silke"))
        waiting = asyncio.create_task(peer.receive(limit=None))
        done, _ = await asyncio.wait([waiting], timeout=3 * PATIENCE)
        waiting.cancel()
        await asyncio.wait([waiting])

        assert not done
        assert await peer.call(uris.JOBS)


@pytest.mark.parametrize(
    "request_head",
    [
        pytest.param(b"Content-Length: 100001\r\n\r\n", id="a length"),
        pytest.param(b"Content-Length: 99999999999999999999\r\n\r\n", id="a huge length"),
        pytest.param(
            b"Transfer-Encoding: chunked\r\n\r\n" + 11 * (b"2710\r\n" + 10_000 * b"x" + b"\r\n"),
            id="chunks",
        ),
        pytest.param(b"Expect: 100-continue\r\nContent-Length: 100001\r\n\r\n", id="if it may"),
    ],
)
async def test_a_request_that_is_too_large_is_refused(node: Node, request_head: bytes) -> None:
    async with unharmed(node):
        head = b"POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        answer = await answer_of(node.port, head + request_head)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == 413


@pytest.mark.parametrize(
    "request_text",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", id="two hosts"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", id="a host with a space"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a;script-src *\r\n\r\n", id="a policy as a host"),
        pytest.param(b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", id="a zero in the path"),
        pytest.param(b"GET /%0d%0aX:%20y HTTP/1.1\r\nHost: a\r\n\r\n", id="a line in the path"),
        pytest.param(b"nonsense\r\n\r\n", id="nonsense"),
        pytest.param(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", id="a space behind a name"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 600 + b"\r\n", id="many"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + 20_000 * b"y" + b"\r\n\r\n", id="long"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            id="two lengths",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="chunks"
        ),
    ],
)
async def test_a_malformed_request_is_refused(node: Node, request_text: bytes) -> None:
    async with unharmed(node):
        answer = await answer_of(node.port, request_text)

    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "path",
    [
        "/../taskrealm.toml",
        "/..%2f..%2ftaskrealm.toml",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/assets/..%5c..%5cindex.html",
        "/assets",
        "/assets/",
        "/nowhere",
    ],
)
async def test_there_is_nothing_but_the_console(node: Node, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    async with unharmed(node):
        answer = await answer_of(node.port, request.encode())

    assert answer.split()[1] in (b"400", b"404")
    assert str(node.folder.root).encode() not in answer
    assert b"rossbar" not in answer


@pytest.mark.parametrize("way", ["websocket", "raw socket"])
@pytest.mark.parametrize("kind", [CALL, SUBSCRIBE])
async def test_a_session_that_asks_too_much_is_told_to_wait(
    node: Node, way: str, kind: int
) -> None:
    async with unharmed(node), await connect(node, way) as peer:
        await peer.join(node.issue("live_greta"))
        ask: list[Any] = ["taskrealm.nothing", []] if kind == CALL else ["taskrealm.nothing"]
        for number in range(1, BURST + 51):
            await peer.send([kind, number, {}, *ask])
        answers = [await peer.receive(LIMIT) for _ in range(BURST + 50)]
        refused = [answer for answer in answers if answer[4] == RateLimited.uri]
        retry_after = refused[0][6]["retry_after"]

        assert {answer[0] for answer in answers} == {ERROR}
        assert refused[0][5] == ["Too many requests; try again in 0 s"]
        assert 0 < retry_after < 1
        assert 0 < len(refused) <= 50

        # What was let through meanwhile has taken up the room: until there is some again.
        await asyncio.sleep(max(retry_after, 1 / RATE))
        with pytest.raises(Refused, match="not authorized"):
            await peer.call("taskrealm.nothing")


async def test_who_goes_on_regardless_is_read_no_faster_than_allowed(node: Node) -> None:
    loop = asyncio.get_running_loop()
    count = BURST * 4
    async with unharmed(node), await connect(node, "raw socket") as peer:
        await peer.join(node.issue("live_gero"))

        async def flood() -> None:
            for number in range(1, count + 1):
                # Large enough not to fit into the buffers in between.
                await peer.send([CALL, number, {}, "taskrealm.nothing", [20_000 * "x"]])

        began = loop.time()
        flooding = asyncio.create_task(flood())
        answers = [await peer.receive(LIMIT) for _ in range(count)]
        passed = loop.time() - began
        await flooding

    assert {answer[0] for answer in answers} == {ERROR}
    # Two bursts at once, one that is served and one that is refused; then both at their rate.
    assert passed > (count - 2 * BURST) / (2 * RATE) - 2 * PAUSE


async def test_what_cannot_be_answered_ends_a_session_that_floods(node: Node) -> None:
    async with unharmed(node), await connect(node, "websocket") as peer:
        await peer.join(node.issue("live_gerd"))
        with contextlib.suppress(OSError):
            for number in range(1, 4 * BURST):
                await peer.send([PUBLISH, number, {}, "taskrealm.nothing", []])
        messages = await peer.until_closed()

    assert [(message[0], message[2]) for message in messages] == [(GOODBYE, RateLimited.uri)]


async def test_a_flood_of_pings_is_counted_too(node: Node) -> None:
    async with unharmed(node), await node.user("live_ping") as peer:
        for _ in range(2 * BURST):
            await peer._write_frame(0x9, b"ping")
        with pytest.raises(Refused) as refusal:
            await peer.call(uris.JOBS)

    assert refusal.value.uri == RateLimited.uri


async def test_one_address_has_so_many_connections_and_no_more(node: Node) -> None:
    async with contextlib.AsyncExitStack() as peers:
        open_ = 0
        with contextlib.suppress(Closed, ConnectionResetError):
            for number in range(2 * PER_ADDRESS):
                way = "websocket" if number % 2 else "raw socket"
                peer = await peers.enter_async_context(await connect(node, way))
                await peer.join(node.issue("live_max"))
                open_ += 1
        assert PER_ADDRESS - 5 <= open_ <= PER_ADDRESS
        async with await node.inside() as own:
            await own.join(node.issue("live_own"))
            assert await own.call(uris.TASKS)
    async with asyncio.timeout(LIMIT):
        while not await is_open(node):  # noqa: ASYNC110 - until the router has noticed
            await asyncio.sleep(0.05)


async def is_open(node: Node) -> bool:
    """Whether somebody can join."""
    try:
        async with await node.user("live_maxine"):
            return True
    except (Closed, ConnectionResetError):
        return False


def deep(serializer: str, depth: int) -> bytes:
    """A call with an argument of lists within lists."""
    if serializer == "json":
        return b'[48,1,{},"taskrealm.check",[' + depth * b"[" + depth * b"]" + b"]]"
    if serializer == "msgpack":
        head = b"\x95" + msgpack.packb(48) + msgpack.packb(1) + b"\x80"
        return head + msgpack.packb("taskrealm.check") + b"\x91" + depth * b"\x91" + b"\x90"
    head = b"\x85" + cbor2.dumps(48) + cbor2.dumps(1) + b"\xa0" + cbor2.dumps("taskrealm.check")
    return head + b"\x81" + depth * b"\x81" + b"\x80"


GARBAGE: dict[str, Any] = {
    "random bytes": b"\xde\xad\xbe\xef" * 100,
    "nothing": b"",
    "no list": {"json": b"{}", "msgpack": b"\x80", "cbor": b"\xa0"},
    "an empty list": {"json": b"[]", "msgpack": b"\x90", "cbor": b"\x80"},
    "an unknown kind": {"json": b"[999]", "msgpack": b"\x91\x7e", "cbor": b"\x81\x18\x7f"},
    "a call of nothing": {"json": b"[48]", "msgpack": b"\x91\x30", "cbor": b"\x81\x18\x30"},
    "a huge number of nothing": {
        "json": b"[" + 90_000 * b"9" + b"]",
        "msgpack": b"\xdd\xff\xff\xff\xff",
        "cbor": b"\x9a\xff\xff\xff\xff",
    },
}


@pytest.mark.parametrize("way", ["websocket", "raw socket"])
@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("what", [*GARBAGE, 150, 900, 20_000], ids=str)
async def test_nonsense_ends_its_own_connection_only(
    node: Node, way: str, serializer: str, what: str | int
) -> None:
    if isinstance(what, int):
        payload = deep(serializer, what)
    else:
        given = GARBAGE[what]
        payload = given if isinstance(given, bytes) else given[serializer]
    async with unharmed(node), await connect(node, way, serializer) as peer:
        await peer.join(node.issue("live_nono"))
        await peer._write(payload)
        with contextlib.suppress(Closed):
            # A call that can be read at all is told why it is refused.
            answer = await peer.receive(LIMIT)
            assert answer[0] in (ERROR, ABORT)
            assert answer[0] == ABORT or answer[4] == InvalidArguments.uri


@pytest.mark.capability("P7")
@pytest.mark.parametrize("way", ["websocket", "raw socket"])
@pytest.mark.parametrize("serializer", SERIALIZERS)
async def test_a_message_that_is_too_large_is_refused_and_one_that_is_not_is_taken(
    node: Node, way: str, serializer: str
) -> None:
    async with unharmed(node), await connect(node, way, serializer) as peer:
        await peer.join(node.issue("live_olga"))
        with pytest.raises(Refused) as refusal:
            await peer.call(uris.CHECK, "no.task", (MESSAGE_LIMIT - 200) * "x")
        with pytest.raises(Closed):
            await peer.call(uris.CHECK, "no.task", MESSAGE_LIMIT * "x")

    assert refusal.value.uri.startswith(uris.ERROR_PREFIX)


@pytest.mark.timeout(300)
async def test_refused_traffic_leaves_nothing_behind_in_the_router(short_path: Path) -> None:
    port = free_port()
    settings = f"message_rate = 100_000\n[router.raw_socket]\nport = {port}\n"
    with Node(make_node(short_path, component=standin.PROGRAM, settings=settings)) as node:
        node.until("READY")
        await refuse_all_of_it(node, 200)  # what is imported and cached once
        before = memory_of(node)
        await refuse_all_of_it(node, 800)
        grown = memory_of(node) - before

    assert grown < 6_000_000, f"The router has grown by {grown} bytes"


async def refuse_all_of_it(node: Node, count: int) -> None:
    async def refused_joins(count: int) -> None:
        for number in range(count):
            async with await node.outside() as peer:
                with pytest.raises(Refused) as refusal:
                    await peer.join(f"tr_{number}")
                assert refusal.value.uri in (InvalidToken.uri, RateLimited.uri)

    async def refused_requests(count: int) -> None:
        async with await node.inside() as peer:
            await peer.join(node.issue("live_mona"))
            for number in range(count):
                uri = f"taskrealm.{number}." + 500 * "x"
                for attempt in (peer.call(uri), peer.subscribe(uri), peer.publish(uri)):
                    with pytest.raises(Refused):
                        await attempt

    async def dropped_connections(count: int) -> None:
        for number in range(count):
            port = node.port if number % 2 else raw_port(node)
            with contextlib.suppress(OSError):  # the router may drop it first: it counts them
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"\x7f\xf1\0\0" if number % 3 else b"GET /")
                writer.transport.abort()
                await writer.wait_closed()

    await dropped_connections(4 * count)
    await refused_requests(2 * count)
    await refused_joins(count)


AUTHORITY = Authority()


@pytest.mark.capability("P8")
async def test_a_slow_tls_handshake_is_cut_on_every_port(short_path: Path) -> None:
    AUTHORITY.issue(short_path)
    tls = 'certificate = "127.0.0.1.crt"\nkey = "127.0.0.1.key"\n'
    port = free_port()
    router = (
        f"handshake_limit = {PATIENCE}\n[router.tls]\n{tls}"
        f"[router.raw_socket]\nport = {port}\n[router.raw_socket.tls]\n{tls}"
    )
    client_hello = struct.pack(">BHH", 0x16, 0x0301, 512) + b"\x01\0\x01\xfc\x03\x03"
    with Node(make_site(short_path, router=router)) as node:
        node.until("READY")
        for each in (node.port, port):
            for beginning in (b"", client_hello):
                assert await endured(each, beginning, b"\0") < 3 * PATIENCE
        async with await WebSocket.connect(node.port, tls=AUTHORITY.trusted()) as peer:
            await peer.join(node.issue("live_tess"))


async def test_who_takes_nothing_loses_the_connection_also_without_pings(short_path: Path) -> None:
    port = free_port()
    router = f"ping_interval = 1\n[router.raw_socket]\nport = {port}\n"
    count = 200
    with Node(make_site(short_path, router=router)) as node:
        node.until("READY")
        with socket.socket() as small:
            small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            small.connect(("127.0.0.1", port))
            streams = await asyncio.open_connection(sock=small.dup(), limit=4_096)
        async with RawSocket(*streams, "json") as peer:
            await peer._shake_hands()
            await peer.join(node.issue("live_stan"))
            # Answers of some ten kilobytes each, which fill every buffer in between.
            for number in range(1, count + 1):
                await peer.send([CALL, number, {}, uris.TASKS])
            async with unharmed(node), asyncio.timeout(LIMIT):
                while connections_to(port):  # noqa: ASYNC110 - the kernel tells nobody
                    await asyncio.sleep(0.1)
            answers = await peer.until_closed()

    assert len(answers) < count


def connections_to(port: int) -> int:
    """How many connections to *port* of this machine its listener still has."""
    ends = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(end[1] == f"0100007F:{port:04X}" and end[3] == "01" for end in ends)
