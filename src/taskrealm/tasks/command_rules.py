"""What has to hold for the declaration of a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .command import CommandTask
from .declaration import HOOKS, Problem, Rules, is_property, suggestion_for
from .parts import Flag, Part
from .progress import ProgressParser
from .terminal import Terminal
from .values import Unfit, require_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping


def _settings(declaration: type[CommandTask], parameters: Collection[str]) -> Iterator[Problem]:
    yield from _command(declaration, parameters)
    yield from _progress(declaration)
    yield from _terminal(declaration)


def _parameters(
    declaration: type[CommandTask], hints: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[Problem]:
    yield from _unused(declaration, hints)
    yield from _unfit(declaration, schema)


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
            if item.name not in parameters and not is_property(declaration, item.name):
                yield Problem(
                    "command",
                    f"{item}: there is no parameter or property {item.name!r}"
                    + suggestion_for(str(item.name), parameters),
                )
        elif not isinstance(item, str):
            yield Problem(
                "command", f"item {number} is {item!r}; it must be text, or a part such as Value"
            )
        else:
            try:
                require_text(item)
            except Unfit as unfit:
                yield Problem("command", f"item {number} {unfit}")


def _unused(declaration: type[CommandTask], hints: Mapping[str, Any]) -> Iterator[Problem]:
    """Parameters without any effect, as far as can be seen."""
    used = {part.name for part in declaration.command if isinstance(part, Part)}
    if any(_has_hook(declaration, hook) for hook in RULES.hooks) or not used <= hints.keys():
        return  # a hook, or a property, may use any of them
    for name in hints:
        if name not in used:
            yield Problem(
                name,
                f'is used nowhere: put Value("{name}") or another part into command, '
                f"or use it in a property or in one of {', '.join(RULES.hooks)}",
            )


def _unfit(declaration: type[CommandTask], schema: Mapping[str, Any]) -> Iterator[Problem]:
    """Parameters whose values their part could not make arguments of."""
    for part in declaration.command:
        if isinstance(part, Part) and part.name in schema["properties"]:
            kinds = _kinds(schema["properties"][part.name], schema)
            if isinstance(part, Flag) and not kinds <= {"boolean", "null"}:
                yield Problem(part.name, f"must be a bool, as {part} stands for it")
            elif not kinds <= {"string", "integer", "number", "boolean", "null"}:
                yield Problem(
                    part.name,
                    f"cannot become arguments of a program in {part}: "
                    "write a property that makes text, or a list of texts, of it",
                )


def _kinds(schema: Mapping[str, Any], root: Mapping[str, Any], *, item: bool = False) -> set[str]:
    """The JSON types that values may have, and the items of lists of them."""
    if "$ref" in schema:
        return _kinds(root["$defs"][schema["$ref"].rpartition("/")[2]], root, item=item)
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if schema.get("type") == "array" and not item:
        items = [*schema.get("prefixItems", ()), schema.get("items", {})]
        return {"string"}.union(
            *(_kinds(each, root, item=True) for each in items if each is not False)
        )
    if choices:
        return set().union(*(_kinds(each, root, item=item) for each in choices))
    return {schema.get("type", "anything")}


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


RULES = Rules(CommandTask, {**HOOKS, "parse_result": "output"}, _settings, _parameters)
"""The rules for a `CommandTask`."""
