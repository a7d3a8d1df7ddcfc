"""The parameters of a task: which arguments they accept, and how that reads as JSON Schema."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_core import PydanticSerializationError

from ..documents import by_place
from ..protocol.errors import InvalidArguments
from ..protocol.jobs import NOTHING
from .choices import COMPUTED, choices_of, with_choices
from .errors import TaskError
from .files import REFUSED
from .hints import hoisted
from .secrets import MASK, is_secret, revealed
from .values import Unfit, plain, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .uploads import UploadedFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"
UNKNOWN_NAMED = 10  # unknown arguments that one error names

# Pydantic's models have attributes of their own, such as `json` and `copy`. With a prefix
# a parameter may have any name.
_PREFIX = "parameter_"


class Parameters:
    """
    The parameters of one task, in declared order.

    Arguments are checked as JSON is, without guessing: `"5"` and `true` are no integers,
    while `5` is a fine float and dates are ISO 8601 text.
    """

    def __init__(self, annotations: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        """
        Raises:
            TaskError: A type is of no use for a parameter, or its default does not fit it.
                Each problem begins with the parameter's name and a colon.
        """
        fields = {
            name: annotation if name not in defaults else (annotation, defaults[name])
            for name, annotation in annotations.items()
        }
        self.names = tuple(fields)
        self._types = dict(annotations)
        self._model, self.schema = _compiled(fields)
        self.secrets = tuple(name for name in fields if is_secret(self._field(name).annotation))
        self._made = tuple(name for name in fields if self._field(name).default_factory is not None)
        """The parameters whose default is made anew for each job."""
        self.choices = {
            name: choices for name in fields if (choices := choices_of(self._field(name)))
        }
        wrong = [
            f"{name}: {text}"
            for name, choices in self.choices.items()
            for text in choices.problems(self.names, self.secrets)
        ]
        if wrong:
            raise TaskError(*wrong)
        self._defaults = self._checked_defaults()

    def bind(
        self,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        files: Mapping[str, UploadedFile] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """
        Positional and named arguments, defaults filled in: as JSON, and in their types.

        As JSON, `MASK` stands for each secret. *files* are those that the arguments may name.

        Raises:
            InvalidArguments: Some are missing, unknown, given twice, or do not fit.
        """
        if not (self.names or args or kwargs):
            return {}, {}
        refused = dict(self._misplaced(args, kwargs))
        placed = dict(zip(self.names, args, strict=False))
        given = {**self._defaults, **self._made_defaults(), **placed, **kwargs}
        values = {}
        for name in self.names:
            if name in given:
                try:
                    values[name] = plain(given[name])
                except Unfit as unfit:
                    refused.setdefault(name, str(unfit))
        for name in self.secrets:
            if values.get(name) == MASK:
                refused[name] = "must be given anew: nobody has kept it"
        try:
            model = self._validated(values, files)
        except ValidationError as error:
            refused = {**by_place(error, values), **refused}
        if refused:
            raise InvalidArguments(fields=refused)
        for name in self.secrets:
            values[name] = None if values[name] is None else MASK
        return values or NOTHING, {name: getattr(model, _PREFIX + name) for name in self.names}

    def as_json(self, values: Mapping[str, object]) -> dict[str, Any]:
        """
        Typed *values* of some parameters as callers would give them.

        Raises:
            TaskError: They are not of the types of the parameters.
        """
        dumped = {}
        for name, value in values.items():
            if name not in self.names:
                raise TaskError(f"{visible(name)}: there is no such parameter")
            field = _PREFIX + name
            model = self._model.model_construct({field}, **{field: value})
            if name in self.secrets:
                dumped[name] = revealed(value)
                continue
            try:
                dumped[name] = plain(model.model_dump(mode="json", warnings="none")[field])
            except (PydanticSerializationError, Unfit) as error:
                raise TaskError(f"{name}: {error}") from error
        return dumped

    def fitting(self, kwargs: Mapping[str, object]) -> dict[str, Any]:
        """Those of the named arguments that fit, and the defaults of others, in their types."""
        values: dict[str, Any] = {}
        for name in self.names:
            given = {**self._defaults, **self._made_defaults(), **kwargs}
            if name in given:
                try:
                    values[name] = plain(given[name])
                except Unfit:
                    continue
        while True:
            try:
                model = self._partial.model_validate_json(
                    json.dumps(values), strict=True, extra="forbid"
                )
            except ValidationError as error:
                for problem in error.errors(include_url=False, include_input=False):
                    values.pop(str(problem["loc"][0]), None)
            else:
                return {name: getattr(model, _PREFIX + name) for name in values}

    @cached_property
    def _partial(self) -> type[BaseModel]:
        """The model with every parameter optional."""
        fields = {name: (self._types[name], None) for name in self.names}
        model, _ = _compiled(fields)
        return model

    def _misplaced(
        self, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> Iterator[tuple[str, str]]:
        if len(args) > len(self.names):
            yield "args", f"at most {len(self.names)} positional arguments, not {len(args)}"
        for name in self.names[: len(args)]:
            if name in kwargs:
                yield name, "is given twice, by position and by name"
        unknown = [name for name in kwargs if name not in self.names]
        for name in unknown[:UNKNOWN_NAMED]:
            known = ", ".join(self.names) or "none"
            yield visible(name), f"is not a parameter of this task; its parameters: {known}"

    def _made_defaults(self) -> dict[str, Any]:
        """The defaults that are made anew for each job."""
        return self.as_json(
            {name: self._field(name).get_default(call_default_factory=True) for name in self._made}
        )

    def _checked_defaults(self) -> dict[str, Any]:
        fields = {name: self._field(name) for name in self.names}
        told = [
            name
            for name in self.secrets
            if fields[name].default_factory is not None
            or not (fields[name].is_required() or fields[name].default is None)
        ]
        if told:
            raise TaskError(*(f"{name}: a secret has no default but None" for name in told))
        defaults = self.as_json(
            {
                name: field.default
                for name, field in fields.items()
                if not field.is_required() and field.default_factory is None
            }
        )
        given = {**defaults, **self._made_defaults()}
        try:
            self._validated(given)
        except ValidationError as error:
            # A file need not be there before its task is run.
            wrong = by_place(error, given, ignore=("missing", REFUSED))
            if wrong:
                problems = (f"{name}: its default {text}" for name, text in wrong.items())
                raise TaskError(*problems) from None
        return defaults

    def _validated(
        self, values: Mapping[str, object], files: Mapping[str, UploadedFile] | None = None
    ) -> BaseModel:
        """*values* in their types, nothing unknown among them at any depth."""
        return self._model.model_validate_json(
            json.dumps(values), strict=True, extra="forbid", context=files
        )

    def _field(self, name: str) -> Any:
        return self._model.model_fields[_PREFIX + name]


def _compiled(fields: Mapping[str, Any]) -> tuple[type[BaseModel], dict[str, Any]]:
    try:
        return _model(fields)
    except Exception as error:
        # Pydantic does not say which field it stumbled over: try each alone.
        problems = [problem for name in fields for problem in _problem(name, fields[name])]
        raise TaskError(*problems) from error


def _problem(name: str, field: Any) -> Iterator[str]:
    try:
        _model({name: field})
    except Exception as error:
        reason = str(error).split("\n")[0]
        yield f"{name}: cannot be a parameter: {reason}"


def _model(fields: Mapping[str, Any]) -> tuple[type[BaseModel], dict[str, Any]]:
    definitions: dict[str, Any] = {_PREFIX + name: field for name, field in fields.items()}
    model = create_model("Arguments", __config__=_CONFIG, **definitions)
    for name in fields:
        if model.model_fields[_PREFIX + name].alias != name:
            raise TypeError("an alias is not possible; rename the parameter")
    schema = _closed(model.model_json_schema())
    properties = schema.get("properties", {})
    definitions = schema.get("$defs", {})
    open_to_all = [
        each
        for name, each in properties.items()
        if not is_secret(model.model_fields[_PREFIX + name].annotation)
    ]
    offered = {name: choices_of(model.model_fields[_PREFIX + name]) for name in fields}
    if f'"{COMPUTED}"' in json.dumps(
        [definitions, *(each for name, each in properties.items() if not offered[name])]
    ):
        raise TypeError("Choices belong to a parameter, or to the items of a list of its own")
    if '"writeOnly"' in json.dumps([open_to_all, definitions]):
        raise TypeError("a secret must be a parameter of its own, of type Secret")
    return model, {
        "$schema": DIALECT,
        "type": "object",
        "properties": {
            name: with_choices(hoisted(each), offered[name]) for name, each in properties.items()
        },
        "required": schema.get("required", []),
        "additionalProperties": False,
        **({"$defs": definitions} if definitions else {}),
    }


def _closed(schema: Any) -> Any:
    """*schema* with the groups in it refusing, as validation does, what they do not know."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: each if key == "default" else _closed(each) for key, each in schema.items()}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed


def _name(field: str) -> str:
    return field.removeprefix(_PREFIX)


def _title(field: str, _: object) -> str:
    return _name(field).replace("_", " ").capitalize()


_CONFIG = ConfigDict(
    strict=True,
    allow_inf_nan=False,
    alias_generator=_name,
    field_title_generator=_title,
)
