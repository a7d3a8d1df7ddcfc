"""The connection of a client: joined again whenever it is lost, and asked through."""

from __future__ import annotations

import asyncio
import random
import secrets
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ..protocol.errors import InvalidToken, RateLimited, Unavailable
from ..protocol.scope import WHOLE, Scope
from ..wire import Disconnected, Refused, join, stay_joined

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..wire import Session
    from .access import Access

PATIENCE = 10.0  # seconds that a call waits for a connection
PAUSE = 2.0  # longest time in seconds before what must be answered is asked again


class Status(StrEnum):
    """How a client stands with its node."""

    CONNECTING = "connecting"
    LIVE = "live"
    OFFLINE = "offline"  # lost; the client is trying to come back
    REFUSED = "refused"  # the node lets us in no more
    CLOSED = "closed"


class Connection:
    """
    A session that is replaced whenever it is lost, until `close` or a refusal.

    Calls in flight when it is lost fail; calls made meanwhile wait for the next one.
    """

    def __init__(
        self,
        url: str,
        access: Access,
        *,
        realm: str,
        serializer: str,
        patience: float,
        send_limit: int | None,
    ) -> None:
        self.authid = ""
        self.role = ""
        self.scope = WHOLE
        self.status = Status.CONNECTING
        self.patience = patience
        self._url = url
        self._access = access
        self._options: dict[str, Any] = {
            "realm": realm,
            "serializer": serializer,
            # By this the node knows that a session of ours which it still holds is dead.
            "client": secrets.token_hex(16),
        }
        if send_limit is not None:
            self._options["send_limit"] = send_limit
        self._session: Session | None = None
        self._staying: asyncio.Task[None] | None = None
        self._over: BaseException | None = None
        self._changed = asyncio.Event()

    async def open(
        self, on_join: Callable[[Session], Awaitable[None]], on_over: Callable[[], None]
    ) -> None:
        """
        Join, and stay joined in the background.

        *on_join* prepares every new session before calls go through it; *on_over* is told
        when there will be no more.

        Raises:
            Refused: The node does not let us in.
            Unavailable: The node cannot be reached.
            RateLimited: There were too many attempts; it is too early for another one.
        """
        sessions = [await self._join()]
        self.authid, self.role = sessions[0].authid, sessions[0].authrole
        self.scope = _scope_of(sessions[0])

        async def join_once() -> Session:
            return sessions.pop() if sessions else await self._join()

        async def arrive(session: Session) -> None:
            if session.authid != self.authid:
                raise Refused(
                    InvalidToken.uri,
                    f"The node now takes us for {session.authid}, not for {self.authid}",
                )
            scope = _scope_of(session)
            if scope.is_narrow is not self.scope.is_narrow:
                raise Refused(
                    InvalidToken.uri,
                    "The token is now limited to other jobs than the one before: open a new client",
                )
            self.scope = scope
            await on_join(session)
            self._set(session, Status.LIVE)
            session.lost.add_done_callback(lambda _: self._lose())

        def finish(staying: asyncio.Task[None]) -> None:
            error = None if staying.cancelled() else staying.exception()
            self._over = error or Disconnected("The client is closed")
            self._set(None, Status.CLOSED if error is None else Status.REFUSED)
            on_over()

        self._staying = asyncio.create_task(stay_joined(join_once, arrive))
        self._staying.add_done_callback(finish)
        try:
            await self.session(self.patience)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Leave; whoever waits for something raises `Disconnected`."""
        if self._staying is not None:
            self._staying.cancel()
            await asyncio.wait({self._staying})

    def require(self) -> None:
        """
        Return if there may yet be a session.

        Raises:
            Disconnected: The client was closed.
            Refused: The node lets us in no more.
        """
        if self._over is not None:
            raise self._over

    async def session(self, patience: float | None = None) -> Session:
        """
        The session, as soon as there is one.

        Raises:
            Unavailable: There was none within *patience* seconds.
        """
        if self._session is not None and not self._session.is_lost:
            return self._session
        try:
            async with asyncio.timeout(patience):
                # A session may be lost some time before we are told.
                while self._session is None or self._session.is_lost:
                    self.require()
                    await self.change()
                return self._session
        except TimeoutError:
            raise Unavailable(f"There is no connection to {self._url} just now") from None

    async def change(self) -> None:
        """Wait until the status changes."""
        await self._changed.wait()

    async def call(self, uri: str, /, *args: Any, **kwargs: Any) -> Any:
        """
        What the procedure *uri* answers.

        Raises:
            Error: What it answers instead.
            Unavailable: There is no connection, or no executor.
            Disconnected: The connection was lost during the call.
        """
        session = await self.session(self.patience)
        return await session.call(uri, *args, **kwargs)

    async def call_and_take(
        self, take: Callable[[Any], Any], uri: str, /, *args: Any, **kwargs: Any
    ) -> Any:
        """Like `call`; see `Session.call_and_take`."""
        session = await self.session(self.patience)
        return await session.call_and_take(take, uri, *args, **kwargs)

    async def repeat_and_take(
        self, take: Callable[[Any], Any], uri: str, /, *args: Any, **kwargs: Any
    ) -> Any:
        """
        Like `call_and_take`, for what may be asked twice: asked again when there is no answer.

        It gives up when `patience` seconds have passed since the first failure.
        """
        give_up: float | None = None
        clock = asyncio.get_running_loop().time
        while True:
            session = await self.session(self.patience)
            try:
                return await session.call_and_take(take, uri, *args, **kwargs)
            except (Disconnected, Unavailable):
                if give_up is None:
                    give_up = clock() + self.patience
                pause = random.uniform(0, PAUSE)
                if clock() + pause > give_up:
                    raise
                await asyncio.sleep(pause)

    async def insist(self, uri: str, /, *args: Any, **kwargs: Any) -> Any:
        """
        What the procedure *uri*, which changes nothing, answers once it can.

        Raises:
            Error: What it answers instead, other than to try again later.
        """
        while True:
            session = await self.session()
            try:
                return await session.call(uri, *args, **kwargs)
            except Disconnected:
                continue
            except RateLimited as error:
                await asyncio.sleep(error.retry_after)
            except Unavailable:
                await asyncio.sleep(random.uniform(0, PAUSE))

    async def _join(self) -> Session:
        session = await join(self._url, **await self._access.options(), **self._options)
        try:
            _scope_of(session)
        except Refused:
            await session.leave()
            raise
        return session

    def _lose(self) -> None:
        if self._over is None:
            self._set(None, Status.OFFLINE)

    def _set(self, session: Session | None, status: Status) -> None:
        self._session = session
        self.status = status
        self._changed.set()
        self._changed.clear()


def _scope_of(session: Session) -> Scope:
    """
    What *session* is limited to.

    Raises:
        Refused: The node says so in a way that this client does not know.
    """
    try:
        return Scope.of(session.extra.get("scope", {}))
    except ValueError as error:
        raise Refused(
            InvalidToken.uri, f"The session is limited in an unknown way: {error}"
        ) from error
