"""One run of a job's program, from its start to its end."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from ..engine import Program
from ..engine.calls import PREPARE, RESULT
from ..tasks import TEXT_LIMIT, Output
from ..tasks.program import printed_result
from .process import Ended, ProcessAttempt

if TYPE_CHECKING:
    from pathlib import Path

    from ..protocol.jobs import Job
    from ..tasks import Arguments, ProgramTask
    from .attempt import Reporter, Surroundings

OUTPUT_HEAD = TEXT_LIMIT + 1  # bytes of each stream kept in memory for the result
TERM = "xterm-256color"  # the kind of terminal that a task may ask for


class CommandAttempt(ProcessAttempt):
    """One run of the program of *job*, and of the task's own code around it."""

    noun = "The program"

    def __init__(
        self,
        job: Job,
        task: ProgramTask,
        arguments: Arguments,
        surroundings: Surroundings,
        reporter: Reporter,
    ) -> None:
        super().__init__(job, task, arguments, surroundings, reporter)
        self._program = task
        self._parser = task.progress_parser()
        self._heads = {"stdout": bytearray(), "stderr": bytearray()}
        # Where its own output begins: others may have printed before it.
        self._begins: dict[str, int] = {}
        # On a terminal there is but one stream.
        self._terminal = task.terminal
        self._errors = "stderr" if self._terminal is None else "stdout"

    async def run_steps(self, directory: Path, environment: dict[str, str]) -> Ended:
        if self._program.has_preparation:
            prepared = await self.in_worker(PREPARE, directory, environment)
            if not prepared.is_success or self._grace is not None:
                return prepared
        process = self._surroundings.start(
            Program(
                argv=self._program.argv(self._arguments),
                environment=environment,
                directory=directory,
                cookie=f"{self._surroundings.node_id}.{self._job.job_id}.{self._job.attempt}",
                limits=self._limits,
                stdin=self._program.stdin(self._arguments),
                terminal=self._terminal,
            ),
            self._take_from_program,
        )
        ended = Ended(await self.until_ended(process))
        if self._reports is not None:
            self._keep_printed("stdout", self._reports.rest())
        if not self._program.parses_result or not ended.is_success or self._grace is not None:
            return ended
        return await self.in_worker(RESULT, directory, environment, await self._output(directory))

    def result(self, ended: Ended, reported: tuple[Any, ...]) -> Any:
        if self._program.parses_result:
            return None if ended.result is None else json.loads(ended.result)
        return reported[0] if reported else printed_result(bytes(self._heads["stdout"]))

    def variables(self) -> dict[str, str]:
        variables = self._program.variables(self._arguments)
        return variables if self._terminal is None else {"TERM": TERM, **variables}

    def _take_from_program(self, stream: str, data: bytes) -> None:
        if self._program.reports_on_stdout and stream == "stdout" and self._reports is not None:
            data = self._reports.sift(data)
        self._keep_printed(stream, data)

    def _keep_printed(self, stream: str, data: bytes) -> None:
        if not data:
            return
        self._begins.setdefault(stream, self.keep(stream, data))
        head = self._heads[stream]
        head += data[: OUTPUT_HEAD - len(head)]
        if self._parser is not None:
            progress = self._parser.feed(stream, data)
            if progress is not None:
                self._reporter.progress(progress)

    async def _output(self, directory: Path) -> Output:
        return Output(
            stdout=await self._printed("stdout"),
            stderr=await self._printed("stderr"),
            exit_code=0,
            directory=directory,
            arguments=self._arguments,
            caller=self._caller,
        )

    async def _printed(self, stream: str) -> bytes:
        """All that the journal keeps of what it printed, with a line where bytes are missing."""
        head = self._heads[stream]
        if len(head) < OUTPUT_HEAD:
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
