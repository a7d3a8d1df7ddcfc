"""A call of a method of a batch, in a warm worker."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..engine.calls import CHILDREN, GATHER
from .process import ProcessAttempt

if TYPE_CHECKING:
    from pathlib import Path

    from ..protocol.jobs import Job
    from ..tasks import Arguments, BatchTask
    from .attempt import Ending, Reporter, Surroundings
    from .process import Ended


class Call(ProcessAttempt):
    """
    One method of a batch, called outside the executor.

    It is stopped and limited like the function of any job, and what it prints is the output
    of the batch.
    """

    noun = "The batch"

    def __init__(
        self,
        job: Job,
        task: BatchTask,
        arguments: Arguments,
        surroundings: Surroundings,
        reporter: Reporter,
    ) -> None:
        # How far a batch is, its children say.
        silent = replace(reporter, progress=lambda _: None)
        super().__init__(job, task, arguments, surroundings, silent)
        self._wanted: list[dict[str, Any]] = []
        self._finished: Path | None = None

    async def children(self) -> tuple[Ending, list[dict[str, Any]]]:
        """How the call of `children` ended, and the children that it gave."""
        return await self.run(), self._wanted

    async def gather(self, finished: Path) -> Ending:
        """How the call of `gather` ended; the children are in the file *finished*."""
        self._finished = finished
        return await self.run()

    async def run_steps(self, directory: Path, environment: dict[str, str]) -> Ended:
        if self._finished is None:
            return await self.in_worker(CHILDREN, directory, environment)
        return await self.in_worker(GATHER, directory, environment, finished=str(self._finished))

    def result(self, ended: Ended, reported: tuple[Any, ...]) -> Any:
        made: Any = None if ended.result is None else json.loads(ended.result)
        if self._finished is None:
            self._wanted = made
            return None
        return reported[0] if made is None and reported else made
