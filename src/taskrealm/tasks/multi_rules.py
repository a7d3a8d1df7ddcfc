"""What has to hold for the declaration of a batch."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import TYPE_CHECKING, Any

from .declaration import HOOKS, Problem, Rules
from .multi import MultiTask

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping


def _settings(declaration: type[MultiTask], parameters: Collection[str]) -> Iterator[Problem]:
    parallel: object = declaration.parallel
    if parallel is not None and (type(parallel) is not int or parallel < 1):
        yield Problem(
            "parallel", f"is {parallel!r}; it must be a whole number from 1, or None for no limit"
        )
    on_failure: object = declaration.on_failure
    if on_failure not in ("stop", "continue"):
        yield Problem("on_failure", f'is {on_failure!r}; it must be "stop" or "continue"')
    if declaration.artifacts:
        yield Problem(
            "artifacts", "belong to the tasks of its children: a batch itself leaves none"
        )
    children = inspect.getattr_static(declaration, "children")
    if children is MultiTask.children:
        yield Problem(
            "children",
            'is missing: add a method that yields them, such as yield Child("clock.time")',
        )
    elif not isinstance(children, FunctionType) or not _takes_one(children):
        yield Problem("children", "must be a method: def children(self), async or not")


def _takes_one(method: FunctionType) -> bool:
    try:
        inspect.signature(method).bind(None)
    except TypeError:
        return False
    return True


def _parameters(
    declaration: type[MultiTask], hints: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[Problem]:
    # Its methods may use any of them.
    yield from ()


RULES = Rules(MultiTask, {**HOOKS, "gather": "children"}, _settings, _parameters)
"""The rules for a `MultiTask`."""
