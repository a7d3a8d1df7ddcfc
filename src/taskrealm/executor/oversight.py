"""The procedure by which operators read the audit log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..journal import AuditFilter
from ..protocol import uris
from ..protocol.errors import InvalidArguments
from .arguments import expect, expect_number
from .offers import offer
from .shares import fitting

if TYPE_CHECKING:
    from ..journal import Journal
    from ..wire import Call, Session
    from .audit import Audit
    from .callers import Callers
    from .shares import Shares

PAGE_MOST = 1_000  # records in one answer
LARGEST = 2**53  # whole numbers up to here are the same everywhere


class Oversight:
    """Answers operators who ask what was done, and refuses anybody else."""

    def __init__(self, callers: Callers, journal: Journal, audit: Audit, shares: Shares) -> None:
        self._callers = callers
        self._journal = journal
        self._audit = audit
        self._shares = shares

    async def register(self, session: Session) -> None:
        """Offer the procedure in the realm that *session* has joined."""
        await offer(session, {uris.AUDIT: self.audit})

    async def audit(
        self,
        call: Call,
        after: Any = None,
        before: Any = None,
        actor: Any = None,
        owner: Any = None,
        action: Any = None,
        object: Any = None,
        outcome: Any = None,
        since: Any = None,
        until: Any = None,
        limit: Any = 100,
    ) -> dict[str, Any]:
        """
        A page of the audit log: `{records, next}`.

        With `after`, the id of a record or 0, these are the records behind it, oldest first, and
        `next` is what `after` has to be the next time, also if there is nothing new yet. Without,
        they are the newest ones, newest first; with the id `before`, those before that record;
        `next` is the next `before`, None at the beginning. `since` and `until` are times.
        """
        caller = self._callers.operator(call)
        named = {
            "actor": actor,
            "owner": owner,
            "action": action,
            "object": object,
            "outcome": outcome,
        }
        for name, value in named.items():
            expect(name, value, (str, type(None)), "text")
        for name, value in {"after": after, "before": before}.items():
            if value is not None:
                expect_number(name, value, 0, LARGEST)
        if after is not None and before is not None:
            raise InvalidArguments(fields={"before": "cannot be given together with after"})
        expect_number("limit", limit, 1, PAGE_MOST)
        wanted = AuditFilter(**named, since=_moment("since", since), until=_moment("until", until))
        self._audit.looked(caller, None, "audit")
        found = await self._journal.audit(wanted, after=after, before=before, limit=limit)
        page = fitting((record.as_dict() for record in found), self._shares.page)
        if after is not None:
            return {"records": page, "next": page[-1]["id"] if page else after}
        is_last = len(page) == len(found) < limit
        return {"records": page, "next": None if is_last else page[-1]["id"]}


def _moment(name: str, value: Any) -> datetime | None:
    """
    The time that ISO 8601 text stands for.

    Raises:
        InvalidArguments: It stands for none.
    """
    expect(name, value, (str, type(None)), "a time in ISO 8601")
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidArguments(
            fields={name: "must be a time in ISO 8601 with its offset, such as 2030-01-31T08:00Z"}
        )
    return moment.astimezone(UTC)
