"""Guessing is let happen less and less often."""

from __future__ import annotations

import pytest

from taskrealm.access import throttle as module
from taskrealm.access.throttle import Throttle
from taskrealm.protocol.errors import RateLimited


class Clock:
    """A clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(free=3, longest=8.0, clock=clock)


def wait(throttle: Throttle, key: str = "ana") -> float:
    """The seconds that *key* must wait before it may try; it tries if there are none."""
    try:
        throttle.attempt(key)
    except RateLimited as error:
        return error.retry_after
    return 0.0


def test_a_few_attempts_are_free_and_then_each_wait_is_twice_as_long(
    throttle: Throttle, clock: Clock
) -> None:
    assert [wait(throttle) for _ in range(3)] == [0.0] * 3
    waits = []
    for _ in range(6):
        waits.append(wait(throttle))
        clock.now += waits[-1]
        assert wait(throttle) == 0.0

    assert waits == [2.0, 3.0, 5.0, 9.0, 9.0, 9.0]


def test_who_comes_too_early_does_not_wait_longer_for_that(
    throttle: Throttle, clock: Clock
) -> None:
    for _ in range(3):
        throttle.attempt("ana")
    waits = {wait(throttle) for _ in range(10)}

    assert len(waits) == 1


def test_one_does_not_wait_for_another(throttle: Throttle) -> None:
    for _ in range(4):
        wait(throttle)

    assert wait(throttle) > 0
    assert wait(throttle, "bob") == 0.0


def test_success_takes_back_one_attempt_and_the_wait(throttle: Throttle) -> None:
    for _ in range(3):
        throttle.attempt("ana")
    throttle.succeed("ana")

    assert wait(throttle) == 0.0
    assert wait(throttle) > 0.0


def test_whoever_is_forgotten_begins_anew(throttle: Throttle) -> None:
    for _ in range(3):
        throttle.attempt("ana")
    throttle.forget("ana")

    assert [wait(throttle) for _ in range(3)] == [0.0] * 3


def test_time_heals(throttle: Throttle, clock: Clock) -> None:
    for _ in range(3):
        throttle.attempt("ana")
    clock.now += module.REMEMBERED + 1

    assert [wait(throttle) for _ in range(3)] == [0.0] * 3


def test_only_so_many_are_remembered(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEYS", 10)
    throttle = Throttle(free=1, longest=8.0, clock=clock)
    throttle.attempt("ana")
    for each in range(10):
        throttle.attempt(f"join_{each}")

    assert wait(throttle) == 0.0
    assert wait(throttle, "join_9") > 0.0
