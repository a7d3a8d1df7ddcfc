"""Makes tasks of the tables in a TOML or YAML file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError

from ..documents import Unreadable, load, suggestion_for
from . import tables
from .artifacts import Artifact
from .capacity import Rate
from .choices import Choices
from .command import CommandTask
from .command_rules import RULES
from .declaration import PLACES, settings_of
from .durations import Duration
from .errors import TaskError
from .files import Below
from .hints import Hint, Line, Text
from .limits import Limits
from .parsers import PARSERS
from .parts import Flag, Glued, Option, Part, Value
from .progress import Pattern
from .retry import Retry
from .schedule import Schedule
from .secrets import Secret
from .terminal import Terminal
from .uploads import Upload

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..documents import Document

SUFFIXES = (".toml", ".yaml", ".yml")

_NAME = re.compile(r"[a-z][a-z0-9_]*")
# Doubled braces stand for themselves, as in Python's own formats.
_TEXT = re.compile(r"(?:[^{}]|\{\{|\}\})*")
_PLACEHOLDER = re.compile(r"\{\s*(?P<name>[^{}]*?)\s*\}")

_PLAIN: Mapping[type[tables.Table], Any] = {
    tables.LineParameter: Line,
    tables.TextParameter: Text,
    tables.IntegerParameter: int,
    tables.NumberParameter: float,
    tables.FlagParameter: bool,
    tables.DateParameter: date,
    tables.TimeParameter: time,
    tables.DateTimeParameter: datetime,
    tables.DurationParameter: Duration,
    tables.SecretParameter: Secret,
    tables.MappingParameter: dict[str, str],
}
_CONSTRAINTS = {
    "min": "ge",
    "max": "le",
    "min_length": "min_length",
    "max_length": "max_length",
    "min_items": "min_length",
    "max_items": "max_length",
    "pattern": "pattern",
    "title": "title",
    "help": "description",
}
_CLASSES: Mapping[type[tables.Table], Any] = {
    tables.ArtifactTable: Artifact,
    tables.LimitsTable: Limits,
    tables.RateTable: Rate,
    tables.RetryTable: Retry,
    tables.ScheduleTable: Schedule,
    tables.TerminalTable: Terminal,
}
_UNCHANGED = tables.TaskTable.model_fields.keys() - {
    *("title", "help", "command", "parameters", "environment", "stdin", "progress")
}


class _Wrong(Exception):
    """Something in a table cannot be used; `path` leads to it from the table."""

    def __init__(self, path: tuple[str | int, ...], text: str) -> None:
        super().__init__(text)
        self.path = path


def read_tasks(file: Path) -> list[type[CommandTask]]:
    """
    The declarations that *file* holds, in order.

    Raises:
        TaskError: The file, or a table in it, cannot be used; each problem names file, line
            and column.
    """
    try:
        document = load(file)
    except Unreadable as error:
        raise TaskError(str(error)) from None
    except FileNotFoundError:
        raise TaskError(f"{file}: is not there any more") from None
    try:
        found = tables.TasksFile.model_validate(document.values, strict=True)
    except ValidationError as error:
        raise TaskError(*document.mistakes(error, tables.TasksFile)) from None
    written = [_Written(document, name, table) for name, table in found.tasks.items()]
    problems = [problem for each in written for problem in each.problems()]
    if problems:
        raise TaskError(*problems)
    return [each.declaration() for each in written]


@dataclass(frozen=True, slots=True)
class _Written:
    """One task as it is written in a document."""

    document: Document
    name: str
    table: tables.TaskTable

    def problems(self) -> Iterator[str]:
        """What is wrong that the table alone does not tell."""
        for parameter in self.table.parameters:
            at = ("parameters", parameter)
            if parameter in settings_of(RULES) or parameter in RULES.hooks:
                yield self._problem(at, "is the name of a setting: rename the parameter")
            elif not _NAME.fullmatch(parameter):
                text = "cannot name a parameter: lower-case letters, digits and '_' can"
                yield self._problem(at, text)
        for make in (self._types, self._command, self._environment, self._stdin, self._progress):
            try:
                make()
            except _Wrong as wrong:
                yield self._problem(wrong.path, str(wrong))

    def declaration(self) -> type[CommandTask]:
        """The class that the table stands for."""
        table = self.table
        defaults = {
            name: _default(parameter)
            for name, parameter in table.parameters.items()
            if parameter.optional or _default(parameter) is not None
        }
        plain = {name: getattr(table, name) for name in _UNCHANGED}
        chosen = {
            **{name: _made(value) for name, value in plain.items()},
            "environment": self._environment(),
            "stdin": self._stdin(),
            "progress": self._progress(),
        }
        body = {
            **defaults,
            **{name: value for name, value in chosen.items() if value is not None},
            "name": self.name,
            "command": self._command(),
            "__doc__": f"{table.title}\n\n{table.help}",
            "__module__": __name__,
            "__qualname__": self.name,
            "__annotations__": self._types(),
            PLACES: self._places(),
        }
        return type(self.name, (CommandTask,), body)

    def _problem(self, path: tuple[str | int, ...], text: str) -> str:
        full = ("tasks", self.name, *path)
        return f"{self.document.place(full)}: {'.'.join(str(step) for step in full)}: {text}"

    def _places(self) -> dict[str | None, str]:
        place = self.document.place
        names = tables.TaskTable.model_fields
        return {
            None: place(("tasks", self.name)),
            **{name: place(("tasks", self.name, name)) for name in names},
            **{
                name: place(("tasks", self.name, "parameters", name))
                for name in self.table.parameters
            },
        }

    def _types(self) -> dict[str, Any]:
        types: dict[str, Any] = {}
        for name, parameter in self.table.parameters.items():
            path = ("parameters", name)
            type_ = self._type(parameter, path)
            if parameter.optional and _default(parameter) is None:
                type_ = type_ | None
            types[name] = Annotated[
                type_, Field(**_constraints(parameter, "title", "help")), _hint(parameter)
            ]
        return types

    def _type(self, parameter: Any, path: tuple[str, ...]) -> Any:
        match parameter:
            case tables.ChoiceParameter(choices=tables.ComputedChoices() as computed):
                command = [
                    self._text_item(text, (*path, "choices", "command", number))
                    for number, text in enumerate(computed.command)
                ]
                type_: Any = Annotated[
                    str, Choices(command=command, after=computed.after, limit=computed.limit)
                ]
            case tables.ChoiceParameter(choices=list() as listed):
                values = tuple(getattr(each, "value", each) for each in listed)
                titles = {e.value: e.title for e in listed if isinstance(e, tables.OfferedChoice)}
                type_ = Annotated[Literal[values], Hint(titles=titles)]
            case tables.FileParameter():
                root = (self.document.file.parent / parameter.root).resolve()
                type_ = Annotated[Path, Below(root, new=parameter.new)]
            case tables.UploadParameter(max=most, accept=accept):
                try:
                    return Annotated[Path, Upload(most, tuple(accept))]
                except TypeError as error:
                    raise _Wrong((*path, "accept"), str(error)) from None
            case tables.ListParameter():
                items = self._type(parameter.items, (*path, "items"))
                type_ = list[items]  # type: ignore[valid-type]
            case _:
                type_ = _PLAIN[type(parameter)]
        constraints = _constraints(parameter, *(_CONSTRAINTS.keys() - {"title", "help"}))
        return Annotated[type_, Field(**constraints)] if constraints else type_

    def _command(self) -> tuple[str | Part, ...]:
        return tuple(self._item(item, number) for number, item in enumerate(self.table.command))

    def _item(self, item: Any, number: int) -> str | Part:
        path = ("command", number)
        match item:
            case str():
                return self._text_item(item, path)
            case tables.OptionItem():
                return Option(item.option, self._known(item.value, (*path, "value")))
            case tables.FlagItem():
                return Flag(item.flag, self._known(item.value, (*path, "value")))
        return Value(self._known(item.value, (*path, "value")), dash=item.dash)

    def _text_item(self, text: str, path: tuple[str | int, ...]) -> str | Part:
        before, name, after = self._pieces(text, path)
        if name is None:
            return before
        if before:
            return Glued(before, name, suffix=after)
        return Value(name, suffix=after)

    def _environment(self) -> dict[str, str | Value] | None:
        if self.table.environment is None:
            return None
        return {
            name: self._handed_over(text, ("environment", name))
            for name, text in self.table.environment.items()
        }

    def _stdin(self) -> str | Value | None:
        text = self.table.stdin
        return None if text is None else self._handed_over(text, ("stdin",))

    def _handed_over(self, text: str, path: tuple[str | int, ...]) -> str | Value:
        before, name, after = self._pieces(text, path)
        if name is None:
            return before
        if before or after:
            raise _Wrong(path, f"must be constant, or '{{{name}}}' alone")
        return Value(name)

    def _progress(self) -> Any:
        match self.table.progress:
            case str() as name:
                return PARSERS[name]
            case tables.PatternTable(pattern=pattern):
                try:
                    return Pattern(pattern)
                except (re.error, ValueError) as error:
                    raise _Wrong(("progress", "pattern"), str(error)) from None
        return None

    def _pieces(self, text: str, path: tuple[str | int, ...]) -> tuple[str, str | None, str]:
        """What stands before the placeholder in *text*, the name in it, and what follows."""
        found = _TEXT.match(text)
        assert found is not None
        before, rest = found[0], text[found.end() :]
        if not rest:
            return _unescaped(before), None, ""
        placeholder = _PLACEHOLDER.match(rest)
        if placeholder is None:
            raise _Wrong(path, "a single brace stands here: write {name}, or double the brace")
        after = rest[placeholder.end() :]
        if not _TEXT.fullmatch(after):
            raise _Wrong(path, "has more than one placeholder: for that, declare it in Python")
        name = self._known(placeholder["name"], path)
        return _unescaped(before), name, _unescaped(after)

    def _known(self, name: str, path: tuple[str | int, ...]) -> str:
        known = self.table.parameters
        if name not in known:
            listed = f"; its parameters: {', '.join(known) or 'none'}"
            text = f"there is no parameter {name!r}"
            raise _Wrong(path, text + (suggestion_for(name, known) or listed))
        return name


def _made(value: Any) -> Any:
    """What a setting in Python would be in the place of *value*."""
    if isinstance(value, list | tuple):
        return tuple(_made(each) for each in value)
    kind = _CLASSES.get(type(value))
    return value if kind is None else kind(**value.model_dump(exclude_none=True))


def _default(parameter: Any) -> Any:
    return getattr(parameter, "default", None)


def _constraints(parameter: Any, *names: str) -> dict[str, Any]:
    return {
        _CONSTRAINTS[name]: value
        for name in names
        if (value := getattr(parameter, name, None)) is not None
    }


def _hint(parameter: Any) -> Hint:
    return Hint(
        placeholder=parameter.placeholder,
        unit=parameter.unit,
        group=parameter.group,
        multiline=isinstance(parameter, tables.TextParameter),
    )


def _unescaped(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")
