"""What the router has to say for the audit log, on its way there."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from ..journal import AuditRecord
from ..protocol import uris
from ..protocol.errors import InvalidArguments, NotAuthorized
from .audit import SYSTEM
from .offers import offer

if TYPE_CHECKING:
    from ..journal import Journal
    from ..wire import Call, Session

log = structlog.get_logger()

AT_ONCE = 1_000  # records in one call


class Dispatches:
    """Takes the records of the authority in the router, and of nobody else."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def register(self, session: Session) -> None:
        """Offer the procedure in the realm that *session* has joined."""
        await offer(session, {uris.RECORD: self.record})

    async def record(self, call: Call, records: Any) -> int:
        """Adds `records` to the audit log; gives how many. They are durable when it answers."""
        if call.authrole != SYSTEM or call.forwarded:
            raise NotAuthorized("Only the router may do this")
        if not isinstance(records, list) or len(records) > AT_ONCE:
            raise InvalidArguments(fields={"records": f"must be a list of at most {AT_ONCE}"})
        understood = []
        for each in records:
            try:
                understood.append(_record(each))
            except (KeyError, TypeError, ValueError) as error:
                # Nothing is won by taking it back: the router would only send it again.
                log.error("The router says what is no audit record", error=repr(error))
        await self._journal.record(understood)
        return len(understood)


def _record(told: dict[str, Any]) -> AuditRecord:
    return AuditRecord(
        actor=_text(told["actor"]),
        action=_text(told["action"]),
        outcome=_text(told["outcome"]),
        detail={
            _text(name): value for name, value in dict(told["detail"]).items() if _is_plain(value)
        },
        at=datetime.fromisoformat(told["at"]),
        role=_some_text(told["role"]),
        owner=_some_text(told["owner"]),
        object=_some_text(told["object"]),
        address=_some_text(told["address"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _some_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int)
