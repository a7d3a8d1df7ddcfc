"""Who gets into a realm, and how a program stays there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from taskrealm.protocol import errors
from taskrealm.wire import Refused, Session, join, stay_joined

from .line import serving
from .realm import EXECUTOR_KEY, NAME

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Enter
    from .line import Line
    from .realm import Realm

PATIENCE = 30.0  # seconds


@pytest.mark.parametrize("transport", ["ws", "unix"])
async def test_a_ticket_tells_who_one_is(enter: Enter, realm: Realm, transport: str) -> None:
    session = await enter("ana", realm.ws if transport == "ws" else realm.unix)

    assert (session.authid, session.authrole, session.extra["uid"]) == ("ana", "user", "umfxgc")


async def test_a_key_in_a_file_lets_one_in(realm: Realm, tmp_path: Path) -> None:
    key = tmp_path / "executor.key"
    key.write_text(EXECUTOR_KEY.hex() + "\n")
    session = await join(realm.unix, realm=NAME, key=key, authid="executor")
    await session.leave()

    assert (session.authid, session.authrole) == ("executor", "executor")


async def test_a_key_that_is_none_is_named(realm: Realm, tmp_path: Path) -> None:
    key = tmp_path / "executor.key"
    key.write_text("no key")

    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        await join(realm.unix, realm=NAME, key=key)


@pytest.mark.parametrize("transport", ["ws", "unix"])
async def test_a_wrong_ticket_is_refused_for_good(realm: Realm, transport: str) -> None:
    with pytest.raises(Refused, match="Unknown token") as caught:
        await join(getattr(realm, transport), realm=NAME, ticket="wrong")
    assert caught.value.uri == errors.InvalidToken.uri


async def test_an_unknown_realm_is_refused_for_good(realm: Realm) -> None:
    with pytest.raises(Refused):
        await join(realm.ws, realm="elsewhere", ticket="ticket-of-ana")


async def test_a_realm_that_cannot_check_tickets_is_unavailable(realm: Realm) -> None:
    with pytest.raises(errors.Unavailable):
        await join(realm.ws, realm=NAME, ticket="ticket-of-nobody")


@pytest.mark.parametrize("url", ["ws://127.0.0.1:9/ws", "tcp://127.0.0.1:9", "unix:nowhere.sock"])
async def test_a_router_that_is_not_there_is_unavailable(url: str) -> None:
    with pytest.raises(errors.Unavailable, match="cannot be reached"):
        await join(url, realm=NAME, ticket="ticket-of-ana")


async def test_another_path_than_that_of_the_realm_is_unavailable(realm: Realm) -> None:
    with pytest.raises(errors.Unavailable, match="404"):
        await join(f"ws://127.0.0.1:{realm.port}/elsewhere", realm=NAME, ticket="ticket-of-ana")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:8080", "use ws://, wss://, unix:, tcp:// or tls://"),
        ("ws://", "names no host and port"),
        ("tcp://127.0.0.1", "names no host and port"),
    ],
)
async def test_an_address_of_no_router_is_named(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        await join(url, realm=NAME)


async def test_an_unknown_serializer_is_named() -> None:
    with pytest.raises(ValueError, match="use one of cbor, msgpack, json"):
        await join("unix:nowhere.sock", realm=NAME, serializer="ubjson")


@pytest.mark.parametrize("scheme", ["ws", "tcp"])
async def test_a_router_that_never_answers_is_unavailable(scheme: str) -> None:
    async def listen(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(listen) as port:
        with pytest.raises(errors.Unavailable, match="gave no answer"):
            await join(f"{scheme}://127.0.0.1:{port}", realm=NAME, open_timeout=0.1)


@pytest.mark.parametrize("scheme", ["ws", "tcp"])
async def test_a_server_of_another_kind_is_unavailable(scheme: str) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com ESMTP\r\n\r\n")
        await reader.read()

    async with serving(greet) as port:
        with pytest.raises(errors.Unavailable, match="cannot be reached"):
            await join(f"{scheme}://127.0.0.1:{port}", realm=NAME)


async def test_whoever_stays_joined_comes_back_after_every_cut(line: Line, enter: Enter) -> None:
    caller = await enter("olga")
    joined: asyncio.Queue[Session] = asyncio.Queue()

    async def offer(session: Session) -> None:
        await session.register("taskrealm.test.stay", lambda _call: session.session_id)
        joined.put_nowait(session)

    staying = asyncio.ensure_future(
        stay_joined(lambda: join(line.ws, realm=NAME, ticket="ticket-of-ana"), offer)
    )
    async with asyncio.timeout(PATIENCE):
        for _ in range(3):
            session = await joined.get()
            assert await caller.call("taskrealm.test.stay") == session.session_id
            line.cut()
        last = await joined.get()
    staying.cancel()
    await asyncio.wait({staying})

    assert last.lost.done()


async def test_a_refusal_ends_the_stay(line: Line) -> None:
    tickets = iter(["ticket-of-ana", "ticket-of-nobody", "wrong"])
    joined: asyncio.Queue[Session] = asyncio.Queue()

    async def arrive(session: Session) -> None:
        joined.put_nowait(session)

    staying = asyncio.ensure_future(
        stay_joined(lambda: join(line.ws, realm=NAME, ticket=next(tickets)), arrive)
    )
    async with asyncio.timeout(PATIENCE):
        await joined.get()
        line.cut()

        with pytest.raises(Refused):
            await staying
