"""
Calls a method of a batch, in a process of its own: `python -m taskrealm.tasks.calls FILE`.

Standard input says what to call, FILE receives the answer. What the method prints is the
output of the job.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
import traceback
from collections.abc import AsyncIterable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticSerializationError, to_jsonable_python

from ..protocol.errors import Error
from .errors import TaskError
from .loader import load_module, load_tasks
from .multi import CHILDREN_LIMIT, Child, Finished
from .values import Unfit, plain

if TYPE_CHECKING:
    from collections.abc import Iterator


def main(file: Path) -> None:
    """Call what standard input says, and write the answer into *file*."""
    wanted = json.load(sys.stdin)
    sys.path[:] = wanted["path"]
    answer: dict[str, Any] = {"result": None, "children": None, "error": None, "trace": None}
    try:
        answer |= asyncio.run(_call(wanted))
    except (Error, TaskError) as error:
        answer["error"] = str(error)
    except Exception as error:
        what = f"{wanted['task']}: {wanted['method']}"
        answer["error"] = f"{what} failed: {type(error).__name__}; the node's log says more"
        answer["trace"] = traceback.format_exc()
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        json.dump(answer, stream)


async def _call(wanted: Mapping[str, Any]) -> dict[str, Any]:
    folder = wanted.get("folder")
    registry = load_module(wanted["module"]) if folder is None else load_tasks(Path(folder))
    model = registry[wanted["task"]].restore(wanted["arguments"]).model
    what = f"{wanted['task']}: {wanted['method']}"
    if wanted["method"] == "children":
        return {"children": await _listed(await _awaited(model.children()), what)}
    result = await _awaited(model.gather(_finished(Path(wanted["finished"]))))
    try:
        return {"result": plain(to_jsonable_python(result))}
    except (PydanticSerializationError, Unfit) as error:
        raise TaskError(f"{what} made no result: {error}") from error


def _finished(file: Path) -> list[Finished]:
    return [Finished(**json.loads(line)) for line in file.read_text().splitlines()]


async def _awaited(made: Any) -> Any:
    return await made if inspect.isawaitable(made) else made


async def _listed(made: object, what: str) -> list[dict[str, Any]]:
    children: list[dict[str, Any]] = []
    if isinstance(made, AsyncIterable):
        async for each in made:
            children.append(_child(each, len(children) + 1, what))
    elif isinstance(made, Iterable) and not isinstance(made, str | bytes | Mapping):
        children.extend(_children(made, what))
    else:
        raise TaskError(f"{what} must give children one after the other, not {_kind(made)}")
    return children


def _children(made: Iterable[object], what: str) -> Iterator[dict[str, Any]]:
    for number, each in enumerate(made, start=1):
        yield _child(each, number, what)


def _child(child: object, number: int, what: str) -> dict[str, Any]:
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


if __name__ == "__main__":
    main(Path(sys.argv[1]))
