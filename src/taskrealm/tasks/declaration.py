"""Checks how a task is declared, and names everything that is wrong at once."""

from __future__ import annotations

import ast
import inspect
import math
import re
import textwrap
import typing
from collections.abc import Collection, Mapping
from functools import cached_property
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, get_origin

from ..documents import suggestion_for
from . import artifacts, capacity, repetition
from .definition import ROLES, TEAM, Definition
from .errors import TaskError
from .limits import Limits
from .parameters import Parameters
from .parts import Value
from .values import Unfit, require_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
RESERVED = "TASKREALM_"  # begins the variables that the node itself gives to programs

PLACES = "_places"
"""Tells of a class that is not written in Python where each of its attributes is written."""

HOOKS = {"validate": "caller", "may_cancel": "caller"}
"""The methods that a task of any kind may have, each with its only parameter."""


class Problem(NamedTuple):
    """What is wrong about one attribute of a task, and what to do about it."""

    attribute: str
    text: str


Found = tuple[dict[str, Any], dict[str, Any], list[Problem]]
"""The types of parameters in declared order, their defaults, and what is wrong with others."""


class Rules(NamedTuple):
    """What holds for the declarations of one kind of task only."""

    base: type[Definition]
    hooks: Mapping[str, str]
    """The methods that such a task may have, each with its only parameter."""
    settings: Callable[[type[Any], Collection[str]], Iterator[Problem]]
    """Looks at its settings; given the declaration and the names of its parameters."""
    parameters: Callable[[type[Any], Mapping[str, Any], Mapping[str, Any]], Iterator[Problem]]
    """Looks at its parameters, once all else is well; given also their types and schema."""
    has_values: bool = False
    """Whether its variables may have a `Value`, at which `settings` looks."""
    read: Callable[[type[Any], Any], Found] | None = None
    """Finds the parameters; None if they are the annotated attributes."""


def check(declaration: type[Definition], rules: Rules) -> Parameters:
    """
    The parameters of a task that is declared as it should be.

    Raises:
        TaskError: It is not; each problem names file, line, class and attribute.
    """
    hints, defaults, unreadable = (rules.read or _attributes)(declaration, rules)
    problems = [
        *unreadable,
        *_name(declaration),
        *rules.settings(declaration, [*hints, *(each.attribute for each in unreadable)]),
        *_limits(declaration),
        *(Problem(*each) for each in capacity.problems(declaration)),
        *(Problem(*each) for each in repetition.problems(declaration)),
        *_roles(declaration),
        *_environment(declaration, rules),
        *(Problem("artifacts", each) for each in artifacts.problems(declaration.artifacts)),
        *_hooks(declaration, rules),
        *_strangers(declaration, hints, rules),
    ]
    try:
        parameters = Parameters(hints, defaults)
    except TaskError as error:
        problems += [Problem(*each.split(": ", 1)) for each in error.problems]
    else:
        # Only then are these no mere consequences of something else.
        problems = problems or [*rules.parameters(declaration, hints, parameters.schema)]
    if problems:
        raise TaskError(*(_placed(declaration, problem, rules) for problem in problems))
    return parameters


def place(declaration: type, attribute: str | None = None) -> str:
    """File and line where a class, or one attribute of it, is written."""
    places: Mapping[str | None, str] | None = vars(declaration).get(PLACES)
    if places is not None:
        return places.get(attribute, places[None])
    try:
        source, first = inspect.getsourcelines(declaration)
    except (OSError, TypeError):  # made by a program, not written in a file
        return declaration.__module__
    return f"{inspect.getfile(declaration)}:{first + _offset(source, attribute)}"


def _attributes(declaration: type[Definition], rules: Rules) -> Found:
    """The annotated attributes, those of base classes first."""
    hints: dict[str, Any] = {}
    problems = []
    for owner in reversed(_classes(declaration, rules.base)):
        for name, annotation in inspect.get_annotations(owner).items():
            try:
                hint = evaluated(annotation, owner)
            except Exception as error:
                problems.append(
                    Problem(
                        name,
                        f"has an annotation that cannot be read: {error}; "
                        "what it names must be imported while the program runs",
                    )
                )
                continue
            if ClassVar in (hint, get_origin(hint)):
                continue
            if name in settings_of(rules):
                problems.append(Problem(name, "is a setting, not a parameter: drop the annotation"))
            elif name in rules.hooks or name.startswith("_"):
                problems.append(Problem(name, "cannot be the name of a parameter: rename it"))
            else:
                hints[name] = hint
    defaults = {name: getattr(declaration, name) for name in hints if hasattr(declaration, name)}
    return hints, defaults, problems


def evaluated(annotation: object, owner: type | FunctionType) -> Any:
    """
    The type that an annotation in *owner* stands for, with all that is said about it.

    Raises:
        Exception: It cannot be read.
    """
    # A class for each annotation, so that one that cannot be read does not hide the others.
    body = {"__annotations__": {"it": annotation}, "__module__": owner.__module__}
    return typing.get_type_hints(type(owner.__name__, (), body), include_extras=True)["it"]


def _name(declaration: type[Definition]) -> Iterator[Problem]:
    name = getattr(declaration, "name", None)
    if name is None:
        yield Problem("name", 'is missing: add one, such as name = "video.transcode"')
    elif not isinstance(name, str) or not NAME.fullmatch(name):
        yield Problem(
            "name",
            f"is {name!r}; it must be lower-case words of letters, digits and '_', separated by "
            'dots, such as "video.transcode"',
        )


def _limits(declaration: type[Definition]) -> Iterator[Problem]:
    timeout, grace = declaration.timeout, declaration.grace
    if timeout is not None and not (_is_number(timeout) and timeout > 0):
        yield Problem("timeout", f"is {timeout!r}; it must be more than 0 seconds, or None")
    if not (_is_number(grace) and grace >= 0):
        yield Problem("grace", f"is {grace!r}; it must be a number of seconds, at least 0")
    limits: object = declaration.limits
    if not isinstance(limits, Limits):
        yield Problem("limits", "must be Limits, such as Limits(memory=500_000_000, processes=20)")
    else:
        for problem in limits.problems():
            yield Problem("limits", problem)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _roles(declaration: type[Definition]) -> Iterator[Problem]:
    roles: object = declaration.roles
    known = ", ".join(sorted(ROLES))
    if not isinstance(roles, Collection) or isinstance(roles, str | bytes) or not roles:
        yield Problem("roles", f"must be a set with at least one of: {known}")
        return
    for role in roles:
        if role not in ROLES and not (isinstance(role, str) and role.startswith(TEAM)):
            yield Problem("roles", f"there is no role {role!r}; the roles are: {known}")


def _environment(declaration: type[Definition], rules: Rules) -> Iterator[Problem]:
    environment: object = declaration.environment
    if not isinstance(environment, Mapping):
        yield Problem("environment", 'must be a mapping, such as {"LC_ALL": "C.UTF-8"}')
        return
    for name, value in environment.items():
        if not isinstance(name, str) or not VARIABLE.fullmatch(name):
            yield Problem("environment", f"{name!r} cannot be the name of a variable")
        elif name.startswith(RESERVED):
            yield Problem("environment", f"{name}: the node itself sets variables in {RESERVED}*")
        elif rules.has_values and isinstance(value, Value):
            continue
        elif not isinstance(value, str):
            yield Problem("environment", f"{name} is {value!r}; it must be text")
        else:
            try:
                require_text(value)
            except Unfit as unfit:
                yield Problem("environment", f"{name} {unfit}")


def _hooks(declaration: type[Definition], rules: Rules) -> Iterator[Problem]:
    for hook, parameter in rules.hooks.items():
        method = inspect.getattr_static(declaration, hook)
        if not isinstance(method, FunctionType) or not _takes_two(method):
            yield Problem(hook, f"must be a method: def {hook}(self, {parameter}), async or not")
        elif inspect.isgeneratorfunction(method) or inspect.isasyncgenfunction(method):
            yield Problem(hook, "must return its answer, not yield it")


def _takes_two(method: FunctionType) -> bool:
    try:
        inspect.signature(method).bind(None, None)
    except TypeError:
        return False
    return True


def _strangers(
    declaration: type[Definition], hints: Mapping[str, Any], rules: Rules
) -> Iterator[Problem]:
    """Attributes that look like a setting or a parameter, and are neither."""
    known = (*settings_of(rules), *rules.hooks)
    for owner in _classes(declaration, rules.base):
        for name, value in vars(owner).items():
            if name == "__init__":
                yield Problem(name, "is never called: a task has parameters instead")
            if name.startswith("_") or name.isupper():
                continue
            if name in (*known, *hints, *inspect.get_annotations(owner)):
                continue
            suggestion = suggestion_for(name, known)
            if not callable(value) and not hasattr(value, "__get__"):
                remedy = suggestion or "; annotate it, or write a constant of your own in capitals"
                yield Problem(name, f"is no setting, and without annotation no parameter{remedy}")
            elif suggestion and not is_property(declaration, name):
                yield Problem(name, f"is not known{suggestion}")


def is_property(declaration: type[Definition], name: str) -> bool:
    """Whether the declaration computes *name* from its arguments."""
    found = inspect.getattr_static(declaration, str(name), None)
    return isinstance(found, property | cached_property)


def settings_of(rules: Rules) -> tuple[str, ...]:
    """The settings that such a task may have."""
    classes = (each for each in rules.base.__mro__ if issubclass(each, Definition))
    return tuple(name for each in classes for name in inspect.get_annotations(each))


def _classes(declaration: type[Definition], base: type[Definition]) -> tuple[type, ...]:
    """The class and its bases up to *base*, the class first."""
    mro = declaration.__mro__
    return mro[: mro.index(base)]


def _placed(declaration: type[Definition], problem: Problem, rules: Rules) -> str:
    owners = [
        each
        for each in _classes(declaration, rules.base)
        if problem.attribute in (*vars(each), *inspect.get_annotations(each))
    ]
    where = place(owners[0] if owners else declaration, problem.attribute)
    return f"{where}: {declaration.__qualname__}.{problem.attribute}: {problem.text}"


def _offset(source: list[str], attribute: str | None) -> int:
    """How many lines below the first line of its class an attribute was written last."""
    (tree,) = ast.parse(textwrap.dedent("".join(source))).body
    for node in reversed(_places(tree)):
        match node:
            case (
                ast.arg(arg=name)
                | ast.keyword(arg=name)
                | ast.AnnAssign(target=ast.Name(name))
                | ast.Assign(targets=[ast.Name(name)])
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
            ) if name == attribute:
                return node.lineno - 1
    return 0


def _places(tree: ast.stmt) -> list[ast.AST]:
    """What in a class, or in the head of a function, may be an attribute of a task."""
    if not isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef):
        return list(ast.iter_child_nodes(tree))
    settings = [each for call in tree.decorator_list for each in ast.iter_child_nodes(call)]
    return [*settings, *ast.iter_child_nodes(tree.args)]
