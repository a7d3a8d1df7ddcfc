"""Flags of the command line made from the JSON Schema of a task's parameters."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from .files import FORMAT, FileType
from .terminal import visible
from .words import Pair, ask, type_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DEEPEST = 4  # groups within each other whose fields have flags


class Field(NamedTuple):
    """A parameter of a task, or what lies within one."""

    path: tuple[str, ...]
    schema: Mapping[str, Any]
    is_required: bool


class TaskOption(click.Option):
    """The flag of one parameter of a task, or of a field within one: `--size.width`."""

    def __init__(self, index: int, field: Field) -> None:
        self.path = field.path
        self.parameter = ".".join(field.path)
        self.is_required = field.is_required
        self.schema = _without_null(field.schema)
        self.is_list = self.schema.get("type") == "array"
        self.is_mapping = _is_mapping(self.schema)
        self.is_secret = self.schema.get("writeOnly") is True
        flag = visible(self.parameter).replace("_", "-")
        if self.schema.get("type") == "boolean":
            flag = f"--{flag}/--no-{flag}"
        else:
            flag = f"--{flag}"
        # The name that click files the value under is our own: a task may call its
        # parameter anything, also what an option of the job is called.
        super().__init__(
            [f"parameter_{index}", flag],
            type=self._kind(),
            multiple=self.is_list or self.is_mapping,
            default=None,
            help=_help(field.schema, required=field.is_required),
        )

    def value_of(self, word: str, ctx: click.Context) -> Any:
        """
        The value that one *word* of the command line stands for.

        Raises:
            click.BadParameter: It is of the wrong type.
        """
        return self.type.convert(word, self, ctx)

    def gathered(self, values: Sequence[Any]) -> Any:
        """The list or the mapping that several *values* make."""
        return dict(values) if self.is_mapping else list(values)

    def _kind(self) -> click.ParamType[Any]:
        if self.is_list:
            return type_of(self.schema.get("items", {}))
        if self.is_mapping:
            values = self.schema.get("additionalProperties")
            return Pair(type_of(values if isinstance(values, dict) else {}))
        return type_of(self.schema)


class TaskCommand(click.Command):
    """
    A task as a command: a flag for each parameter, and words for them in their order.

    A parameter that takes a list or a mapping takes all words that are left.
    """

    def __init__(self, task: Mapping[str, Any], job_options: Sequence[click.Option]) -> None:
        self.task_options = [
            TaskOption(index, field) for index, field in enumerate(_fields(task["parameters"]))
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
                        f"[{visible(o.parameter).upper()}]" for o in self._positional()
                    ),
                ),
            ],
            context_settings={"help_option_names": ["-h", "--help"]},
            help="\n\n".join(visible(task[part]) for part in ("title", "help") if task.get(part)),
        )

    @property
    def may_ask(self) -> bool:
        """Whether somebody may be asked for something."""
        return any(option.is_secret for option in self.task_options)

    def parse(
        self, path: str, words: Sequence[str], given: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """
        The arguments that *words* give to the task, and the options of the job among them.

        *path* is what the user typed before them, for messages, and *given* the arguments
        from elsewhere. Required secrets are asked for at a terminal.

        Raises:
            click.UsageError: An unknown flag, a word too many, or a value of the wrong type.
        """
        with self.make_context(path, list(words)) as ctx:
            params = dict(ctx.params)
            positional = params.pop("words")
            arguments: dict[str, Any] = {}
            for option in self.task_options:
                value = params.pop(option.name)
                if value is not None and value != ():
                    several = option.is_list or option.is_mapping
                    _put(arguments, option, option.gathered(value) if several else value, ctx)
            self._add_words(arguments, list(positional), ctx)
            arguments = {**(given or {}), **(params.pop("arguments", None) or {}), **arguments}
            for option in self.task_options:
                is_missing = option.is_secret and option.path[0] not in arguments
                if is_missing and option.is_required and sys.stdin.isatty():
                    arguments[option.path[0]] = ask(option)
            return arguments, params

    def _positional(self) -> list[TaskOption]:
        return [option for option in self.task_options if len(option.path) == 1]

    def _add_words(self, arguments: dict[str, Any], words: list[str], ctx: click.Context) -> None:
        for option in self._positional():
            if not words:
                return
            if option.parameter in arguments:
                raise click.UsageError(
                    f"{option.opts[0]} is given twice: as a flag and as the word {visible(words[0])!r}",
                    ctx,
                )
            if option.is_list or option.is_mapping:
                values = [option.value_of(word, ctx) for word in words]
                arguments[option.parameter] = option.gathered(values)
                return
            arguments[option.parameter] = option.value_of(words.pop(0), ctx)
        if words:
            raise click.UsageError(f"The task has no parameter for {visible(words[0])!r}", ctx)


def _put(arguments: dict[str, Any], option: TaskOption, value: Any, ctx: click.Context) -> None:
    """Put a value where it belongs, within the groups around it."""
    place = arguments
    for step in option.path[:-1]:
        place = place.setdefault(step, {})
        if not isinstance(place, dict):
            raise click.UsageError(
                f"{option.opts[0]} does not go with --{option.path[0]}, which is no mapping", ctx
            )
    place[option.path[-1]] = value


def _fields(
    schema: Mapping[str, Any], root: Mapping[str, Any] | None = None, above: tuple[str, ...] = ()
) -> Iterator[Field]:
    """The parameters in *schema*, each before the fields within it."""
    root = schema if root is None else root
    required = schema.get("required", [])
    for name, each in schema.get("properties", {}).items():
        path = (*above, name)
        resolved = _resolved(each, root)
        yield Field(path, resolved, name in required)
        if len(path) < DEEPEST:
            yield from _fields(_group(_without_null(resolved), root), root, path)


def _group(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """*schema* with the fields of all groups that it may be one of."""
    schema = _resolved(schema, root)
    if "oneOf" not in schema:
        return schema if schema.get("type") == "object" else {}
    fields: dict[str, Any] = {}
    for each in schema["oneOf"]:
        for name, field in _resolved(each, root).get("properties", {}).items():
            former = fields.get(name, {})
            consts = [*former.get("enum", []), *([field["const"]] if "const" in field else [])]
            fields[name] = {**field, "enum": consts} if consts else {**field, **former}
    return {"properties": fields}


def _is_mapping(schema: Mapping[str, Any]) -> bool:
    return (
        schema.get("type") == "object"
        and "additionalProperties" in schema
        and ("properties" not in schema)
    )


def type_name(schema: Mapping[str, Any]) -> str:
    """What kind of value a parameter takes, for people."""
    if "enum" in schema:
        return " | ".join(visible(choice) for choice in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {type_name(schema.get('items', {}))}"
    if _is_mapping(schema):
        return "name=value ..."
    if schema.get("writeOnly") is True:
        return "secret"
    type_ = schema.get("type", "json")
    name = visible(schema.get("format") or (type_ if isinstance(type_, str) else "json"))
    name = FileType.name if name == FORMAT else name
    return " ".join((name, *_limits(schema)))


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
