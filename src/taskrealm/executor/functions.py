"""One run of a Python task, in a warm worker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..engine.calls import FUNCTION
from .process import ProcessAttempt

if TYPE_CHECKING:
    from pathlib import Path

    from .process import Ended


class FunctionAttempt(ProcessAttempt):
    """One run of the function of a job."""

    noun = "The function"

    async def run_steps(self, directory: Path, environment: dict[str, str]) -> Ended:
        return await self.in_worker(FUNCTION, directory, environment)

    def result(self, ended: Ended, reported: tuple[Any, ...]) -> Any:
        made = None if ended.result is None else json.loads(ended.result)
        return reported[0] if made is None and reported else made
