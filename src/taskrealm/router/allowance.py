"""How many messages a session may send: a steady rate, with bursts."""

from __future__ import annotations

BURST = 5.0  # seconds' worth of messages that may come at once


class Allowance:
    """
    A token bucket that every message takes one out of.

    Who goes on although it is empty gets into debt, which is forgotten at the same rate.
    """

    def __init__(self, rate: float, at: float) -> None:
        """*rate* is in messages a second; *at* is the moment, in seconds of any clock."""
        self._rate = rate
        self._size = self._level = max(1.0, BURST * rate)
        self._debt = 0.0
        self._at = at

    def take(self, at: float) -> float:
        """Take one message out; gives 0.0 if there was one, else the seconds until there is."""
        gained, self._at = (at - self._at) * self._rate, at
        self._level = min(self._size, self._level + gained)
        self._debt = max(0.0, self._debt - gained)
        if self._level >= 1:
            self._level -= 1
            return 0.0
        self._debt += 1
        return (1 - self._level) / self._rate

    @property
    def is_overdrawn(self) -> bool:
        """Whether as many messages have come in spite of an empty bucket as it holds."""
        return self._debt >= self._size
