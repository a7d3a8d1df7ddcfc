"""Logs whose calls were refused or failed, but never so much that it would fill the disk."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import structlog

from ..protocol.errors import InvalidToken, NotAuthorized

if TYPE_CHECKING:
    from ..protocol.errors import Error
    from ..wire import Call

log = structlog.get_logger()

WINDOW = 10.0  # seconds
PER_CALLER = 20  # refusals of one authid that are logged within a window
PER_WINDOW = 200  # refusals of everybody that are logged within a window
TRACEBACKS = 20  # failures that are logged in full within a window; of others, one short line
REASON_LIMIT = 500  # characters of a reason, which may repeat what the caller sent


class Refusals:
    """
    What is logged about the calls that ended in an error.

    Refusals are logged with who, what and why, until there are too many within a window:
    then they are counted, and at its end the log says how many there were, and of whom.
    """

    def __init__(self) -> None:
        self._logged: Counter[str] = Counter()
        self._counted: Counter[str] = Counter()
        self._tracebacks = 0
        self._window: asyncio.TimerHandle | None = None

    def refused(self, procedure: str, call: Call, error: Error) -> None:
        """Take that *call* was refused."""
        self._begin_window()
        authid = call.authid or ""
        if self._logged[authid] >= PER_CALLER or self._logged.total() >= PER_WINDOW:
            is_named = authid in self._counted or len(self._counted) < PER_WINDOW
            self._counted[authid if is_named else "others"] += 1
            return
        self._logged[authid] += 1
        is_suspicious = isinstance(error, NotAuthorized | InvalidToken)
        (log.warning if is_suspicious else log.info)(
            "Call refused",
            procedure=procedure,
            by=authid,
            role=call.authrole,
            session=call.caller,
            error=error.uri,
            reason=error.message[:REASON_LIMIT],
        )

    def failed(self, where: str, error: BaseException, reference: str) -> None:
        """Take that the code behind *where*, a URI, failed; callers are told the *reference*."""
        self._begin_window()
        self._tracebacks += 1
        is_told_in_full = self._tracebacks <= TRACEBACKS
        log.error(
            "Call failed",
            procedure=where,
            reference=reference,
            error=type(error).__name__,
            exc_info=error if is_told_in_full else None,
        )

    def _begin_window(self) -> None:
        if self._window is None:
            self._window = asyncio.get_running_loop().call_later(WINDOW, self._end_window)

    def _end_window(self) -> None:
        self._window = None
        if self._counted:
            log.warning(
                "More calls refused",
                count=self._counted.total(),
                by=dict(self._counted.most_common(10)),
            )
        self._logged.clear()
        self._counted.clear()
        self._tracebacks = 0
