"""A call that is given up before its handler has begun, as when both arrive in one read."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from autobahn.wamp import message as wamp
from autobahn.wamp.role import RoleDealerFeatures

from taskrealm.wire.session import CANCELED, Session

LIMIT = 30.0  # seconds


class Sent:
    """What a session has sent, in place of a transport to a router that would send both at once."""

    limit = 1_000_000

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Any] = asyncio.Queue()

    def send(self, message: Any) -> None:
        self.messages.put_nowait(message)

    async def room(self) -> None:
        """There is room for every answer."""


async def test_a_call_that_is_given_up_before_it_began_is_answered_all_the_same() -> None:
    sent = Sent()
    session = Session(
        cast("Any", sent),
        wamp.Welcome(1, {"dealer": RoleDealerFeatures()}, authid="executor", authrole="executor"),
    )
    begun = []

    async def begin(call: object) -> None:
        begun.append(call)

    async with asyncio.timeout(LIMIT):
        registering = asyncio.ensure_future(session.register("taskrealm.test.late", begin))
        register = await sent.messages.get()
        session._on_registered(wamp.Registered(register.request, 7))
        await registering
        session._on_invocation(
            wamp.Invocation(5, 7, caller=2, caller_authid="ana", caller_authrole="user")
        )
        session._on_interrupt(wamp.Interrupt(5))
        answer = await sent.messages.get()

    assert (answer.request, answer.error) == (5, CANCELED)
    assert not begun
