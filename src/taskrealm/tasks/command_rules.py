"""What has to hold for the declaration of a program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..documents import suggestion_for
from .choices import COMPUTED
from .command import CommandTask
from .declaration import HOOKS, Problem, Rules, is_property
from .hints import HINTS
from .parts import Flag, Glued, Part, Value
from .progress import ProgressParser
from .secrets import is_secret
from .terminal import Terminal
from .values import Unfit, require_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def _settings(declaration: type[CommandTask], parameters: Collection[str]) -> Iterator[Problem]:
    yield from _command(declaration, parameters)
    yield from _handed_over(declaration, parameters)
    yield from _progress(declaration)
    yield from _terminal(declaration)


def _parameters(
    declaration: type[CommandTask], hints: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[Problem]:
    yield from _unused(declaration, hints, schema)
    yield from _unfit(declaration, hints, schema)


def _command(declaration: type[CommandTask], parameters: Collection[str]) -> Iterator[Problem]:
    command = getattr(declaration, "command", None)
    if not isinstance(command, tuple | list) or not command:
        yield Problem(
            "command",
            'must be a tuple of the program and its arguments, such as ("wc", Value("source"))',
        )
        return
    if not isinstance(command[0], str) or not command[0]:
        yield Problem("command", "must begin with the name of the program, as a constant")
    for number, item in enumerate(command, start=1):
        if isinstance(item, Part):
            yield from _unknown(declaration, "command", item, parameters)
            yield from _loose(item)
        elif not isinstance(item, str):
            yield Problem(
                "command", f"item {number} is {item!r}; it must be text, or a part such as Value"
            )
        else:
            try:
                require_text(item)
            except Unfit as unfit:
                yield Problem("command", f"item {number} {unfit}")


def _unknown(
    declaration: type[CommandTask], setting: str, part: Part, parameters: Collection[str]
) -> Iterator[Problem]:
    if part.name not in parameters and not is_property(declaration, part.name):
        yield Problem(
            setting,
            f"{part}: there is no parameter or property {part.name!r}"
            + suggestion_for(str(part.name), parameters),
        )


def _loose(part: Part) -> Iterator[Problem]:
    """Parts by which a value could choose the option that it belongs to."""
    if not isinstance(part, Glued):
        return
    if not part.prefix.strip("-"):
        yield Problem(
            "command",
            f"{part}: behind this prefix the value would name an option itself; "
            'complete the prefix, as in "--size=", or drop it',
        )
    elif part.prefix.startswith("--") and (part.prefix[-1].isalnum() or part.prefix[-1] in "-_"):
        yield Problem(
            "command",
            f"{part}: the value could go on with the name of the option; "
            'end the prefix with "=", or make an option and its value of it',
        )


def _handed_over(declaration: type[CommandTask], parameters: Collection[str]) -> Iterator[Problem]:
    """Values that reach the program as variables or by its standard input."""
    environment: object = declaration.environment
    if isinstance(environment, Mapping):
        for value in environment.values():
            if isinstance(value, Value):
                yield from _unknown(declaration, "environment", value, parameters)
    stdin: object = declaration.stdin
    if isinstance(stdin, Value):
        yield from _unknown(declaration, "stdin", stdin, parameters)
    elif isinstance(stdin, str):
        try:
            require_text(stdin)
        except Unfit as unfit:
            yield Problem("stdin", str(unfit))
    elif stdin is not None:
        yield Problem("stdin", f"is {stdin!r}; it must be text, or a Value")


def _unused(
    declaration: type[CommandTask], hints: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[Problem]:
    """Parameters without any effect, as far as can be seen."""
    given = (*declaration.command, *declaration.environment.values(), declaration.stdin)
    used = {part.name for part in given if isinstance(part, Part)}
    if any(_has_hook(declaration, hook) for hook in RULES.hooks) or not used <= hints.keys():
        return  # a hook, or a property, may use any of them
    for each in schema["properties"].values():
        used |= {*each.get(HINTS, {}).get(COMPUTED, {}).get("after", ())}
    for name in hints:
        if name not in used:
            yield Problem(
                name,
                "is used nowhere: put it into command, environment or stdin, "
                f"or use it in a property or in one of {', '.join(RULES.hooks)}",
            )


def _unfit(
    declaration: type[CommandTask], hints: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[Problem]:
    """Parameters whose values their part could not make arguments of."""
    for part in declaration.command:
        if isinstance(part, Part) and part.name in schema["properties"]:
            kinds = _kinds(schema["properties"][part.name], schema)
            if is_secret(hints[part.name]):
                yield Problem(
                    part.name,
                    "is a secret, and everybody on the machine can read the arguments of a "
                    "program: hand it over in environment, or by stdin",
                )
            elif isinstance(part, Flag) and not kinds <= {"boolean", "null"}:
                yield Problem(part.name, f"must be a bool, as {part} stands for it")
            elif not kinds <= {"string", "integer", "number", "boolean", "null"}:
                yield Problem(
                    part.name,
                    f"cannot become arguments of a program in {part}: "
                    "write a property that makes text, or a list of texts, of it",
                )


def _kinds(schema: Mapping[str, Any], root: Mapping[str, Any], *, inside: bool = False) -> set[str]:
    """The JSON types that values may have, or what is in lists and mappings of them."""
    if "$ref" in schema:
        return _kinds(root["$defs"][schema["$ref"].rpartition("/")[2]], root, inside=inside)
    kinds: set[str] = set()
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if choices:
        return kinds.union(*(_kinds(each, root, inside=inside) for each in choices))
    contents = None if inside else _contents(schema)
    if contents is not None:
        return kinds.union(*(_kinds(each, root, inside=True) for each in contents))
    type_ = schema.get("type", "anything")
    return {type_} if isinstance(type_, str) else set(type_)


def _contents(schema: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """What a list or a mapping holds; None for what is neither, or has fields of its own."""
    held: list[Any]
    if schema.get("type") == "array":
        held = [*schema.get("prefixItems", ()), schema.get("items", {})]
    elif schema.get("type") == "object" and "properties" not in schema:
        held = [schema.get("additionalProperties", {})]
    else:
        return None
    return [each if isinstance(each, dict) else {} for each in held if each is not False]


def _progress(declaration: type[CommandTask]) -> Iterator[Problem]:
    make = declaration.progress
    if make is None:
        return
    try:
        fits = isinstance(make(), ProgressParser)
    except Exception:
        fits = False
    if not fits:
        yield Problem(
            "progress",
            "must make a ProgressParser when called without arguments, as Pattern(...) and the "
            "class FfmpegProgress do",
        )


def _terminal(declaration: type[CommandTask]) -> Iterator[Problem]:
    reports: object = declaration.reports_on_stdout
    if not isinstance(reports, bool):
        yield Problem("reports_on_stdout", f"is {reports!r}; it must be True or False")
    terminal: object = declaration.terminal
    if isinstance(terminal, Terminal):
        for problem in terminal.problems():
            yield Problem("terminal", problem)
    elif not isinstance(terminal, bool):
        yield Problem(
            "terminal",
            f"is {terminal!r}; it must be True or False, or Terminal(columns=..., lines=...)",
        )


def _has_hook(declaration: type[CommandTask], hook: str) -> bool:
    return getattr(declaration, hook) is not getattr(CommandTask, hook)


RULES = Rules(
    CommandTask,
    {**HOOKS, "prepare": "context", "parse_result": "output"},
    _settings,
    _parameters,
    has_values=True,
)
"""The rules for a `CommandTask`."""
