"""The executor of a node and all that is around it, each part given those that it needs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..engine import Scheduler
from ..tasks import Limits
from .accounts import Accounts
from .administration import Administration
from .attempt import Surroundings
from .collector import ArtifactStore
from .diagnostics import Diagnostics
from .dispatches import Dispatches
from .executor import Executor
from .expiry import Expiry
from .folders import WorkFolders
from .health import Health
from .history import History
from .invocations import Invocations
from .job_access import JobAccess
from .load import Load, Sample
from .minting import Minting
from .outcomes import Outcomes
from .output_reading import OutputReading
from .oversight import Oversight
from .own_access import OwnAccess
from .preparation import Preparation
from .priorities import load_priorities
from .procedures import Procedures
from .refusals import Refusals
from .reloading import Reloading
from .retention import Retention
from .schedules import Schedules
from .sign_in import SignIn
from .token_uses import TokenUses
from .transfers import Transfers
from .turns import Turns
from .unended import Unended
from .vault import Vault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..protocol.errors import Error
    from ..settings import ExecutorSettings
    from ..wire import Call, Session
    from .foundation import Foundation
    from .site import Site

    Register = Callable[[Session], Awaitable[None]]

PAGES_AT_ONCE = 4  # long answers that are made at the same time


class Assembly:
    """The executor on its foundation, the procedures that lead to it, and what tends the node."""

    def __init__(self, foundation: Foundation, load: Callable[[], Site]) -> None:
        """
        *load* gives what the node has as it is written now; it is called in a thread.

        Raises:
            SettingsError: A function that the settings name is not there.
        """
        base = self._foundation = foundation
        retention = base.settings.retention
        self.executor = _executor(base)
        self.schedules = Schedules(self.executor, base.journal, base.site.plans)
        self.reloading = Reloading(
            self.executor, base.rights, load, base.workers, self.schedules, base.audit
        )
        self.retention = Retention(base.journal, retention, audit_days=base.settings.audit.days)
        self.expiry = Expiry(
            base.journal,
            base.uploads,
            base.artifacts,
            self.executor.files_in_use,
            retention.interval,
        )
        self.load = Load(self._look)
        base.audience.on_join = TokenUses(base.folder.tokens).note
        self._refusals = Refusals()
        # By the last one a node knows that it is ready.
        self._registers = (*self._for_operators(), *self._for_users())

    async def attach(self, session: Session) -> None:
        """Let *session* be that by which the realm has all procedures and hears of all events."""
        session.on_refusal = self._refused
        session.on_error = self._refusals.failed
        await self._foundation.audience.attach(session)
        self._foundation.publisher.attach(session)
        for register in self._registers:
            await register(session)
        self.executor.announce()

    def _look(self) -> Sample:
        scheduler = self.executor.scheduler
        return Sample(
            running=scheduler.running,
            queued=scheduler.waiting,
            delayed=scheduler.reserved,
            slots_used=scheduler.used,
            slots=scheduler.slots,
            lag=0.0,
        )

    def _refused(self, procedure: str, call: Call, error: Error, object: str | None = None) -> None:
        self._refusals.refused(procedure, call, error)
        self._foundation.audit.refused(procedure, call, error, object=object)

    def _for_operators(self) -> tuple[Register, ...]:
        base, executor = self._foundation, self.executor
        callers, journal, audit, shares = base.callers, base.journal, base.audit, base.shares
        administration = Administration(
            callers,
            executor,
            journal,
            base.statistics,
            self.reloading,
            self.schedules,
            audit,
            self.load,
            drain_limit=base.settings.executor.drain_limit,
        )
        return (
            administration.register,
            Dispatches(journal).register,
            Oversight(callers, journal, audit, shares).register,
            Accounts(
                callers, base.audience, base.rights, executor, journal, audit, base.folder, shares
            ).register,
            Health(callers, base.audience, executor, journal).register,
            Diagnostics(
                callers,
                base.audience,
                executor,
                journal,
                base.statistics,
                self.reloading,
                self.retention,
                self.load,
                base.folder,
                size_limit=base.settings.retention.size,
            ).register,
        )

    def _for_users(self) -> tuple[Register, ...]:
        base, executor = self._foundation, self.executor
        callers, journal, audit, shares = base.callers, base.journal, base.audit, base.shares
        jobs = JobAccess(base.rights, executor, journal, audit)
        turns = Turns(PAGES_AT_ONCE)
        outcomes = Outcomes(callers, base.rights, executor, journal, audit, shares)
        procedures = Procedures(
            callers,
            base.rights,
            executor,
            journal,
            jobs,
            shares,
            audit,
            turns,
            outcomes.usual,
            self._refused,
        )
        history = History(callers, base.rights, executor, journal, jobs, shares, audit, turns)
        reading = OutputReading(callers, jobs, journal.output, shares)
        sign_in = SignIn(
            callers, base.tokens, audit, lifetime=base.settings.access.sign_in_hours * 3_600
        )
        invocations = Invocations(callers, base.rights, executor, journal, base.followers, shares)
        transfers = Transfers(
            callers,
            base.rights,
            jobs,
            journal,
            base.uploads,
            base.artifacts,
            audit,
            tasks=lambda: executor.registry.values(),
            in_use=executor.files_in_use,
            piece=shares.piece,
        )
        minting = Minting(
            callers,
            base.audience,
            jobs,
            base.rights,
            executor,
            base.folder.tokens,
            audit,
            most_minutes=base.settings.access.mint_minutes,
        )
        return (
            invocations.register,
            transfers.register,
            minting.register,
            OwnAccess(callers, base.audience, base.folder.tokens, audit, shares).register,
            outcomes.register,
            sign_in.register,
            reading.register,
            history.register,
            procedures.register,
        )


def _executor(base: Foundation) -> Executor:
    settings = base.settings.executor
    unended = Unended(base.journal, base.publisher, base.audience)
    preparation = Preparation(
        base.site.registry,
        base.journal,
        base.audience,
        base.rights,
        job_of=unended.job,
        uploads=base.uploads,
        vault=Vault(base.folder.secrets_key),
        timeout=settings.timeout,
        arguments_limit=base.shares.arguments,
    )
    return Executor(
        journal=base.journal,
        scheduler=_scheduler(settings),
        publisher=base.publisher,
        audience=base.audience,
        rights=base.rights,
        unended=unended,
        preparation=preparation,
        surroundings=_surroundings(base),
        priorities=load_priorities(settings, base.folder.root),
        audit=base.audit,
        paused=base.folder.paused,
    )


def _surroundings(base: Foundation) -> Surroundings:
    settings = base.settings.executor
    return Surroundings(
        node_id=base.folder.node_id(),
        folders=WorkFolders(base.folder.jobs),
        environment={name: os.environ[name] for name in settings.environment if name in os.environ},
        output=base.journal.output,
        limits=Limits(output=settings.output_limit, **settings.limits.model_dump()),
        output_chunk=base.shares.chunk,
        result_size=base.shares.result,
        work=lambda work, task, on_output: base.workers.assign(work, on_output),
        contents=base.journal.contents,
        artifacts=ArtifactStore.of(base.artifacts, base.settings.files),
    )


def _scheduler(settings: ExecutorSettings) -> Scheduler:
    per_user = settings.queue_limit_per_user
    return Scheduler(
        slots=settings.slots,
        queue_limit=settings.queue_limit,
        owner_limit=max(1, settings.queue_limit // 2) if per_user is None else per_user,
        groups=settings.groups,
        slots_per_owner=settings.slots_per_user,
    )
