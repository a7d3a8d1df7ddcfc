"""What running jobs use up: processes, memory and processor time of all that they started."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from .status import Identity, Status, children_of, read, status_of
from .trees import cookie_of

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class Usage:
    """What one job uses at one moment."""

    pids: list[int] = field(default_factory=list)
    """Its processes, also those that have ended and are still listed."""
    memory: int = 0  # bytes; what processes share counts for each of them
    cpu: float = 0.0  # seconds, since the job began

    @property
    def exact_memory(self) -> int:
        """Bytes of memory where what processes share counts once; dear to find out."""
        return sum(map(exact_memory_of, self.pids))


class _Seen(NamedTuple):
    """A process at the last look."""

    job: int | None
    status: Status


class Accounts:
    """
    What each running job uses, found by looking at its processes from time to time.

    A job's processes are its main process and all below it, and of the orphans that this
    process has adopted those of the job's session, those that were below it at the last
    look, and those that carry its cookie. Who is born and gone between two looks is not
    seen; its processor time counts if its parent, rather than this process, saw it end.
    """

    def __init__(self) -> None:
        self._us = os.getpid()
        self._session = os.getsid(0)
        self._seen: dict[Identity, _Seen] = {}
        self._past: dict[str, float] = {}

    def look(self, jobs: Mapping[int, str], enough: Mapping[int, float]) -> dict[int, Usage]:
        """
        What each of *jobs*, given as main process and cookie, uses now.

        If one is found to have more than *enough* processes, only this one is told of, at
        once: some programs start them faster than anybody can look. To be called by one
        thread at a time, which may have to wait for a process that is stuck in the kernel.
        """
        usages = {job: Usage() for job in jobs}
        before, self._seen = self._seen, {}
        waiting: list[tuple[int | None, int]] = [(job, job) for job in jobs]
        waiting += ((None, pid) for pid in children_of(self._us, self._us) if pid not in jobs)
        while waiting:
            job, pid = waiting.pop()
            try:
                status = status_of(pid)
                identity = Identity(pid, status.started_at)
                if job is None:
                    job, is_certain = self._job_of(identity, status, jobs, before)
                    if not is_certain:
                        continue
                if identity not in self._seen:
                    self._seen[identity] = _Seen(job, status)
                    if job is not None:
                        self._charge(usages[job], pid, status)
                        if len(usages[job].pids) > enough[job]:
                            self._seen = before
                            return {job: usages[job]}
                        thread = pid if status.threads == 1 else None
                        waiting += ((job, child) for child in children_of(pid, thread))
            except (FileNotFoundError, ProcessLookupError):
                continue
        past = self._past_of(jobs, before)
        for job, usage in usages.items():
            usage.cpu += past[jobs[job]]
        self._past = past
        return usages

    def _charge(self, usage: Usage, pid: int, status: Status) -> None:
        usage.cpu += status.processor_time
        # Whoever waits here to be reaped is no burden of the job any more.
        if not (status.is_dead and status.parent == self._us):
            usage.pids.append(pid)
            usage.memory += status.memory

    def _past_of(
        self, jobs: Mapping[int, str], before: Mapping[Identity, _Seen]
    ) -> dict[str, float]:
        """The processor time of processes that are gone, of each of *jobs* by its cookie."""
        past = {cookie: self._past.get(cookie, 0.0) for cookie in jobs.values()}
        for identity in before.keys() - self._seen.keys():
            job, status = before[identity]
            # We have reaped it, so that its time is in no other process of the job.
            if job is not None and job in jobs and status.parent == self._us:
                past[jobs[job]] += status.processor_time
        return past

    def _job_of(
        self,
        identity: Identity,
        status: Status,
        jobs: Mapping[int, str],
        before: Mapping[Identity, _Seen],
    ) -> tuple[int | None, bool]:
        """The job of an orphan, and whether that will stay so."""
        if status.session in jobs:
            return status.session, True
        if status.session == self._session:
            # In our own session are only children that are no job's at all.
            return None, True
        if identity in before:
            job = before[identity].job
            return (job if job in jobs else None), True
        cookie = cookie_of(identity.pid)
        if cookie is None:
            return None, False
        return next((job for job, own in jobs.items() if own == cookie), None), True


def exact_memory_of(pid: int) -> int:
    """The memory of a process, of what it shares only its part."""
    try:
        for line in read(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, PermissionError):
        # It runs as another user, or this kernel does not tell: all that it shares counts.
        return _memory(pid)
    except ProcessLookupError:
        pass
    return 0


def _memory(pid: int) -> int:
    try:
        return status_of(pid).memory
    except (FileNotFoundError, ProcessLookupError):
        return 0
