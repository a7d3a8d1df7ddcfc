"""The procedures for operators: pause, resume and drain the node, and see how busy it is."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import structlog

from ..protocol import uris
from ..protocol.errors import InvalidArguments, NotAuthorized
from .arguments import caller_of, expect, expect_number
from .procedures import Procedure, explained

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..journal import Journal
    from ..protocol.jobs import State
    from ..tasks import Caller
    from ..wire import Call, Session
    from .executor import Executor
    from .reloading import Reloading
    from .schedules import Schedules
    from .statistics import Statistics

log = structlog.get_logger()

COUNTS_AGE = 1.0  # seconds for which the counts of the journal are good enough
COUNTS_REST = 20.0  # times as long as counting took, others have the journal to themselves
SLOTS_MOST = 1_024  # as the settings allow
LONGEST_DRAIN = 86_400.0  # seconds


class Administration:
    """Answers the calls of operators, and refuses those of anybody else."""

    def __init__(
        self,
        executor: Executor,
        journal: Journal,
        statistics: Statistics,
        reloading: Reloading,
        schedules: Schedules,
        drain_limit: float,
    ) -> None:
        """*drain_limit* is how many seconds jobs have to end unless the caller says otherwise."""
        self._executor = executor
        self._journal = journal
        self._statistics = statistics
        self._reloading = reloading
        self._schedules = schedules
        self._drain_limit = drain_limit
        self._counting: asyncio.Task[dict[str, dict[State, int]]] | None = None
        self._count_again_at = 0.0

    async def register(self, session: Session) -> None:
        """Offer every procedure in the realm that *session* has joined."""
        procedures: Mapping[str, Procedure] = {
            uris.PAUSE: self.pause,
            uris.RELOAD: self.reload,
            uris.RESUME: self.resume,
            uris.DRAIN: self.drain,
            uris.STATISTICS: self.statistics,
            uris.SCHEDULES: self.schedules,
            uris.SCHEDULE: self.schedule,
            uris.LIMITS: self.limits,
        }
        await asyncio.gather(
            *(session.register(uri, explained(each)) for uri, each in procedures.items())
        )

    async def pause(self, call: Call) -> dict[str, Any]:
        """Starts no more jobs until `resume`, also after a restart; jobs are still taken."""
        self._note(call, "pause")
        self._executor.gate.pause()
        return self._situation()

    async def resume(self, call: Call) -> dict[str, Any]:
        """Takes and starts jobs again, after `pause` or `drain`."""
        self._note(call, "resume")
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
        self._note(call, "drain", limit=limit)
        self._executor.gate.begin_draining(limit)
        return self._situation()

    async def reload(self, call: Call) -> dict[str, Any]:
        """
        Takes the tasks as they are written now: `{tasks, added, removed, changed, mistakes}`.

        If there are mistakes, nothing changes.
        """
        return await self._reloading.reload(_operator(call).authid)

    async def statistics(self, call: Call) -> dict[str, Any]:
        """How many jobs there are, wait and run, how fast they go, and how long they take."""
        _operator(call)
        counts = await self._counts()
        scheduler = self._executor.scheduler
        durations = self._statistics.durations()
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
                }
                for task in sorted({*counts, *durations})
            },
        }

    async def schedules(self, call: Call) -> list[dict[str, Any]]:
        """Every schedule, how far it has come, and its next five runs."""
        _operator(call)
        return await self._schedules.listed()

    async def schedule(self, call: Call, name: Any = None, action: Any = None) -> dict[str, Any]:
        """Steers one schedule: `pause`, `resume`, or `run` to make a job at once."""
        _operator(call)
        actions = {
            "pause": self._schedules.pause,
            "resume": self._schedules.resume,
            "run": self._schedules.run_now,
        }
        expect("name", name, str, "the name of a schedule")
        if action not in actions:
            raise InvalidArguments(fields={"action": f"must be one of {', '.join(actions)}"})
        self._note(call, action, schedule=name)
        return await actions[action](name)

    async def limits(
        self, call: Call, slots: Any = None, groups: Any = None, slots_per_user: Any = None
    ) -> dict[str, Any]:
        """
        The slots of the node, after changing those that are given: `{slots, used, groups,
        slots_per_user}`.

        A change lasts until the executor starts again, and stops nothing that runs. Groups
        that are left out stay as they are. 0 for `slots_per_user` is no limit.
        """
        _operator(call)
        scheduler = self._executor.scheduler
        wanted = _limits(slots, groups, slots_per_user, known=scheduler.groups)
        if wanted:
            self._note(call, "limits", **wanted)
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

    def _note(self, call: Call, what: str, **details: object) -> None:
        caller = _operator(call)
        log.info("Asked by an operator", what=what, by=caller.authid, **details)


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


def _operator(call: Call) -> Caller:
    """
    The operator who calls.

    Raises:
        NotAuthorized: It is no operator.
    """
    caller = caller_of(call)
    if caller.role != "operator":
        raise NotAuthorized("Only operators may do this")
    return caller
