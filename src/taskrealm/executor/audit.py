"""Writes down who did what, for whom, from where, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from ..access.tally import WINDOW, Tally
from ..journal import DONE, AuditRecord, JournalError, WriteRefused
from ..protocol import uris
from ..protocol.errors import InvalidArguments, JobFailed, Unavailable
from ..protocol.jobs import now
from .callers import SessionCaller

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..journal import Journal
    from ..protocol.errors import Error
    from ..protocol.jobs import Event, Job
    from ..tasks import Caller
    from ..wire import Call
    from .audience import Audience, Member

log = structlog.get_logger()

RETRY = 1.0  # seconds between two tries to write what could not be written
KEPT_MOST = 10_000  # records that are kept while they cannot be written
LOOK = 3_600.0  # seconds for which looking at the same thing is recorded once
LOOKS_MOST = 10_000  # things that are remembered to have been looked at

SYSTEM = "system"
"""The role of who acts without a session."""

MISTAKES = (InvalidArguments, JobFailed, Unavailable)
"""Errors by which nobody was kept from what is not theirs; only the log has them."""

_OBJECTS: dict[str, tuple[str, int]] = {
    **dict.fromkeys((uris.EXEC, uris.CHECK, uris.CHOICES), ("task", 0)),
    **dict.fromkeys(
        (
            *(uris.CANCEL, uris.ANSWER, uris.JOB, uris.OUTPUT, uris.SEARCH),
            *(uris.ARTIFACTS, uris.ARTIFACT),
        ),
        ("job_id", 0),
    ),
    uris.EVENTS: ("job_id", 3),
    **dict.fromkeys(
        (uris.UPLOAD_APPEND, uris.UPLOAD_STATUS, uris.UPLOAD_FINISH, uris.UPLOAD_REMOVE),
        ("upload", 0),
    ),
    uris.SCHEDULE: ("name", 0),
    **dict.fromkeys((uris.END_SESSION, uris.END_OWN_SESSION), ("session", 0)),
    uris.REVOKE_OWN: ("token", 0),
    uris.OUTCOMES: ("task", 0),
    uris.RIGHTS: ("user", 0),
}
"""Which parameter of a procedure, by name and position, says what a refused call was about."""


class Audit:
    """
    The way into the audit log.

    Arguments of jobs never get there, nor does anything by which one could join. What happens
    together with a step of a job is part of its `Entry`; everything else is given to `add`
    or `note`. What the journal cannot take is kept until it can.
    """

    def __init__(self, journal: Journal, audience: Audience) -> None:
        self._journal = journal
        self._audience = audience
        self._kept: list[AuditRecord] = []
        self._dropped = 0
        self._retrying: asyncio.TimerHandle | None = None
        self._refusals: Tally[_Refusal] = Tally()
        self._counting: asyncio.TimerHandle | None = None
        self._looks: OrderedDict[tuple[int, str | None, str | None], float] = OrderedDict()

    def record(
        self,
        caller: Caller,
        action: str,
        object: str | None = None,
        *,
        owner: str | None = None,
        **detail: Any,
    ) -> AuditRecord:
        """The record that *caller* has done *action* to *object*, which is that of *owner*."""
        role, session, address = self._standing(caller)
        return AuditRecord(
            actor=caller.submitted_by,
            action=action,
            role=role,
            owner=owner,
            object=object,
            address=address,
            detail={**detail, **session},
        )

    def records(
        self, caller: Caller, action: str, jobs: Iterable[Job], **detail: Any
    ) -> Iterator[AuditRecord]:
        """The records that *caller* has done *action* to each of *jobs*; they share their detail."""
        actor = caller.submitted_by
        role, session, address = self._standing(caller)
        shared, moment = {**detail, **session}, now()
        for job in jobs:
            yield AuditRecord(
                actor, action, role, job.owner, job.job_id, address, DONE, shared, moment
            )

    def submissions(
        self, caller: Caller, action: str, jobs: Sequence[Job]
    ) -> Iterator[AuditRecord]:
        """The records that *caller* has submitted each of *jobs*."""
        actor = caller.submitted_by
        role, session, address = self._standing(caller)
        details: dict[tuple[str, str | None], dict[str, Any]] = {}
        for job in jobs:
            kind = job.task, job.schedule
            if kind not in details:
                details[kind] = {"task": job.task, **session}
                if job.schedule is not None:
                    actor, role, action = "schedule", SYSTEM, "schedule"
                    details[kind]["schedule"] = job.schedule
            yield AuditRecord(
                actor,
                action,
                role,
                job.owner,
                job.job_id,
                address,
                DONE,
                details[kind],
                job.submitted_at,
            )

    async def add(self, record: AuditRecord) -> None:
        """Write *record*; it is durable when this returns, unless the journal cannot be written."""
        # Whatever it is, it has happened: that it cannot be recorded just now undoes nothing.
        with contextlib.suppress(JournalError):
            await asyncio.shield(self.note(record))

    def note(self, *records: AuditRecord) -> asyncio.Future[list[Event]]:
        """Have *records* written, without waiting for it."""
        written = self._journal.record(records)
        written.add_done_callback(functools.partial(self._noted, records))
        return written

    def looked(self, caller: SessionCaller, owner: str | None, object: str | None = None) -> None:
        """
        Note that *caller* looks at what belongs to *owner*, None being everybody.

        Of what is one's own there is no record, and of one thing only one now and then.
        """
        if owner == caller.authid:
            return
        thing, moment = (caller.session, owner, object), time.monotonic()
        if moment - self._looks.get(thing, -LOOK) < LOOK:
            return
        self._looks[thing] = moment
        self._looks.move_to_end(thing)
        if len(self._looks) > LOOKS_MOST:
            self._looks.popitem(last=False)
        self.note(self.record(caller, "read", object, owner=owner))

    def refused(
        self, procedure: str, call: Call, error: Error, *, object: str | None = None
    ) -> None:
        """
        Note that *call* of *procedure*, a URI, was refused; of a flood, only how many were.

        A call about several things is refused for each *object* apart.
        """
        if isinstance(error, MISTAKES):
            return
        member = self._audience.member(call.caller)
        kind = _Refusal(
            actor=call.authid or "",
            role=call.authrole,
            action=procedure.removeprefix("taskrealm.").rstrip("."),
            address=None if member is None else member.caller.address,
            outcome=error.code,
            source=("session", call.caller),
        )
        told = _told(call.caller, member)
        self._tell(kind, object or _object_of(procedure, call), **told)

    def refused_child(self, batch: Job, task: str, error: Error) -> None:
        """Note that *batch* was refused a child of *task*, which its owner may not run."""
        if isinstance(error, MISTAKES):
            return
        kind = _Refusal(
            actor=batch.submitted_by,
            role=batch.role,
            action="child",
            address=None,
            outcome=error.code,
            source=("batch", batch.job_id),
            owner=batch.owner,
        )
        self._tell(kind, task)

    def _tell(self, kind: _Refusal, object: str | None, **detail: Any) -> None:
        if self._refusals.admits(kind):
            self.note(kind.record(object, **detail))
        elif self._counting is None:
            self._counting = asyncio.get_running_loop().call_later(WINDOW, self._count)

    def _count(self) -> None:
        """Record how many refusals were only counted."""
        self._counting = None
        records = [
            AuditRecord("", "refused", outcome="various", detail={"count": count})
            if kind is None
            else kind.record(None, count=count)
            for kind, count in self._refusals.take()
        ]
        self.note(*records)

    def _standing(self, caller: Caller) -> tuple[str, dict[str, Any], str | None]:
        """The role of who acts, be it on behalf of somebody else; its session, as told; its address."""
        if not isinstance(caller, SessionCaller):
            return caller.role, {}, None
        member = self._audience.member(caller.session)
        role = caller.role if member is None else member.authrole
        return role, _told(caller.session, member), caller.address

    def _noted(self, records: Sequence[AuditRecord], written: asyncio.Future[list[Event]]) -> None:
        if written.cancelled():
            return  # nobody waits for it any more; it is written all the same
        error = written.exception()
        if isinstance(error, WriteRefused):
            log.error("What was to be audited is no record", error=str(error))
        elif error is not None:
            self._keep(records, error)
        elif self._dropped:
            lost, self._dropped = self._dropped, 0
            self.note(AuditRecord("", "audit", SYSTEM, outcome="incomplete", detail={"lost": lost}))

    def _keep(self, records: Sequence[AuditRecord], error: BaseException) -> None:
        if not self._kept and not self._dropped:
            log.error("What happens is not audited just now; it will be", error=str(error))
        room = KEPT_MOST - len(self._kept)
        self._kept += records[:room]
        self._dropped += len(records[room:])
        if self._retrying is None:
            self._retrying = asyncio.get_running_loop().call_later(RETRY, self._retry)

    def _retry(self) -> None:
        self._retrying = None
        kept, self._kept = self._kept, []
        self.note(*kept)


class _Refusal(NamedTuple):
    """What refusals have in common that are counted together."""

    actor: str
    role: str | None
    action: str
    address: str | None
    outcome: str
    source: tuple[str, int | str]
    """What kind of thing asked, and which: a session, or a batch."""
    owner: str | None = None

    def record(self, object: str | None, **detail: Any) -> AuditRecord:
        return AuditRecord(
            self.actor,
            self.action,
            self.role,
            self.owner,
            object,
            self.address,
            self.outcome,
            dict([self.source]) | detail,
        )


def _told(session: int, member: Member | None) -> dict[str, Any]:
    """What is told of a session: its number, and by which token it has joined."""
    if member is None or member.token is None:
        return {"session": session}
    return {"session": session, "token": member.token}


def _object_of(procedure: str, call: Call) -> str | None:
    """What *call* of *procedure* was about, if that can be told."""
    if procedure == uris.RUN_PREFIX:
        return call.procedure.removeprefix(uris.RUN_PREFIX)
    parameter = _OBJECTS.get(procedure)
    given = None if parameter is None else call.given(*parameter)
    return str(given) if isinstance(given, str | int) else None
