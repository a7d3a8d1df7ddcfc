"""A task that is ready to be run: its declaration has been checked."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import hooks
from .declaration import check, place
from .definition import Arguments, Definition
from .errors import TaskError
from .retry import Retry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .declaration import Rules
    from .definition import Caller

VALIDATE_LIMIT = 10.0  # seconds; the caller waits for it, and likewise for may_cancel


class Task:
    """One task, made from its declaration; there is a subclass for each kind of task."""

    def __init__(self, declaration: type[Definition], rules: Rules) -> None:
        """
        Raises:
            TaskError: The declaration breaks *rules*; every problem is named.
        """
        self._parameters = check(declaration, rules)
        self._declaration = declaration
        self.name = declaration.name
        title, _, rest = inspect.cleandoc(declaration.__doc__ or self.name).partition("\n")
        self.title = title.removesuffix(".")
        self.help = rest.strip()
        self.roles = frozenset(declaration.roles)
        self.timeout = declaration.timeout
        self.grace = declaration.grace
        self.limits = declaration.limits
        self.retry = Retry.of(declaration.retries)
        self.retries = self.retry.times
        self.expires = declaration.expires
        self.duplicates = declaration.duplicates
        self.slots = declaration.slots
        self.group = declaration.group
        self.most_running = declaration.most_running
        self.most_running_per_user = declaration.most_running_per_user
        self.environment: Mapping[str, str] = dict(declaration.environment)
        self.schema = self._parameters.schema
        """JSON Schema 2020-12 of the arguments as one object, properties in declared order."""

    def __repr__(self) -> str:
        return f"<Task {self.name} from {self._declaration.__module__}>"

    @property
    def place(self) -> str:
        """File and line of the declaration."""
        return place(self._declaration)

    def description(self) -> dict[str, Any]:
        """The task as `taskrealm.tasks` lists it; `timeout` is in seconds."""
        return {
            "name": self.name,
            "title": self.title,
            "help": self.help,
            "parameters": self.schema,
            "timeout": self.timeout,
            "retries": self.retries,
            "expires": self.expires,
            "roles": sorted(self.roles),
        }

    def bind(self, args: Sequence[object], kwargs: Mapping[str, object]) -> Arguments:
        """
        Check positional and named arguments, and fill in the defaults.

        Raises:
            InvalidArguments: Some are missing, unknown, given twice, or do not fit.
        """
        values, typed = self._parameters.bind(args, kwargs)
        model = object.__new__(self._declaration)
        for name, value in typed.items():
            object.__setattr__(model, name, value)
        return Arguments(values, model)

    def restore(self, values: Mapping[str, object]) -> Arguments:
        """
        The arguments that had these `values`; files are looked for again.

        Raises:
            InvalidArguments: They no longer fit, because the task or a file has changed.
        """
        return self.bind((), values)

    async def prepare(self, arguments: Arguments, caller: Caller) -> Arguments:
        """
        The *arguments* as they go into the job, once the task itself agrees to them.

        Raises:
            InvalidArguments, TooLarge: They, or what `validate` made of them, are refused.
            Error: What else `validate` raised to refuse, such as `NotAuthorized`.
            TaskError: The task's own code failed, or took more than `VALIDATE_LIMIT`.
        """
        if self._declaration.validate is not Definition.validate:
            what = f"{self.name}: validate"
            changes = await hooks.call(
                arguments.model.validate, caller, what=what, limit=VALIDATE_LIMIT
            )
            if changes is not None:
                arguments = self.bind((), {**arguments.values, **self._as_json(changes, what)})
        self.require_runnable(arguments)
        return arguments

    def require_runnable(self, arguments: Arguments) -> None:
        """
        Make sure that a job with *arguments* can be run, as far as can be seen before.

        Raises:
            InvalidArguments, TooLarge, TaskError: It cannot.
        """

    def preview(self, arguments: Arguments) -> dict[str, Any]:
        """
        What a job with *arguments* would do, as `taskrealm.check` tells it.

        Raises:
            InvalidArguments, TooLarge, TaskError: It could not be run.
        """
        return {}

    async def ask_to_cancel(self, arguments: Arguments, caller: Caller) -> None:
        """
        Ask the task whether *caller* may cancel the job with these *arguments*.

        Raises:
            NotAuthorized: The task says no.
            Error, TaskError: It did not say: its own code failed, took more than
                `VALIDATE_LIMIT`, or gave an answer.
        """
        if self._declaration.may_cancel is Definition.may_cancel:
            return
        what = f"{self.name}: may_cancel"
        answer = await hooks.call(
            arguments.model.may_cancel, caller, what=what, limit=VALIDATE_LIMIT
        )
        if answer is not None:
            raise TaskError(f"{what} must return None, or raise NotAuthorized to refuse")

    def _as_json(self, changes: object, what: str) -> dict[str, Any]:
        if not isinstance(changes, Mapping):
            raise TaskError(
                f"{what} must return None or a mapping of arguments, not {type(changes).__name__}"
            )
        try:
            return self._parameters.as_json(changes)
        except TaskError as error:
            raise TaskError(f"{what} returned no arguments: {error}") from error
