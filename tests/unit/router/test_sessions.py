"""Which sessions the router ends, without a router."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from taskrealm.protocol import uris
from taskrealm.router.allowance import BURST
from taskrealm.router.sessions import FAREWELL, PAUSE, Sessions

if TYPE_CHECKING:
    from collections.abc import Callable

CLIENT = "0123456789abcdef"
IDLE = 60.0
RATE = 10.0


@dataclass(eq=False)
class Connected:
    """A session as Crossbar holds it, and its transport at once."""

    authid: str = "ana"
    role: str = "user"
    client: str | None = CLIENT
    number: int = 1
    told: list[str] = field(default_factory=list)
    is_open: bool = True

    def __post_init__(self) -> None:
        self._authid, self._authrole = self.authid, self.role
        self._authextra = {"client": self.client} if self.client else None
        self._session_id: int | None = self.number
        self._transport = self
        self.transport = self  # the connection below the WAMP transport
        self.is_read = True

    def leave(self, reason: str, message: str) -> None:
        self.told.append(reason)

    def abortConnection(self) -> None:
        self.is_open = False

    def pauseProducing(self) -> None:
        self.is_read = False

    def resumeProducing(self) -> None:
        self.is_read = True


class Clock:
    """Time that passes when told to, and what is to be done then."""

    def __init__(self) -> None:
        self.now = 0.0
        self._agenda: list[tuple[float, Callable[[], object]]] = []

    def later(self, seconds: float, call: Callable[[], object]) -> None:
        self._agenda.append((self.now + seconds, call))

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [each for each in self._agenda if each[0] <= end]:
            first = min(due, key=lambda each: each[0])
            self._agenda.remove(first)
            self.now = first[0]
            first[1]()
        self.now = end


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(
        idle_timeout=IDLE, message_rate=RATE, later=clock.later, clock=lambda: clock.now
    )


def test_an_older_session_of_a_client_is_told_and_then_dropped(
    clock: Clock, sessions: Sessions
) -> None:
    older, newer = Connected(), Connected()
    sessions.enter(older)
    sessions.enter(newer)
    was_open = older.is_open
    clock.advance(FAREWELL)

    assert (older.told, was_open, older.is_open) == ([uris.TAKEN_OVER], True, False)
    assert (newer.told, newer.is_open) == ([], True)
    assert (sessions.use(older), sessions.use(newer)) == (False, True)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Connected(authid="bo"), id="another user"),
        pytest.param(Connected(client="fedcba9876543210"), id="another client"),
        pytest.param(Connected(client=None), id="a client without an id"),
        pytest.param(Connected(role="executor"), id="the executor"),
    ],
)
def test_nothing_is_taken_over_by(other: Connected, sessions: Sessions) -> None:
    older = Connected()
    sessions.enter(older)
    sessions.enter(other)

    assert sessions.use(older)
    assert older.told == other.told == []


def test_what_has_joined_again_over_its_old_connection_keeps_it(
    clock: Clock, sessions: Sessions
) -> None:
    older, newer = Connected(), Connected()
    sessions.enter(older)
    sessions.enter(newer)
    sessions.leave(older)
    older._session_id = 2
    clock.advance(FAREWELL)

    assert older.is_open


def test_a_session_that_left_leaves_the_place_to_the_next(sessions: Sessions) -> None:
    first, second = Connected(), Connected()
    sessions.enter(first)
    sessions.leave(first)
    sessions.enter(second)

    assert first.told == []


def test_a_session_is_ended_when_it_was_not_used_for_long_enough(
    clock: Clock, sessions: Sessions
) -> None:
    idle, used = Connected(), Connected(authid="bo")
    own = Connected(role="executor")
    for session in (idle, used, own):
        sessions.enter(session)
    for _ in range(5):
        clock.advance(IDLE / 4)
        sessions.use(used)
    clock.advance(FAREWELL)

    assert (idle.told, idle.is_open) == ([uris.IDLE], False)
    assert (used.told, own.told) == ([], [])


def test_without_a_limit_sessions_may_idle_for_ever(clock: Clock) -> None:
    sessions = Sessions(
        idle_timeout=None, message_rate=RATE, later=clock.later, clock=lambda: clock.now
    )
    session = Connected()
    sessions.enter(session)
    clock.advance(1_000_000)

    assert session.told == []


def test_a_session_is_ended_by_its_number(clock: Clock, sessions: Sessions) -> None:
    one, other = Connected(number=1), Connected(authid="bo", number=2)
    for session in (one, other):
        sessions.enter(session)

    assert sessions.end_number(2, uris.REVOKED, "")
    assert not sessions.end_number(2, uris.REVOKED, "")
    assert not sessions.end_number(3, uris.REVOKED, "")
    assert (one.told, other.told) == ([], [uris.REVOKED])


def test_the_nodes_own_sessions_are_ended_by_nobody(sessions: Sessions) -> None:
    own = Connected(role="executor")
    sessions.enter(own)

    assert not sessions.end_number(own.number, uris.REVOKED, "")
    assert own.told == []


def test_a_session_has_a_burst_of_messages_and_then_a_rate(
    clock: Clock, sessions: Sessions
) -> None:
    session = Connected()
    sessions.enter(session)
    burst = [sessions.wait_for(session) for _ in range(round(RATE * BURST))]
    wait = sessions.wait_for(session)
    clock.advance(wait + 1 / RATE)

    assert set(burst) == {0.0}
    assert wait == pytest.approx(1 / RATE)
    assert sessions.wait_for(session) == 0.0


def test_who_goes_on_regardless_is_flooding_and_is_not_read_for_a_while(
    clock: Clock, sessions: Sessions
) -> None:
    session = Connected()
    sessions.enter(session)
    flooding = []
    for _ in range(2 * round(RATE * BURST)):
        sessions.wait_for(session)
        flooding.append(sessions.is_flooding(session))
    sessions.pause(session)
    was_read = session.is_read
    clock.advance(PAUSE)

    assert flooding.index(True) == len(flooding) - 1
    assert (was_read, session.is_read) == (False, True)


def test_the_nodes_own_sessions_may_say_what_they_like(sessions: Sessions) -> None:
    own = Connected(role="executor")
    sessions.enter(own)

    assert {sessions.wait_for(own) for _ in range(1_000)} == {0.0}
