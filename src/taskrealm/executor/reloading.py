"""Loads the tasks and rules of a node anew while it runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from ..journal import DONE
from ..protocol.jobs import now, timestamp
from ..settings import SettingsError
from ..tasks import TaskError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..engine import Workers
    from ..tasks import Caller, Registry
    from .audit import Audit
    from .executor import Executor
    from .rights import Rights
    from .schedules import Schedules
    from .site import Site

log = structlog.get_logger()


class Reloading:
    """Replaces what an executor goes by with what its files say, if there is no mistake in them."""

    def __init__(
        self,
        executor: Executor,
        rights: Rights,
        load: Callable[[], Site],
        workers: Workers,
        schedules: Schedules,
        audit: Audit,
    ) -> None:
        """*load* gives all as it is written now; it is called in a thread."""
        self._executor = executor
        self._rights = rights
        self._load = load
        self._workers = workers
        self._schedules = schedules
        self._audit = audit
        self._turn = asyncio.Lock()
        self.last: dict[str, Any] | None = None
        """What came of the last `reload`, when and by whom; None if there was none yet."""

    async def reload(self, caller: Caller) -> dict[str, Any]:
        """
        Load tasks and rules for *caller*: `{tasks, added, removed, changed, mistakes}`.

        With mistakes all stays as it is. Jobs that wait or run keep the task that
        they were accepted with. What has changed besides the description of a task is not
        told, but taken.
        """
        by = caller.submitted_by
        async with self._turn:
            former = self._executor.registry
            try:
                site = await asyncio.to_thread(self._load)
            except (TaskError, SettingsError) as error:
                mistakes = str(error).splitlines()
                log.error("The tasks were not reloaded", by=by, mistakes=mistakes)
                await self._record(caller, "mistakes", mistakes=len(mistakes))
                return self._told(by, _answer(former, former, mistakes))
            self._rights.replace(site.rules, site.authorize)
            self._executor.reload(site.registry)
            self._schedules.replace(site.plans)
            if any(task.uses_workers for task in (*former.values(), *site.registry.values())):
                self._workers.renew()
            answer = _answer(former, site.registry)
            log.info("The tasks were reloaded", by=by, **answer)
            changes = {name: len(answer[name]) for name in ("added", "removed", "changed")}
            await self._record(caller, DONE, **changes)
            return self._told(by, answer)

    def _told(self, by: str, answer: dict[str, Any]) -> dict[str, Any]:
        self.last = {"at": timestamp(now()), "by": by, **answer}
        return answer

    async def _record(self, caller: Caller, outcome: str, **counts: int) -> None:
        record = self._audit.record(caller, "admin.reload", None, owner=None, **counts)
        await self._audit.add(replace(record, outcome=outcome))


def _answer(former: Registry, now: Registry, mistakes: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "tasks": len(now),
        "added": [name for name in now if name not in former],
        "removed": [name for name in former if name not in now],
        "changed": [
            name
            for name in now
            if name in former and now[name].description() != former[name].description()
        ],
        "mistakes": list(mistakes),
    }
