"""One run of a job's program, from its start to the data of its terminal event."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..engine import Exit, Process, Program, SpawnFailed
from ..protocol.errors import Error
from ..protocol.jobs import EventType, Job
from ..tasks import Arguments, Caller, Output, Task, TaskError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..journal import OutputStore
    from .feed import OutputFeed, ProgressFeed
    from .folders import WorkFolders

STDERR_TAIL = 4_096  # bytes of standard error that a failure reports
OUTPUT_HEAD = 65_536  # bytes of each stream kept in memory for the result


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended: the type and data of the terminal event."""

    type: EventType
    data: dict[str, Any]


def failure(
    error: str,
    *,
    exit_code: int | None = None,
    signal: str | None = None,
    stderr_tail: str = "",
    duration: float | None = None,
) -> Ending:
    """The end of a job that failed, because of *error*."""
    return Ending(
        EventType.FAILED,
        {
            "error": error,
            "exit_code": exit_code,
            "signal": signal,
            "stderr_tail": stderr_tail,
            "duration": duration,
        },
    )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every attempt on this node has in common."""

    node_id: str
    folders: WorkFolders
    environment: Mapping[str, str]
    """The part of the environment that all programs receive."""
    output: OutputStore


class Attempt:
    """One run of the program of *job*."""

    def __init__(
        self,
        job: Job,
        task: Task,
        arguments: Arguments,
        surroundings: Surroundings,
        *,
        output: OutputFeed,
        progress: ProgressFeed,
    ) -> None:
        self._job = job
        self._task = task
        self._arguments = arguments
        self._surroundings = surroundings
        self._output = output
        self._progress = progress
        self._parser = task.progress_parser()
        self._heads = {"stdout": bytearray(), "stderr": bytearray()}
        self._stderr_tail = bytearray()
        self._process: Process | None = None
        self._grace: float | None = None

    def stop(self, grace: float) -> None:
        """
        Ask the program to end, and kill everything it started after *grace* seconds.

        A program that has not been started yet is stopped as soon as it is.
        """
        self._grace = grace
        if self._process is not None:
            self._process.stop(grace=grace)

    async def run(self) -> Ending:
        """Run the program to its end and give what its terminal event says."""
        directory = self._surroundings.folders.lend()
        started = time.monotonic()
        try:
            self._process = Process.start(
                Program(
                    argv=self._task.argv(self._arguments),
                    environment=self._environment(directory),
                    directory=directory,
                    cookie=f"{self._surroundings.node_id}.{self._job.job_id}.{self._job.attempt}",
                ),
                self._take,
            )
            if self._grace is not None:
                self._process.stop(grace=self._grace)
            exit = await self._process.wait()
            self._output.close()
            return await self._ending(exit, directory, started)
        except (SpawnFailed, Error, TaskError) as error:
            return failure(str(error), duration=time.monotonic() - started)
        finally:
            self._surroundings.output.close(self._job.job_id)
            await self._surroundings.folders.take_back(directory)

    def _environment(self, directory: Path) -> dict[str, str]:
        return {
            **self._surroundings.environment,
            **self._task.environment,
            "HOME": str(directory),
            "TMPDIR": str(directory),
            "TASKREALM_JOB_ID": self._job.job_id,
            "TASKREALM_ATTEMPT": str(self._job.attempt),
            "TASKREALM_TASK": self._job.task,
            "TASKREALM_OWNER": self._job.owner,
        }

    def _take(self, stream: str, data: bytes) -> None:
        offset, kept = self._surroundings.output.append(self._job.job_id, stream, data)
        if kept:
            self._output.add(stream, offset, data[:kept])
        head = self._heads[stream]
        head += data[: OUTPUT_HEAD - len(head)]
        if stream == "stderr":
            self._stderr_tail += data[-STDERR_TAIL:]
            del self._stderr_tail[:-STDERR_TAIL]
        if self._parser is not None:
            progress = self._parser.feed(stream, data)
            if progress is not None:
                self._progress.add(progress)

    async def _ending(self, exit: Exit, directory: Path, started: float) -> Ending:
        duration = time.monotonic() - started
        if exit.code == 0 and self._grace is None:
            output = Output(
                stdout=await self._printed("stdout"),
                stderr=await self._printed("stderr"),
                exit_code=exit.code,
                directory=directory,
                arguments=self._arguments,
                caller=Caller(self._job.owner, self._job.role, self._job.submitted_by),
            )
            result = await self._task.result(output)
            return Ending(EventType.SUCCEEDED, {"result": result, "duration": duration})
        return failure(
            _reason(exit),
            exit_code=exit.code,
            signal=_signal_name(exit.signal),
            stderr_tail=self._stderr_tail.decode(errors="replace"),
            duration=duration,
        )

    async def _printed(self, stream: str) -> bytes:
        """All that the journal keeps of *stream*."""
        head = self._heads[stream]
        if len(head) < OUTPUT_HEAD:
            return bytes(head)
        store = self._surroundings.output
        size = store.sizes(self._job.job_id)[stream].kept
        chunk = await asyncio.to_thread(store.read, self._job.job_id, stream, 0, size)
        return chunk.data


def _reason(exit: Exit) -> str:
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
