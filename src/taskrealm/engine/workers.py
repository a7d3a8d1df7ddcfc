"""The warm workers of a node: as many as needed, started ahead, and replaced when they are worn."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .programs import Program, SpawnFailed
from .steps import Assignment
from .warm import WarmWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..tasks import Limits
    from .steps import Work

STARTING_MOST = max(2, os.cpu_count() or 1)  # workers that load the tasks at the same time
CLOSE_LIMIT = 3.0  # seconds in which workers that are no longer needed have to end


@dataclass(frozen=True, slots=True)
class Wear:
    """When a worker is replaced."""

    steps: int
    """After how many steps."""
    memory: int
    """When its memory has grown by more bytes than this."""


class Workers:
    """
    Python processes that have loaded the tasks of a folder, one for each step at a time.

    None has to be started for a step as long as no more than *ready* run at once. A step is
    given to a worker that is as good as new: whatever an earlier one has left behind in
    its process has ended that process.
    """

    def __init__(
        self,
        tasks: Path,
        *,
        node_id: str,
        ready: int,
        most: int | None,
        wear: Wear,
        on_trouble: Callable[[str], None],
    ) -> None:
        """
        *ready* workers are started ahead, and there are never more than *most*, however many
        steps wait. *on_trouble* hears why one could not be started that nobody waited for.
        """
        self._tasks = tasks.absolute()
        self._node_id = node_id
        self._ready = ready if most is None else min(ready, most)
        self._most = most
        self._wear = wear
        self._on_trouble = on_trouble
        self._numbers = itertools.count(1)
        self._all: set[WarmWorker] = set()
        self._starting: set[WarmWorker] = set()
        self._idle: list[WarmWorker] = []
        self._stale: set[WarmWorker] = set()
        self._waiting: deque[Assignment] = deque()
        self._has_failed = False
        self._is_closed = False
        self.started = 0
        """How many have been started so far."""

    def start(self) -> None:
        """Start workers before there are steps to run."""
        self._keep_ready()

    def assign(self, work: Work, on_output: Callable[[str, bytes], object]) -> Assignment:
        """
        Let a worker do *work* as soon as one is free, those first who came first.

        *on_output* is called as by `Process`.
        """
        assignment = Assignment(work, on_output, self._waiting.remove)
        self._waiting.append(assignment)
        self._distribute()
        return assignment

    def renew(self) -> None:
        """Replace all workers, after their steps: the tasks have changed."""
        self._stale |= self._all
        for worker in self._idle:
            worker.let_go()
        self._idle.clear()
        self._keep_ready()

    async def close(self) -> None:
        """End all workers; those that still run a step are killed."""
        self._is_closed = True
        for worker in self._all:
            worker.let_go()
        leaving = [asyncio.ensure_future(worker.wait()) for worker in self._all]
        if leaving:
            await asyncio.wait(leaving, timeout=CLOSE_LIMIT)
        for worker in list(self._all):
            worker.kill()
        await asyncio.gather(*leaving)

    def _distribute(self) -> None:
        while self._waiting and (worker := self._suited(self._waiting[0].work.limits)):
            self._idle.remove(worker)
            worker.begin(self._waiting.popleft())
        while self._waiting and len(self._starting) < len(self._waiting):
            if not self._make_room():
                break
            # If that fails, whoever has waited longest is told so.
            self._start_one()
        self._keep_ready()

    def _suited(self, limits: Limits) -> WarmWorker | None:
        """The idle worker that was used last, of those that suit a step with *limits*."""
        return next((each for each in reversed(self._idle) if each.suits(limits)), None)

    def _make_room(self) -> bool:
        """Whether one more worker may be started; if not, one that suits nobody leaves."""
        if len(self._starting) >= STARTING_MOST:
            return False
        if self._most is None or len(self._all) < self._most:
            return True
        if self._idle:
            self._idle.pop(0).let_go()
        return False

    def _keep_ready(self) -> None:
        while (
            not (self._has_failed or self._is_closed)
            and len(self._all) < self._ready
            and len(self._starting) < STARTING_MOST
        ):
            if not self._start_one():
                break

    def _start_one(self) -> bool:
        try:
            worker = WarmWorker(
                self._program(),
                tasks=str(self._tasks),
                path=sys.path,
                on_free=self._on_free,
                on_gone=self._on_gone,
            )
        except SpawnFailed as error:
            self._fail(error)
            return False
        self.started += 1
        self._all.add(worker)
        self._starting.add(worker)
        return True

    def _program(self) -> Program:
        # The code of a site finds the same modules and variables here as in this process;
        # each step has a chosen environment, like a program.
        path = os.pathsep.join(filter(None, sys.path))
        return Program(
            argv=(sys.executable, "-P", "-m", f"{__package__}.worker"),
            environment={**os.environ, "PYTHONPATH": path},
            directory=Path.cwd(),
            cookie=f"{self._node_id}.worker{next(self._numbers)}.1",
        )

    def _on_free(self, worker: WarmWorker) -> None:
        if worker in self._starting:
            self._starting.remove(worker)
            self._has_failed = False
        is_worn = worker.steps >= self._wear.steps or worker.grown > self._wear.memory
        if is_worn or self._is_closed or worker in self._stale:
            worker.let_go()
            return
        self._idle.append(worker)
        self._distribute()
        if len(self._idle) > self._ready:
            self._idle.pop(0).let_go()

    def _on_gone(self, worker: WarmWorker) -> None:
        self._all.discard(worker)
        self._stale.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        if worker in self._starting:
            self._starting.remove(worker)
            if not self._is_closed:
                self._fail(SpawnFailed(worker.trouble))
        if not self._is_closed:
            self._distribute()

    def _fail(self, error: SpawnFailed) -> None:
        """Tell whoever waited for the worker, or would have, that it could not be started."""
        self._has_failed = True
        if self._waiting:
            self._waiting.popleft().fail(error)
        else:
            self._on_trouble(str(error))
