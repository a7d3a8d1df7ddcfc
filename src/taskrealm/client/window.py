"""The newest events of a stream, for those who read it at their own pace."""

from __future__ import annotations

from collections import deque
from typing import Any

LENGTH = 1_000  # latest events kept; older ones are read from the node's journal again


class Window:
    """
    The latest events of what is numbered 1, 2, 3, …, without a hole between them.

    Whoever reads behind the window, or beside a hole before it, asks the journal: the
    window is never the only place where an event is.
    """

    def __init__(self) -> None:
        self.newest = 0
        self._events: deque[dict[str, Any]] = deque(maxlen=LENGTH)

    def add(self, number: int, event: dict[str, Any]) -> None:
        """Take *event*, which has this *number*; what lies between may be read elsewhere."""
        if number != self.newest + 1:
            self._events.clear()
        self._events.append(event)
        self.newest = number

    def after(self, number: int) -> dict[str, Any] | None:
        """The event that follows *number*; None if it is not here, any more or yet."""
        index = number - self.newest + len(self._events)
        return self._events[index] if 0 <= index < len(self._events) else None
