"""What is told one by one, and what is only counted because there is too much of it."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

K = TypeVar("K", bound="Hashable")

WINDOW = 60.0  # seconds for which the same is counted together
PER_KIND = 20  # told one by one within a window
BURST = 200
REFILL = 20
KINDS = 100  # counted apart within a window


class Tally(Generic[K]):
    """
    Lets through the first of each kind, and counts the others.

    However much comes, of however many kinds: in the long run no more than *refill* are let
    through and `KINDS` counts given for each window. `take` ends one.
    """

    def __init__(
        self,
        *,
        burst: int = BURST,
        refill: int = REFILL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """*burst* are let through at once, of all kinds together, and *refill* more a window."""
        self._burst = burst
        self._refill = refill
        self._clock = clock
        self._told: Counter[K] = Counter()
        self._counted: Counter[K | None] = Counter()
        self._allowance = float(burst)
        self._since = clock()

    def admits(self, kind: K) -> bool:
        """Whether one more of *kind* is told; otherwise it has been counted."""
        now = self._clock()
        gained = self._refill * (now - self._since) / WINDOW
        self._allowance, self._since = min(self._burst, self._allowance + gained), now
        if self._told[kind] < PER_KIND and self._allowance >= 1:
            self._told[kind] += 1
            self._allowance -= 1
            return True
        is_apart = kind in self._counted or len(self._counted) < KINDS
        self._counted[kind if is_apart else None] += 1
        return False

    def take(self) -> list[tuple[K | None, int]]:
        """How many of each kind were only counted; None stands for all kinds that are left over."""
        counted = list(self._counted.items())
        self._told.clear()
        self._counted.clear()
        return counted
