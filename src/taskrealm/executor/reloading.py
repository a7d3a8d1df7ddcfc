"""Loads the tasks of a node anew while it runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from ..settings import SettingsError
from ..tasks import TaskError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..engine import Workers
    from ..tasks import Registry
    from .executor import Executor
    from .plans import Plan
    from .schedules import Schedules

log = structlog.get_logger()


class Reloading:
    """Replaces the tasks of an executor by those in its files, if there is no mistake in them."""

    def __init__(
        self,
        executor: Executor,
        load: Callable[[], tuple[Registry, list[Plan]]],
        workers: Workers,
        schedules: Schedules,
    ) -> None:
        """*load* gives tasks and schedules as they are written now; it is called in a thread."""
        self._executor = executor
        self._load = load
        self._workers = workers
        self._schedules = schedules
        self._turn = asyncio.Lock()

    async def reload(self, by: str) -> dict[str, Any]:
        """
        Load the tasks for *by*: `{tasks, added, removed, changed, mistakes}`.

        With mistakes the tasks stay as they are. Jobs that wait or run keep the task that
        they were accepted with. What has changed besides the description of a task is not
        told, but taken.
        """
        async with self._turn:
            former = self._executor.registry
            try:
                registry, plans = await asyncio.to_thread(self._load)
            except (TaskError, SettingsError) as error:
                mistakes = str(error).splitlines()
                log.error("The tasks were not reloaded", by=by, mistakes=mistakes)
                return _answer(former, former, mistakes)
            self._executor.reload(registry)
            self._schedules.replace(plans)
            if any(task.uses_workers for task in (*former.values(), *registry.values())):
                self._workers.renew()
            answer = _answer(former, registry)
            log.info("The tasks were reloaded", by=by, **answer)
            return answer


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
