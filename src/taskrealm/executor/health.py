"""Whether this node can do its work, for the gateway to tell whatever watches over it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from ..protocol import uris
from ..protocol.errors import NotAuthorized
from .offers import offer

if TYPE_CHECKING:
    from ..journal import Journal
    from ..wire import Call, Session
    from .audience import Audience
    from .callers import Callers
    from .executor import Executor

ASKER = "gateway"
"""The only role that may ask."""

PROBE_AGE = 1.0  # seconds for which it is enough that the journal could be written


class Health:
    """Answers `taskrealm.health`."""

    def __init__(
        self, callers: Callers, audience: Audience, executor: Executor, journal: Journal
    ) -> None:
        self._callers = callers
        self._audience = audience
        self._executor = executor
        self._journal = journal
        self._probing: asyncio.Task[None] | None = None
        self._probe_again_at = 0.0

    async def register(self, session: Session) -> None:
        """Offer the procedure in the realm that *session* has joined."""
        await offer(session, {uris.HEALTH: self.health})

    async def health(self, call: Call) -> dict[str, Any]:
        """
        That the journal can be written: `{intake, sessions}`, the latter counted by role.

        Raises:
            NotAuthorized: Somebody else than the gateway asks.
            JournalError: It cannot be written.
        """
        if self._callers.of(call).role != ASKER:
            raise NotAuthorized("Only the gateway may ask this")
        await self._probe()
        return {
            "intake": self._executor.gate.intake.value,
            "sessions": dict(Counter(each.authrole for each in self._audience.members.values())),
        }

    async def _probe(self) -> None:
        """Write to the journal, now and then, however many ask how often."""
        if self._probing is None or (
            self._probing.done() and time.monotonic() >= self._probe_again_at
        ):
            self._probing = asyncio.create_task(self._journal.probe())
            self._probe_again_at = time.monotonic() + PROBE_AGE
        await asyncio.shield(self._probing)
