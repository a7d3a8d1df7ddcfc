"""A batch, ready to be run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .command import CommandTask, Output
from .errors import TaskError
from .loaded import Task
from .multi import MultiTask
from .multi_rules import RULES
from .parts import Value
from .program import ProgramTask
from .secrets import Secret  # noqa: TC001 - parameters are read while the program runs
from .sources import source_of

if TYPE_CHECKING:
    from .definition import Arguments


class BatchTask(Task):
    """One task made from a `MultiTask`."""

    def __init__(self, declaration: type[MultiTask]) -> None:
        super().__init__(declaration, RULES)
        self._batch = declaration
        self.parallel = declaration.parallel
        self.stops_on_failure = declaration.on_failure == "stop"
        self._call = _call(self)

    @property
    def gathers(self) -> bool:
        """Whether the task says what the result is; otherwise it lists the children."""
        return self._batch.gather is not MultiTask.gather

    def description(self) -> dict[str, Any]:
        batch = {"parallel": self.parallel, "on_failure": self._batch.on_failure}
        return {**super().description(), "batch": batch}

    def call(
        self, method: str, arguments: Arguments, file: Path, **given: Any
    ) -> tuple[ProgramTask, Arguments]:
        """
        The program that calls *method* with *arguments* in a process of its own.

        It writes what came of it into *file*, for `answer` to read.
        """
        wanted = {
            "path": sys.path,
            **source_of(self._declaration),
            "task": self.name,
            "method": method,
            "arguments": {**arguments.values, **arguments.secrets},
            **given,
        }
        call = {"request": json.dumps(wanted), "file": str(file)}
        return self._call, self._call.bind((), call)


class _Call(CommandTask):
    """Call a method of a batch."""

    name = "call"
    request: Secret  # as the arguments of the batch may be
    file: str
    # Nothing that lies in the working directory is taken for a module.
    command = (sys.executable, "-P", "-m", "taskrealm.tasks.calls", Value("file"))
    stdin = Value("request")

    def parse_result(self, output: Output) -> Any:
        answered = answer(Path(self.file))
        if answered["error"] is not None:
            raise TaskError(answered["error"])
        return answered["result"]


def answer(file: Path) -> dict[str, Any]:
    """What became of a call, once its program has succeeded: `{result, children, error, trace}`."""
    answered: dict[str, Any] = json.loads(file.read_bytes())
    return answered


def _call(batch: BatchTask) -> ProgramTask:
    settings = {
        "name": batch.name,
        "limits": batch.limits,
        "grace": batch.grace,
        "environment": batch.environment,
        "__doc__": _Call.__doc__,
        "__module__": __name__,
    }
    return ProgramTask(type("Call", (_Call,), settings))
