"""How a site declares a program as a task, and what a program leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from .definition import Definition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from .context import Context
    from .definition import Arguments, Caller
    from .parts import Part, Value
    from .progress import ProgressParser
    from .terminal import Terminal


class CommandTask(Definition):
    """
    A program and its parameters. A site's tasks are subclasses, and are never called.

    The annotated attributes are the parameters, in order; a default makes one optional. The
    others are settings of the task. In a property, `validate`, `parse_result` and `may_cancel`
    the attributes are the arguments of the one job in question.

        class Checksum(CommandTask):
            \"""Compute the checksum of a file.\"""

            name = "checksum"
            source: Annotated[Path, Below(FILES)]
            binary: bool = False
            command = ("sha256sum", Flag("--binary", "binary"), Value("source"))

    The first line of the docstring is the title, the rest the help. Constants of your own
    are written in capitals; a class whose name begins with `_` is a base, not a task.
    """

    command: ClassVar[Sequence[str | Part]]
    """
    The program and its arguments, in order: constants, and parts that refer to parameters
    or to properties of the class. No shell sees them.
    """
    environment: ClassVar[Mapping[str, str | Value]] = MappingProxyType({})
    """
    Variables for the program besides those that the node gives to all: constants, or the
    `Value` of a parameter, without which there is no such variable.
    """
    stdin: ClassVar[str | Value | None] = None
    """What the program reads from its standard input; nothing unless set."""
    progress: ClassVar[Callable[[], ProgressParser] | None] = None
    """Makes what reads the progress of one job from the program's output."""
    reports_on_stdout: ClassVar[bool] = False
    """
    Whether lines of standard output that are reports, as `TASKREALM_REPORT` takes them, count
    as such and are no output: for programs that cannot write into a pipe.
    """
    terminal: ClassVar[bool | Terminal] = False
    """
    Whether the program's output is a terminal, so that it prints at once what others keep
    back; of 80 columns and 24 lines, or as `Terminal(columns=120)` says. Its errors are then
    part of its standard output.
    """

    def prepare(self, context: Context) -> Any:
        """
        Make ready what the program needs, such as a file in its working directory.

        A plain method or a coroutine, which returns nothing. Like `parse_result` it counts as
        part of the job: it runs in a worker, under the limits of the task, and a cancel or
        the end of the time stops it as it would stop the program.

        Raises:
            TaskError: The job failed, and no program is started; the owner reads the sentence.
        """

    def parse_result(self, output: Output) -> Any:
        """
        The result of a job whose program succeeded; a plain method or a coroutine.

        Without one, the result is the text that the program printed. It counts as part of the
        job: a cancel or the end of the time raises `Cancelled` in a plain method and cancels
        a coroutine; what runs on after the task's `grace` is killed.

        Returns:
            Anything that JSON can hold, dates, data classes and models included.

        Raises:
            TaskError: The job failed after all; the owner reads the sentence.
        """
        return None


@dataclass(frozen=True, slots=True)
class Output:
    """What a program left behind: what it printed, and its working `directory`."""

    stdout: bytes
    stderr: bytes
    exit_code: int
    directory: Path
    arguments: Arguments
    caller: Caller
