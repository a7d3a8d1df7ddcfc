"""What has to hold for the declaration of Python code."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import TYPE_CHECKING, Any

from .context import Context
from .declaration import HOOKS, Problem, Rules, evaluated
from .python import PythonTask, function_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def context_name(function: FunctionType) -> str | None:
    """The parameter of a declared function that is given the `Context`, if there is one."""
    for name, annotation in inspect.get_annotations(function).items():
        if name != "return" and evaluated(annotation, function) is Context:
            return name
    return None


def wants_context(declaration: type[PythonTask]) -> bool:
    """Whether the `run` of a declared class is given the `Context`."""
    return len(inspect.signature(declaration.run).parameters) > 1


def _class(declaration: type[PythonTask], parameters: Collection[str]) -> Iterator[Problem]:
    run = inspect.getattr_static(declaration, "run")
    if run is PythonTask.run:
        yield Problem("run", "is missing: add def run(self), which does the work")
    elif not isinstance(run, FunctionType) or not _is_run(run):
        yield Problem("run", "must be a method: def run(self) or def run(self, context)")


def _is_run(run: FunctionType) -> bool:
    parameters = inspect.signature(run).parameters.values()
    return 1 <= len(parameters) <= 2 and all(
        each.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        for each in parameters
    )


def _function(declaration: type[PythonTask], parameters: Collection[str]) -> Iterator[Problem]:
    if "run" in vars(declaration):
        yield Problem("run", "is no setting: what runs is the function itself")


def _read_function(
    declaration: type[PythonTask], rules: Rules
) -> tuple[dict[str, Any], dict[str, Any], list[Problem]]:
    """The types and the defaults of the parameters of a function."""
    function = function_of(declaration)
    assert function is not None
    hints: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    problems = []
    for name, parameter in inspect.signature(function).parameters.items():
        try:
            hint = _hint(parameter, function, rules)
        except _Refused as refused:
            problems.append(Problem(name, str(refused)))
            continue
        if hint is not Context:
            hints[name] = hint
            if parameter.default is not parameter.empty:
                defaults[name] = parameter.default
    return hints, defaults, problems


class _Refused(Exception):
    """A parameter is not as it should be."""


def _hint(parameter: inspect.Parameter, function: FunctionType, rules: Rules) -> Any:
    if parameter.kind not in NAMED:
        raise _Refused("cannot be a parameter of a task: each has a name, and is declared")
    if parameter.name in ("run", *rules.hooks) or parameter.name.startswith("_"):
        raise _Refused("cannot be the name of a parameter: rename it")
    if parameter.annotation is parameter.empty:
        raise _Refused(f"has no type: annotate it, as in {parameter.name}: int")
    try:
        return evaluated(parameter.annotation, function)
    except Exception as error:
        raise _Refused(
            f"has an annotation that cannot be read: {error}; "
            "what it names must be imported while the program runs"
        ) from error


def _parameters(
    declaration: type[PythonTask], hints: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[Problem]:
    yield from ()


RULES = Rules(PythonTask, HOOKS, _class, _parameters)
"""The rules for a `PythonTask`."""

FUNCTION_RULES = Rules(PythonTask, HOOKS, _function, _parameters, read=_read_function)
"""The rules for a function that was declared by `task`."""
