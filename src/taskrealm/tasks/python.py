"""How a site declares Python code as a task."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .definition import Definition

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

MARK = "__taskrealm__"
"""The attribute of a function that holds its declaration."""


class PythonTask(Definition):
    """
    Python code and its parameters. A site's tasks are subclasses, and are never called.

        class Import(PythonTask):
            \"""Import a table.\"""

            name = "table.import"
            source: Annotated[Path, Below(FILES)]

            def run(self):
                for number, line in enumerate(self.source.open(), start=1):
                    yield f"line {number}"

    The code runs in a process of its own, never in the executor. For a plain function there
    is `task`.
    """

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """
        Do the work: `def run(self)`, or `def run(self, context)` to be given the `Context`.

        A plain method, a coroutine, a generator or an asynchronous generator. What it
        returns is the result: anything that JSON can hold, dates, data classes and models
        included. What it yields is reported at once: a number from 0 to 1 is progress,
        as is a pair of such a number and a few words; text is a message; a mapping is a report
        as the program of a job would write it.

        Raises:
            TaskError: The job failed; the owner reads the sentence.
            Exception: The job failed; the owner reads its type and its text.
        """
        raise NotImplementedError


@overload
def task(function: F, /) -> F: ...
@overload
def task(**settings: Any) -> Callable[[F], F]: ...
def task(function: F | None = None, /, **settings: Any) -> F | Callable[[F], F]:
    """
    Declare a function as a task; *settings* are those that tasks of all kinds have.

        @task(name="mail.digest", timeout=60)
        def digest(day: date, context: Context) -> int:
            \"""Send the digest of a day.\"""

    Its annotated parameters are those of the task, except one of the type `Context`. The
    task has the name of the function unless another is given, and its docstring. The
    function itself stays as it is. What it may be and do is told at `PythonTask.run`.

    Raises:
        TypeError: It is no function.
    """

    def declare(function: F) -> F:
        if not isinstance(function, FunctionType):
            raise TypeError("@task belongs to a function; a class derives from PythonTask instead")
        attributes = {
            "__module__": function.__module__,
            "__qualname__": function.__qualname__,
            "__doc__": function.__doc__,
            # Whoever looks for the source of the declaration finds that of the function.
            "__wrapped__": function,
            "name": function.__name__,
            **settings,
        }
        vars(function)[MARK] = type(function.__name__, (PythonTask,), attributes)
        return function

    return declare if function is None else declare(function)


def declaration_of(value: object) -> type[PythonTask] | None:
    """The declaration that `task` has made of a function; None for anything else."""
    return vars(value).get(MARK) if isinstance(value, FunctionType) else None


def function_of(declaration: type[PythonTask]) -> FunctionType | None:
    """The function that a declaration was made of; None if it is a class of its own."""
    return vars(declaration).get("__wrapped__")
