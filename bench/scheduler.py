"""How fast jobs enter the queue and leave it, however many wait: `python -m bench.scheduler`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from taskrealm.engine import Claim, Scheduler

if TYPE_CHECKING:
    from collections.abc import Callable

WAITING = 100_000
SAMPLE = 5_000  # operations that are measured
CLAIMS = (
    Claim("plain"),
    Claim("film", slots=2, group="media"),
    Claim("backup", most_running=2),
    Claim("report", most_running_per_user=1),
)


def filled(users: int, *, capped: bool) -> Scheduler:
    """A scheduler with `WAITING` jobs of so many *users*, none of which has started."""
    scheduler = Scheduler(slots=16, queue_limit=10 * WAITING, groups={"media": 4})
    for number in range(WAITING):
        add(scheduler, number, users, capped=capped)
    return scheduler


def add(scheduler: Scheduler, number: int, users: int, *, capped: bool) -> None:
    scheduler.add(
        str(number),
        priority=number % 7,
        since=float(number),
        owner=f"user {number % users}",
        claim=CLAIMS[number // users % len(CLAIMS)] if capped else CLAIMS[0],
    )


def rate(action: Callable[[int], object], times: int = SAMPLE) -> float:
    """How often a second *action* can be done; it is given 0, 1, 2 and so on."""
    began = time.perf_counter()
    for number in range(times):
        action(number)
    return times / (time.perf_counter() - began)


def measure(users: int, *, capped: bool) -> dict[str, float]:
    """Operations a second at `WAITING` waiting jobs of so many *users*."""
    scheduler = filled(users, capped=capped)
    running: list[str] = []

    def turn(_: int) -> None:
        while (job_id := scheduler.take()) is not None:
            running.append(job_id)
        scheduler.release(running.pop(0))

    def place(number: int) -> None:
        scheduler.position_for(priority=number, since=0.0, owner=f"user {number % users}")

    return {
        "add": rate(lambda number: add(scheduler, WAITING + number, users, capped=capped)),
        "end and start": rate(turn),
        "remove": rate(lambda number: scheduler.remove(str(WAITING + number))),
        "place of a new job": rate(place, 100),
        "reason": rate(lambda number: scheduler.reason(str(WAITING - 1 - number))),
    }


def main() -> None:
    """Measure with one user and with a thousand, with and without caps."""
    for users in (1, 1_000):
        for capped in (False, True):
            figures = measure(users, capped=capped)
            told = ", ".join(f"{name} {value:,.0f}/s" for name, value in figures.items())
            print(f"{users:5} users, {'with' if capped else 'no'} caps: {told}", flush=True)


if __name__ == "__main__":
    main()
