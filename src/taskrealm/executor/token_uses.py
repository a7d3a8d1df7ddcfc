"""Notes when tokens were used last."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from ..access.tokens import TokenStore

if TYPE_CHECKING:
    from pathlib import Path

    from .audience import Member

log = structlog.get_logger()

PAUSE = 5.0  # seconds over which uses are gathered; each write makes the router look at its tokens


class TokenUses:
    """Writes down when somebody joined by a token, many at once, and never in anybody's way."""

    def __init__(self, tokens: Path) -> None:
        """*tokens* is the file of the tokens."""
        self._tokens = tokens
        self._uses: dict[str, datetime] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, member: Member) -> None:
        """*member* has joined."""
        if member.token is None:
            return
        self._uses[member.token] = member.since or datetime.now(UTC)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._uses:
            await asyncio.sleep(PAUSE)
            uses, self._uses = self._uses, {}
            try:
                await asyncio.to_thread(self._store, uses)
            except sqlite3.Error as error:
                log.warning("It was not noted when tokens were used", error=str(error))

    def _store(self, uses: dict[str, datetime]) -> None:
        with closing(TokenStore.open(self._tokens, is_hasty=True)) as store:
            store.note_uses(uses)
