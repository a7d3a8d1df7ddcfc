"""Who listens: the topics that are watched, and the sessions that may watch everybody."""

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
        self._subscriptions: dict[int, tuple[str, str]] = {}
        self._topics: set[str] = set()
        self._prefixes: tuple[str, ...] = ()

    async def attach(self, session: Session) -> None:
        """Follow what happens in the realm that *session* has joined."""
        self._overseers.clear()
        self._subscriptions.clear()
        self._topics.clear()
        self._prefixes = ()
        await asyncio.gather(
            session.subscribe("wamp.session.on_join", self._joined),
            session.subscribe("wamp.session.on_leave", self._left),
            session.subscribe("wamp.subscription.on_create", self._created),
            session.subscribe("wamp.subscription.on_delete", self._deleted),
        )
        present = await session.call("wamp.session.list", list(OVERSEERS))
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

    def watches(self, topic: str) -> bool:
        """Whether anybody is subscribed to *topic*."""
        return topic in self._topics or topic.startswith(self._prefixes)

    def _joined(self, details: dict[str, Any]) -> None:
        if details["authrole"] in OVERSEERS:
            self._overseers[details["session"]] = details["authid"]

    def _left(self, session_id: int, *_: object) -> None:
        self._overseers.pop(session_id, None)

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
