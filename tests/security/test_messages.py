"""No message, whatever is in it, harms anybody but its sender."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cbor2
import msgpack
import pytest
from tests.nodes import Node
from tests.plain import CALL, HELLO, PUBLISH, REGISTER, SERIALIZERS, SUBSCRIBE, Closed, RawSocket
from tests.security.evidence import Evidence
from tests.site import make_site

from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidArguments
from taskrealm.testing.nodes import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

MALLORY, VICTIM = "mallory_of_messages", "victim_of_messages"


def deep(serializer: str, levels: int) -> bytes:
    """A call with an argument inside so many lists."""
    match serializer:
        case "json":
            inner = "[" * levels + "]" * levels
            return f'[{CALL},5,{{}},"{uris.CANCEL}",[{inner}]]'.encode()
        case "msgpack":
            return (
                bytes(msgpack.packb([CALL, 5, {}, uris.CANCEL, [None]]))[:-1]
                + b"\x91" * levels
                + b"\xc0"
            )
    return cbor2.dumps([CALL, 5, {}, uris.CANCEL, [None]])[:-1] + b"\x81" * levels + b"\xf6"


def laughs(levels: int) -> bytes:
    """A call with an argument of two arguments, each of which is of the same two, and so on."""
    text = cbor2.dumps([CALL, 5, {}, uris.EXEC, ["date", [None]]])[:-1] + b"\x9f\xd8\x1c\x81\x00"
    for level in range(levels):
        reference = b"\xd8\x1d" + cbor2.dumps(level)
        text += b"\xd8\x1c\x82" + reference + reference
    return text + b"\xff"


def cbor(hexadecimal: str) -> bytes:
    """A call with this argument."""
    head = cbor2.dumps([CALL, 5, {}, uris.CANCEL, [None]])[:-1]
    return head + bytes.fromhex(hexadecimal)


BOMBS = [
    *(
        pytest.param(serializer, deep(serializer, levels), id=f"{serializer} nested {levels} deep")
        for serializer in SERIALIZERS
        for levels in (65, 90, 300, 480, 900, 1_100, 5_000, 100_000)
    ),
    pytest.param("cbor", laughs(60), id="a billion laughs"),
    pytest.param("cbor", cbor("d81c81d81d00"), id="a list that holds itself"),
    pytest.param("cbor", cbor("c482391387196ab3"), id="a number with a huge exponent"),
    pytest.param("cbor", cbor("c5821b7fffffffffffffff01"), id="a bigger exponent"),
    pytest.param("cbor", cbor("d9010281f6"), id="a set"),
    pytest.param("cbor", cbor("d8236628612b292b24"), id="a pattern that takes for ever"),
    pytest.param("cbor", cbor("d82461780a"), id="a mail"),
    pytest.param("cbor", cbor("f7"), id="what is not defined"),
    pytest.param("cbor", cbor("a1f6f6"), id="a null as a key"),
    pytest.param("cbor", cbor("a1010203"), id="a number as a key"),
    pytest.param("cbor", cbor("bf61ff"), id="half a mapping"),
    pytest.param("cbor", cbor("9bffffffffffffffff"), id="a list as long as can be"),
    pytest.param("cbor", cbor("5bffffffffffffffff"), id="bytes as long as can be"),
    pytest.param("msgpack", b"\xdd\xff\xff\xff\xff", id="a list as long as msgpack has"),
    pytest.param("msgpack", b"\xdf\xff\xff\xff\xff", id="a mapping as long as msgpack has"),
    pytest.param(
        "msgpack",
        bytes(msgpack.packb([CALL, 5, {}, uris.CANCEL, [msgpack.ExtType(5, b"x")]])),
        id="an extension",
    ),
    pytest.param(
        "msgpack",
        bytes(msgpack.packb([CALL, 5, {}, uris.CANCEL, [msgpack.Timestamp(1)]])),
        id="a timestamp",
    ),
    pytest.param(
        "json", f'[{CALL},5,{{}},"{uris.CANCEL}",["\\ud800"]]'.encode(), id="half a character"
    ),
    pytest.param(
        "json", f'[{CALL},5,{{}},"{uris.EXEC}",["date"],{{"\\udfff":1}}]'.encode(), id="half a name"
    ),
    pytest.param(
        "json",
        f'[{CALL},5,{{}},"{uris.EXEC}",[],{{"\\u0000AAAA":1}}]'.encode(),
        id="bytes as a name",
    ),
    pytest.param("json", b'["' + b"\\u0000" * 10 + b'"]', id="bytes that are none"),
    pytest.param("json", b"[48," + b"9" * 5_000 + b"]", id="a number of 5000 digits"),
    pytest.param("json", b"[" * 500_000, id="nothing but brackets"),
    pytest.param("json", b"\xff\xfe[]", id="no UTF-8"),
]


@pytest.mark.capability("P5", "P7")
@pytest.mark.parametrize(("serializer", "bomb"), BOMBS)
async def test_a_message_that_explodes_is_refused_and_everybody_else_is_served(
    site: Node, serializer: str, bomb: bytes
) -> None:
    evidence = Evidence(site)
    async with await site.user(VICTIM) as victim, await site.outside(serializer) as mallory:
        await mallory.join(site.issue(MALLORY))
        await mallory._write(bomb)
        try:
            answer = await mallory.receive(5)
        except Closed:
            answer = None
        served = await victim.call(uris.TASKS)

    assert served
    assert answer is None or answer[4] == InvalidArguments.uri
    assert evidence.tracebacks() == []
    await evidence.shows("ends: |is refused: what it carries|Call refused|failing WebSocket")


WRONG: tuple[Any, ...] = (None, True, -1, 2**70, 1.5, "", "x", b"x", [], {}, [[]], {"a": {}})


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize(
    "message",
    [
        pytest.param([CALL, 5, {}, uris.CANCEL, [], {}], id="CALL"),
        pytest.param([SUBSCRIBE, 5, {}, uris.CATALOG], id="SUBSCRIBE"),
        pytest.param([PUBLISH, 5, {"acknowledge": True}, uris.CATALOG, [], {}], id="PUBLISH"),
        pytest.param([REGISTER, 5, {}, "taskrealm.x"], id="REGISTER"),
        pytest.param([34, 5, 5], id="UNSUBSCRIBE"),
        pytest.param([66, 5, 5], id="UNREGISTER"),
        pytest.param([49, 5, {"mode": "kill"}], id="CANCEL"),
        pytest.param([70, 5, {}, [], {}], id="YIELD"),
        pytest.param([8, 68, 5, {}, "a.b", [], {}], id="ERROR"),
        pytest.param([6, {}, "a.b"], id="GOODBYE"),
        pytest.param([3, {}, "a.b"], id="ABORT"),
        pytest.param([5, "", {}], id="AUTHENTICATE"),
        pytest.param([HELLO, "taskrealm", {"roles": {"caller": {}}}], id="HELLO"),
    ],
)
async def test_nothing_of_the_wrong_kind_in_any_place_harms_the_router(
    node: Node, serializer: str, message: list[Any]
) -> None:
    evidence = Evidence(node)
    encode = SERIALIZERS[serializer][1]
    for place in range(len(message) + 1):
        for wrong in WRONG:
            try:
                data = encode([*message[:place], wrong, *message[place + 1 :]])
            except (TypeError, OverflowError):
                continue  # the serializer has no words for it
            async with await node.inside(serializer) as mallory:
                if place % 2:
                    await mallory.join(node.issue(MALLORY))
                await mallory._write(data)
    async with await node.user(VICTIM) as victim:
        assert await victim.call(uris.TASKS)

    assert evidence.tracebacks() == []


@pytest.fixture(scope="module")
def raw() -> Iterator[tuple[Node, int]]:
    """A node whose raw socket is open to the network, and its port."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path), router=f"raw_socket = {{port = {port}}}\n")
        with Node(folder) as node:
            node.until("READY")
            yield node, port


@pytest.mark.capability("P5", "P7")
@pytest.mark.parametrize(("serializer", "bomb"), BOMBS)
async def test_so_it_is_over_a_raw_socket(
    raw: tuple[Node, int], serializer: str, bomb: bytes
) -> None:
    node, port = raw
    evidence = Evidence(node)
    async with (
        await node.user(VICTIM) as victim,
        await RawSocket.connect_tcp(port, serializer) as mallory,
    ):
        await mallory.join(node.issue(MALLORY))
        await mallory._write(bomb)
        try:
            answer = await mallory.receive(5)
        except Closed:
            answer = None
        served = await victim.call(uris.TASKS)

    assert served
    assert answer is None or answer[4] == InvalidArguments.uri
    assert evidence.tracebacks() == []
