"""Plays conversations against a node."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from typing import TYPE_CHECKING

import cbor2
from hypothesis import HealthCheck, Phase, given, seed, settings
from tests.fuzz.messages import Conversation, conversations, encode
from tests.plain import HELLO, ROLES, Closed, RawSocket, Refused, WebSocket

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.nodes import Node
    from tests.plain import Peer

EXAMPLES = 200  # conversations in one round, which a seed repeats
LISTEN = 0.02  # seconds for which an answer is awaited
ROLE_OF = {"user": "user", "backend": "backend", "operator": "operator"}
UNSENDABLE = (OverflowError, UnicodeEncodeError, ValueError, cbor2.CBOREncodeError, RecursionError)


class Fuzzer:
    """Talks to *node* as nobody should."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._tokens = {
            state: node.issue(f"fuzz_{state}", role, lifetime=86_400)
            for state, role in ROLE_OF.items()
        }
        self.conversations = 0
        self.messages = 0

    def round(self, number: int) -> None:
        """Have as many conversations as a round has, the same for the same *number*."""

        @seed(number)
        @settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(conversations())
        def talk(conversation: Conversation) -> None:
            asyncio.run(self._play(conversation))

        talk()

    async def _play(self, conversation: Conversation) -> None:
        self.conversations += 1
        # Whatever the router does with a connection is right, as long as it goes on itself.
        with contextlib.suppress(Closed, Refused, OSError, AssertionError, EOFError):
            async with asyncio.timeout(5), await self._connect(conversation) as peer:
                await self._bring(peer, conversation.state)
                for step in conversation.steps:
                    self.messages += 1
                    if step.frame is not None:
                        peer._writer.write(step.frame)
                    elif step.message is None:
                        await peer._write(step.data)
                    else:
                        with contextlib.suppress(*UNSENDABLE):
                            await peer._write(encode(conversation.serializer, step.message))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LISTEN):
                        while await peer._reader.read(65_536):
                            pass

    async def _connect(self, conversation: Conversation) -> Peer:
        if conversation.framing == "websocket":
            return await WebSocket.connect(self._node.port, conversation.serializer)
        return await RawSocket.connect(self._node.folder.socket, conversation.serializer)

    async def _bring(self, peer: Peer, state: str) -> None:
        if state == "challenged":
            hello = {"roles": ROLES, "authmethods": ["ticket"], "authid": ""}
            await peer.send([HELLO, "taskrealm", hello])
            await peer.receive()
        elif state in self._tokens:
            await peer.join(self._tokens[state])


def fuzz(
    node: Node, *, seconds: float, first: int, mind: Callable[[int], list[str]]
) -> tuple[Fuzzer, list[str]]:
    """
    Talk to *node* for so many seconds, in rounds numbered from *first*.

    After each round, *mind* is asked what the node minds; the first that it does ends it.
    """
    fuzzer = Fuzzer(node)
    deadline = time.monotonic() + seconds
    for number in itertools.count(first):
        fuzzer.round(number)
        findings = mind(number)
        if findings or time.monotonic() >= deadline:
            return fuzzer, findings
    raise AssertionError("Rounds never end by themselves")
