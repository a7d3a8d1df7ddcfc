"""How often somebody may guess."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..protocol.errors import RateLimited

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

REMEMBERED = 900.0  # seconds after its last attempt that something is forgotten
KEYS = 20_000  # that are remembered; the one that was quiet for longest goes first


@dataclass(slots=True)
class _Record:
    failures: int
    last: float
    until: float


class Throttle:
    """
    Lets each key fail a few times at once, and then waits longer and longer.

    After *free* failures the first wait is a second, each further one twice as long, up to
    *longest* seconds. An attempt counts as failed until it is said to have succeeded, so
    that many at the same time are no way around it.
    """

    def __init__(
        self, *, free: int, longest: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._free = free
        self._longest = longest
        self._clock = clock
        self._records: OrderedDict[Hashable, _Record] = OrderedDict()

    def attempt(self, key: Hashable) -> None:
        """
        Count an attempt.

        Raises:
            RateLimited: It is too early for one, which does not count then.
        """
        now = self._clock()
        record = self._records.get(key)
        if record is None or now - record.last > REMEMBERED:
            record = _Record(0, now, now)
        if now < record.until:
            # Rounded up: whoever waits as long as is said, is let in.
            raise RateLimited(
                f"Too many attempts; try again in {int(record.until - now) + 1} s",
                retry_after=float(int(record.until - now) + 1),
            )
        record.failures += 1
        record.last = now
        excess = record.failures - self._free
        if excess >= 0:
            record.until = now + min(2.0 ** min(excess, 64), self._longest)
        self._records[key] = record
        self._records.move_to_end(key)
        if len(self._records) > KEYS:
            self._records.popitem(last=False)

    def succeed(self, key: Hashable) -> None:
        """Take the last attempt back, and with it the wait; what failed before still counts."""
        record = self._records.get(key)
        if record is not None:
            record.failures = max(0, record.failures - 1)
            record.until = self._clock()

    def forget(self, key: Hashable) -> None:
        """Begin anew with *key*."""
        self._records.pop(key, None)
