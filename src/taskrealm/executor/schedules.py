"""Makes jobs by the clock, each once, also over restarts."""

from __future__ import annotations

import asyncio
import functools
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from ..journal import JournalError, schedules
from ..protocol.errors import (
    Draining,
    DuplicateJob,
    Error,
    InvalidArguments,
    QueueFull,
    RateLimited,
    Unavailable,
    UnknownTask,
)
from ..protocol.jobs import now, timestamp
from ..tasks import Caller, TaskError
from ..tasks.schedule import OWNER
from .plans import FIELDS, rule_of
from .requests import Request

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ..journal import Journal
    from ..journal.schedules import Past
    from ..tasks import Task
    from .executor import Executor
    from .plans import Plan

log = structlog.get_logger()

LOOK_INTERVAL = 30.0  # seconds between two looks at the wall clock, which may have been set
RETRY = 5.0  # seconds after which a job is asked for again that could not be accepted
SHOWN = 5  # runs that are told ahead

ROLES = ("operator", "backend", "user")
"""
In which role a job runs that nobody has asked for: the first that its task allows, or the last
if that is for teams only.
"""


class Schedules:
    """
    The schedules of one node, and how far each has come.

    A run is asked for under a key that names its moment: of two requests after a crash in
    between, the second finds the job of the first.
    """

    def __init__(self, executor: Executor, journal: Journal, plans: Iterable[Plan]) -> None:
        self._executor = executor
        self._journal = journal
        self._plans = {plan.name: plan for plan in plans}
        self._pasts: dict[str, Past] = {}
        self._errors: dict[str, dict[str, str]] = {}
        self._is_loaded = False
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()

    def replace(self, plans: Iterable[Plan]) -> None:
        """Go by other *plans* from now on; those that stay as they are go on."""
        self._plans = {plan.name: plan for plan in plans}
        self._is_loaded = False
        self._news.set()

    async def run(self) -> None:
        """Make jobs when their time has come, until cancelled."""
        while True:
            pause = RETRY
            # Before the look: what is new while it lasts is for the next one.
            self._news.clear()
            try:
                async with self._turn:
                    await self._load()
                    pause = await self._look()
            except JournalError as error:
                log.warning("The schedules have to wait for the journal", error=str(error))
            except Exception:
                log.exception("The schedules failed, and go on")
            try:
                async with asyncio.timeout(pause):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def listed(self) -> list[dict[str, Any]]:
        """Every schedule, how far it has come, and its next runs."""
        async with self._turn:
            await self._load()
            return [self._told(plan) for plan in self._plans.values()]

    async def pause(self, name: str) -> dict[str, Any]:
        """Make no jobs by the schedule *name* until `resume`, also over a restart."""
        async with self._turn:
            plan, past = await self._find(name)
            await self._save(name, replace(past, is_paused=True))
            return self._told(plan)

    async def resume(self, name: str) -> dict[str, Any]:
        """Go on by the schedule *name*, with the next run; those meanwhile are left out."""
        async with self._turn:
            plan, past = await self._find(name)
            if past.is_paused:
                await self._save(name, replace(past, is_paused=False, seen=max(past.seen, now())))
            self._news.set()
            return self._told(plan)

    async def run_now(self, name: str) -> dict[str, Any]:
        """Make a job by the schedule *name* at once; its next runs stay as they are."""
        async with self._turn:
            plan, past = await self._find(name)
            job_id = await self._submit(plan, key=None, delay=None)
            await self._save(name, replace(past, job_id=job_id))
            return {**self._told(plan), "job_id": job_id}

    async def _find(self, name: str) -> tuple[Plan, Past]:
        await self._load()
        if name not in self._plans:
            known = ", ".join(self._plans) or "there are none"
            raise InvalidArguments(fields={"name": f"must be a schedule of this node: {known}"})
        return self._plans[name], self._pasts[name]

    async def _load(self) -> None:
        """Remember how far each schedule has come; one that is new or changed begins now."""
        if self._is_loaded:
            return
        pasts = await self._journal.change(schedules.read)
        for name in pasts.keys() - self._plans.keys():
            await self._journal.change(functools.partial(schedules.forget, name=name))
        self._pasts = {}
        for name, plan in self._plans.items():
            rule = rule_of(plan.schedule)
            past = pasts.get(name)
            if past is None:
                past = schedules.Past(rule, now())
            elif past.rule != rule:
                past = replace(past, rule=rule, seen=now())
            if past.seen > now():
                log.warning("The clock is behind a schedule", schedule=name, seen=past.seen)
            await self._save(name, past)
        self._is_loaded = True

    async def _look(self) -> float:
        """Make the jobs that are due; gives in how many seconds the next look is needed."""
        pause = LOOK_INTERVAL
        for plan in self._plans.values():
            if self._pasts[plan.name].is_paused:
                continue
            if not await self._go_on(plan):
                pause = min(pause, RETRY)
                continue
            moment = now()
            for following in plan.schedule.rhythm.after(
                max(moment, self._pasts[plan.name].seen), 1
            ):
                pause = min(pause, max(0.01, (following - moment).total_seconds()))
        return pause

    async def _go_on(self, plan: Plan) -> bool:
        """Make the jobs of *plan* that are due; False if they cannot be accepted just now."""
        past, moment = self._pasts[plan.name], now()
        newest = plan.schedule.rhythm.between(past.seen, moment, 1) if moment > past.seen else []
        if not newest:
            return True
        wanted = plan.schedule.due(past.seen, moment)
        for due in wanted:
            job_id = past.job_id
            if plan.schedule.overlap == "skip" and job_id and self._executor.live(job_id):
                log.info("A run is left out: the one before lasts", schedule=plan.name, due=due)
            else:
                try:
                    job_id = await self._make(plan, due) or job_id
                except (QueueFull, Draining, RateLimited, Unavailable) as error:
                    self._fail(plan, error)
                    return False
            past = replace(past, seen=due, job_id=job_id)
            await self._save(plan.name, past)
        if past.seen < newest[0]:
            log.info("Runs were missed", schedule=plan.name, last=newest[0])
            await self._save(plan.name, replace(past, seen=newest[0]))
        return True

    async def _make(self, plan: Plan, due: datetime) -> str | None:
        """The id of the job that is made for the moment *due*; None if it cannot be made."""
        jitter = plan.schedule.jitter
        delay = random.uniform(0, jitter) if jitter else None
        try:
            job_id = await self._submit(plan, f"schedule:{plan.name}:{timestamp(due)}", delay)
        except DuplicateJob as duplicate:
            return duplicate.job_id
        except (QueueFull, Draining, RateLimited, Unavailable):
            raise
        except (Error, TaskError) as error:
            self._fail(plan, error)
            return None
        self._errors.pop(plan.name, None)
        return job_id

    async def _submit(self, plan: Plan, key: str | None, delay: float | None) -> str:
        task = self._executor.registry.get(plan.task)
        if task is None:
            raise UnknownTask(f"There is no task {plan.task!r} any more")
        schedule = plan.schedule
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        answered.set_result(None)  # nobody waits for the job's id before its events
        request = Request(
            plan.task, kwargs=dict(schedule.arguments), key=key, delay=delay, schedule=plan.name
        )
        owner = Caller(schedule.owner, _role(task), OWNER, tuple(schedule.teams))
        [accepted] = await self._executor.submit([request], owner, session=0, answered=answered)
        return accepted.job.job_id

    def _fail(self, plan: Plan, error: Exception) -> None:
        if self._errors.get(plan.name, {}).get("error") != str(error):  # told once, not each time
            log.error("A schedule could not make its job", schedule=plan.name, error=str(error))
        self._errors[plan.name] = {"at": timestamp(now()), "error": str(error)}

    async def _save(self, name: str, past: Past) -> None:
        await self._journal.change(functools.partial(schedules.save, name=name, past=past))
        self._pasts[name] = past

    def _told(self, plan: Plan) -> dict[str, Any]:
        past = self._pasts[plan.name]
        following = plan.schedule.rhythm.after(max(now(), past.seen), SHOWN)
        return {
            "name": plan.name,
            "task": plan.task,
            **{each: getattr(plan.schedule, each) for each in FIELDS},
            "paused": past.is_paused,
            "job_id": past.job_id,
            "error": self._errors.get(plan.name),
            "next": [timestamp(each) for each in following],
        }


def _role(task: Task) -> str:
    return next((role for role in ROLES if role in task.roles), "user")
