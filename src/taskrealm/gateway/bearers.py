"""The sessions of those who ask by HTTP: one for each bearer token in use."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from ..protocol.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from ..wire import Session

JOINING = 50  # sessions that may be joining at once

Key = tuple[bytes, str]
"""The hash of a token and the address from which it comes, which audit records tell."""


class _Lease:
    """A session of one bearer: joining, in use, or kept for the next request."""

    def __init__(self, joining: asyncio.Future[Session]) -> None:
        self.joining = joining
        self.users = 0
        self.timer: asyncio.TimerHandle | None = None

    @property
    def is_usable(self) -> bool:
        """Whether another request may use it."""
        if not self.joining.done():
            return True
        if self.joining.cancelled() or self.joining.exception() is not None:
            return False
        session = self.joining.result()
        return not session.is_lost and not _has_expired(session)


class Bearers:
    """
    Joins the realm as whoever has a token, and keeps the session for a while.

    So identity, scope, expiry and revocation of a token are decided in one place, the
    router, and a request has no more rights than its bearer. The least recently used session
    makes room for a new one. A session that is lost or has expired is never used again.
    """

    def __init__(
        self, join: Callable[[str, str, str], Awaitable[Session]], *, most: int, idle: float
    ) -> None:
        """
        *join* gives a session for a token, the address that it comes from, and the user whose
        password it is, if it is one.

        There are at most *most* sessions, each kept for *idle* seconds after its last use.
        """
        self._join = join
        self._most = most
        self._idle = idle
        self._leases: OrderedDict[Key, _Lease] = OrderedDict()
        self._ending: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave all sessions."""
        for key in tuple(self._leases):
            self._drop(key, self._leases[key])
        await asyncio.gather(*self._ending, return_exceptions=True)

    def __len__(self) -> int:
        return len(self._leases)

    @contextlib.asynccontextmanager
    async def session(self, token: str, address: str) -> AsyncIterator[Session]:
        """
        A session of whoever has *token* and asks from *address*, until the end of the block.

        Requests of the same bearer share it.

        Raises:
            Refused: The router does not let the bearer in.
            Unavailable: It cannot be asked just now, or too many sessions are in use.
        """
        key = hashlib.sha256(token.encode()).digest(), address
        lease = self._lease(key, token)
        lease.users += 1
        if lease.timer is not None:
            lease.timer.cancel()
            lease.timer = None
        try:
            # Shielded: others may wait for it too.
            yield await asyncio.shield(lease.joining)
        finally:
            lease.users -= 1
            self._release(key, lease)

    @contextlib.asynccontextmanager
    async def passing(self, ticket: str, address: str, *, user: str = "") -> AsyncIterator[Session]:
        """
        A session that is left at the end of the block, for a code or for a password of *user*.

        Raises:
            RateLimited: It is too early for another attempt.
            Refused, Unavailable: As for `session`.
        """
        session = await self._join(ticket, address, user)
        try:
            yield session
        finally:
            await session.leave()

    def _lease(self, key: Key, token: str) -> _Lease:
        lease = self._leases.get(key)
        if lease is not None and not lease.is_usable:
            self._drop(key, lease)
            lease = None
        if lease is None:
            self._make_room()
            lease = _Lease(asyncio.ensure_future(self._join(token, key[1], "")))
            self._leases[key] = lease
        self._leases.move_to_end(key)
        return lease

    def _make_room(self) -> None:
        joining = sum(not lease.joining.done() for lease in self._leases.values())
        if joining >= JOINING:
            raise Unavailable("Too many sign in at once; try again in a moment")
        if len(self._leases) < self._most:
            return
        for key, lease in self._leases.items():
            if not lease.users:
                self._drop(key, lease)
                return
        raise Unavailable("Too many tokens are in use at once; try again in a moment")

    def _release(self, key: Key, lease: _Lease) -> None:
        if lease.users:
            return
        if self._leases.get(key) is not lease or not lease.is_usable:
            self._drop(key, lease)
        else:
            loop = asyncio.get_running_loop()
            lease.timer = loop.call_later(self._idle, self._drop, key, lease)

    def _drop(self, key: Key, lease: _Lease) -> None:
        """Use *lease* no more; its session ends once nobody uses it any more."""
        if self._leases.get(key) is lease:
            del self._leases[key]
        if lease.timer is not None:
            lease.timer.cancel()
            lease.timer = None
        if not lease.users:
            ending = asyncio.create_task(_end(lease))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)


async def _end(lease: _Lease) -> None:
    lease.joining.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await (await lease.joining).leave()


def _has_expired(session: Session) -> bool:
    end = session.extra.get("expires_at")
    return end is not None and datetime.fromisoformat(end) <= datetime.now(UTC)
