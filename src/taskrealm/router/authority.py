"""Who may join and what they may do: the component embedded in Crossbar's router worker."""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autobahn.twisted.wamp import ApplicationSession
from autobahn.wamp.exception import ApplicationError
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred, inlineCallbacks
from twisted.internet.task import LoopingCall, deferLater
from txaio import make_logger

from ..access.addresses import Proxies
from ..access.credentials import CredentialStore
from ..access.policy import load_policy
from ..access.tokens import TokenStore
from ..protocol import uris
from ..protocol.errors import Error, Internal, Unavailable
from ..settings import NodeFolder, load_settings
from . import (
    challenges,
    connections,
    crowds,
    decisions,
    frames,
    guard,
    handshake,
    notation,
    outbox,
    paint,
    records,
    site,
    tls,
    witness,
)
from .authenticator import Authenticator
from .connections import Connections
from .deadlines import Deadlines
from .door import Door
from .doorkeeper import JWT, PASSWORD, SITE
from .doorstep import Doorstep
from .journalist import Journalist
from .node import prepare_state
from .proofs import INTERVAL, Proofs
from .sessions import Sessions
from .site import Terms

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..settings import AccessSettings, Settings
    from .authenticator import Ask

PATIENCE = 0.01  # seconds for which a look-up of a token may hold up the router
PAUSES = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64)  # seconds between two tries to write there
OWN_LIMIT = 15.0  # seconds for a password or a signed token, also if many wait
MARGIN = 1.0  # seconds that a doorkeeper has to say that the site's function was too slow
ANSWER_LIMIT = 10.0  # seconds that the executor has to write down what it is told
NAME_LIMIT = 200  # characters of what a session calls itself that are logged

log = make_logger()


class Authority(ApplicationSession):  # type: ignore[misc]
    """
    Installs the guard, decides what sessions may do, and registers the authenticator.

    It is there before the first port opens. Whatever fails in it means *refused*, and its
    texts never reach a client. If it cannot start, neither does the router.
    """

    @inlineCallbacks  # type: ignore[untyped-decorator]
    def onJoin(self, details: Any) -> Any:
        try:
            records.install()
            paint.install()
            notation.install()
            outbox.install(reactor)
            frames.install()
            folder = NodeFolder(Path(self.config.extra["cbdir"]).parent)
            prepare_state(folder)
            self._policy = load_policy(folder.policy)
            settings = load_settings(folder.settings_file)
            tokens = TokenStore.open(folder.tokens, patience=PATIENCE)
            credentials = CredentialStore.open(folder.credentials, patience=PATIENCE)
            self._authenticator = Authenticator(
                folder, settings, tokens, credentials, _doorkeepers(folder, settings.access)
            )
            handshake.install()
            challenges.install(self._refused)
            self._guard(tokens, credentials, settings)
            self._journalist = Journalist(self._tell, reactor.callLater)
            witness.install(self._journalist)
            decisions.install(self._authorize)
            yield self.register(self._authenticate, uris.AUTHENTICATE)
            yield self.register(self._end, uris.END)
        except Exception as error:
            log.error("The authority cannot start: {error}", error=error)
            reactor.stop()

    def _guard(self, tokens: TokenStore, credentials: CredentialStore, settings: Settings) -> None:
        """Stand between Crossbar and everybody."""
        router = settings.router
        proxies = Proxies(router.trusted_proxies)
        self._sessions = Sessions(
            idle_timeout=router.idle_timeout,
            message_rate=router.message_rate,
            later=reactor.callLater,
        )
        proofs = Proofs(tokens, credentials, end=self._sessions.end, later=reactor.callLater)
        deadlines = Deadlines(router.handshake_limit)
        guard.install(self._sessions, proofs, Doorstep(deadlines))
        tls.install()
        connections.install(
            Connections(
                limit=router.max_connections,
                per_address=router.connections_per_address,
                proxies=proxies,
            ),
            deadlines,
        )
        crowds.install(reactor)
        site.install(Terms(deadlines, settings.gateway.body_limit, proxies, router.tls is not None))
        for look in (proofs.look, deadlines.look):
            LoopingCall(_persistently, look).start(INTERVAL, now=False)

    def _end(self, number: int, message: str = "An operator has ended the session") -> bool:
        """End the session with this *number*; gives whether there was one."""
        return self._sessions.end_number(number, uris.REVOKED, message)

    def _authenticate(self, _realm: str, authid: str | None, details: dict[str, Any]) -> Any:
        return ensureDeferred(self._decide(authid, details))

    async def _decide(self, authid: str | None, details: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._admitted(authid, details)
        except Error as error:
            self._refused(authid, details, error.message, error.code)
            raise ApplicationError(error.uri, error.message) from None
        except Exception:
            failure = Internal(reference=secrets.token_hex(4))
            log.failure("A session could not be authenticated: {id}", id=failure.reference)
            raise ApplicationError(failure.uri, failure.message) from None

    async def _admitted(self, authid: str | None, details: dict[str, Any]) -> dict[str, Any]:
        """
        What the authenticator says, asked again while another process writes the tokens.

        Raises:
            Unavailable: It has written for too long.
        """
        for pause in PAUSES:
            try:
                return await self._authenticator.admit(authid, details)
            except sqlite3.OperationalError:
                await deferLater(reactor, pause)
        log.error("The tokens cannot be written: a session with a counted one is refused")
        raise Unavailable("Who you are cannot be checked just now; try again in a moment")

    def _tell(self, records: list[dict[str, Any]]) -> Any:
        """Have the executor write down *records*."""
        return self.call(uris.RECORD, records).addTimeout(ANSWER_LIMIT, reactor)

    def _refused(
        self,
        authid: str | None,
        details: dict[str, Any],
        reason: str,
        code: str = "invalid_token",
    ) -> None:
        transport = details.get("transport", {})
        address = self._authenticator.address_of(transport, details.get("authextra"))
        self._journalist.turned_away(authid, address, details.get("authmethod"), code)
        log.warn(  # noqa: G010 - txaio knows no other name
            "A session was refused that calls itself {authid} and comes from {peer}: {reason}",
            authid=repr(authid)[:NAME_LIMIT],
            peer=transport.get("peer"),
            reason=reason,
        )

    def _authorize(
        self, session: Any, uri: str, action: str, options: dict[str, Any]
    ) -> dict[str, bool]:
        allowed = False
        try:
            allowed = self._policy.decide(
                session._authid,
                session._authrole,
                session._authextra,
                uri,
                action,
                options.get("match", "exact"),
                options,
            )
        except Exception:
            log.failure("A session is refused, as it could not be authorized")
        self._journalist.decided(session, uri, action, allowed)
        return {"allow": allowed, "disclose": True}


def _doorkeepers(folder: NodeFolder, access: AccessSettings) -> Ask:
    """What puts questions to those doorkeepers that are needed for *access*."""
    doors = {}
    # The site's function has a doorkeeper of its own, and can keep only that one busy.
    if access.authenticate is not None:
        doors[SITE] = Door(folder, limit=access.authenticate_limit + MARGIN)
    if access.jwt is not None or access.passwords:
        doors[JWT] = doors[PASSWORD] = Door(folder, limit=OWN_LIMIT)
    for door in set(doors.values()):
        door.open()

    def ask(kind: str, secret: str, **more: Any) -> Any:
        return doors[kind].ask(kind, secret, **more)

    return ask


def _persistently(look: Callable[[], object]) -> None:
    try:
        look()
    except Exception:
        log.failure("Something that is to be looked at again and again has failed")
