"""Who may join and what they may do: the component embedded in Crossbar's router worker."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from autobahn.twisted.wamp import ApplicationSession
from autobahn.wamp.exception import ApplicationError
from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from txaio import make_logger

from ..protocol import uris
from ..protocol.errors import Error, Internal
from ..settings import NodeFolder
from ..tokens import TokenStore
from . import guard, records
from .authenticator import Authenticator
from .node import prepare_state
from .policy import load_policy
from .sessions import Sessions

PATIENCE = 0.01  # seconds for which a look-up of a token may hold up the router
NAME_LIMIT = 200  # characters of what a session calls itself that are logged

log = make_logger()


class Authority(ApplicationSession):  # type: ignore[misc]
    """
    Installs the guard and registers the authenticator and the authorizer.

    It is there before the first port opens. Whatever fails in it means *refused*, and its
    texts never reach a client. If it cannot start, neither does the router.
    """

    @inlineCallbacks  # type: ignore[untyped-decorator]
    def onJoin(self, details: Any) -> Any:
        try:
            records.install()
            guard.install(
                Sessions(
                    idle_timeout=self.config.extra.get("idle_timeout"), later=reactor.callLater
                )
            )
            folder = NodeFolder(Path(self.config.extra["cbdir"]).parent)
            prepare_state(folder)
            self._policy = load_policy(folder.policy)
            self._authenticator = Authenticator(
                folder, details.realm, TokenStore.open(folder.tokens, patience=PATIENCE)
            )
            yield self.register(self._authenticate, uris.AUTHENTICATE)
            yield self.register(self._authorize, uris.AUTHORIZE)
        except Exception as error:
            log.error("The authority cannot start: {error}", error=error)
            reactor.stop()

    def _authenticate(self, _realm: str, authid: str | None, details: dict[str, Any]) -> Any:
        try:
            return self._authenticator.admit(details)
        except Error as error:
            log.warn(  # noqa: G010 - txaio knows no other name
                "A session was refused that calls itself {authid} and comes from {peer}: {reason}",
                authid=repr(authid)[:NAME_LIMIT],
                peer=details.get("transport", {}).get("peer"),
                reason=error.message,
            )
            raise ApplicationError(error.uri, error.message) from None
        except Exception:
            failure = Internal(reference=secrets.token_hex(4))
            log.failure("A session could not be authenticated: {id}", id=failure.reference)
            raise ApplicationError(failure.uri, failure.message) from None

    def _authorize(
        self, session: dict[str, Any], uri: str, action: str, options: dict[str, Any]
    ) -> dict[str, bool]:
        allowed = False
        try:
            match = options.get("match", "exact")
            allowed = self._policy.decide(
                session["authid"], session["authrole"], uri, action, match, options
            )
        except Exception:
            log.failure("A session is refused, as it could not be authorized")
        # Crossbar keeps cached answers per role, not per user.
        return {"allow": allowed, "disclose": True, "cache": False}
