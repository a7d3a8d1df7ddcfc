"""Joining a realm, and joining it again whenever the session is lost."""

from __future__ import annotations

import asyncio
import contextlib
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autobahn.wamp import message as wamp
from autobahn.wamp.role import (
    RoleCalleeFeatures,
    RoleCallerFeatures,
    RolePublisherFeatures,
    RoleSubscriberFeatures,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..protocol import errors
from .outages import Disconnected, Refused
from .session import Session
from .transport import connect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .transport import Transport

SEND_LIMIT = 1024 * 1024  # bytes of one message; what a node takes over WebSocket by default
STEADY = 10.0  # seconds that a session must have lasted to be joined again almost at once
SHORTEST = 0.25  # seconds; the longest wait before the first of a row of attempts

_TRANSIENT = {
    "wamp.error.no_such_procedure": "The router cannot check who we are just now",
    "wamp.error.canceled": "The router cannot check who we are just now",
    "wamp.close.system_shutdown": "The router is stopping",
    "wamp.error.system_shutdown": "The router is stopping",
    errors.Internal.uri: "",
    errors.RateLimited.uri: "",
    errors.Unavailable.uri: "",
}
"""Why a router may turn us away although it will let us in later, in a sentence for people."""

_FEATURES = {
    "caller": RoleCallerFeatures(call_canceling=True),
    "callee": RoleCalleeFeatures(
        caller_identification=True,
        call_canceling=True,
        progressive_call_results=True,
        pattern_based_registration=True,
    ),
    "publisher": RolePublisherFeatures(subscriber_blackwhite_listing=True),
    "subscriber": RoleSubscriberFeatures(pattern_based_subscription=True),
}


class _Ticket:
    """Proves who we are by a secret that only we have."""

    method = "ticket"
    extra = None
    unnamed: str | None = ""  # for "the ticket says who we are"

    def __init__(self, ticket: str) -> None:
        self._ticket = ticket

    def answer(self, _challenge: dict[str, Any]) -> str:
        return self._ticket


class _Cryptosign:
    """Proves who we are by signing with a private key, an Ed25519 seed of 32 bytes."""

    method = "cryptosign"
    unnamed = None

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.extra = {"pubkey": public.hex(), "channel_binding": None}

    def answer(self, challenge: dict[str, Any]) -> str:
        nonce = bytes.fromhex(challenge["challenge"])
        return self._key.sign(nonce).hex() + nonce.hex()


class _Anonymous:
    """Proves nothing."""

    method = "anonymous"
    extra = None
    unnamed = None

    def answer(self, _challenge: dict[str, Any]) -> str:
        return ""


_Proof = _Ticket | _Cryptosign | _Anonymous


class _Handshake:
    """Receives what a transport brings until there is a session, or why there is none."""

    def __init__(self, hello: wamp.Hello, proof: _Proof) -> None:
        self.session: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        # Looked at here, so that nobody is warned about a failure that came after a timeout.
        self.session.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._hello = hello
        self._proof = proof
        self._transport: Transport | None = None

    def opened(self, transport: Transport) -> None:
        self._transport = transport
        transport.send(self._hello)

    def received(self, message: Any) -> None:
        assert self._transport is not None
        if isinstance(message, wamp.Challenge):
            self._transport.send(wamp.Authenticate(self._proof.answer(message.extra)))
        elif isinstance(message, wamp.Welcome):
            if not self.session.done():
                self._transport.receiver = session = Session(self._transport, message)
                self.session.set_result(session)
        else:
            self._fail(_turned_away(message.reason, message.message or ""))
            self._transport.abort()

    def closed(self, reason: str) -> None:
        self._fail(Disconnected(reason))

    def _fail(self, error: Exception) -> None:
        if not self.session.done():
            self.session.set_exception(error)


async def join(
    url: str,
    *,
    realm: str,
    ticket: str | None = None,
    key: Path | bytes | None = None,
    authid: str = "",
    authrole: str | None = None,
    client: str | None = None,
    serializer: str = "cbor",
    open_timeout: float = 10.0,
    send_limit: int = SEND_LIMIT,
) -> Session:
    """
    Join *realm* at the router at *url*, by *ticket*, by private *key*, or anonymously.

    *url* is `ws://`, `wss://`, or, for raw sockets, `unix:PATH` or `tcp://HOST:PORT`. *key*
    is an Ed25519 seed: 32 bytes, or a file with 64 hexadecimal digits. *client* is the id
    of a client that joins again and again: the session takes over from an older one with
    the same. *send_limit* is the node's `max_message_size`, needed over WebSocket only. All
    has to happen within *open_timeout* seconds.

    Raises:
        Refused: The router does not let us in.
        Unavailable: The router cannot be reached, or cannot decide, just now.
        ValueError: *url*, *serializer* or *key* is not understood.
    """
    proof = _proof(ticket, key)
    hello = wamp.Hello(
        realm,
        _FEATURES,
        authmethods=[proof.method],
        authid=authid or proof.unnamed,
        authrole=authrole,
        authextra=proof.extra if client is None else {**(proof.extra or {}), "client": client},
    )
    handshake = _Handshake(hello, proof)
    transport = session = None
    try:
        async with asyncio.timeout(open_timeout):
            transport = await connect(url, handshake, serializer=serializer, limit=send_limit)
            session = await handshake.session
            return session
    except TimeoutError:
        raise errors.Unavailable(f"{url} gave no answer within {open_timeout:.0f} s") from None
    except OSError as error:
        raise errors.Unavailable(f"{url} cannot be reached: {error}") from error
    finally:
        if transport is not None and session is None:
            transport.abort()


async def stay_joined(
    join_once: Callable[[], Awaitable[Session]],
    on_join: Callable[[Session], Awaitable[None]],
    *,
    longest: float = 15.0,
) -> None:
    """
    Join by *join_once*, run *on_join* with the session, and begin again when it is lost.

    Never returns. After a failure it waits a random time of up to *longest* seconds, less
    at first (full jitter), so that those who lost one router do not return all at once.
    Cancelled, it leaves the session.

    Raises:
        Refused: The router does not let us in any more.
        Exception: What *on_join* raises, other than for want of a session.
    """
    loop = asyncio.get_running_loop()
    failures = 0
    while True:
        with contextlib.suppress(errors.Unavailable, Disconnected, TimeoutError):
            session = await join_once()
            begun = loop.time()
            try:
                await on_join(session)
                await session.lost
            finally:
                await session.leave()
            # One that is lost again and again is worth another try, but not a hasty one.
            failures = 0 if loop.time() - begun > STEADY else 2
        await asyncio.sleep(random.uniform(0, min(longest, SHORTEST * 2**failures)))
        failures = min(failures + 1, 10)


def _proof(ticket: str | None, key: Path | bytes | None) -> _Proof:
    if key is None:
        return _Anonymous() if ticket is None else _Ticket(ticket)
    try:
        seed = bytes.fromhex(key.read_text().strip()) if isinstance(key, Path) else key
    except ValueError:
        seed = b""
    if len(seed) != 32:
        raise ValueError("The key is no Ed25519 seed: 32 bytes, in a file 64 hexadecimal digits")
    return _Cryptosign(seed)


def _turned_away(uri: str, message: str) -> Exception:
    if uri in _TRANSIENT:
        return errors.Unavailable(_TRANSIENT[uri] or message or uri)
    return Refused(uri, message)
