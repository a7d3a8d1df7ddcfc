"""A task that is ready to be run: its declaration has been checked."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..protocol.errors import Error, InvalidArguments, TooLarge
from . import hooks
from .command import Arguments, CommandTask
from .declaration import check, place
from .errors import TaskError
from .progress import ProgressReader
from .values import Unfit, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .command import Caller, Output
    from .parts import Part

VALIDATE_LIMIT = 10.0  # seconds; the caller waits for it, and likewise for may_cancel
PARSE_LIMIT = 300.0  # seconds; enough to move a large file to another disk

# Linux takes no longer argument, its final NUL included (MAX_ARG_STRLEN).
ARGUMENT_LIMIT = 131_071  # bytes
COMMAND_LIMIT = 1_048_576  # bytes of all arguments and the task's own environment together
TEXT_LIMIT = 65_536  # bytes of printed text that are taken for a result
RESULT_LIMIT = 20_000_000  # bytes of a result as JSON


class Task:
    """One task, made from its declaration."""

    def __init__(self, declaration: type[CommandTask]) -> None:
        """
        Raises:
            TaskError: The declaration is wrong; every problem is named.
        """
        self._parameters = check(declaration)
        self._declaration = declaration
        self.name = declaration.name
        title, _, rest = inspect.cleandoc(declaration.__doc__ or self.name).partition("\n")
        self.title = title.removesuffix(".")
        self.help = rest.strip()
        self.roles = frozenset(declaration.roles)
        self.timeout = declaration.timeout
        self.grace = declaration.grace
        self.limits = declaration.limits
        self.retries = declaration.retries
        self.environment: Mapping[str, str] = dict(declaration.environment)
        self.schema = self._parameters.schema
        """JSON Schema 2020-12 of the arguments as one object, properties in declared order."""

    def __repr__(self) -> str:
        return f"<Task {self.name} from {self._declaration.__module__}>"

    @property
    def place(self) -> str:
        """File and line of the declaration."""
        return place(self._declaration)

    @property
    def parses_result(self) -> bool:
        """Whether the task says what its result is; otherwise that is what was printed."""
        return self._declaration.parse_result is not CommandTask.parse_result

    def description(self) -> dict[str, Any]:
        """The task as `taskrealm.tasks` lists it; `timeout` is in seconds."""
        return {
            "name": self.name,
            "title": self.title,
            "help": self.help,
            "parameters": self.schema,
            "timeout": self.timeout,
            "retries": self.retries,
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
        if self._declaration.validate is not CommandTask.validate:
            what = f"{self.name}: validate"
            changes = await hooks.call(
                arguments.model.validate, caller, what=what, limit=VALIDATE_LIMIT
            )
            if changes is not None:
                arguments = self.bind((), {**arguments.values, **self._as_json(changes, what)})
        self.argv(arguments)
        return arguments

    def argv(self, arguments: Arguments) -> tuple[str, ...]:
        """
        The program and its arguments.

        Raises:
            InvalidArguments: A value cannot be given to a program, or not in its place.
            TooLarge: An argument, or all of them together, are more than Linux takes.
            TaskError: A property of the task failed.
        """
        argv = []
        size = sum(len(f"{name}={value}".encode()) for name, value in self.environment.items())
        for name, argument in self._arguments(arguments.model):
            length = len(argument.encode())
            if length > ARGUMENT_LIMIT:
                raise TooLarge(
                    f"{name}: an argument of a program has at most {ARGUMENT_LIMIT} bytes",
                    limit=ARGUMENT_LIMIT,
                )
            size += length
            argv.append(argument)
        # Each string ends in a NUL, and a pointer of eight bytes leads to it.
        if size + 9 * (len(argv) + len(self.environment)) > COMMAND_LIMIT:
            raise TooLarge(
                f"The arguments of a program have at most {COMMAND_LIMIT} bytes together",
                limit=COMMAND_LIMIT,
            )
        return tuple(argv)

    def progress_parser(self) -> ProgressReader | None:
        """What reads the progress of one job; None if the task does not say how."""
        make = self._declaration.progress
        return None if make is None else ProgressReader(make())

    async def result(self, output: Output) -> Any:
        """
        The result of a job whose program has succeeded.

        Unless the task says otherwise, that is the text on standard output without the
        white space around it; None if there is none, or more than `TEXT_LIMIT` bytes.

        Raises:
            Error, TaskError: The task says that the job failed after all.
            TaskError: Its own code failed, took more than `PARSE_LIMIT`, or made something
                that is no result.
        """
        if not self.parses_result:
            return _printed(output.stdout)
        what = f"{self.name}: parse_result"
        made = await hooks.call(
            output.arguments.model.parse_result, output, what=what, limit=PARSE_LIMIT
        )
        # In a thread: what is big would hold up everybody else.
        try:
            result, size = await asyncio.to_thread(_weighed, made)
        except Unfit as unfit:
            raise TaskError(f"{what} made no result: {unfit}") from None
        if size > RESULT_LIMIT:
            raise TaskError(
                f"{what} made a result of {size} bytes; the most is {RESULT_LIMIT}. Write it to"
                " a file and return the file's name"
            )
        return result

    @property
    def has_stoppable_result(self) -> bool:
        """Whether making the result can be interrupted; what runs in a thread cannot."""
        return inspect.iscoroutinefunction(self._declaration.parse_result)

    async def ask_to_cancel(self, arguments: Arguments, caller: Caller) -> None:
        """
        Ask the task whether *caller* may cancel the job with these *arguments*.

        Raises:
            NotAuthorized: The task says no.
            Error, TaskError: It did not say: its own code failed, took more than
                `VALIDATE_LIMIT`, or gave an answer.
        """
        if self._declaration.may_cancel is CommandTask.may_cancel:
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

    def _arguments(self, model: CommandTask) -> Iterator[tuple[str, str]]:
        """Each argument of the program, after the name of what it came from."""
        refused = {}
        for part in self._declaration.command:
            if isinstance(part, str):
                yield "command", part
                continue
            try:
                for argument in part.arguments(self._value(model, part)):
                    yield part.name, argument
            except Unfit as unfit:
                refused[part.name] = str(unfit)
        if refused:
            raise InvalidArguments(fields=refused)

    def _value(self, model: CommandTask, part: Part) -> object:
        try:
            return getattr(model, part.name)
        except (Error, TaskError):
            raise
        except Exception as error:
            raise TaskError(f"{self.name}: the property {part.name} failed") from error


def _weighed(made: object) -> tuple[Any, int]:
    """What was *made* in JSON's own kinds, and its size as JSON."""
    result = plain(made)
    return result, len(json.dumps(result))


def _printed(stdout: bytes) -> str | None:
    if len(stdout) > TEXT_LIMIT:
        return None
    return (
        stdout.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}").strip() or None
    )
