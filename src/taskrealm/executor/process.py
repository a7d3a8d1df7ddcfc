"""What the runs of programs and of Python code have in common."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import structlog

from ..engine import Exit, SpawnFailed, Work
from ..engine.calls import FUNCTION, HOOKS
from ..protocol.errors import Error
from ..protocol.jobs import now, timestamp
from ..tasks import TaskError
from ..tasks.report import DIRECTORY, SHELL, SHELL_FILE, VARIABLE
from .attempt import Attempt, Ending, failure
from .callers import owner_of
from .collector import Collector
from .exits import reason, signal_name, worker_reason
from .inputs import put_in_place
from .reports import Reports
from .results import success

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..protocol.jobs import Job
    from ..tasks import Arguments, Caller, Output, Task
    from .attempt import Reporter, Running, Surroundings

log = structlog.get_logger()

STDERR_TAIL = 4_096  # bytes of standard error that a failure reports
SMALL = 65_536  # bytes of a result that is read at once


class Ended(NamedTuple):
    """How the last step of an attempt ended: the program, or the task's own code."""

    exit: Exit
    error: str | None = None
    """Why it failed, in words of its own or of the task."""
    result: bytes | None = None
    """What the task's own code has made, as JSON; None if there is none of it."""
    cause: BaseException | None = None
    """What that code raised, for those who may see it."""
    exception: str | None = None
    """The name of what it raised."""

    @property
    def is_success(self) -> bool:
        """Whether all went well, as far as the step knows."""
        return self.error is None and self.exit.code == 0 and self.exit.excess is None


class ProcessAttempt(Attempt):
    """One run of *job*, in processes that can be stopped at any time."""

    noun: ClassVar[str]
    """What runs, as the subject of sentences."""

    def __init__(
        self,
        job: Job,
        task: Task,
        arguments: Arguments,
        surroundings: Surroundings,
        reporter: Reporter,
    ) -> None:
        self._job = job
        self._task = task
        self._arguments = arguments
        self._surroundings = surroundings
        self._reporter = reporter
        # Where its own output begins: an earlier attempt may have printed before it.
        self._starts: dict[str, int] = {}
        self._stderr_tail = bytearray()
        self._errors = "stderr"
        self._limits = task.limits.within(surroundings.limits)
        self._overflow: str | None = None
        self._process: Running | None = None
        self._grace: float | None = None
        self._leftovers = 0
        self._started = time.monotonic()
        self._reports: Reports | None = None

    def stop(self, grace: float) -> None:
        self._grace = grace
        if self._process is not None:
            self._process.stop(grace=grace)

    @abstractmethod
    async def run_steps(self, directory: Path, environment: dict[str, str]) -> Ended:
        """
        Run what the job is about, and give how the last step ended.

        Raises:
            SpawnFailed, Error, TaskError: A step cannot be started.
        """

    @abstractmethod
    def result(self, ended: Ended, reported: tuple[Any, ...]) -> Any:
        """The result of a job that succeeded, which may have *reported* some."""

    async def run(self) -> Ending:
        directory = self._surroundings.folders.lend()
        started = self._started = time.monotonic()
        try:
            if self._arguments.files:
                self._arguments = await put_in_place(
                    self._task,
                    self._arguments,
                    self._surroundings.contents,
                    directory,
                    lambda: self._grace is not None,
                )
            collector = self._collector(directory)
            with Reports(
                self._surroundings.folders.pipes, directory, self._reporter, collector.take
            ) as self._reports:
                environment = self._environment(directory, self._reports.path)
                ended = await self.run_steps(directory, environment)
            self._reporter.output.close()
            self._surroundings.output.close(self._job.job_id)
            ending = await collector.finish(await self._ending(ended, started))
        except (SpawnFailed, Error, TaskError) as error:
            ending = failure(str(error), duration=time.monotonic() - started)
            is_shortage = isinstance(error, SpawnFailed) and error.is_shortage
            ending = ending._replace(is_shortage=is_shortage, cause=error)
        finally:
            self._surroundings.output.close(self._job.job_id)
            await self._surroundings.folders.take_back(directory)
        if self._leftovers:
            log.warning(
                "Killed processes that a program had left behind",
                job_id=self._job.job_id,
                task=self._job.task,
                count=self._leftovers,
            )
            ending.data["leftovers"] = self._leftovers
        return ending

    async def until_ended(self, process: Running) -> Exit:
        """Wait for the end of a step that has just begun, and pass on the wish to stop."""
        self._process = process
        if self._grace is not None:
            process.stop(grace=self._grace)
        exit = await process.wait()
        # It holds this attempt in its turn: without it, both go at once.
        self._process = None
        if self._grace is None and exit.excess is None and self._overflow is None:
            self._leftovers += exit.leftovers
        return exit

    async def in_worker(
        self,
        step: str,
        directory: Path,
        environment: dict[str, str],
        output: Output | None = None,
        **more: Any,
    ) -> Ended:
        """
        Run a *step* of the task's own code in a worker, which is told *more* as well.

        Raises:
            SpawnFailed: No worker can be started.
        """
        order: dict[str, Any] = {
            "step": step,
            "task": self._task.name,
            "arguments": self._task.given(self._arguments),
            "files": [file.as_dict() for file in self._arguments.files.values()],
            "environment": environment,
            "context": {
                "job_id": self._job.job_id,
                "task": self._job.task,
                "attempt": self._job.attempt,
                "caller": {
                    "authid": self._job.owner,
                    "role": self._job.role,
                    "submitted_by": self._job.submitted_by,
                    "teams": self._job.teams,
                },
                "directory": str(directory),
                "deadline": self._started + self._job.timeout,
            },
            **more,
        }
        body = b""
        if output is not None:
            order["stdout"] = len(output.stdout)
            body = output.stdout + output.stderr
        assignment = self._surroundings.work(Work(order, body, self._limits), self._task, self.keep)
        exit = await self.until_ended(assignment)
        if assignment.reply is None:
            noun = self.noun if step == FUNCTION else HOOKS[step]
            return Ended(exit, None if exit.excess else worker_reason(exit, noun))
        head = assignment.reply.head
        if "trace" in head:
            log.error(head["error"], job_id=self._job.job_id, trace=head["trace"])
        exception = head.get("exception")
        return Ended(exit, head["error"], assignment.reply.body, assignment.cause, exception)

    def _collector(self, directory: Path) -> Collector:
        collector = Collector(
            self._job, self._task, self._surroundings.artifacts, directory, self._reporter
        )
        if self._arguments.files:
            collector.ignore(file.name for file in self._arguments.files.values())
        return collector

    @property
    def _caller(self) -> Caller:
        return owner_of(self._job)

    def variables(self) -> Mapping[str, str]:
        """The variables that the task gives to the job."""
        return self._task.environment

    def _environment(self, directory: Path, pipe: Path) -> dict[str, str]:
        trace, home = self._job.traceparent, str(directory)
        return {
            **self._surroundings.environment,
            **self.variables(),
            "HOME": home,
            "TMPDIR": home,
            VARIABLE: str(pipe),
            DIRECTORY: home,
            SHELL: SHELL_FILE,
            "TASKREALM_JOB_ID": self._job.job_id,
            "TASKREALM_ATTEMPT": str(self._job.attempt),
            "TASKREALM_TASK": self._job.task,
            "TASKREALM_OWNER": self._job.owner,
            "TASKREALM_DEADLINE": timestamp(now() + timedelta(seconds=self._job.timeout)),
            **({} if trace is None else {"TRACEPARENT": trace}),
        }

    def keep(self, stream: str, data: bytes) -> int:
        """Keep what was printed, and pass it on; gives where in the stream that is."""
        limit = self._limits.output
        offset = self._surroundings.output.append(self._job.job_id, stream, data, limit=limit)
        self._reporter.output.add(stream, offset, data)
        printed = offset + len(data) - self._starts.setdefault(stream, offset)
        if limit is not None and printed > limit and self._limits.overflow == "fail":
            self._overflow = self._overflow or stream
            if self._process is not None:
                self._process.kill()
        if stream == self._errors:
            self._stderr_tail += data[-STDERR_TAIL:]
            del self._stderr_tail[:-STDERR_TAIL]
        return offset

    async def _ending(self, ended: Ended, started: float) -> Ending:
        duration = time.monotonic() - started
        if ended.is_success and self._grace is None and self._overflow is None:
            assert self._reports is not None
            is_small = ended.result is None or len(ended.result) <= SMALL
            if is_small:
                result = self.result(ended, self._reports.result)
            else:
                result = await asyncio.to_thread(self.result, ended, self._reports.result)
            return await success(
                self._job.job_id, result, duration, self._surroundings, is_small=is_small
            )
        error = self._overflowed() if self._overflow is not None else ended.error
        ending = failure(
            error or reason(ended.exit, self.noun),
            exit_code=ended.exit.code,
            signal=signal_name(ended.exit.signal),
            stderr_tail=self._stderr_tail.decode(errors="replace"),
            duration=duration,
        )
        if ended.exception is not None and error == ended.error:
            ending.data["exception"] = ended.exception
        return ending._replace(cause=ended.cause)

    def _overflowed(self) -> str:
        return (
            f"{self.noun} printed more than {self._limits.output} bytes on {self._overflow},"
            " which is the limit of its task"
        )
