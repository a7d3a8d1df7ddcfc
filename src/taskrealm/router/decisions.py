"""Decides at once what sessions may do: those from outside as the authority says."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from crossbar.router.router import Router
from twisted.internet.defer import succeed

from ..access.identity import ROLES
from .configuration import INSIDE

if TYPE_CHECKING:
    from collections.abc import Callable

    Decide = Callable[[Any, str, str, dict[str, Any]], dict[str, bool]]
    """What a session may do on a URI: never raises, and refuses what it does not know."""


KEPT = 1_024  # decisions about sessions of the node's own that are remembered


def install(decide: Decide) -> None:
    """
    Let *decide* say what the sessions of every router of this process may do.

    Crossbar would call a procedure for each decision, which costs more than all else that it
    does with a call of a client. That procedure, which the configuration names, is there for
    nobody: a router without this refuses everything.

    What the node's own sessions may do stands in the configuration, and is looked up there once
    for each of the latest URIs: the executor publishes on the same few again and again.
    """
    authorize = Router.authorize

    def authorizing(
        router: Any, session: Any, uri: str, action: str, options: dict[str, Any]
    ) -> Any:
        if session._authrole in ROLES:
            return succeed(decide(session, uri, action, options))
        if session._authrole in INSIDE and session._authrole in router._roles:
            return succeed(_permission(router._roles[session._authrole], uri, action))
        return authorize(router, session, uri, action, options)

    Router.authorize = authorizing


@functools.lru_cache(KEPT)
def _permission(role: Any, uri: str, action: str) -> dict[str, bool]:
    """What the permissions of a *role*, which never change, say of an *action* on *uri*."""
    permission: dict[str, bool] = role.authorize(None, uri, action, {})
    return permission
