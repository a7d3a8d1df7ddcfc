"""
Stands between Crossbar and its sessions.

Nobody speaks in another's name, or after the end; nobody stays outside for long without
joining, floods the router, or sends it what it could choke on.
"""

from __future__ import annotations

import sys
from math import ceil
from typing import TYPE_CHECKING, Any

from autobahn.exception import Disconnected
from autobahn.wamp import message as wamp
from autobahn.wamp.exception import ProtocolError, TransportLost
from crossbar.router.router import Router
from crossbar.router.session import RouterSession
from txaio import make_logger

from ..access.identity import ROLES
from ..protocol.errors import InvalidArguments, RateLimited
from . import payloads
from .contents import Unfit, carried_by, require_fit

if TYPE_CHECKING:
    from collections.abc import Callable

    from .doorstep import Doorstep
    from .proofs import Proofs
    from .sessions import Sessions

TRUSTED = "trusted"
"""The role of the router's own sessions, the only ones that pass messages on."""

SUBSCRIPTIONS = 1_000  # of one session at once
BACKLOG_LIMIT = 32 * 1024 * 1024  # bytes that may wait for a session that does not take them
FRAMES = 1_000  # of Python's stack; reading JSON takes two for each level of what is nested

_ANSWERED = (wamp.Call, wamp.Subscribe, wamp.Unsubscribe, wamp.Register, wamp.Unregister)

log = make_logger()

_attach, _detach = Router.attach, Router._detach
_process, _send = Router.process, Router.send
_on_open, _on_close = RouterSession.onOpen, RouterSession.onClose
_on_message = RouterSession.onMessage


def install(sessions: Sessions, proofs: Proofs, doorstep: Doorstep) -> None:
    """Guard every router of this process, and let the others know what its sessions do."""
    guard = Guard(sessions, proofs, doorstep)
    # A library of Crossbar's allows so many that the stack itself could be used up.
    sys.setrecursionlimit(FRAMES)
    for room, name, method in (
        (Router, "attach", guard.attach),
        (Router, "_detach", guard.detach),
        (Router, "process", guard.process),
        (Router, "send", guard.send),
        (RouterSession, "onOpen", guard.on_open),
        (RouterSession, "onClose", guard.on_close),
        (RouterSession, "onMessage", guard.on_message),
    ):
        setattr(room, name, _as_method(method))
    payloads.install(guard.on_ping)


def _as_method(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A bound method is given the object that it is called on, as functions of its class are."""
    return lambda *args: handler(*args)


class Guard:
    """
    Takes the place of what Crossbar does with sessions and with their messages.

    What a session says after it was ended is not heard. A session that breaks the rules of
    `_require_honest` loses its connection.
    """

    def __init__(self, sessions: Sessions, proofs: Proofs, doorstep: Doorstep) -> None:
        self._sessions = sessions
        self._proofs = proofs
        self._doorstep = doorstep

    def attach(self, router: Any, session: Any) -> Any:
        """A session has joined."""
        features = _attach(router, session)
        self._doorstep.leave(session)
        self._sessions.enter(session)
        self._proofs.enter(session)
        return features

    def detach(self, router: Any, session: Any) -> Any:
        """A session has left, and may join again over the same connection."""
        self._sessions.leave(session)
        self._proofs.leave(session)
        self._doorstep.enter(session)
        return _detach(router, session)

    def on_open(self, session: Any, transport: Any) -> None:
        _on_open(session, transport)
        self._doorstep.enter(session)

    def on_close(self, session: Any, was_clean: bool) -> None:
        try:
            _on_close(session, was_clean)
        finally:
            self._doorstep.leave(session)

    def on_message(self, session: Any, message: Any) -> None:
        if session._session_id is None:
            if isinstance(message, wamp.Abort):
                # Crossbar takes who gives up to join for a session that leaves.
                session._transport.close()
            elif self._doorstep.hear(session):
                _take(session, message)
        elif isinstance(message, wamp.Goodbye):
            _on_message(session, message)
        elif self._sessions.use(session):
            wait = self._sessions.wait_for(session)
            if wait:
                self._slow_down(session, message, wait)
            else:
                _take(session, message)

    def on_ping(self, session: Any) -> bool:
        """Whether a ping of *session* is answered."""
        wait = self._sessions.wait_for(session)
        if wait and self._sessions.is_flooding(session):
            self._sessions.pause(session)
        return not wait

    def process(self, router: Any, session: Any, message: Any) -> Any:
        _require_honest(router, session, message)
        return _process(router, session, message)

    def send(self, router: Any, session: Any, message: Any) -> None:
        if not self._sessions.use(session):
            return
        if payloads.backlog(session._transport) > BACKLOG_LIMIT:
            session._transport.transport.abortConnection()
            return
        try:
            _send(router, session, message)
        except (Disconnected, TransportLost):
            pass  # who has just gone is not told anything, and what was to be done besides goes on

    def _slow_down(self, session: Any, message: Any, wait: float) -> None:
        """Refuse a *message* that has come *wait* seconds too early."""
        error = RateLimited(retry_after=ceil(1_000 * wait) / 1_000)
        if isinstance(message, _ANSWERED) or getattr(message, "acknowledge", False):
            answer = wamp.Error(
                message.MESSAGE_TYPE,
                message.request,
                error.uri,
                args=[error.message],
                kwargs={"retry_after": error.retry_after},
            )
            self.send(session._router, session, answer)
            if self._sessions.is_flooding(session):
                self._sessions.pause(session)
        elif self._sessions.is_flooding(session):
            self._sessions.end(session, error.uri, error.message)


def _take(session: Any, message: Any) -> None:
    """Let Crossbar do what *message* says, if what it carries can be passed on."""
    try:
        if session._authrole is None or session._authrole in ROLES:
            require_fit(carried_by(message))
    except Unfit as unfit:
        _refuse(session, message, unfit)
    else:
        _on_message(session, message)


def _require_honest(router: Any, session: Any, message: Any) -> None:
    """
    Make sure that *message* does what its *session* may, where Crossbar does not look.

    Crossbar takes the first entry of `forward_for` for the sender, and an error for that of
    the callee, no matter who sent it.

    Raises:
        ProtocolError: It claims another sender, answers a call that was made to another
            session, has the number of a call that is not answered yet, or is one
            subscription too many.
    """
    if getattr(message, "forward_for", None) and session._authrole != TRUSTED:
        raise ProtocolError("forward_for is not permitted")
    if isinstance(message, wamp.Error):
        invocation = router._dealer._invocations.get(message.request)
        if invocation is not None and invocation.callee is not session:
            raise ProtocolError("an error answers a call that was made to another session")
    if isinstance(message, wamp.Call):
        if (session._session_id, message.request) in router._dealer._invocations_by_call:
            raise ProtocolError("a call has the number of one that is not answered yet")
    if isinstance(message, wamp.Subscribe) and session._authrole in ROLES:
        if len(router._broker._session_to_subscriptions[session]) >= SUBSCRIPTIONS:
            raise ProtocolError(f"a session has at most {SUBSCRIPTIONS} subscriptions")


def _refuse(session: Any, message: Any, unfit: Unfit) -> None:
    """
    Answer a *message* that carries what cannot be passed on.

    Raises:
        ProtocolError: It is one that needs no answer.
    """
    if session._session_id is None or not isinstance(message, wamp.Call):
        raise ProtocolError(f"what a message carries {unfit}")
    log.warn(  # noqa: G010 - txaio knows no other name
        "A call of {authid} is refused: what it carries {reason}",
        authid=session._authid,
        reason=str(unfit),
    )
    error = InvalidArguments(fields={"args": str(unfit)})
    answer = [error.message], error.data
    session._transport.send(wamp.Error(message.MESSAGE_TYPE, message.request, error.uri, *answer))
