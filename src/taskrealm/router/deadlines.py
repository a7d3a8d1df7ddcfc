"""What has to happen within the same time everywhere, and what is done if it does not."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Deadlines:
    """
    Things that each have *limit* seconds from `start` until `stop`.

    There is no timer for each of them, so that those that come and go leave nothing
    behind; somebody must `look` now and again.
    """

    def __init__(self, limit: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        """Seconds."""
        self._clock = clock
        # All have the same limit: the first is the one that is due first.
        self._due: OrderedDict[Any, tuple[float, Callable[[], object]]] = OrderedDict()

    def start(self, thing: Any, miss: Callable[[], object]) -> None:
        """Give *thing* the whole time, from now; *miss* is called when it has passed."""
        self.stop(thing)
        self._due[thing] = (self._clock() + self.limit, miss)

    def stop(self, thing: Any) -> None:
        """*thing* has made it, or is gone."""
        self._due.pop(thing, None)

    def look(self) -> None:
        """Deal with all whose time has passed."""
        now = self._clock()
        while self._due:
            thing, (due, miss) = next(iter(self._due.items()))
            if due > now:
                return
            del self._due[thing]
            miss()
