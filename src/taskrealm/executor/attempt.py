"""One run of a job, whatever its kind, and the data of its terminal event."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ..engine import Process
from ..protocol.jobs import EventType
from ..protocol.values import value
from .delays import Deadlines

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

    from ..engine import Exit, Message, Program, Work
    from ..journal import AuditRecord, ContentStore, OutputStore
    from ..tasks import Limits, Progress, Task
    from .batches import Batches
    from .collector import ArtifactStore
    from .feed import OutputFeed
    from .folders import WorkFolders
    from .questions import Question


class Ending(NamedTuple):
    """How an attempt ended: the type and data of the terminal event."""

    type: EventType
    data: dict[str, Any]
    is_shortage: bool = False
    """Whether no program ran at all because the machine had no means to start one just then."""
    artifact: dict[str, Any] | None = None
    """What the event before says, if the job has left a file."""
    cause: BaseException | None = None
    """What the task's own code raised, for those who may see it."""
    audit: AuditRecord | None = None
    """Who has asked for it, if somebody has."""


@dataclass(frozen=True, slots=True)
class Setback:
    """Why an attempt was not the last one of its job."""

    failure: str | int
    """By which of its names the task wants to run again: an exit code, `lost`, ..."""
    reason: str


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


class Running(Protocol):
    """A program that runs; `engine.Process` is one."""

    def stop(self, *, grace: float) -> None: ...
    def kill(self) -> None: ...
    async def wait(self) -> Exit: ...


class StepRun(Running, Protocol):
    """A step of the task's own code that runs; `engine.Assignment` is one."""

    @property
    def reply(self) -> Message | None: ...
    @property
    def cause(self) -> BaseException | None: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every attempt on this node has in common."""

    node_id: str
    folders: WorkFolders
    environment: Mapping[str, str]
    """The part of the environment that all programs receive."""
    output: OutputStore
    limits: Limits
    """What a job may use up unless its task says otherwise."""
    output_chunk: int
    """Bytes of output in one publication at most."""
    result_size: int
    """Bytes of a result in an event at most; a bigger one becomes an artifact."""
    work: Callable[[Work, Task, Callable[[str, bytes], object]], StepRun]
    """Runs a step of the own code of a task."""
    contents: ContentStore
    """Where the files are that jobs are given."""
    artifacts: ArtifactStore
    """Where those are kept that jobs leave."""
    batches: Batches | None = None
    """What batches ask of the executor, which adds it."""
    start: Callable[[Program, Callable[[str, bytes], None]], Running] = Process.start
    """Starts a program, in the running loop."""
    deadlines: Deadlines = field(default_factory=Deadlines)
    """When the jobs that run have used up their time."""


@value
class Reporter:
    """Where the output, the progress and the messages of an attempt go."""

    output: OutputFeed
    progress: Callable[[Progress], None]
    """Takes how far it has come."""
    messages: Callable[[list[dict[str, Any]]], asyncio.Future[None]]
    """Takes the data of `message` events, and gives when they are recorded."""
    artifacts: Callable[[dict[str, Any]], asyncio.Future[None]]
    """Takes the data of an `artifact` event, and gives when it is recorded."""
    ask: Callable[[Question], None]
    """Takes a question for the owner; the answer goes where the question says."""
    update: Callable[[list[str], dict[str, Any]], None]
    """Takes further tags of the job, and data to be noted about it."""


class Attempt(ABC):
    """One run of a job; there is a subclass for each kind of task."""

    @abstractmethod
    def stop(self, grace: float) -> None:
        """
        Ask what runs to end, and kill everything it started after *grace* seconds.

        What has not been started yet is stopped as soon as it is.
        """

    @abstractmethod
    async def run(self) -> Ending:
        """Run to the end, and give what the terminal event says."""
