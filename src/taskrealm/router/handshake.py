"""The opening handshake: one answer to each challenge, and one question at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autobahn.wamp.types import Deny
from crossbar.router.session import RouterSession
from twisted.internet.defer import Deferred

from ..protocol.errors import InvalidToken

if TYPE_CHECKING:
    from collections.abc import Callable

_on_hello, _on_authenticate = RouterSession.onHello, RouterSession.onAuthenticate


def install() -> None:
    """
    Let each session of this process join by a proof of now.

    To Crossbar an answer to a challenge is good for ever: whoever has joined once over a
    connection could join again over it, also after everything of its user was revoked. And
    it would welcome twice a session whose second answer comes before the first is decided.
    """
    undecided: set[Any] = set()

    def one_at_a_time(ask: Callable[..., Any]) -> Callable[..., Any]:
        def asked(session: Any, *args: Any) -> Any:
            if session in undecided:
                return Deny(InvalidToken.uri, "What was sent before is not decided yet")
            decision = ask(session, *args)
            if isinstance(decision, Deferred) and not decision.called:
                undecided.add(session)
                decision.addBoth(decided, session)
            return decision

        return asked

    def decided(decision: Any, session: Any) -> Any:
        undecided.discard(session)
        return decision

    RouterSession.onHello = one_at_a_time(_on_hello)
    RouterSession.onAuthenticate = one_at_a_time(_answer_once)


def _answer_once(session: Any, signature: Any, extra: Any) -> Any:
    if session._pending_auth is None:
        return Deny(InvalidToken.uri, "There is no challenge to answer")
    decision = _on_authenticate(session, signature, extra)
    session._pending_auth = None
    return decision
