"""One node for all tests of this folder, and sessions on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.wire import Session, join

from .line import Line, line_to
from .realm import EXECUTOR_KEY, MESSAGE_SIZE, NAME, Realm, running_realm

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    Enter = Callable[..., Awaitable[Session]]


@pytest.fixture(scope="session")
def realm() -> Iterator[Realm]:
    with running_realm() as realm:
        yield realm


@pytest.fixture
async def line(realm: Realm) -> AsyncIterator[Line]:
    async with line_to(realm.port) as line:
        yield line


@pytest.fixture
async def enter(realm: Realm) -> AsyncIterator[Enter]:
    """Joins the realm as somebody; the sessions leave when the test is over."""
    sessions = []

    async def enter(who: str, url: str = "", **options: Any) -> Session:
        if who == "executor":
            options |= {"key": EXECUTOR_KEY, "authid": "executor"}
        else:
            options |= {"ticket": f"ticket-of-{who}"}
        session = await join(url or realm.unix, realm=NAME, send_limit=MESSAGE_SIZE, **options)
        sessions.append(session)
        return session

    yield enter
    for session in sessions:
        await session.leave()
