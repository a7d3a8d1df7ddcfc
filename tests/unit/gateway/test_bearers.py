"""The sessions of bearers: shared while they last, and never longer than they are good."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.nodes import comes_true

from taskrealm.gateway.bearers import Bearers
from taskrealm.protocol.errors import Unavailable
from taskrealm.protocol.jobs import timestamp
from taskrealm.wire import Refused

LIMIT = 30.0  # seconds
HERE = "192.0.2.1"


class Visit:
    """What the pool knows of a session."""

    def __init__(self, token: str, address: str, *, lifetime: float | None) -> None:
        self.token = token
        self.address = address
        self.is_lost = False
        self.extra: dict[str, Any] = {}
        if lifetime is not None:
            self.extra["expires_at"] = timestamp(datetime.now(UTC) + timedelta(seconds=lifetime))

    async def leave(self) -> None:
        self.is_lost = True


class Door:
    """Lets in whoever has a token that begins with `good`, and keeps all visits."""

    def __init__(self) -> None:
        self.visits: list[Visit] = []
        self.lifetime: float | None = None
        self.is_open = asyncio.Event()
        self.is_open.set()

    async def join(self, token: str, address: str, _user: str) -> Any:
        await self.is_open.wait()
        if not token.startswith("good"):
            raise Refused("taskrealm.error.invalid_token", "no")
        self.visits.append(Visit(token, address, lifetime=self.lifetime))
        return self.visits[-1]


@pytest.fixture
def door() -> Door:
    return Door()


def bearers(door: Door, *, most: int = 10, idle: float = 60.0) -> Bearers:
    return Bearers(door.join, most=most, idle=idle)


async def visit(pool: Bearers, token: str = "good", address: str = HERE) -> Any:
    async with asyncio.timeout(LIMIT), pool.session(token, address) as session:
        return session


async def test_requests_of_one_bearer_share_a_session(door: Door) -> None:
    async with bearers(door) as pool:
        visits = [await visit(pool) for _ in range(3)]

    assert visits == door.visits * 3


async def test_requests_at_the_same_time_wait_for_one_session(door: Door) -> None:
    door.is_open.clear()
    async with bearers(door) as pool, asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(visit(pool))
        await asyncio.sleep(0)
        door.is_open.set()

    assert len(door.visits) == 1


async def test_one_who_stops_waiting_leaves_the_session_to_the_others(door: Door) -> None:
    door.is_open.clear()
    async with bearers(door) as pool:
        first, second = (asyncio.create_task(visit(pool)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        door.is_open.set()

        assert await second is door.visits[0]


@pytest.mark.parametrize(
    ("token", "address"),
    [
        pytest.param("good too", HERE, id="another token"),
        pytest.param("good", "192.0.2.2", id="another address"),
    ],
)
async def test_nobody_gets_the_session_of_somebody_else(
    door: Door, token: str, address: str
) -> None:
    async with bearers(door) as pool:
        own = await visit(pool)
        other = await visit(pool, token, address)

        assert other is not own
        assert (other.token, other.address) == (token, address)


async def test_a_session_that_is_lost_is_not_used_again(door: Door) -> None:
    async with bearers(door) as pool:
        first = await visit(pool)
        first.is_lost = True

        assert await visit(pool) is not first


async def test_a_session_that_has_expired_is_not_used_again(door: Door) -> None:
    door.lifetime = -1.0
    async with bearers(door) as pool:
        first = await visit(pool)

        assert await visit(pool) is not first


async def test_a_refusal_is_not_kept(door: Door) -> None:
    async with bearers(door) as pool:
        for _ in range(2):
            with pytest.raises(Refused):
                await visit(pool, "bad")

        assert len(pool) == 0


async def test_a_session_ends_when_it_has_idled_for_too_long(door: Door) -> None:
    async with bearers(door, idle=0.01) as pool:
        session = await visit(pool)
        await comes_true(lambda: session.is_lost)

        assert len(pool) == 0


async def test_a_session_in_use_never_idles(door: Door) -> None:
    async with bearers(door, idle=0.01) as pool, pool.session("good", HERE) as session:
        await visit(pool)
        await asyncio.sleep(0.1)

        assert not door.visits[0].is_lost
        assert session is door.visits[0]


async def test_the_one_that_was_not_used_for_longest_makes_room(door: Door) -> None:
    async with bearers(door, most=2) as pool:
        for token in ("good 1", "good 2", "good 1", "good 3"):
            await visit(pool, token)
        await visit(pool, "good 1")

    assert [each.token for each in door.visits] == ["good 1", "good 2", "good 3"]


async def test_with_all_sessions_in_use_others_are_told_to_come_back(door: Door) -> None:
    async with bearers(door, most=1) as pool, pool.session("good 1", HERE):
        with pytest.raises(Unavailable, match="Too many"):
            await visit(pool, "good 2")


async def test_a_session_for_once_is_left_at_its_end(door: Door) -> None:
    async with bearers(door) as pool:
        async with pool.passing("good", HERE) as session:
            assert not door.visits[0].is_lost
        assert (session, len(pool)) == (door.visits[0], 0)

    assert door.visits[0].is_lost


async def test_at_the_end_all_sessions_are_left(door: Door) -> None:
    async with bearers(door) as pool:
        for number in range(3):
            await visit(pool, f"good {number}")

    assert all(each.is_lost for each in door.visits)
