"""Programs that keep ending are started more slowly."""

from __future__ import annotations

from taskrealm.router.backoff import Backoff


def test_each_start_waits_longer_up_to_a_limit() -> None:
    backoff = Backoff()

    delays = [backoff.delay(ran=1.0) for _ in range(8)]

    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


def test_a_program_that_ran_for_a_while_starts_soon_again() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.delay(ran=1.0)

    assert backoff.delay(ran=Backoff.SETTLED) == Backoff.FIRST
