"""What has to happen in time, without a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskrealm.router.deadlines import Deadlines

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 10.0


class Course:
    """Things with a deadline, and those that missed it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.missed: list[str] = []
        self.deadlines = Deadlines(LIMIT, clock=lambda: self.now)

    def start(self, name: str) -> None:
        self.deadlines.start(name, self.miss(name))

    def miss(self, name: str) -> Callable[[], object]:
        return lambda: self.missed.append(name)

    def at(self, now: float) -> None:
        self.now = now
        self.deadlines.look()


@pytest.fixture
def course() -> Course:
    return Course()


def test_each_has_its_own_time(course: Course) -> None:
    course.start("first")
    course.at(4)
    course.start("second")
    course.at(LIMIT)
    early = list(course.missed)
    course.at(LIMIT + 4)

    assert (early, course.missed) == (["first"], ["first", "second"])


def test_who_made_it_is_left_alone(course: Course) -> None:
    course.start("first")
    course.deadlines.stop("first")
    course.deadlines.stop("somebody else")
    course.at(2 * LIMIT)

    assert course.missed == []


def test_who_starts_anew_has_the_whole_time(course: Course) -> None:
    course.start("first")
    course.at(LIMIT - 1)
    course.start("first")
    course.at(2 * LIMIT - 2)

    assert course.missed == []


def test_who_misses_it_may_start_again(course: Course) -> None:
    course.deadlines.start("stubborn", lambda: course.start("stubborn"))
    course.at(LIMIT)
    course.at(2 * LIMIT)

    assert course.missed == ["stubborn"]
