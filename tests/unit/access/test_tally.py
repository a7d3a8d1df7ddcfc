"""Little of each kind is told one by one, and a flood is only counted."""

from __future__ import annotations

from taskrealm.access.tally import BURST, KINDS, PER_KIND, REFILL, WINDOW, Tally


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_first_of_a_kind_are_told_and_the_others_counted() -> None:
    tally: Tally[str] = Tally(clock=Clock())
    told = [tally.admits("a") for _ in range(1_000)]

    assert told == [True] * PER_KIND + [False] * (1_000 - PER_KIND)
    assert tally.admits("b")
    assert tally.take() == [("a", 1_000 - PER_KIND)]
    assert tally.take() == []
    assert tally.admits("a")


def test_many_kinds_have_bounds_together_and_none_is_left_uncounted() -> None:
    tally: Tally[int] = Tally(clock=Clock())
    told = sum(tally.admits(kind) for kind in range(5_000))
    counted = dict(tally.take())

    assert told == BURST
    assert len(counted) == KINDS + 1
    assert counted[None] == 5_000 - BURST - KINDS
    assert told + sum(counted.values()) == 5_000


def test_a_flood_that_lasts_is_told_less_and_less_of() -> None:
    clock = Clock()
    tally: Tally[int] = Tally(clock=clock)
    told = []
    for _ in range(20):
        told.append(sum(tally.admits(kind) for kind in range(1_000)))
        tally.take()
        clock.now += WINDOW

    assert told == [BURST, *[REFILL] * 19]
