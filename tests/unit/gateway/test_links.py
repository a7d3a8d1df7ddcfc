from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from taskrealm.gateway.downloads import Artifact
from taskrealm.gateway.links import PER_BEARER, PIECES, Links
from taskrealm.protocol.errors import RateLimited, UnknownArtifact

MADE = datetime(2026, 11, 21, tzinfo=UTC)


def artifact(size: int = 10) -> Artifact:
    session: Any = None  # nothing of it is read here
    return Artifact(session, "job", "out.txt", "text/plain", size, "ab" * 32, MADE)


def issue(links: Links, bearer: str = "tr_ana", size: int = 10, lifetime: float = 60.0) -> str:
    return links.issue(bearer, artifact(size), lifetime=lifetime, is_inline=False)


async def test_a_ticket_belongs_to_the_first_address_that_uses_it() -> None:
    links = Links()
    ticket = issue(links)

    assert links.use(ticket, "10.0.0.1").name == "out.txt"
    with pytest.raises(UnknownArtifact, match="wrong, expired or used up"):
        links.use(ticket, "10.0.0.2")
    assert links.use(ticket, "10.0.0.1").bearer == "tr_ana"


async def test_a_ticket_is_used_up_by_the_last_byte_not_before() -> None:
    links = Links()
    ticket = issue(links)
    links.use(ticket, "here").delivered.add(0, 9)
    links.settle(ticket)
    links.use(ticket, "here").delivered.add(9, 10)
    links.settle(ticket)

    with pytest.raises(UnknownArtifact):
        links.use(ticket, "here")


async def test_a_ticket_is_used_up_by_too_many_parts() -> None:
    links = Links()
    ticket = issue(links, size=1_000)
    for number in range(PIECES + 1):
        links.use(ticket, "here").delivered.add(2 * number, 2 * number + 1)
    links.settle(ticket)

    with pytest.raises(UnknownArtifact):
        links.use(ticket, "here")


async def test_tickets_end_with_their_bearer_and_no_others_do() -> None:
    links = Links()
    mine, other = issue(links), issue(links, "tr_bob")
    links.end("tr_ana")

    with pytest.raises(UnknownArtifact):
        links.use(mine, "here")
    assert links.use(other, "here").bearer == "tr_bob"


async def test_a_ticket_that_is_over_makes_room_for_another() -> None:
    links = Links()
    for _ in range(PER_BEARER - 1):
        issue(links)
    over = issue(links, lifetime=0.05)
    with pytest.raises(RateLimited) as refusal:
        issue(links)
    async with asyncio.timeout(30):
        while True:
            try:
                issue(links)
                break
            except RateLimited:
                await asyncio.sleep(0.01)

    assert 0 < refusal.value.retry_after <= 0.05
    with pytest.raises(UnknownArtifact):
        links.use(over, "here")


async def test_tickets_are_long_and_all_different() -> None:
    links = Links()
    tickets = {issue(links, bearer) for bearer in ("a", "b") for _ in range(PER_BEARER)}

    assert len(tickets) == 2 * PER_BEARER
    assert all(len(each) == 43 for each in tickets)  # 256 bits
