"""How fast programs that keep ending are started again."""

from __future__ import annotations


class Backoff:
    """Waits longer and longer between the starts of a program that keeps ending."""

    FIRST = 0.2  # seconds
    LONGEST = 10.0  # seconds
    SETTLED = 30.0  # seconds that a program must have run to count as healthy

    def __init__(self) -> None:
        self._next = self.FIRST

    def delay(self, ran: float) -> float:
        """Seconds to wait after the program has run for *ran* seconds."""
        if ran >= self.SETTLED:
            self._next = self.FIRST
        delay, self._next = self._next, min(2 * self._next, self.LONGEST)
        return delay
