"""What Python tasks yield while they run, and the results that they end with."""

from __future__ import annotations

import contextlib
import inspect
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic_core import to_jsonable_python

from .errors import TaskError
from .values import DEPTH_LIMIT, Unfit, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = Callable[[dict[str, Any]], object]

RESULT_LIMIT = 20_000_000  # bytes of a result as JSON


def report_of(yielded: object) -> dict[str, Any]:
    """
    The report that a Python task makes by yielding this.

    Raises:
        TaskError: It is none.
    """
    match yielded:
        case bool():
            pass
        case int() | float():
            return _progress(yielded, None)
        case (int() | float() | None as fraction, str() | None as message) if not isinstance(
            fraction, bool
        ):
            return _progress(fraction, message)
        case str():
            return {"message": yielded}
        case Mapping():
            return dict(yielded)
    raise TaskError(
        "A task yields a number from 0 to 1, a pair of such a number and text, text, or a mapping;"
        f" not {type(yielded).__name__}"
    )


def is_awaited(made: object) -> bool:
    """Whether what a Python task has returned needs an event loop to be completed."""
    return inspect.isawaitable(made) or inspect.isasyncgen(made)


def complete(made: Any, tell: Tell) -> Any:
    """
    The result of a Python task that has returned *made*, which needs no event loop.

    Raises:
        TaskError: It has yielded what is no report.
        BaseException: What the task raised.
    """
    if not inspect.isgenerator(made):
        return made
    with contextlib.closing(made):
        while True:
            try:
                yielded = next(made)
            except StopIteration as end:
                return end.value
            tell(report_of(yielded))


async def completed(made: Any, tell: Tell) -> Any:
    """
    Do what `complete` does for a coroutine or an asynchronous generator.

    Raises:
        TaskError, BaseException: As for `complete`.
    """
    if not inspect.isasyncgen(made):
        return await made
    async with contextlib.aclosing(made):
        async for yielded in made:
            tell(report_of(yielded))
    return None


def result_of(made: object, *, of: str) -> bytes:
    """
    What was *made*, a result, as JSON.

    Raises:
        TaskError: It is no result, or too big; the sentence begins with *of*.
    """
    try:
        text = json.dumps(plain(_converted(made))).encode()
    except Unfit as unfit:
        raise TaskError(f"{of} made no result: {unfit}") from None
    if len(text) > RESULT_LIMIT:
        raise TaskError(
            f"{of} made a result of {len(text)} bytes; the most is {RESULT_LIMIT}. Write it to"
            " a file and return the file's name"
        )
    return text


def _converted(made: object) -> object:
    """Dates, data classes, models and their like in JSON's own kinds."""
    if made is None or isinstance(made, str | int | float):
        return made
    try:
        return to_jsonable_python(made, fallback=_refuse)
    except Unfit:
        raise
    except ValueError as error:
        if type(error) is ValueError:  # too deep for Pydantic, or a list that contains itself
            raise Unfit(f"must not be nested more than {DEPTH_LIMIT} deep") from None
        raise Unfit(f"must be a value that JSON has: {error}") from None


def _refuse(value: object) -> NoReturn:
    raise Unfit(f"must be a value that JSON has, not {type(value).__name__}")


def _progress(fraction: float | None, message: str | None) -> dict[str, Any]:
    if fraction is not None and not 0 <= fraction <= 1:
        raise TaskError(f"A task yields progress from 0 to 1, not {fraction}")
    return {"progress": fraction, "message": message}
