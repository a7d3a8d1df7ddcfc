"""Runs a task without a node, for the unit tests of a site."""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..client.outcomes import result_of
from ..executor.attempt import Attempt, Ending, Reporter, Surroundings
from ..executor.collector import ArtifactStore
from ..executor.feed import OutputFeed
from ..executor.folders import WorkFolders
from ..executor.kinds import attempt_at
from ..executor.live import KEPT
from ..executor.questions import Question, Questions
from ..journal import Artifacts, Journal
from ..protocol.errors import InvalidArguments, UnknownTask
from ..protocol.jobs import Event, EventType, Job, State, new_job_id, now
from ..settings import ExecutorSettings, FileSettings
from ..tasks import BatchTask, Caller, Limits, ready
from ..tasks.python import declaration_of
from ..tasks.yields import RESULT_LIMIT
from .files import left, sent
from .inside import InsideRun
from .kept import KeptProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..journal import OutputStore
    from ..tasks import Arguments, Progress, Task

OWNER = "test"
"""For whom a task is tried unless the test says otherwise."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial ended, and what happened in it."""

    job_id: str
    state: State
    stdout: str
    stderr: str
    events: tuple[Event, ...]
    """From `started` to the terminal one; of progress that was reported at once, the latest."""
    tags: tuple[str, ...] = ()
    """The tags that the job gave itself."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What it noted about itself."""
    artifacts: Mapping[str, bytes] = field(default_factory=dict)
    """What is in the files that it left, by their names."""
    cause: BaseException | None = field(default=None, repr=False)
    """What the task's own code raised, if that was the end."""

    @property
    def result(self) -> Any:
        """
        The result of the job.

        Raises:
            JobEnded: It ended without one; the same exceptions as those of `Job.result`.
        """
        try:
            return result_of(self.job_id, self.state, self.events[-1].data)
        except Exception as error:
            raise error from self.cause

    @property
    def messages(self) -> list[str]:
        """The texts of its messages."""
        return [each.data["text"] for each in self.events if each.type is EventType.MESSAGE]

    @property
    def progress(self) -> list[float | None]:
        """The fractions that were reported."""
        return [each.data["fraction"] for each in self.events if each.type is EventType.PROGRESS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """
    How tasks are tried: for whom, for how long, in which environment.

        outcome = Trial(owner="ana", role="operator").run(Cleanup, days=3)
    """

    owner: str = OWNER
    role: str = "user"
    submitted_by: str | None = None
    """Who asked for the job; the owner if None."""
    timeout: float | None = None
    """Seconds that the job may run; may only shorten what the task allows."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables besides those that a node passes on to jobs."""
    answers: Mapping[str, Any] = field(default_factory=dict)
    """What the owner answers to a question, by its text; others run out of time at once."""

    def run(self, declaration: Any, /, *args: Any, **kwargs: Any) -> Outcome:
        """
        Run the task that *declaration*, a class or a function, stands for, and wait for its end.

        The arguments are such as a client sends, a `Path` or a `File` for a file among them,
        and are checked as a node does. A program is run with the task's own limits, in a working
        directory that is removed afterwards; Python code in a thread of this process.

        Raises:
            TypeError: It is a batch; these need a node.
            TaskError: The declaration is wrong, or the task's own code failed before the start.
            UnknownTask: The role may not run it.
            InvalidArguments, TooLarge, Error: The node would refuse the request.
            RuntimeError: There is a running event loop; call it by `asyncio.to_thread` then.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            task = ready(declaration_of(declaration) or declaration)
            return asyncio.run(self._run(task, args, kwargs))
        raise RuntimeError("In a coroutine use `await asyncio.to_thread(run, ...)`")

    async def _run(self, task: Task, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Outcome:
        if isinstance(task, BatchTask):
            raise TypeError(
                f"{task.name} is a batch, whose children need a node: use taskrealm_client"
            )
        caller = Caller(self.owner, self.role, self.submitted_by or self.owner)
        if not task.admits(caller):
            raise UnknownTask(f"There is no task {task.name!r} that the role {self.role} may run")
        allowed = ExecutorSettings().timeout if task.timeout is None else task.timeout
        if self.timeout is not None and self.timeout > allowed:
            raise InvalidArguments(fields={"timeout": f"must not exceed the task's {allowed:g} s"})
        with tempfile.TemporaryDirectory(prefix="tr-") as path:
            root = Path(path)
            journal = await Journal.open(
                root / "journal", output_limit=ExecutorSettings().output_limit, on_commit=_nobody
            )
            try:
                return await self._try(task, args, kwargs, caller, allowed, journal, root)
            finally:
                await journal.close()

    async def _try(
        self,
        task: Task,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        caller: Caller,
        allowed: float,
        journal: Journal,
        root: Path,
    ) -> Outcome:
        args, kwargs, files = await sent(journal, self.owner, args, kwargs)
        arguments = await task.prepare(task.bind(args, kwargs, files), caller)
        job = Job(
            job_id=new_job_id(),
            task=task.name,
            owner=caller.authid,
            submitted_by=caller.submitted_by,
            role=caller.role,
            arguments=arguments.values,
            submitted_at=now(),
            state=State.RUNNING,
            attempt=1,
            timeout=allowed if self.timeout is None else self.timeout,
            started_at=now(),
        )
        surroundings = self._surroundings(root, journal)
        try:
            outcome = await _Course(job, task, arguments, self.answers).run(surroundings)
        finally:
            surroundings.folders.close()
        return replace(outcome, artifacts=await left(journal, job.job_id))

    def _surroundings(self, root: Path, journal: Journal) -> Surroundings:
        settings = ExecutorSettings()
        passed = {name: os.environ[name] for name in settings.environment if name in os.environ}
        return Surroundings(
            node_id=f"trial-{secrets.token_hex(8)}",
            folders=WorkFolders(root / "jobs"),
            environment={**passed, **self.environment},
            output=journal.output,
            limits=Limits(output=settings.output_limit, **settings.limits.model_dump()),
            output_chunk=settings.output_limit,
            result_size=RESULT_LIMIT,
            work=InsideRun,
            contents=journal.contents,
            artifacts=ArtifactStore.of(Artifacts(journal), FileSettings()),
            start=KeptProcess,
        )


class _Course:
    """What happens to one job, from its start to its end."""

    def __init__(
        self, job: Job, task: Task, arguments: Arguments, answers: Mapping[str, Any]
    ) -> None:
        self._job = job
        self._task = task
        self._arguments = arguments
        self._answers = answers
        self._questions = Questions(job.job_id, self._record)
        self._tags: list[str] = []
        self._data: dict[str, Any] = {}
        self._events: list[Event] = []
        self._is_late = False

    async def run(self, surroundings: Surroundings) -> Outcome:
        self._note(EventType.STARTED, {})
        reporter = Reporter(
            OutputFeed(lambda: False, lambda _: True, chunk=surroundings.output_chunk),
            self._move,
            self._tell,
            lambda data: self._record(EventType.ARTIFACT, data),
            self._ask,
            self._update,
        )
        attempt = attempt_at(self._job, self._task, self._arguments, surroundings, reporter)
        timer = asyncio.get_running_loop().call_later(self._job.timeout, self._time_out, attempt)
        try:
            ending = await attempt.run()
        finally:
            timer.cancel()
        if self._is_late:
            kept = {name: ending.data[name] for name in KEPT if name in ending.data}
            ending = Ending(EventType.TIMED_OUT, {"timeout": self._job.timeout, **kept})
        elif ending.artifact is not None:
            self._note(EventType.ARTIFACT, ending.artifact)
        self._note(ending.type, ending.data)
        return Outcome(
            job_id=self._job.job_id,
            state=State(ending.type),
            stdout=self._printed(surroundings.output, "stdout"),
            stderr=self._printed(surroundings.output, "stderr"),
            events=tuple(self._events),
            tags=tuple(self._tags),
            data=self._data,
            cause=ending.cause,
        )

    def _time_out(self, attempt: Attempt) -> None:
        self._is_late = True
        attempt.stop(self._task.grace)

    def _move(self, progress: Progress) -> None:
        # All of it, so that no test has to be slow to see it.
        self._note(EventType.PROGRESS, asdict(progress))

    def _tell(self, messages: list[dict[str, Any]]) -> asyncio.Future[None]:
        for message in messages[:-1]:
            self._note(EventType.MESSAGE, message)
        return self._record(EventType.MESSAGE, messages[-1])

    def _ask(self, question: Question) -> None:
        if question.text not in self._answers:
            question = replace(question, timeout=0.0)
        problem = self._questions.ask(question)
        if problem is None and question.text in self._answers:
            self._questions.answer(question.id, self._answers[question.text], self._job.owner)

    def _update(self, tags: list[str], data: dict[str, Any]) -> None:
        self._tags += tags
        self._data |= data

    def _record(
        self, kind: EventType, data: dict[str, Any], _audit: object = None
    ) -> asyncio.Future[None]:
        self._note(kind, data)
        recorded = asyncio.get_running_loop().create_future()
        recorded.set_result(None)
        return recorded

    def _note(self, kind: EventType, data: dict[str, Any]) -> None:
        self._events.append(
            Event(
                owner=self._job.owner,
                epoch=None,
                seq=None,
                job_id=self._job.job_id,
                job_seq=len(self._events) + 1,
                task=self._job.task,
                type=kind,
                at=now(),
                attempt=self._job.attempt,
                data=data,
            )
        )

    def _printed(self, output: OutputStore, stream: str) -> str:
        size = output.size(self._job.job_id, stream).printed
        parts = []
        offset = 0
        while offset < size:
            chunk = output.read(self._job.job_id, stream, offset, size - offset)
            parts.append(chunk.data)
            offset = chunk.next
        return b"".join(parts).decode(errors="replace")


def _nobody(_: list[Event]) -> None:
    """Tell nobody what was committed."""


run = Trial().run
