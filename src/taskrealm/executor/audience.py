"""Who listens: sessions and their clients, the topics that are watched, who may watch everybody."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..protocol import uris

if TYPE_CHECKING:
    from ..wire import Session

OVERSEERS = ("backend", "operator")
"""Roles that may watch the streams of all users."""


class Audience:
    """
    What the router's meta events tell about sessions and subscriptions.

    Meta events reach the executor before anything that the session in question asks of
    it, so that what a new watcher is not sent it finds in the journal.
    """

    def __init__(self) -> None:
        self._overseers: dict[int, str] = {}
        self._clients: dict[int, tuple[str, str]] = {}
        self._sessions: dict[tuple[str, str], int] = {}
        self._subscriptions: dict[int, tuple[str, str]] = {}
        self._topics: set[str] = set()
        self._prefixes: tuple[str, ...] = ()

    async def attach(self, session: Session) -> None:
        """Follow what happens in the realm that *session* has joined."""
        self._overseers.clear()
        self._clients.clear()
        self._sessions.clear()
        self._subscriptions.clear()
        self._topics.clear()
        self._prefixes = ()
        await asyncio.gather(
            session.subscribe("wamp.session.on_join", self._joined),
            session.subscribe("wamp.session.on_leave", self._left),
            session.subscribe("wamp.subscription.on_create", self._created),
            session.subscribe("wamp.subscription.on_delete", self._deleted),
        )
        present = await session.call("wamp.session.list")
        for details in await asyncio.gather(
            *(session.call("wamp.session.get", each) for each in present), return_exceptions=True
        ):
            if isinstance(details, dict):
                self._joined(details)
        subscriptions = await session.call("wamp.subscription.list")
        ids = [*subscriptions["exact"], *subscriptions["prefix"]]
        for details in await asyncio.gather(
            *(session.call("wamp.subscription.get", each) for each in ids), return_exceptions=True
        ):
            if isinstance(details, dict):
                self._created(0, details)

    def entitled(self, owner: str) -> list[str]:
        """The authids that may receive what belongs to *owner*."""
        return [owner, *set(self._overseers.values()) - {owner}]

    def client_of(self, session_id: int) -> str | None:
        """The id that the client of a session gives to all its sessions, if it does."""
        _, client = self._clients.get(session_id, (None, None))
        return client

    def session_of(self, authid: str, client: str) -> int | None:
        """The newest session of a *client* of *authid*, if it has one just now."""
        return self._sessions.get((authid, client))

    def watches(self, topic: str) -> bool:
        """Whether anybody is subscribed to *topic*."""
        return topic in self._topics or topic.startswith(self._prefixes)

    def _joined(self, details: dict[str, Any]) -> None:
        session_id, authid = details["session"], details["authid"]
        if details["authrole"] in OVERSEERS:
            self._overseers[session_id] = authid
        client = (details["authextra"] or {}).get("client")
        if client is not None:
            self._clients[session_id] = (authid, client)
            self._sessions[authid, client] = session_id

    def _left(self, session_id: int, *_: object) -> None:
        self._overseers.pop(session_id, None)
        key = self._clients.pop(session_id, None)
        # The client may have joined again before its older session has left.
        if key is not None and self._sessions.get(key) == session_id:
            del self._sessions[key]

    def _created(self, _session_id: int, details: dict[str, Any]) -> None:
        match, uri = details["match"], details["uri"]
        if not uri.startswith(uris.USER_PREFIX):
            return
        self._subscriptions[details["id"]] = (match, uri)
        if match == "prefix":
            self._prefixes = (*self._prefixes, uri)
        else:
            self._topics.add(uri)

    def _deleted(self, _session_id: int, subscription_id: int) -> None:
        match, uri = self._subscriptions.pop(subscription_id, ("", ""))
        if match == "prefix":
            self._prefixes = tuple(prefix for prefix in self._prefixes if prefix != uri)
        else:
            self._topics.discard(uri)
