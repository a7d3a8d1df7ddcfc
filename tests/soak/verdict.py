"""Compares what was asked for, what was heard and what the journal holds."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from taskrealm.protocol import uris
from taskrealm.protocol.errors import Error
from taskrealm.protocol.jobs import TERMINAL
from taskrealm.wire import join

from .ledger import Answer
from .tasks import printed

if TYPE_CHECKING:
    from taskrealm.wire import Session

    from .ground import Ground
    from .ledger import Hearing, Ledger, Submission

PAGE = 1_000
CATCH_UP = 90.0  # seconds that clients have to hear what they have not heard yet
SETTLE = 120.0  # seconds that jobs have to end once they are told to

WAITING = ("delayed", "queued", "retrying")
"""The events after which a job runs not yet, or not any more."""

ENDS: dict[str, set[str]] = {
    "probe.nothing": {"succeeded"},
    "probe.nap": {"succeeded", "timed_out"},
    "probe.family": {"timed_out"},
    "probe.short": {"timed_out"},
    "soak.lines": {"succeeded"},
    "soak.clan": {"succeeded", "timed_out"},
    "soak.broken": {"failed"},
}
"""How jobs may end when nobody interferes; besides, any may be cancelled or lost."""


@dataclass(slots=True)
class _Recorded:
    """A job as the journal has it."""

    job_id: str
    owner: str
    task: str
    state: str
    tags: list[str]
    deliver: str
    outcome: dict[str, Any]
    events: list[dict[str, Any]]


class Verdict:
    """Brings the node to rest and looks for differences."""

    def __init__(self, ground: Ground, ledger: Ledger) -> None:
        self._ground = ground
        self._ledger = ledger

    async def settle(self) -> None:
        """Cancel whatever has not ended, and return when nothing is left to do."""
        session = await self._operator()
        try:
            async with asyncio.timeout(SETTLE):
                while job_ids := await _unfinished(session):
                    for job_id in job_ids:
                        try:
                            await session.call(uris.CANCEL, job_id, now=True)
                        except Error as error:
                            self._ledger.differ(f"Job {job_id} cannot be cancelled: {error!r}")
                    await asyncio.sleep(0.5)
        except TimeoutError:
            self._ledger.differ(f"These jobs do not end: {await _unfinished(session)}")
        finally:
            await session.leave()

    async def compare(self) -> None:
        """Record every difference that there is now, while nothing happens."""
        jobs, streams = self._read()
        session = await self._operator()
        try:
            for user, recorded in streams.items():
                told = await _stream(session, user)
                if [_essence(each) for each in told] != [_essence(each) for each in recorded]:
                    self._ledger.differ(f"{user}: the wire and the database tell different events")
                seqs = [each["seq"] for each in told]
                if seqs != list(range(1, len(seqs) + 1)):
                    self._ledger.differ(f"{user}: the stream has holes: {seqs}")
                for hearing in self._ledger.hearings:
                    if hearing.user == user:
                        await self._compare_hearing(hearing, told)
            await self._compare_readings(session, jobs)
        finally:
            await session.leave()
        for job in jobs.values():
            self._check_job(job)
        self._check_submissions(jobs)
        self._check_cancellations(jobs)
        for job_id, heard in self._ledger.followed.items():
            if [_essence(each) for each in heard] != [
                _essence(each) for each in jobs[job_id].events
            ]:
                self._ledger.differ(f"Job {job_id}: whoever followed it heard {_types(heard)}")
        for left in self._ground.job_processes():
            self._ledger.differ(f"This process was left over: {left}")

    def _read(self) -> tuple[dict[str, _Recorded], dict[str, list[dict[str, Any]]]]:
        """Everything that the database holds, by job and by user."""
        jobs: dict[str, _Recorded] = {}
        streams: dict[str, list[dict[str, Any]]] = defaultdict(list)
        numbers: dict[int, _Recorded] = {}
        database = self._ground.database()
        try:
            for row in database.execute(
                "select number, job_id, owner, task, state, status, request"
                " from jobs join requests using (number)"
            ):
                number, job_id, owner, task, state, status, request = row
                fixed = json.loads(request)
                outcome = json.loads(status)["outcome"]
                jobs[job_id] = numbers[number] = _Recorded(
                    job_id, owner, task, state, fixed["tags"], fixed["deliver"], outcome, []
                )
            for number, job_seq, epoch, seq, kind, attempt, data in database.execute(
                "select number, job_seq, epoch, seq, type, attempt, data"
                " from events left join streams using (stream) order by seq, number, job_seq"
            ):
                job = numbers[number]
                event = {
                    **json.loads(data),
                    "epoch": epoch,
                    "seq": seq,
                    "job_id": job.job_id,
                    "job_seq": job_seq,
                    "type": kind,
                    "attempt": attempt,
                }
                job.events.append(event)
                if seq is not None:
                    streams[job.owner].append(event)
        finally:
            database.close()
        for job in jobs.values():
            job.events.sort(key=lambda event: event["job_seq"])
        return jobs, streams

    async def _compare_hearing(self, hearing: Hearing, told: list[dict[str, Any]]) -> None:
        who = f"{hearing.client} of {hearing.user}"
        if hearing.is_open and told:
            deadline = time.monotonic() + CATCH_UP
            while hearing.is_open and hearing.last < told[-1]["seq"]:
                if time.monotonic() > deadline:
                    self._ledger.differ(f"{who} has heard {hearing.last} of {len(told)} events")
                    break
                await asyncio.sleep(0.1)
        if hearing.events:
            first = hearing.events[0]["seq"]
            if hearing.is_resident and first != 1:
                self._ledger.differ(f"{who} has heard nothing before event {first}")
            if hearing.events != told[first - 1 : first - 1 + len(hearing.events)]:
                seqs = [each["seq"] for each in hearing.events]
                self._ledger.differ(f"{who} has heard something else: {seqs}")

    async def _compare_readings(self, session: Session, jobs: dict[str, _Recorded]) -> None:
        """What clients read of output is what is kept, and what was printed if all went well."""
        for reading in self._ledger.readings:
            kept = ""
            offset = 0
            while True:
                page = await session.call(
                    uris.OUTPUT, reading.job_id, stream="stdout", offset=offset, limit=262_144
                )
                kept += page["text"]
                offset = page["next"]
                if page["end"]:
                    break
                await asyncio.sleep(0.05)
            job = jobs[reading.job_id]
            if reading.text != kept:
                self._ledger.differ(
                    f"Job {job.job_id} ({job.state}): a client read {len(reading.text)} characters"
                    f" of output, and {len(kept)} are kept"
                )
            wanted = self._ledger.submissions[job.tags[0]].arguments["count"]
            whole = printed(wanted)
            if kept != (whole if job.state == "succeeded" else whole[: len(kept)]):
                self._ledger.differ(f"Job {job.job_id} ({job.state}): the output is not whole")
        self._ledger.readings.clear()

    def _check_job(self, job: _Recorded) -> None:
        types = _types(job.events)
        numbers = [each["job_seq"] for each in job.events]
        if numbers != list(range(1, len(numbers) + 1)) or not types or types[0] != "queued":
            self._ledger.differ(f"Job {job.job_id}: its events are {numbers} {types}")
        ends = [type for type in types if type in TERMINAL]
        if len(ends) != 1 or types[-1] != ends[0] or job.state != ends[0]:
            self._ledger.differ(f"Job {job.job_id} ({job.state}): its events are {types}")
        if job.state not in ENDS[job.task] | {"cancelled", "lost"}:
            self._ledger.differ(f"Job {job.job_id} of {job.task} has {job.state}: {job.outcome}")
        if job.state == "cancelled" and "by" not in job.outcome:
            self._ledger.differ(f"Job {job.job_id} was cancelled by nobody: {job.outcome}")
        if any((each["seq"] is None) is (job.deliver == "user") for each in job.events):
            self._ledger.differ(f"Job {job.job_id} ({job.deliver}) is in the wrong stream")

    def _check_submissions(self, jobs: dict[str, _Recorded]) -> None:
        by_token: dict[str, list[_Recorded]] = defaultdict(list)
        for job in jobs.values():
            (token,) = job.tags
            by_token[token].append(job)
        for token in by_token.keys() - self._ledger.submissions.keys():
            self._ledger.differ(f"Nobody submitted {token}: {by_token[token]}")
        groups: dict[str, list[Submission]] = defaultdict(list)
        for submission in self._ledger.submissions.values():
            groups[submission.group].append(submission)
            found = by_token[submission.token]
            if submission.answer is Answer.ACCEPTED and (
                [job.job_id for job in found] != [submission.job_id]
                or found[0].owner != submission.user
                or found[0].task != submission.task
            ):
                self._ledger.differ(f"{submission} was accepted, but there is {found}")
            if submission.answer is Answer.REFUSED and found:
                self._ledger.differ(f"{submission} was refused, but there is {found}")
            if len(found) > 1:
                self._ledger.differ(f"{submission} was accepted once, but there are {found}")
        for group in groups.values():
            present = {bool(by_token[each.token]) for each in group}
            if len(present) > 1:
                self._ledger.differ(f"Of {group} only some were accepted")

    def _check_cancellations(self, jobs: dict[str, _Recorded]) -> None:
        for cancellation in self._ledger.cancellations:
            job = jobs[cancellation.job_id]
            match cancellation.answer:
                case "removed_from_queue":
                    # An earlier attempt may have run.
                    right = job.state == "cancelled" and _types(job.events)[-2] in WAITING
                case "stopping":
                    # Its time may have been up already, or the node may have been stopping.
                    right = job.state in ("cancelled", "timed_out")
                case answer:
                    right = answer == f"already_{job.state}"
            if not right:
                self._ledger.differ(
                    f"Job {job.job_id}: the answer to a cancel was {cancellation.answer},"
                    f" and it has {job.state}: {_types(job.events)}"
                )

    async def _operator(self) -> Session:
        await self._ground.answers()
        token = self._ground.folder.operator_token.read_text().strip()
        return await join(f"unix:{self._ground.folder.socket}", realm="taskrealm", ticket=token)


async def _unfinished(session: Session) -> list[str]:
    page = await session.call(
        uris.JOBS, state=["delayed", "queued", "running", "stopping"], limit=200
    )
    return [job["job_id"] for job in page["jobs"]]


async def _stream(session: Session, user: str) -> list[dict[str, Any]]:
    """Every event of the stream of *user*, as the wire tells it."""
    epoch = (await session.call(uris.EVENTS, owner=user))["epoch"]
    events: list[dict[str, Any]] = []
    while True:
        page = await session.call(
            uris.EVENTS, epoch=epoch, since=len(events), limit=PAGE, owner=user
        )
        events += page["events"]
        if not page["more"]:
            return events


def _essence(event: dict[str, Any]) -> dict[str, Any]:
    """What wire and database both have of an event."""
    return {key: value for key, value in event.items() if key not in ("owner", "task", "at")}


def _types(events: list[dict[str, Any]]) -> list[str]:
    return [each["type"] for each in events]


def states(ground: Ground) -> Counter[str]:
    """How many jobs the journal has in each state."""
    database = ground.database()
    try:
        return Counter(dict(database.execute("select state, count(*) from jobs group by state")))
    finally:
        database.close()
