"""Joining a realm, and joining it again whenever the session is lost."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from typing import TYPE_CHECKING, Any

from autobahn.wamp import message as wamp
from autobahn.wamp.role import (
    RoleCalleeFeatures,
    RoleCallerFeatures,
    RolePublisherFeatures,
    RoleSubscriberFeatures,
)

from ..protocol import errors
from .outages import Disconnected, Refused
from .proofs import Anonymous, Certificate, Key, Secret, Ticket
from .session import Session
from .transport import connect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from .proofs import Proof
    from .transport import Tls, Transport

SEND_LIMIT = 1024 * 1024  # bytes of one message; what a node takes over WebSocket by default
STEADY = 10.0  # seconds that a session must have lasted to be joined again almost at once
SHORTEST = 0.25  # seconds; the longest wait before the first of a row of attempts

_NO_SUCH_WAY = "wamp.error.no_auth_method"
_TRANSIENT = {
    "wamp.error.no_such_procedure": "The router cannot check who we are just now",
    "wamp.error.canceled": "The router cannot check who we are just now",
    "wamp.close.system_shutdown": "The router is stopping",
    "wamp.error.system_shutdown": "The router is stopping",
    errors.Internal.uri: "",
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


class _Handshake:
    """Receives what a transport brings until there is a session, or why there is none."""

    def __init__(self, hello: wamp.Hello, proof: Proof) -> None:
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
        try:
            match message:
                case wamp.Challenge():
                    self._transport.send(wamp.Authenticate(self._proof.answer(message)))
                case wamp.Welcome():
                    self._proof.check(message)
                    self._welcomed(message)
                case _:
                    raise _turned_away(message.reason, message.message or "")
        except (Refused, errors.Error) as error:
            self._fail(error)
            self._transport.abort()

    def closed(self, reason: str) -> None:
        self._fail(Disconnected(reason))

    def _welcomed(self, welcome: wamp.Welcome) -> None:
        if not self.session.done():
            assert self._transport is not None
            self._transport.receiver = session = Session(self._transport, welcome)
            self.session.set_result(session)

    def _fail(self, error: Exception) -> None:
        if not self.session.done():
            self.session.set_exception(error)


async def join(
    url: str,
    *,
    realm: str,
    ticket: str | None = None,
    key: Path | bytes | None = None,
    secret: str | None = None,
    tls: Tls | None = None,
    authid: str = "",
    authrole: str | None = None,
    client: str | None = None,
    extra: Mapping[str, Any] | None = None,
    serializer: str = "msgpack",
    open_timeout: float = 10.0,
    send_limit: int = SEND_LIMIT,
) -> Session:
    """
    Join *realm* at the router at *url*: by *ticket*, by private *key*, by a *secret* of
    *authid*, by the certificate in *tls*, or with none of them anonymously.

    *url* is `ws://`, `wss://`, or, for raw sockets, `unix:PATH`, `tcp://HOST:PORT`, or
    `tls://HOST:PORT`. A *ticket* is a token, or a password of *authid*. *key* is an Ed25519
    seed: 32 bytes, or a file with 64 hexadecimal digits. *tls* says whom to trust. *client* is
    the id of a client that joins again and again: the session takes over from an older one
    with the same; *extra* is what else the authenticator is told. *send_limit* is the node's
    `max_message_size`, needed over WebSocket only. All has to happen within *open_timeout*
    seconds.

    Raises:
        Refused: The router does not let us in.
        Unavailable: The router cannot be reached, or cannot decide, just now.
        RateLimited: There were too many attempts; it is too early for another one.
        ValueError: *url*, *serializer*, *key* or *tls* is not understood.
    """
    proof = _proof(ticket, key, secret, authid, tls)
    told = {
        **(proof.extra or {}),
        **(extra or {}),
        **({} if client is None else {"client": client}),
    }
    hello = wamp.Hello(
        realm,
        _FEATURES,
        authmethods=list(proof.methods),
        authid=authid or proof.unnamed,
        authrole=authrole,
        authextra=told or None,
    )
    handshake = _Handshake(hello, proof)
    transport = session = None
    try:
        async with asyncio.timeout(open_timeout):
            transport = await connect(
                url, handshake, serializer=serializer, limit=send_limit, tls=tls
            )
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
            try:
                session = await join_once()
            except errors.RateLimited as error:
                await asyncio.sleep(error.retry_after)
                continue
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


def _proof(
    ticket: str | None, key: Path | bytes | None, secret: str | None, authid: str, tls: Tls | None
) -> Proof:
    if key is not None:
        return Key(key)
    if ticket is not None:
        return Ticket(ticket)
    if secret is not None:
        return Secret(authid, secret)
    return Anonymous() if tls is None or tls.certificate is None else Certificate()


def _turned_away(uri: str, message: str) -> Exception:
    if uri == errors.RateLimited.uri:
        # A router can turn away with a sentence only: the time stands in it.
        waits = re.findall(r"(\d+) s\b", message)
        return errors.RateLimited(message, retry_after=float(waits[-1] if waits else STEADY))
    if uri in _TRANSIENT:
        return errors.Unavailable(_TRANSIENT[uri] or message or uri)
    if uri == _NO_SUCH_WAY:
        message = "The node lets nobody in who joins in this way"
    return Refused(uri, message)
