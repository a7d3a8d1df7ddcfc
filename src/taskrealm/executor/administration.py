"""The procedures for operators: pause, resume and drain the node, and see how busy it is."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import structlog

from ..protocol import uris
from ..protocol.errors import InvalidArguments
from .arguments import expect, expect_number
from .offers import offer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..journal import Journal
    from ..protocol.jobs import State
    from ..wire import Call, Session
    from .audit import Audit
    from .callers import Callers
    from .executor import Executor
    from .load import Load
    from .reloading import Reloading
    from .schedules import Schedules
    from .statistics import Statistics

log = structlog.get_logger()

COUNTS_AGE = 1.0  # seconds for which the counts of the journal are good enough
COUNTS_REST = 20.0  # times as long as counting took, others have the journal to themselves
SLOTS_MOST = 1_024  # as the settings allow
LONGEST_DRAIN = 86_400.0  # seconds
HOUR = 3_600  # seconds
LONGEST_SPAN = 7 * 86_400  # seconds


class Administration:
    """Answers the calls of operators, and refuses those of anybody else."""

    def __init__(
        self,
        callers: Callers,
        executor: Executor,
        journal: Journal,
        statistics: Statistics,
        reloading: Reloading,
        schedules: Schedules,
        audit: Audit,
        load: Load,
        drain_limit: float,
    ) -> None:
        """*drain_limit* is how many seconds jobs have to end unless the caller says otherwise."""
        self._callers = callers
        self._executor = executor
        self._journal = journal
        self._statistics = statistics
        self._reloading = reloading
        self._schedules = schedules
        self._audit = audit
        self._load = load
        self._drain_limit = drain_limit
        self._counting: asyncio.Task[dict[str, dict[State, int]]] | None = None
        self._count_again_at = 0.0

    async def register(self, session: Session) -> None:
        """Offer every procedure in the realm that *session* has joined."""
        await offer(
            session,
            {
                uris.PAUSE: self.pause,
                uris.RELOAD: self.reload,
                uris.RESUME: self.resume,
                uris.DRAIN: self.drain,
                uris.STATISTICS: self.statistics,
                uris.SCHEDULES: self.schedules,
                uris.SCHEDULE: self.schedule,
                uris.LIMITS: self.limits,
                uris.LOAD: self.load,
            },
        )

    async def pause(self, call: Call) -> dict[str, Any]:
        """Starts no more jobs until `resume`, also after a restart; jobs are still taken."""
        await self._note(call, "pause")
        self._executor.gate.pause()
        return self._situation()

    async def resume(self, call: Call) -> dict[str, Any]:
        """Takes and starts jobs again, after `pause` or `drain`."""
        await self._note(call, "resume")
        self._executor.gate.resume()
        return self._situation()

    async def drain(self, call: Call, limit: Any = None) -> dict[str, Any]:
        """
        Takes and starts no more jobs; what still runs after `limit` seconds is cancelled.

        It answers at once. The node is drained when none is `running` any more, and stays
        so until `resume` or its next start.
        """
        if limit is None:
            limit = self._drain_limit
        if (
            not isinstance(limit, int | float)
            or isinstance(limit, bool)
            or not 0 <= limit <= LONGEST_DRAIN
        ):
            raise InvalidArguments(
                fields={"limit": f"must be a number of seconds from 0 to {LONGEST_DRAIN:.0f}"}
            )
        await self._note(call, "drain", limit=limit)
        self._executor.gate.begin_draining(limit)
        return self._situation()

    async def reload(self, call: Call) -> dict[str, Any]:
        """
        Takes the tasks as they are written now: `{tasks, added, removed, changed, mistakes}`.

        If there are mistakes, nothing changes.
        """
        return await self._reloading.reload(self._callers.operator(call))

    async def statistics(self, call: Call) -> dict[str, Any]:
        """How many jobs there are, wait and run, how fast they go, and how long they take."""
        self._callers.operator(call)
        counts = await self._counts()
        scheduler = self._executor.scheduler
        durations, waits = self._statistics.durations(), self._statistics.waits()
        states: dict[str, int] = {}
        for of_task in counts.values():
            for state, count in of_task.items():
                states[state.value] = states.get(state.value, 0) + count
        return {
            **self._situation(),
            "uptime": self._statistics.uptime,
            "slots": scheduler.slots,
            "slots_used": scheduler.used,
            "queue_limit": scheduler.queue_limit,
            "queue_limit_per_user": scheduler.owner_limit,
            "oldest": self._executor.oldest(),
            "states": states,
            "rates": self._statistics.rates(),
            "tasks": {
                task: {
                    "states": {state.value: count for state, count in counts.get(task, {}).items()},
                    "durations": durations.get(task),
                    "waits": waits.get(task),
                }
                for task in sorted({*counts, *durations, *waits})
            },
        }

    async def load(self, call: Call, span: Any = HOUR) -> dict[str, Any]:
        """
        How busy the executor was in the last `span` seconds: `{at, step, columns, samples}`.

        Each sample is of `step` seconds, and has the most that there was in them in the order
        of `columns`; its `at` is when it began, in seconds since 1970. An hour is told by ten seconds, a day by minutes, a week by ten minutes. Nothing
        is told of what was before the executor started.
        """
        self._callers.operator(call)
        expect_number("span", span, 60, LONGEST_SPAN)
        return self._load.told(span)

    async def schedules(self, call: Call) -> list[dict[str, Any]]:
        """Every schedule, how far it has come, and its next five runs."""
        self._callers.operator(call)
        return await self._schedules.listed()

    async def schedule(self, call: Call, name: Any = None, action: Any = None) -> dict[str, Any]:
        """Steers one schedule: `pause`, `resume`, or `run` to make a job at once."""
        self._callers.operator(call)
        actions = {
            "pause": self._schedules.pause,
            "resume": self._schedules.resume,
            "run": self._schedules.run_now,
        }
        expect("name", name, str, "the name of a schedule")
        if action not in actions:
            raise InvalidArguments(fields={"action": f"must be one of {', '.join(actions)}"})
        told = await actions[action](name)
        await self._note(call, "schedule", name, how=action)
        return told

    async def limits(
        self, call: Call, slots: Any = None, groups: Any = None, slots_per_user: Any = None
    ) -> dict[str, Any]:
        """
        The slots of the node, after changing those that are given: `{slots, used, groups,
        slots_per_user}`.

        A change lasts until the executor starts again, and stops nothing that runs. Groups
        that are left out stay as they are. 0 for `slots_per_user` is no limit.
        """
        self._callers.operator(call)
        scheduler = self._executor.scheduler
        wanted = _limits(slots, groups, slots_per_user, known=scheduler.groups)
        if wanted:
            await self._note(call, "limits", **wanted)
            per_user = wanted.get("slots_per_user", scheduler.slots_per_owner)
            self._executor.limit(
                slots=wanted.get("slots", scheduler.slots),
                groups=scheduler.groups | wanted.get("groups", {}),
                slots_per_user=per_user or None,
            )
        return {
            "slots": scheduler.slots,
            "used": scheduler.used,
            "groups": scheduler.groups,
            "slots_per_user": scheduler.slots_per_owner,
        }

    def _situation(self) -> dict[str, Any]:
        scheduler = self._executor.scheduler
        return {
            "intake": self._executor.gate.intake.value,
            "running": scheduler.running,
            "queued": scheduler.waiting,
            "delayed": scheduler.reserved,
        }

    async def _counts(self) -> dict[str, dict[State, int]]:
        """What the journal holds, counted now and then, however many ask how often."""
        is_fresh = time.monotonic() < self._count_again_at
        if self._counting is None or (self._counting.done() and not is_fresh):
            self._counting = asyncio.create_task(self._count())
        return await asyncio.shield(self._counting)

    async def _count(self) -> dict[str, dict[State, int]]:
        began = time.monotonic()
        try:
            return await self._journal.counts()
        finally:
            ended = time.monotonic()
            self._count_again_at = ended + max(COUNTS_AGE, COUNTS_REST * (ended - began))

    async def _note(self, call: Call, what: str, object: str | None = None, **details: Any) -> None:
        caller = self._callers.operator(call)
        log.info("Asked by an operator", what=what, by=caller.authid, object=object, **details)
        await self._audit.add(self._audit.record(caller, f"admin.{what}", object, **details))


def _limits(
    slots: Any, groups: Any, slots_per_user: Any, *, known: Mapping[str, int]
) -> dict[str, Any]:
    """
    Those limits that are to be changed, by their names.

    Raises:
        InvalidArguments: One makes no sense, or names a group that the settings do not.
    """
    wanted: dict[str, Any] = {}
    if slots is not None:
        expect_number("slots", slots, 1, SLOTS_MOST)
        wanted["slots"] = slots
    if slots_per_user is not None:
        expect_number("slots_per_user", slots_per_user, 0, SLOTS_MOST)
        wanted["slots_per_user"] = slots_per_user
    if groups is not None:
        expect("groups", groups, dict, "a mapping of sizes by the names of groups")
        for name, size in groups.items():
            if name not in known:
                names = ", ".join(sorted(known)) or "none, as [executor.groups] has none"
                raise InvalidArguments(
                    fields={f"groups.{name}": f"is no group of this node; there are {names}"}
                )
            expect_number(f"groups.{name}", size, 1, SLOTS_MOST)
        wanted["groups"] = groups
    return wanted
