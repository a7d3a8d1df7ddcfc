"""Who listens: sessions and their clients, the topics that are watched, who may watch everybody."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from ..protocol import uris
from ..protocol.scope import Scope
from .callers import SessionCaller

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..wire import Session

log = structlog.get_logger()

OVERSEERS = ("backend", "operator")
"""Roles that may watch the streams of all users."""


@dataclass(frozen=True, slots=True)
class Member:
    """A session, and what the authenticator has said of it."""

    authid: str
    authrole: str
    client: str | None
    """The id that its client gives to all its sessions, if it does."""
    token: str | None
    """The id of the token by which it has joined, if it was one of the node's own."""
    since: datetime | None
    """When it has joined."""
    expires_at: datetime | None
    """When it ends; None for never."""
    details: dict[str, Any]
    """All that the router tells of it."""
    caller: SessionCaller
    """Who it is when it calls, where it comes from, and how it has proven who it is."""


class Audience:
    """
    What the router's meta events tell about sessions and subscriptions.

    Meta events reach the executor before anything that the session in question asks of
    it, so that what a new watcher is not sent it finds in the journal.
    """

    def __init__(self) -> None:
        self.on_join: Callable[[Member], None] = lambda _: None
        """Called for everybody who joins, or was there already when this began to follow."""
        self._members: dict[int, Member] = {}
        self._present: dict[str, dict[int, Member]] = {}
        self._overseers: dict[int, str] = {}
        self._sessions: dict[tuple[str, str], int] = {}
        self._subscriptions: dict[int, tuple[str, str]] = {}
        self._topics: set[str] = set()
        self._of_jobs: set[int] = set()
        self._prefixes: tuple[str, ...] = ()

    async def attach(self, session: Session) -> None:
        """Follow what happens in the realm that *session* has joined."""
        self._members.clear()
        self._present.clear()
        self._overseers.clear()
        self._sessions.clear()
        self._subscriptions.clear()
        self._topics.clear()
        self._of_jobs.clear()
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

    def entitled(self, owner: str | None) -> list[str]:
        """The authids that may receive what belongs to *owner*; without one, the overseers."""
        overseers = set(self._overseers.values())
        return list(overseers) if owner is None else [owner, *overseers - {owner}]

    def holders(self, owner: str | None, job_id: str, task: str) -> list[int]:
        """The sessions that may receive what is told of this one job of *owner*; see `entitled`."""
        return [
            session_id
            for authid in self.entitled(owner)
            for session_id, member in self._present.get(authid, {}).items()
            if (authid == owner or session_id in self._overseers)
            and member.caller.scope.has_job(job_id, task)
        ]

    @property
    def members(self) -> dict[int, Member]:
        """The sessions in the realm by their numbers, the executor's own among them."""
        return self._members

    def member(self, session_id: int) -> Member | None:
        """What is known of a session; None if it is not in the realm."""
        return self._members.get(session_id)

    def client_of(self, session_id: int) -> str | None:
        """The id that the client of a session gives to all its sessions, if it does."""
        member = self._members.get(session_id)
        return None if member is None else member.client

    def session_of(self, authid: str, client: str) -> int | None:
        """The newest session of a *client* of *authid*, if it has one just now."""
        return self._sessions.get((authid, client))

    def watches(self, topic: str) -> bool:
        """Whether anybody is subscribed to *topic*."""
        return topic in self._topics or topic.startswith(self._prefixes)

    @property
    def watches_jobs(self) -> bool:
        """Whether anybody is subscribed to the topic of any single job."""
        return bool(self._of_jobs)

    def _joined(self, details: dict[str, Any]) -> None:
        session_id = details["session"]
        try:
            member = _member(details)
        except (KeyError, TypeError, ValueError):
            # Whoever is not known is refused whatever it asks for.
            log.exception("What the router tells of a session is not understood", id=session_id)
            return
        self._members[session_id] = member
        self.on_join(member)
        self._present.setdefault(member.authid, {})[session_id] = member
        if member.authrole in OVERSEERS and not member.caller.scope.is_narrow:
            self._overseers[session_id] = member.authid
        if member.client is not None:
            self._sessions[member.authid, member.client] = session_id

    def _left(self, session_id: int, *_: object) -> None:
        self._overseers.pop(session_id, None)
        member = self._members.pop(session_id, None)
        if member is None:
            return
        present = self._present[member.authid]
        del present[session_id]
        if not present:
            del self._present[member.authid]
        if member.client is None:
            return
        # The client may have joined again before its older session has left.
        key = member.authid, member.client
        if self._sessions.get(key) == session_id:
            del self._sessions[key]

    def _created(self, _session_id: int, details: dict[str, Any]) -> None:
        match, uri = details["match"], details["uri"]
        if not uri.startswith((uris.USER_PREFIX, uris.JOB_PREFIX)):
            return
        if uri.startswith(uris.JOB_PREFIX):
            self._of_jobs.add(details["id"])
        self._subscriptions[details["id"]] = (match, uri)
        if match == "prefix":
            self._prefixes = (*self._prefixes, uri)
        else:
            self._topics.add(uri)

    def _deleted(self, _session_id: int, subscription_id: int) -> None:
        match, uri = self._subscriptions.pop(subscription_id, ("", ""))
        self._of_jobs.discard(subscription_id)
        if match == "prefix":
            self._prefixes = tuple(prefix for prefix in self._prefixes if prefix != uri)
        else:
            self._topics.discard(uri)


def _member(details: dict[str, Any]) -> Member:
    extra = details["authextra"] or {}
    authid, authrole = details["authid"], details["authrole"]
    caller = SessionCaller(
        authid,
        authrole,
        authid,
        tuple(extra.get("teams", ())),
        scope=Scope.of(extra.get("scope", {})),
        session=details["session"],
        address=extra.get("address"),
        method=extra.get("method"),
    )
    return Member(
        authid=authid,
        authrole=authrole,
        client=extra.get("client"),
        token=extra.get("token"),
        since=_moment(extra.get("since")),
        expires_at=_moment(extra.get("expires_at")),
        details=details,
        caller=caller,
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
