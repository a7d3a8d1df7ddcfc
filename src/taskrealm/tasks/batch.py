"""A batch, ready to be run."""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticSerializationError, to_jsonable_python

from .errors import TaskError
from .loaded import Task
from .multi import CHILDREN_LIMIT, Child, Finished, MultiTask
from .multi_rules import RULES
from .values import Unfit, plain

if TYPE_CHECKING:
    from pathlib import Path

    from .definition import Arguments


class BatchTask(Task):
    """One task made from a `MultiTask`."""

    def __init__(self, declaration: type[MultiTask]) -> None:
        super().__init__(declaration, RULES)
        self._batch = declaration
        self.parallel = declaration.parallel
        self.stops_on_failure = declaration.on_failure == "stop"

    @property
    def gathers(self) -> bool:
        """Whether the task says what the result is; otherwise it lists the children."""
        return self._batch.gather is not MultiTask.gather

    def description(self) -> dict[str, Any]:
        batch = {"parallel": self.parallel, "on_failure": self._batch.on_failure}
        return {**super().description(), "batch": batch}

    def children(self, arguments: Arguments) -> Any:
        """
        The children that a batch wants, as requests; or a coroutine that gives them.

        Raises:
            TaskError: It gives something else, or too many.
            BaseException: What the task's own code raises.
        """
        made, what = arguments.model.children(), f"{self.name}: children"
        if inspect.isawaitable(made) or isinstance(made, AsyncIterable):
            return _awaited(made, what)
        return _listed(made, what)

    def gather(self, arguments: Arguments, finished: Path) -> Any:
        """
        What a batch makes of its children, which are in a file; or a coroutine that does.

        Raises:
            BaseException: What the task's own code raises.
        """
        lines = finished.read_text().splitlines()
        return arguments.model.gather([Finished(**json.loads(line)) for line in lines])


async def _awaited(made: Any, what: str) -> list[dict[str, Any]]:
    if not isinstance(made, AsyncIterable):
        made = await made
    if not isinstance(made, AsyncIterable):
        return _listed(made, what)
    children: list[dict[str, Any]] = []
    async for each in made:
        children.append(_request(each, len(children) + 1, what))
    return children


def _listed(made: object, what: str) -> list[dict[str, Any]]:
    if not isinstance(made, Iterable) or isinstance(made, str | bytes | Mapping):
        raise TaskError(f"{what} must give children one after the other, not {_kind(made)}")
    return [_request(each, number, what) for number, each in enumerate(made, start=1)]


def _request(child: object, number: int, what: str) -> dict[str, Any]:
    if number > CHILDREN_LIMIT:
        raise TaskError(
            f"{what} gave more than {CHILDREN_LIMIT} children, which is the most of one batch: "
            "let its children be batches"
        )
    if not isinstance(child, Child):
        raise TaskError(f"{what}: child {number} is {_kind(child)}, not a Child")
    by_name = isinstance(child.arguments, Mapping)
    try:
        arguments = plain(to_jsonable_python(child.arguments))
    except (PydanticSerializationError, Unfit) as error:
        raise TaskError(f"{what}: child {number} ({child.task}): {error}") from error
    options = {
        "priority": child.priority,
        "timeout": child.timeout,
        "retries": child.retries,
        "tags": list(child.tags),
    }
    return {
        "task": child.task,
        "args": [] if by_name else arguments,
        "kwargs": arguments if by_name else {},
        "options": {name: value for name, value in options.items() if value is not None},
    }


def _kind(value: object) -> str:
    return "nothing" if value is None else f"of type {type(value).__name__}"
