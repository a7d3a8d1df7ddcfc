"""Whether the journal can be written, and a line in the log when that changes."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import JournalError

log = logging.getLogger(__name__)

QUIET = 3.0  # seconds without a failure after which trouble is over


class Health:
    """
    Tells the trouble that begins from the one that goes on.

    On a disk that is all but full some writes succeed between others that do not: that is
    one trouble, not many.
    """

    def __init__(self) -> None:
        self._sentence: str | None = None
        self._began = 0.0
        self._last = 0.0

    @property
    def is_bad(self) -> bool:
        """Whether writes have failed, and none has shown since that the trouble is over."""
        return self._sentence is not None

    def failed(self, error: JournalError) -> None:
        """A write has failed."""
        self._last = time.monotonic()
        if not self.is_bad:
            self._began = self._last
        if self._sentence != error.sentence:
            self._sentence = error.sentence
            log.error("%s Until then no job is taken, and those that run go on.", error)

    def succeeded(self) -> None:
        """A write has reached the disk."""
        if self.is_bad and time.monotonic() - self._last >= QUIET:
            self._sentence = None
            seconds = self._last - self._began
            log.warning("The journal can be written again, after %.0f s of trouble", seconds)
