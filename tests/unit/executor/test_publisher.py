"""What is published at once, and what gathers first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from taskrealm.executor.audience import Audience
from taskrealm.executor.publisher import BURST, CROWD, Publisher
from taskrealm.protocol.jobs import Event, EventType, now


class Session:
    """Remembers what is published through it."""

    backlog = 0

    def __init__(self) -> None:
        self.published: list[list[int]] = []

    def publish(self, topic: str, events: list[dict[str, Any]], **_: object) -> None:
        self.published.append([event["seq"] for event in events])


class World:
    """A publisher, and a user's stream that goes on with each event."""

    def __init__(self) -> None:
        self.session = Session()
        self.publisher = Publisher(Audience(), 65_536)
        self.publisher.attach(self.session)  # type: ignore[arg-type]
        self.newest = 0

    def commit(self, *types: EventType) -> None:
        """The journal has committed events of these types, each of a job of its own."""
        first = self.newest + 1
        self.newest += len(types)
        self.publisher.publish(event(first + at, each) for at, each in enumerate(types))


def event(seq: int, kind: EventType) -> Event:
    return Event(
        owner="ann",
        epoch="e",
        seq=seq,
        job_id=f"{seq:032x}",
        job_seq=1,
        task="t",
        type=kind,
        at=now(),
        attempt=1,
        data={},
    )


async def test_what_happens_to_few_jobs_is_told_at_once() -> None:
    world = World()
    world.commit(*[EventType.QUEUED] * CROWD)
    for _ in range(BURST - 1):
        world.commit(EventType.STARTED)

    assert len(world.session.published) == BURST


async def test_what_happens_to_a_crowd_is_told_once_in_a_window_and_in_order() -> None:
    world = World()
    world.commit(*[EventType.QUEUED] * (CROWD + 2))
    for _ in range(5):
        world.commit(EventType.STARTED)

    assert len(world.session.published) == 1
    world.publisher.flush()
    queued = list(range(1, CROWD + 3))
    assert world.session.published == [queued, list(range(CROWD + 3, CROWD + 8))]


async def test_a_crowd_that_has_shrunk_is_told_of_at_once() -> None:
    world = World()
    world.commit(*[EventType.QUEUED] * (CROWD + 2))
    world.commit(EventType.SUCCEEDED)
    assert len(world.session.published) == 1
    world.commit(EventType.SUCCEEDED)

    assert world.session.published[1:] == [[CROWD + 3, CROWD + 4]]


async def test_events_that_are_large_together_are_published_apart_and_in_order() -> None:
    world = World()
    large = {"result": "x" * 20_000}
    world.publisher.publish(
        replace(event(seq, EventType.SUCCEEDED), data=large) for seq in range(1, 4)
    )

    assert world.session.published == [[1], [2], [3]]
