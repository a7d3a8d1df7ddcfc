"""A task that is ready to be run: its declaration has been checked."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..protocol.errors import InvalidArguments
from . import hooks
from .artifacts import declared
from .choices import not_among, same
from .declaration import check, place
from .definition import NONE, TEAM, Arguments, Definition
from .errors import TaskError
from .retry import Retry
from .uploads import files_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .choices import Choice
    from .declaration import Rules
    from .definition import Caller
    from .uploads import UploadedFile

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
        self.schedules = tuple(declaration.schedules)
        self.artifacts = declared(declaration.artifacts)
        self.slots = declaration.slots
        self.group = declaration.group
        self.most_running = declaration.most_running
        self.most_running_per_user = declaration.most_running_per_user
        self.rate = declaration.rate
        self.environment: Mapping[str, str] = {
            name: value for name, value in declaration.environment.items() if isinstance(value, str)
        }
        self.secrets = self._parameters.secrets
        """The names of the parameters that are secrets."""
        self.schema = self._parameters.schema
        """JSON Schema 2020-12 of the arguments as one object, properties in declared order."""

    def __repr__(self) -> str:
        return f"<Task {self.name} from {self._declaration.__module__}>"

    @property
    def uses_workers(self) -> bool:
        """Whether code of the task runs in warm workers."""
        return False

    @property
    def place(self) -> str:
        """File and line of the declaration."""
        return place(self._declaration)

    def admits(self, caller: Caller) -> bool:
        """Whether *caller* has one of the roles, or is in one of the teams, that may run the task."""
        return not self.roles.isdisjoint((caller.role, *(TEAM + team for team in caller.teams)))

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
            "slots": self.slots,
            "group": self.group,
            "most_running": self.most_running,
            "most_running_per_user": self.most_running_per_user,
            "rate": None if self.rate is None else asdict(self.rate),
        }

    def bind(
        self,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        files: Mapping[str, UploadedFile] = NONE,
    ) -> Arguments:
        """
        Check positional and named arguments, and fill in the defaults.

        *files* are the uploads that they may name, by id.

        Raises:
            InvalidArguments: Some are missing, unknown, given twice, or do not fit.
        """
        values, typed = self._parameters.bind(args, kwargs, files)
        model = object.__new__(self._declaration)
        for name, value in typed.items():
            object.__setattr__(model, name, value)
        hidden = {
            name: typed[name].get_secret_value() for name in self.secrets if typed[name] is not None
        }
        named = {each: files[each] for each in files_in(values) & files.keys()} if files else {}
        return Arguments(values, model, hidden or NONE, named or NONE)

    @property
    def secret_places(self) -> frozenset[str | int]:
        """The names and the positions of the arguments that are secrets."""
        names = self._parameters.names
        return frozenset((*self.secrets, *(names.index(each) for each in self.secrets)))

    def restore(
        self,
        values: Mapping[str, object],
        secrets: Mapping[str, str] | None = None,
        files: Mapping[str, UploadedFile] = NONE,
    ) -> Arguments:
        """
        The arguments that had these `values` and `secrets`; files are looked for again.

        Raises:
            InvalidArguments: They no longer fit, because the task or a file has changed.
        """
        return self.bind((), {**values, **(secrets or {})}, files)

    def given(self, arguments: Arguments) -> dict[str, Any]:
        """What a caller would give to have these *arguments*, for a process that has none."""
        names = self._parameters.names
        return self._parameters.as_json({name: getattr(arguments.model, name) for name in names})

    async def prepare(self, arguments: Arguments, caller: Caller) -> Arguments:
        """
        The *arguments* as they go into the job, once the task itself agrees to them.

        Raises:
            InvalidArguments, TooLarge: They, or what `validate` made of them, are refused.
            Error: What else `validate` raised to refuse, such as `NotAuthorized`.
            TaskError: The task's own code failed, or took more than `VALIDATE_LIMIT`.
        """
        if self._parameters.choices:
            await self._require_offered(arguments, caller)
        if self._declaration.validate is not Definition.validate:
            what = f"{self.name}: validate"
            changes = await hooks.call(
                arguments.model.validate, caller, what=what, limit=VALIDATE_LIMIT
            )
            if changes is not None:
                changed = self._as_json(changes, what)
                given = {**arguments.values, **arguments.secrets, **changed}
                arguments = self.bind((), given, arguments.files)
                if not self._parameters.choices.keys().isdisjoint(changed):
                    await self._require_offered(arguments, caller)
        self.require_runnable(arguments)
        return arguments

    async def choices(
        self, parameter: str, kwargs: Mapping[str, object], caller: Caller
    ) -> list[Choice]:
        """
        What *caller* may choose for *parameter*, with the named arguments given so far.

        Raises:
            InvalidArguments: The choices of such a parameter are not computed.
            Error, TaskError: They cannot be found.
        """
        if parameter not in self._parameters.choices:
            computed = ", ".join(self._parameters.choices) or "no parameter"
            raise InvalidArguments(
                fields={"parameter": f"has no computed choices; this task computes: {computed}"}
            )
        return await self._offered(parameter, self._parameters.fitting(kwargs), caller)

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

    async def _require_offered(self, arguments: Arguments, caller: Caller) -> None:
        refused = {}
        for name in self._parameters.choices:
            value = arguments.values[name]
            if value is None:
                continue
            given = {each: getattr(arguments.model, each) for each in self._parameters.names}
            offered = await self._offered(name, given, caller)
            chosen = value if isinstance(value, list) else [value]
            if not all(any(same(each, one.value) for one in offered) for each in chosen):
                refused[name] = not_among(offered)
        if refused:
            raise InvalidArguments(fields=refused)

    async def _offered(
        self, parameter: str, given: Mapping[str, Any], caller: Caller
    ) -> list[Choice]:
        return await self._parameters.choices[parameter].offered(
            given, caller, what=f"{self.name}: the choices of {parameter}"
        )

    def _as_json(self, changes: object, what: str) -> dict[str, Any]:
        if not isinstance(changes, Mapping):
            raise TaskError(
                f"{what} must return None or a mapping of arguments, not {type(changes).__name__}"
            )
        try:
            return self._parameters.as_json(changes)
        except TaskError as error:
            raise TaskError(f"{what} returned no arguments: {error}") from error
