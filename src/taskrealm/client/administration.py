"""What operators ask of a node: who did what, who is here, who may do what."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..protocol import uris
from ..protocol.errors import Unavailable
from ..wire import Disconnected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from .connection import Connection

PAGE = 500  # records asked for at once
LOOK = 1.0  # seconds between two looks for new records


class Administration:
    """
    The part of a `Client` that is for operators; all of it raises `NotAuthorized` for others.

        async for record in client.admin.audit(actor="ana", action="cancel"):
            print(record["at"], record["object"], record["outcome"])
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def audit(
        self,
        *,
        after: int | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        limit: int | None = None,
        follow: bool = False,
        **filters: str | None,
    ) -> AsyncIterator[dict[str, Any]]:
        """
        The records of the audit log, newest first, at most *limit* of them.

        With *after*, the id of a record or 0, they are those behind it, oldest first. To
        *follow* goes on with new ones as they come, whatever happens to the connection, and
        begins with those to come unless *after* is given. The *filters* are `actor`, `owner`, `action`, `object` and `outcome`; *since* and *until*
        are times with their offset.
        """
        if follow and after is None:
            newest = await self._connection.call(uris.AUDIT, limit=1)
            after = newest["records"][0]["id"] if newest["records"] else 0
        place = {"after": after}
        count = 0
        while limit is None or count < limit:
            size = PAGE if limit is None else min(PAGE, limit - count)
            try:
                page = await self._connection.call(
                    uris.AUDIT,
                    **place,
                    **filters,
                    since=_text(since),
                    until=_text(until),
                    limit=size,
                )
            except (Disconnected, Unavailable):
                if not follow:
                    raise
                self._connection.require()
                await asyncio.sleep(LOOK)
                continue
            for record in page["records"]:
                yield record
            count += len(page["records"])
            if place.get("after") is not None:
                place = {"after": page["next"]}
                if not page["records"]:
                    if not follow:
                        return
                    await asyncio.sleep(LOOK)
            elif page["next"] is None:
                return
            else:
                place = {"before": page["next"]}

    async def sessions(self, user: str | None = None) -> list[dict[str, Any]]:
        """Who has joined, everybody or one *user*: how, from where, since and until when."""
        return await self._all("sessions", uris.SESSIONS, user=user)

    async def end_session(self, session: int) -> None:
        """
        End a session at once; its client may join again if what it joined by is valid still.

        Raises:
            InvalidArguments: There is no such session.
        """
        await self._connection.call(uris.END_SESSION, session)

    async def tokens(self, user: str | None = None) -> list[dict[str, Any]]:
        """The tokens that are valid now, by their ids: of everybody, or of one *user*."""
        return await self._all("tokens", uris.TOKENS, user=user)

    async def revoke(self, *, token: str | None = None, user: str | None = None) -> int:
        """
        Make one *token*, by its id, invalid, or all by which a *user* has joined so far.

        The sessions that have joined by it end. Gives how many tokens there were.

        Raises:
            InvalidArguments: There is no such token.
        """
        answer = await self._connection.call(uris.REVOKE, token=token, user=user)
        count: int = answer["tokens"]
        return count

    async def users(self) -> list[dict[str, Any]]:
        """The users that the node knows: their roles, tokens, credentials, sessions and jobs."""
        return await self._all("users", uris.USERS)

    async def rights(
        self, user: str, role: str = "user", teams: Sequence[str] = ()
    ) -> dict[str, Any]:
        """What a *user* in this *role* and these *teams* may do, and by which rules."""
        rights: dict[str, Any] = await self._connection.call(uris.RIGHTS, user, role, list(teams))
        return rights

    async def load(self, span: float = 3_600) -> dict[str, Any]:
        """
        How busy the executor was in the last *span* seconds: `{at, step, columns, samples}`.

        Each sample has the most that there was within `step` seconds, in the order of `columns`.
        """
        load: dict[str, Any] = await self._connection.call(uris.LOAD, span)
        return load

    async def diagnostics(self) -> dict[str, Any]:
        """Versions, components, journal, disk and the last reload of the node; nothing secret."""
        diagnostics: dict[str, Any] = await self._connection.call(uris.DIAGNOSTICS)
        return diagnostics

    async def _all(self, name: str, uri: str, **filters: Any) -> list[dict[str, Any]]:
        return await all_pages(self._connection, name, uri, **filters)


async def all_pages(
    connection: Connection, name: str, uri: str, **filters: Any
) -> list[dict[str, Any]]:
    """All pages of what *uri* answers under *name*."""
    page = await connection.call(uri, **filters)
    found: list[dict[str, Any]] = page[name]
    while page["next"] is not None:
        page = await connection.call(uri, after=page["next"], **filters)
        found += page[name]
    return found


def _text(moment: datetime | str | None) -> str | None:
    return moment.isoformat() if isinstance(moment, datetime) else moment
