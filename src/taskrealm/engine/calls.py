"""What a worker does for a job: the task's own code, and how its end is told."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..protocol.errors import Error
from ..tasks import (
    BatchTask,
    Caller,
    Cancelled,
    Context,
    FunctionTask,
    Output,
    ProgramTask,
    TaskError,
    UploadedFile,
    report,
)
from ..tasks.files import accepted_before
from ..tasks.yields import complete, completed, is_awaited, result_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..tasks import Arguments, Task

FUNCTION, PREPARE, RESULT = "function", "prepare", "result"
CHILDREN, GATHER = "children", "gather"
"""The steps of jobs that run in workers."""

HOOKS = {PREPARE: "prepare", RESULT: "parse_result", CHILDREN: "children", GATHER: "gather"}
"""The methods of a `CommandTask` and of a `MultiTask` that are such a step."""

TEXT_LIMIT = 2_000  # characters of what an exception says that its owner reads

_OURS = str(Path(__file__).parents[1])
_LOOP = str(Path(asyncio.__file__).parent)


class Step:
    """One step of one job: the code that it runs, and a way to end that early."""

    def __init__(
        self,
        registry: Mapping[str, Task],
        head: Mapping[str, Any],
        body: bytes,
        complain: Callable[[str], object],
    ) -> None:
        """*complain* writes a text on the standard error of the job."""
        self._registry = registry
        self._head = head
        self._body = body
        self._complain = complain
        self._context: Context | None = None
        self.cause: BaseException | None = None
        """What the code raised, once that has come to its end."""
        self._interrupt: Callable[[], object] | None = None
        self._is_asked = False

    @property
    def context(self) -> Context:
        """What the code is told of the job; made when it is first asked for."""
        if self._context is None:
            self._context = _context(self._head["context"])
            # Whoever stops the step from now on finds it there.
            if self._is_asked:
                self._context.cancelled.set()
        return self._context

    def stop(self) -> None:
        """
        Let the code end as soon as it can; to be called by a signal handler in its thread.

        Raises:
            Cancelled: It runs in this thread just now.
        """
        if self._is_asked:
            return
        self._is_asked = True
        if self._context is not None:
            self._context.cancelled.set()
        if self._interrupt is not None:
            self._interrupt()

    def run(self) -> tuple[dict[str, Any], bytes]:
        """Run it to its end, and tell what has come of it: a head and a body."""
        try:
            try:
                return {"error": None, "exit_code": 0}, self._run()
            except BaseException as error:
                self._interrupt = None
                self.cause = error
                return self._failure(error), b""
        except Cancelled as cancelled:
            # It came while another error was being told.
            return self._failure(cancelled), b""

    def _run(self) -> bytes:
        task = self._task()
        with accepted_before():
            files = map(UploadedFile.from_dict, self._head["files"])
            arguments = task.restore(
                self._head["arguments"], files={file.file: file for file in files}
            )
        self._interrupt = _raise_cancelled
        if self._is_asked:
            raise Cancelled
        made = self._begun(task, arguments)
        if is_awaited(made):
            self._interrupt = None
            made = asyncio.run(self._awaited(made))
        else:
            made = complete(made, report.send)
        self._interrupt = None
        if self._head["step"] == PREPARE and made is not None:
            raise TaskError(f"{self._noun} must return None")
        return result_of(made, of=self._noun)

    async def _awaited(self, made: Any) -> Any:
        current, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert current is not None
        self._interrupt = lambda: loop.call_soon_threadsafe(current.cancel)
        if self._is_asked:
            current.cancel()
        try:
            return await completed(made, report.send)
        finally:
            self._interrupt = None

    def _task(self) -> Task:
        name = self._head["task"]
        if name not in self._registry:
            raise TaskError(
                f"The task {name} is no longer in the folder of the tasks; what was changed there"
                " is known after a reload"
            )
        return self._registry[name]

    def _begun(self, task: Task, arguments: Arguments) -> Any:
        match self._head["step"], task:
            case "function", FunctionTask():
                return task.call(arguments, lambda: self.context)
            case "prepare", ProgramTask():
                return task.prepared(arguments, self.context)
            case "result", ProgramTask():
                return task.parsed(self._output(arguments))
            case "children", BatchTask():
                return task.children(arguments)
            case "gather", BatchTask():
                return task.gather(arguments, Path(self._head["finished"]))
        raise TaskError(f"The task {task.name} has become one of another kind; reload the tasks")

    @property
    def _noun(self) -> str:
        """What it runs, as the subject of sentences."""
        step, name = self._head["step"], self._head["task"]
        return "The function" if step == FUNCTION else f"{name}: {HOOKS[step]}"

    def _failure(self, error: BaseException) -> dict[str, Any]:
        """What the end of the step says if it has raised *error*."""
        match error:
            case Cancelled() | asyncio.CancelledError():
                return _failed(f"{self._noun} was stopped")
            case TaskError() | Error():
                return {**_failed(str(error)), "exception": _kind_of(error)}
        if self._head["step"] != FUNCTION:
            # The owner may know what the program does, but not what a site does around it.
            return {**_failed(f"{self._noun} failed"), "trace": _traceback(error)}
        match error:
            case SystemExit(code=None | 0):
                return {"error": None, "exit_code": 0}
            case SystemExit(code=int(code)):
                code &= 255
                return _failed(f"The function ended with exit code {code}", exit_code=code)
            case SystemExit(code=text):
                self._complain(f"{text}\n")
                return _failed("The function ended with exit code 1")
        self._complain(_traceback(error))
        return {**_failed(_sentence(error)), "exception": _kind_of(error)}

    def _output(self, arguments: Arguments) -> Output:
        size = self._head["stdout"]
        return Output(
            stdout=self._body[:size],
            stderr=self._body[size:],
            exit_code=0,
            directory=self.context.directory,
            arguments=arguments,
            caller=self.context.caller,
        )


def _context(told: Mapping[str, Any]) -> Context:
    caller = told["caller"]
    return Context(
        job_id=told["job_id"],
        task=told["task"],
        attempt=told["attempt"],
        caller=Caller(**{**caller, "teams": tuple(caller["teams"])}),
        directory=Path(told["directory"]),
        deadline=told["deadline"],
    )


def _raise_cancelled() -> None:
    raise Cancelled


def _failed(error: str, *, exit_code: int = 1) -> dict[str, Any]:
    return {"error": error, "exit_code": exit_code}


def _kind_of(error: BaseException) -> str:
    """By which name a task names *error* in its `retries`; with its module unless it is Python's."""
    kind = type(error)
    is_builtin = kind.__module__ == "builtins"
    return kind.__qualname__ if is_builtin else f"{kind.__module__}.{kind.__qualname__}"


def _sentence(error: BaseException) -> str:
    name = type(error).__name__
    try:
        text = str(error).strip()
    except Exception:
        text = ""
    return f"{name}: {text[:TEXT_LIMIT]}" if text else name


def _traceback(error: BaseException) -> str:
    """How *error* came about, from the task's own code on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith((_OURS, _LOOP)):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace or error.__traceback__))
