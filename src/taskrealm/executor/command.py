"""One run of a job's program, from its start to its end."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog

from ..engine import Exit, Program, SpawnFailed
from ..protocol.errors import Error
from ..protocol.jobs import now, timestamp
from ..tasks import TEXT_LIMIT, Arguments, Caller, Output, ProgramTask, TaskError
from ..tasks.report import DIRECTORY, SHELL, SHELL_FILE, VARIABLE
from .attempt import Attempt, Ending, failure
from .reports import Reports
from .results import success
from .step import Step, StepStopped

if TYPE_CHECKING:
    from pathlib import Path

    from ..protocol.jobs import Job
    from .attempt import Reporter, Running, Surroundings

log = structlog.get_logger()

STDERR_TAIL = 4_096  # bytes of standard error that a failure reports
OUTPUT_HEAD = TEXT_LIMIT + 1  # bytes of each stream kept in memory for the result
TERM = "xterm-256color"  # the kind of terminal that a task may ask for


class CommandAttempt(Attempt):
    """One run of the program of *job*."""

    def __init__(
        self,
        job: Job,
        task: ProgramTask,
        arguments: Arguments,
        surroundings: Surroundings,
        reporter: Reporter,
    ) -> None:
        self._job = job
        self._task = task
        self._arguments = arguments
        self._surroundings = surroundings
        self._reporter = reporter
        self._parser = task.progress_parser()
        # Where its own output begins: an earlier attempt may have printed before it.
        self._begins: dict[str, int] = {}
        self._heads = {"stdout": bytearray(), "stderr": bytearray()}
        self._stderr_tail = bytearray()
        # On a terminal there is but one stream.
        self._errors = "stderr" if task.terminal is None else "stdout"
        self._limits = task.limits.within(surroundings.limits)
        self._overflow: str | None = None
        self._process: Running | None = None
        self._grace: float | None = None
        self._last_step: Step | None = None
        self._reports: Reports | None = None

    def stop(self, grace: float) -> None:
        self._grace = grace
        if self._process is not None:
            self._process.stop(grace=grace)
        if self._last_step is not None:
            self._last_step.stop(grace)

    async def run(self) -> Ending:
        directory = self._surroundings.folders.lend()
        pipe = self._surroundings.folders.pipe(self._job.job_id)
        started = time.monotonic()
        leftovers = 0
        try:
            with Reports(pipe, directory, self._reporter) as self._reports:
                self._process = self._surroundings.start(
                    Program(
                        argv=self._task.argv(self._arguments),
                        environment=self._environment(directory, pipe),
                        directory=directory,
                        cookie=f"{self._surroundings.node_id}.{self._job.job_id}.{self._job.attempt}",
                        limits=self._limits,
                        stdin=self._task.stdin(self._arguments),
                        terminal=self._task.terminal,
                    ),
                    self._take,
                )
                if self._grace is not None:
                    self._process.stop(grace=self._grace)
                exit = await self._process.wait()
                self._keep("stdout", self._reports.rest())
            self._reporter.output.close()
            self._surroundings.output.close(self._job.job_id)
            if self._grace is None and exit.excess is None and self._overflow is None:
                leftovers = exit.leftovers
            ending = await self._ending(exit, directory, started)
        except (SpawnFailed, Error, TaskError) as error:
            ending = failure(str(error), duration=time.monotonic() - started)
            is_shortage = isinstance(error, SpawnFailed) and error.is_shortage
            ending = replace(ending, is_shortage=is_shortage, cause=error)
        finally:
            self._surroundings.output.close(self._job.job_id)
            await self._surroundings.folders.take_back(directory)
        if leftovers:
            log.warning(
                "Killed processes that a program had left behind",
                job_id=self._job.job_id,
                task=self._job.task,
                count=leftovers,
            )
            ending.data["leftovers"] = leftovers
        return ending

    def _environment(self, directory: Path, pipe: Path) -> dict[str, str]:
        return {
            **self._surroundings.environment,
            **({} if self._task.terminal is None else {"TERM": TERM}),
            **self._task.variables(self._arguments),
            "HOME": str(directory),
            "TMPDIR": str(directory),
            VARIABLE: str(pipe),
            DIRECTORY: str(directory),
            SHELL: str(SHELL_FILE),
            "TASKREALM_JOB_ID": self._job.job_id,
            "TASKREALM_ATTEMPT": str(self._job.attempt),
            "TASKREALM_TASK": self._job.task,
            "TASKREALM_OWNER": self._job.owner,
            "TASKREALM_DEADLINE": timestamp(now() + timedelta(seconds=self._job.timeout)),
        }

    def _take(self, stream: str, data: bytes) -> None:
        if self._task.reports_on_stdout and stream == "stdout" and self._reports is not None:
            data = self._reports.sift(data)
        self._keep(stream, data)

    def _keep(self, stream: str, data: bytes) -> None:
        if not data:
            return
        limit = self._limits.output
        offset = self._surroundings.output.append(self._job.job_id, stream, data, limit=limit)
        self._reporter.output.add(stream, offset, data)
        printed = offset + len(data) - self._begins.setdefault(stream, offset)
        if limit is not None and printed > limit and self._limits.overflow == "fail":
            self._overflow = self._overflow or stream
            if self._process is not None:
                self._process.kill()
        head = self._heads[stream]
        head += data[: OUTPUT_HEAD - len(head)]
        if stream == self._errors:
            self._stderr_tail += data[-STDERR_TAIL:]
            del self._stderr_tail[:-STDERR_TAIL]
        if self._parser is not None:
            progress = self._parser.feed(stream, data)
            if progress is not None:
                self._reporter.progress.add(progress)

    async def _ending(self, exit: Exit, directory: Path, started: float) -> Ending:
        duration = time.monotonic() - started
        if (
            exit.code == 0
            and self._grace is None
            and self._overflow is None
            and exit.excess is None
        ):
            is_stoppable = self._task.has_stoppable_result
            self._last_step = Step(self._result(directory), is_stoppable=is_stoppable)
            try:
                result = await self._last_step.outcome()
            except StepStopped:
                return failure("The making of its result was stopped", duration=duration)
            return await success(self._job.job_id, result, duration, self._surroundings)
        return failure(
            _reason(exit) if self._overflow is None else self._overflowed(),
            exit_code=exit.code,
            signal=_signal_name(exit.signal),
            stderr_tail=self._stderr_tail.decode(errors="replace"),
            duration=duration,
        )

    def _overflowed(self) -> str:
        return (
            f"The program printed more than {self._limits.output} bytes on {self._overflow},"
            " which is the limit of its task"
        )

    async def _result(self, directory: Path) -> Any:
        if self._reports is not None and self._reports.result and not self._task.parses_result:
            return self._reports.result[0]
        output = Output(
            stdout=await self._printed("stdout"),
            stderr=await self._printed("stderr"),
            exit_code=0,
            directory=directory,
            arguments=self._arguments,
            caller=Caller(self._job.owner, self._job.role, self._job.submitted_by),
        )
        return await self._task.result(output)

    async def _printed(self, stream: str) -> bytes:
        """All that the journal keeps of what it printed, with a line where bytes are missing."""
        head = self._heads[stream]
        if len(head) < OUTPUT_HEAD or not self._task.parses_result:
            return bytes(head)
        return await asyncio.to_thread(self._read, stream)

    def _read(self, stream: str) -> bytes:
        store, job_id = self._surroundings.output, self._job.job_id
        size = store.size(job_id, stream).printed
        parts: list[bytes] = []
        offset = self._begins.get(stream, 0)
        while offset < size:
            chunk = store.read(job_id, stream, offset, size - offset)
            if chunk.offset > offset:
                parts.append(b"\n[%d bytes were not kept]\n" % (chunk.offset - offset))
            if chunk.next == offset:
                break  # somebody has removed the files
            parts.append(chunk.data)
            offset = chunk.next
        return b"".join(parts)


def _reason(exit: Exit) -> str:
    if exit.excess is not None:
        return exit.excess
    if exit.signal == signal.SIGKILL:
        return (
            "The program was ended by SIGKILL, which nobody here sent: most likely the kernel"
            " was out of memory"
        )
    if exit.signal is not None:
        return f"The program was ended by {_signal_name(exit.signal)}"
    if exit.code is not None:
        return f"The program ended with exit code {exit.code}"
    return "The program ended, but nobody knows how"


def _signal_name(number: int | None) -> str | None:
    if number is None:
        return None
    try:
        return signal.Signals(number).name
    except ValueError:  # most of the real-time signals have no name
        return f"signal {number}"
