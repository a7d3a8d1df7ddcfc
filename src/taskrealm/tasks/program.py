"""A task that runs a program, ready to be run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..protocol.errors import Error, InvalidArguments, TooLarge
from .command import CommandTask
from .command_rules import RULES
from .errors import TaskError
from .loaded import Task
from .parts import Value, text_of
from .progress import ProgressReader
from .terminal import Terminal
from .values import Unfit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .command import Output
    from .context import Context
    from .definition import Arguments, Definition
    from .parts import Part

# Linux takes no longer argument, its final NUL included (MAX_ARG_STRLEN).
ARGUMENT_LIMIT = 131_071  # bytes
COMMAND_LIMIT = 1_048_576  # bytes of all arguments and the task's own environment together
TEXT_LIMIT = 65_536  # bytes of printed text that are taken for a result


class ProgramTask(Task):
    """One task made from a `CommandTask`."""

    def __init__(self, declaration: type[CommandTask]) -> None:
        super().__init__(declaration, RULES)
        self._command = declaration

    @property
    def parses_result(self) -> bool:
        """Whether the task says what its result is; otherwise that is what was printed."""
        return self._command.parse_result is not CommandTask.parse_result

    @property
    def reports_on_stdout(self) -> bool:
        """Whether reports are among what the program prints."""
        return self._command.reports_on_stdout

    @property
    def terminal(self) -> Terminal | None:
        """The terminal that the program prints on, if it is one."""
        terminal = self._command.terminal
        if isinstance(terminal, Terminal):
            return terminal
        return Terminal() if terminal else None

    def require_runnable(self, arguments: Arguments) -> None:
        self.argv(arguments)
        self.stdin(arguments)

    def preview(self, arguments: Arguments) -> dict[str, Any]:
        return {"argv": list(self.argv(arguments))}

    def argv(self, arguments: Arguments) -> tuple[str, ...]:
        """
        The program and its arguments.

        Raises:
            InvalidArguments: A value cannot be given to a program, or not in its place.
            TooLarge: An argument, or all of them together, are more than Linux takes.
            TaskError: A property of the task failed.
        """
        argv = []
        variables = self.variables(arguments)
        size = sum(len(f"{name}={value}".encode()) for name, value in variables.items())
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
        if size + 9 * (len(argv) + len(variables)) > COMMAND_LIMIT:
            raise TooLarge(
                f"The arguments of a program have at most {COMMAND_LIMIT} bytes together",
                limit=COMMAND_LIMIT,
            )
        return tuple(argv)

    def variables(self, arguments: Arguments) -> dict[str, str]:
        """
        The variables that the task gives to its program.

        Raises:
            InvalidArguments, TooLarge: A value does not fit into one.
            TaskError: A property of the task failed.
        """
        variables = dict(self.environment)
        for name, value in self._command.environment.items():
            if isinstance(value, Value):
                text = self._handed_over(arguments.model, value)
                if text is not None:
                    variables[name] = text
                    if len(f"{name}={text}".encode()) > ARGUMENT_LIMIT:
                        raise TooLarge(
                            f"{value.name}: a variable has at most {ARGUMENT_LIMIT} bytes",
                            limit=ARGUMENT_LIMIT,
                        )
        return variables

    def stdin(self, arguments: Arguments) -> bytes:
        """
        What the program reads from its standard input.

        Raises:
            InvalidArguments: A value is no text.
            TaskError: A property of the task failed.
        """
        stdin = self._command.stdin
        if stdin is None:
            return b""
        text = self._handed_over(arguments.model, stdin) if isinstance(stdin, Value) else stdin
        return b"" if text is None else text.encode()

    def progress_parser(self) -> ProgressReader | None:
        """What reads the progress of one job; None if the task does not say how."""
        make = self._command.progress
        return None if make is None else ProgressReader(make())

    @property
    def has_preparation(self) -> bool:
        """Whether the task does something before its program starts."""
        return self._command.prepare is not CommandTask.prepare

    @property
    def uses_workers(self) -> bool:
        return self.has_preparation or self.parses_result

    def prepared(self, arguments: Arguments, context: Context) -> Any:
        """
        What the task's own code returns that is called before its program starts.

        Raises:
            BaseException: What that code raises.
        """
        return arguments.model.prepare(context)

    def parsed(self, output: Output) -> Any:
        """
        The result that the task makes of the *output* of its program, or a coroutine for it.

        Raises:
            BaseException: What the task's own code raises.
        """
        return output.arguments.model.parse_result(output)

    def _arguments(self, model: Definition) -> Iterator[tuple[str, str]]:
        """Each argument of the program, after the name of what it came from."""
        refused = {}
        for part in self._command.command:
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

    def _handed_over(self, model: Definition, part: Value) -> str | None:
        """The text that stands for a value where nobody else can read it."""
        try:
            return text_of(self._value(model, part))
        except Unfit as unfit:
            raise InvalidArguments(fields={part.name: str(unfit)}) from None

    def _value(self, model: Definition, part: Part) -> object:
        try:
            return getattr(model, part.name)
        except (Error, TaskError):
            raise
        except Exception as error:
            raise TaskError(f"{self.name}: the property {part.name} failed") from error


def printed_result(stdout: bytes) -> str | None:
    """
    The result of a program whose task does not say what that is: what it printed.

    None if that is nothing but white space, or more than `TEXT_LIMIT` bytes.
    """
    if not stdout or len(stdout) > TEXT_LIMIT:
        return None
    return (
        stdout.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}").strip() or None
    )
