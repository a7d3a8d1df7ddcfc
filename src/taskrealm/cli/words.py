"""What a word of the command line stands for, by the kind of parameter."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..tasks.durations import seconds_of
from .files import FORMAT, FileType
from .terminal import visible

if TYPE_CHECKING:
    from collections.abc import Mapping


class Json(click.ParamType[Any]):
    """A value of any kind, written as JSON."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """
        The value that *value* stands for.

        Raises:
            click.BadParameter: It is not JSON.
        """
        try:
            return json.loads(value)
        except ValueError:
            self.fail(f"{visible(value)!r} is not JSON", param, ctx)


class JsonObject(Json):
    """A mapping: JSON, or the file `@FILE` or standard input `-` with JSON in it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """
        The value that *value* stands for.

        Raises:
            click.BadParameter: It is no mapping in JSON, or the file cannot be read.
        """
        text = _read(self, value, param, ctx)
        mapping = super().convert(value if text is None else text, param, ctx)
        if not isinstance(mapping, dict):
            self.fail('it must be a mapping, such as {"name": "value"}', param, ctx)
        return mapping


class Length(click.ParamType[Any]):
    """A length of time: `90`, `1h30m`, or in ISO 8601."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """
        The seconds that *value* stands for; ISO 8601 is left as it is.

        Raises:
            click.BadParameter: It is no length of time.
        """
        if value.lstrip("+-").startswith("P"):
            return value
        try:
            return seconds_of(value)
        except ValueError as error:
            self.fail(f"{visible(value)!r} {error}", param, ctx)


class Hidden(click.ParamType[Any]):
    """A secret, which does not stand in the command line: `@FILE`, or `-` for standard input."""

    name = "secret"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """
        The text in the file, or on standard input, that *value* stands for.

        The line break at its end is no part of it. At a terminal it is asked for.

        Raises:
            click.BadParameter: *value* stands for neither, or cannot be read.
        """
        if value == "-" and sys.stdin.isatty():
            return ask(param)
        text = _read(self, value, param, ctx)
        if text is None:
            self.fail(
                "everybody on the machine can read the command line: give @FILE, or - for standard"
                " input or to be asked",
                param,
                ctx,
            )
        return text.removesuffix("\n").removesuffix("\r")


class Pair(click.ParamType[Any]):
    """One entry of a mapping: `name=value`."""

    name = "name=value"

    def __init__(self, values: click.ParamType[Any]) -> None:
        self._values = values

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """
        Name and value.

        Raises:
            click.BadParameter: There is no `=`, or the value is of the wrong type.
        """
        name, sign, rest = value.partition("=")
        if not sign:
            self.fail(f"{visible(value)!r} must be name=value", param, ctx)
        return name, self._values.convert(rest, param, ctx)


def ask(param: click.Parameter | None) -> str:
    """A secret that somebody types, unseen."""
    name = param.opts[0].lstrip("-") if param is not None else "Secret"
    typed: str = click.prompt(name, hide_input=True, err=True, default="", show_default=False)
    return typed


def type_of(schema: Mapping[str, Any]) -> click.ParamType[Any]:
    """The type that reads a word; whether the value is within its limits is the task's matter."""
    if "enum" in schema:
        return click.Choice(schema["enum"])
    if "const" in schema:
        return click.Choice([schema["const"]])
    if schema.get("writeOnly") is True:
        return Hidden()
    if schema.get("format") == "duration":
        return Length()
    match schema.get("type"):
        case "string" if schema.get("format") == FORMAT:
            return FileType()
        case "string":
            return click.STRING
        case "boolean":
            return click.BOOL
        case "integer":
            return click.INT
        case "number":
            return click.FLOAT
    return Json()


def _read(
    kind: click.ParamType[Any],
    value: str,
    param: click.Parameter | None,
    ctx: click.Context | None,
) -> str | None:
    """The text that `@FILE` or `-` stands for; None for anything else."""
    if value == "-":
        return sys.stdin.read()
    if not value.startswith("@"):
        return None
    try:
        return Path(value[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        kind.fail(f"{visible(value[1:])} cannot be read: {visible(str(error))}", param, ctx)
