"""Flags of the command line made from the JSON Schema of a task's parameters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from .files import FORMAT, FileType
from .terminal import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Json(click.ParamType[Any]):
    """A value of any other type, written as JSON."""

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


class TaskOption(click.Option):
    """The flag of one parameter of a task."""

    def __init__(self, index: int, name: str, schema: Mapping[str, Any], *, required: bool) -> None:
        self.parameter = name
        self.is_required = required
        self.schema = _without_null(schema)
        self.is_list = self.schema.get("type") == "array"
        flag = visible(name).replace("_", "-")
        if self.schema.get("type") == "boolean":
            flag = f"--{flag}/--no-{flag}"
        else:
            flag = f"--{flag}"
        # The name that click files the value under is our own: a task may call its
        # parameter anything, also what an option of the job is called.
        super().__init__(
            [f"parameter_{index}", flag],
            type=type_of(self.schema.get("items", {}) if self.is_list else self.schema),
            multiple=self.is_list,
            default=None,
            help=_help(schema, required=required),
        )

    def value_of(self, word: str, ctx: click.Context) -> Any:
        """
        The value that one *word* of the command line stands for.

        Raises:
            click.BadParameter: It is of the wrong type.
        """
        return self.type.convert(word, self, ctx)


class TaskCommand(click.Command):
    """
    A task as a command: a flag for each parameter, and words for them in their order.

    A parameter that takes a list takes all words that are left.
    """

    def __init__(self, task: Mapping[str, Any], job_options: Sequence[click.Option]) -> None:
        schema = task["parameters"]
        required = schema.get("required", [])
        self.task_options = [
            TaskOption(index, name, _resolved(each, schema), required=name in required)
            for index, (name, each) in enumerate(schema.get("properties", {}).items())
        ]
        taken = {
            flag for option in self.task_options for flag in (*option.opts, *option.secondary_opts)
        }
        super().__init__(
            visible(task["name"]),
            params=[
                *self.task_options,
                *(option for option in job_options if taken.isdisjoint(option.opts)),
                click.Argument(
                    ["words"],
                    nargs=-1,
                    metavar=" ".join(
                        f"[{visible(o.parameter).upper()}]" for o in self.task_options
                    ),
                ),
            ],
            context_settings={"help_option_names": ["-h", "--help"]},
            help="\n\n".join(visible(task[part]) for part in ("title", "help") if task.get(part)),
        )

    def parse(self, path: str, words: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """
        The arguments that *words* give to the task, and the options of the job among them.

        *path* is what the user typed before them, for messages.

        Raises:
            click.UsageError: An unknown flag, a word too many, or a value of the wrong type.
        """
        with self.make_context(path, list(words)) as ctx:
            given = dict(ctx.params)
            positional = given.pop("words")
            arguments = {}
            for option in self.task_options:
                value = given.pop(option.name)
                if value is not None and value != ():
                    arguments[option.parameter] = list(value) if option.is_list else value
            self._add_words(arguments, list(positional), ctx)
            return arguments, given

    def _add_words(self, arguments: dict[str, Any], words: list[str], ctx: click.Context) -> None:
        for option in self.task_options:
            if not words:
                return
            if option.parameter in arguments:
                raise click.UsageError(
                    f"{option.opts[0]} is given twice: as a flag and as the word {visible(words[0])!r}",
                    ctx,
                )
            if option.is_list:
                arguments[option.parameter] = [option.value_of(word, ctx) for word in words]
                return
            arguments[option.parameter] = option.value_of(words.pop(0), ctx)
        if words:
            raise click.UsageError(f"The task has no parameter for {visible(words[0])!r}", ctx)


def type_name(schema: Mapping[str, Any]) -> str:
    """What kind of value a parameter takes, for people."""
    if "enum" in schema:
        return " | ".join(visible(choice) for choice in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {type_name(schema.get('items', {}))}"
    name = visible(schema.get("format") or schema.get("type", "json"))
    name = FileType.name if name == FORMAT else name
    return " ".join((name, *_limits(schema)))


def type_of(schema: Mapping[str, Any]) -> click.ParamType[Any]:
    """The type that reads a word; whether the value is within its limits is the task's matter."""
    if "enum" in schema:
        return click.Choice(schema["enum"])
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


def _help(schema: Mapping[str, Any], *, required: bool) -> str:
    facts = _limits(_without_null(schema))
    if required:
        facts.append("required")
    elif schema.get("default") is not None:
        facts.append(f"default: {default_of(schema)}")
    description = visible(schema.get("description", ""))
    return f"{description}  [{'; '.join(facts)}]" if facts else description


def default_of(schema: Mapping[str, Any]) -> str | None:
    """The default of a parameter as JSON, for people; None if leaving it out is the default."""
    default = schema.get("default")
    return None if default is None else visible(json.dumps(default, ensure_ascii=False))


def _limits(schema: Mapping[str, Any]) -> list[str]:
    signs = {
        "minimum": "≥",
        "exclusiveMinimum": ">",
        "maximum": "≤",
        "exclusiveMaximum": "<",
    }
    return [f"{sign} {visible(schema[key])}" for key, sign in signs.items() if key in schema]


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """*schema*, or the definition in *root* to which it refers."""
    reference = schema.get("$ref", "")
    if not reference.startswith("#/$defs/"):
        return schema
    definition = root["$defs"][reference.removeprefix("#/$defs/")]
    return {**definition, **schema}


def _without_null(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """*schema* without the choice of leaving the value out, which a flag has anyway."""
    choices = [each for each in schema.get("anyOf", []) if each.get("type") != "null"]
    return {**schema, **choices[0]} if len(choices) == 1 else schema
