"""Loads the tasks of a node anew while it runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from ..tasks import TaskError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..engine import Workers
    from ..tasks import Registry
    from .executor import Executor

log = structlog.get_logger()


class Reloading:
    """Replaces the tasks of an executor by those in its files, if there is no mistake in them."""

    def __init__(self, executor: Executor, load: Callable[[], Registry], workers: Workers) -> None:
        """*load* gives the tasks as they are written now; it is called in a thread."""
        self._executor = executor
        self._load = load
        self._workers = workers
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
                registry = await asyncio.to_thread(self._load)
            except TaskError as error:
                log.error("The tasks were not reloaded", by=by, mistakes=list(error.problems))
                return _answer(former, former, error.problems)
            self._executor.reload(registry)
            if any(task.uses_workers for task in (*former.values(), *registry.values())):
                self._workers.renew()
            answer = _answer(former, registry)
            log.info("The tasks were reloaded", by=by, **answer)
            return answer


def _answer(former: Registry, now: Registry, mistakes: tuple[str, ...] = ()) -> dict[str, Any]:
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
