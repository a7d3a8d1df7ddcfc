"""What every kind of task has in common, and what the task's own code is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn

from .limits import Limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Mapping, Sequence

    from .artifacts import Artifact
    from .capacity import Rate
    from .retry import Retry
    from .schedule import Schedule
    from .uploads import UploadedFile

ROLES = frozenset({"user", "backend", "operator"})
"""The roles that can be allowed to run a task."""
TEAM = "team:"
"""Begins the name of a team where else there is a role."""
NONE: Mapping[str, Any] = MappingProxyType({})
"""What very many jobs have of secrets and files."""


@dataclass(frozen=True, slots=True)
class Caller:
    """For whom a job runs, in which role, and who asked for it."""

    authid: str
    role: str
    submitted_by: str
    teams: tuple[str, ...] = ()
    """The site's own names for the groups of people that it belongs to."""


class Definition:
    """
    The base of `CommandTask` and the other kinds of task: the settings that they share.

    The annotated attributes of a task are its parameters, in order; a default makes one
    optional. In a property and in the methods that a task may have the attributes are the
    arguments of the one job in question. Constants of your own are written in capitals; a
    class whose name begins with `_` is a base, not a task.
    """

    name: ClassVar[str]
    """Lower-case words, digits and `_`, in groups separated by dots."""
    timeout: ClassVar[float | None] = None
    """Seconds a job may run; None for what the node allows."""
    grace: ClassVar[float] = 10.0
    """Seconds between asking the program to stop and killing it."""
    limits: ClassVar[Limits] = Limits()
    """What else a job may use up: memory, processor time, processes, files, output."""
    retries: ClassVar[int | Retry] = 0
    """
    How often a job may run again when its executor died while it ran, or when the machine
    had no means to start it; `Retry` names other failures, and the pauses. More than 0 only
    if the program may safely run twice.
    """
    expires: ClassVar[float | None] = None
    """Seconds a job may wait for a worker slot; None for as long as it takes."""
    duplicates: ClassVar[Literal["same", "refuse"]] = "same"
    """
    What a request gets that repeats the key of an earlier one: the `same` job, or a refusal.
    """
    schedules: ClassVar[Sequence[Schedule]] = ()
    """When jobs are made without anybody asking."""
    roles: ClassVar[Collection[str]] = ROLES
    """Who may run the task: roles, and teams such as `team:editors`."""
    slots: ClassVar[int] = 1
    """How many of the node's worker slots a job takes; none if it only waits for others."""
    group: ClassVar[str | None] = None
    """The group of tasks that share some of the slots; the node's settings say how many."""
    most_running: ClassVar[int | None] = None
    """How many jobs of the task may run at once; None for as many as there are slots."""
    most_running_per_user: ClassVar[int | None] = None
    """How many of those may be of one user."""
    rate: ClassVar[Rate | None] = None
    """How many jobs of the task one user may ask for in a while."""
    environment: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """Variables for the program besides those that the node gives to all."""
    artifacts: ClassVar[Sequence[str | Artifact]] = ()
    """Files below the working directory that a job leaves for its owner: names and patterns."""

    def validate(
        self, caller: Caller
    ) -> Mapping[str, object] | Awaitable[Mapping[str, object] | None] | None:
        """
        Look at a request before it is accepted; a plain method or a coroutine.

        Returns:
            None, or the arguments to change, which are then checked like given ones.

        Raises:
            InvalidArguments: The request is refused, for the given reasons.
        """
        return None

    def may_cancel(self, caller: Caller) -> Awaitable[None] | None:
        """
        Look at the wish of *caller* to cancel the job; a plain method or a coroutine.

        To clean up there is `grace`; this is for what must not be stopped by everybody. Time
        limits do not ask, nor does a node that stops, nor an operator who cancels with
        `now`. A method that fails or takes too long refuses.

        Raises:
            NotAuthorized: The job goes on; the caller reads the sentence.
        """
        return None

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(
            f"Arguments do not change by assignment; return {{{name!r}: ...}} from validate"
        )


@dataclass(frozen=True, slots=True)
class Arguments:
    """
    The arguments of one job: `values` as JSON, and `model`, their task with them as attributes.

    In `values` a mask stands for each secret; `secrets` holds them. `files` are the uploads
    among them, by id.
    """

    values: dict[str, Any]
    model: Any
    secrets: Mapping[str, str] = field(default_factory=lambda: NONE, repr=False)
    files: Mapping[str, UploadedFile] = field(default_factory=lambda: NONE)
