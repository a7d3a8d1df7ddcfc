"""A crowd is told of an event part by part, each session in order, and nobody else waits for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from autobahn.wamp.message import Event, Result

from taskrealm.router import crowds as module
from taskrealm.router.crowds import TOGETHER, Crowds

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


class Reactor:
    """Remembers what comes in the next turn."""

    def __init__(self) -> None:
        self.next: list[Callable[[], object]] = []

    def callLater(self, _seconds: float, function: Callable[[], object]) -> None:
        self.next.append(function)

    def turn(self) -> None:
        functions, self.next = self.next, []
        for each in functions:
            each()


class Session:
    """A session that notes what it is sent."""

    def __init__(self, number: int) -> None:
        self._session_id: int | None = number
        self.got: list[Any] = []


def take(_router: object, session: Session, message: Any) -> None:
    if message == BAD:
        raise RuntimeError
    session.got.append(message)


ROUTER = object()
BAD = Event(9, 9)


def world(count: int) -> tuple[Reactor, Crowds, list[Session]]:
    reactor = Reactor()
    return reactor, Crowds(reactor, take), [Session(number) for number in range(count)]


def publish(crowds: Crowds, sessions: list[Session], event: Event) -> None:
    for session in sessions:
        crowds.send(ROUTER, session, event)


def told(sessions: list[Session]) -> int:
    return sum(len(session.got) for session in sessions)


def test_few_are_told_at_once() -> None:
    reactor, crowds, few = world(TOGETHER - 1)
    publish(crowds, few, Event(1, 1))

    assert told(few) == len(few)
    assert not reactor.next


def test_a_crowd_is_told_part_by_part() -> None:
    reactor, crowds, crowd = world(3 * TOGETHER)
    publish(crowds, crowd, Event(1, 1))

    counts = []
    while told(crowd) < len(crowd):
        counts.append(told(crowd))
        reactor.turn()

    assert counts == [TOGETHER, 2 * TOGETHER]


def test_who_does_not_wait_is_answered_while_a_crowd_is_told() -> None:
    _, crowds, crowd = world(2 * TOGETHER)
    publish(crowds, crowd, Event(1, 1))
    other = Session(1_000)
    crowds.send(ROUTER, other, Result(1))

    assert len(other.got) == 1


def test_each_gets_everything_in_order_though_others_leave_meanwhile() -> None:
    reactor, crowds, crowd = world(3 * TOGETHER)
    first, second, answer = Event(1, 1), Event(1, 2), Result(1)
    publish(crowds, crowd, first)
    stayed = crowd[TOGETHER:]
    publish(crowds, stayed, second)
    for session in stayed:
        crowds.send(ROUTER, session, answer)
    while reactor.next:
        reactor.turn()

    assert all(session.got == [first, second, answer] for session in stayed)


def test_who_has_left_or_joined_anew_is_not_told() -> None:
    reactor, crowds, crowd = world(TOGETHER + 3)
    publish(crowds, crowd, Event(1, 1))
    gone, anew, stayed = crowd[TOGETHER:]
    gone._session_id, anew._session_id = None, 77
    reactor.turn()

    assert (gone.got, anew.got, len(stayed.got)) == ([], [], 1)


def test_one_that_cannot_be_told_keeps_nobody_else_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[str] = []
    monkeypatch.setattr(module, "log", SimpleNamespace(failure=failures.append))
    reactor, crowds, crowd = world(TOGETHER + 2)
    publish(crowds, crowd[:TOGETHER], Event(1, 1))
    crowds.send(ROUTER, crowd[-2], BAD)
    crowds.send(ROUTER, crowd[-1], Event(1, 1))
    reactor.turn()

    assert (crowd[-2].got, len(crowd[-1].got), len(failures)) == ([], 1, 1)
