"""What an answer must look like: JSON Schema, as much of it as is checked in bounded time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, SchemaError, validators
from jsonschema import ValidationError as Mismatch
from jsonschema.exceptions import best_match
from pydantic_core import SchemaError as CoreSchemaError
from pydantic_core import SchemaValidator, core_schema

from ..tasks.values import Unfit, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCHEMA_LIMIT = 8_192  # bytes of a schema as JSON
SCHEMAS_LIMIT = 600  # schemas within a schema; to check these takes a quarter of a second
ANSWER_LIMIT = 8_192  # bytes of an answer as JSON
STEPS_LIMIT = 5_000  # keywords applied to one answer; a tenth of a second at most
SENTENCE_LIMIT = 200  # characters of what is wrong about an answer

KEYWORDS = frozenset(
    {
        *("type", "enum", "const", "anyOf", "oneOf", "allOf", "not"),
        *("minLength", "maxLength", "pattern"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("items", "minItems", "maxItems", "uniqueItems"),
        *("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
    }
)
"""The keywords that are checked. References and the like are not: they can take for ever."""

ANNOTATIONS = frozenset(
    {
        *("$schema", "$comment", "title", "description", "default", "examples", "format"),
        *("deprecated", "readOnly", "writeOnly"),
    }
)
"""The keywords that a schema may have, for people and forms."""

_SUBSCHEMAS = {"items", "additionalProperties", "not"}
_LISTS_OF_SUBSCHEMAS = {"anyOf", "oneOf", "allOf"}

_Keyword = Any  # a function of jsonschema that yields what is wrong


class AnswerSchema:
    """The JSON Schema (2020-12) that the answer to one question has to fit."""

    def __init__(self, schema: object) -> None:
        """
        Raises:
            Unfit: It is no schema, or one with keywords other than `KEYWORDS`.
        """
        if not isinstance(schema, Mapping) or not schema:
            raise Unfit('its schema must be a JSON object, such as {"type": "boolean"}')
        if len(json.dumps(schema)) > SCHEMA_LIMIT:
            raise Unfit(f"its schema has more than {SCHEMA_LIMIT} bytes")
        if _known(schema) > SCHEMAS_LIMIT:
            raise Unfit(f"its schema has more than {SCHEMAS_LIMIT} schemas within it")
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            place = "".join(f".{step}" for step in error.absolute_path)
            raise Unfit(f"its schema{place} is wrong: {_short(error.message)}") from None
        self._patterns = {text: _compiled(text) for text in _patterns(schema)}
        self.schema: dict[str, Any] = dict(schema)

    def problems(self, value: object, name: str) -> dict[str, str]:
        """What is wrong about *value*, by its place below *name*; nothing if it fits."""
        try:
            answer = plain(value)
        except Unfit as unfit:
            return {name: str(unfit)}
        if len(json.dumps(answer)) > ANSWER_LIMIT:
            return {name: f"must have at most {ANSWER_LIMIT} bytes as JSON"}
        try:
            wrong = best_match(self._validator().iter_errors(answer))
        except _TooManySteps:
            return {name: "takes too long to be checked; give a shorter answer"}
        if wrong is None:
            return {}
        place = ".".join([name, *map(str, wrong.absolute_path)])
        return {place: _sentence(wrong)}

    def _validator(self) -> Any:
        steps = 0

        def counted(check: _Keyword) -> _Keyword:
            def checking(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
                nonlocal steps
                steps += 1
                if steps > STEPS_LIMIT:
                    raise _TooManySteps
                return check(validator, value, instance, schema)

            return checking

        checks = {name: Draft202012Validator.VALIDATORS[name] for name in KEYWORDS}
        checks |= {"pattern": self._check_pattern, "uniqueItems": _check_unique}
        make = validators.create(
            meta_schema=Draft202012Validator.META_SCHEMA,
            validators={name: counted(check) for name, check in checks.items()},
            type_checker=Draft202012Validator.TYPE_CHECKER,
        )
        return make(self.schema)

    def _check_pattern(
        self, validator: Any, pattern: str, instance: object, schema: object
    ) -> Iterator[Mismatch]:
        if isinstance(instance, str) and not self._patterns[pattern](instance):
            yield Mismatch(f"must fit the pattern {pattern}")


class _TooManySteps(Exception):
    """Checking an answer takes more steps than it may."""


def _check_unique(
    validator: Any, is_wanted: bool, instance: object, schema: object
) -> Iterator[Mismatch]:
    # The one of jsonschema compares each with each.
    if is_wanted and isinstance(instance, list):
        texts = {json.dumps(item, sort_keys=True) for item in instance}
        if len(texts) < len(instance):
            yield Mismatch("must not have the same item twice")


def _known(schema: object) -> int:
    """How many schemas *schema* is made of; all must be of known keywords."""
    if isinstance(schema, bool):
        return 1
    if not isinstance(schema, Mapping):
        raise Unfit("its schema must be of JSON objects")
    for keyword in schema:
        if keyword not in KEYWORDS and keyword not in ANNOTATIONS:
            raise Unfit(
                f"its schema has {_short(str(keyword))}, which no answer is checked by; "
                f"it may have {', '.join(sorted(KEYWORDS))}"
            )
    parts = (part for keyword, value in schema.items() for part in _parts(keyword, value))
    return 1 + sum(map(_known, parts))


def _parts(keyword: str, value: Any) -> Iterator[Any]:
    """The schemas within the *value* of a *keyword*."""
    if keyword in _SUBSCHEMAS:
        yield value
    elif keyword in _LISTS_OF_SUBSCHEMAS and isinstance(value, list):
        yield from value
    elif keyword == "properties" and isinstance(value, Mapping):
        yield from value.values()


def _patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if "pattern" in schema:
            yield schema["pattern"]
        for keyword, value in schema.items():
            for part in _parts(keyword, value):
                yield from _patterns(part)


def _compiled(pattern: str) -> Callable[[str], bool]:
    """What tells whether *pattern* is found in a text, in time that only grows with the text."""
    try:
        # The engine of Rust, which never goes back: no pattern makes it take for ever.
        validator = SchemaValidator(core_schema.str_schema(pattern=pattern))
    except CoreSchemaError:
        raise Unfit(
            f"its pattern {_short(pattern)} cannot be used: it may not look around or back"
        ) from None
    return validator.isinstance_python


def _sentence(wrong: Mismatch) -> str:
    match wrong.validator:
        case "type":
            kinds = wrong.validator_value
            names = [kinds] if isinstance(kinds, str) else kinds
            return f"must be of type {' or '.join(names)}"
        case "enum":
            return _short(f"must be one of {json.dumps(wrong.validator_value)[1:-1]}")
        case "const":
            return _short(f"must be {json.dumps(wrong.validator_value)}")
        case "minimum" | "maximum":
            least = "least" if wrong.validator == "minimum" else "most"
            return f"must be at {least} {wrong.validator_value}"
        case "minLength" | "maxLength":
            least = "least" if wrong.validator == "minLength" else "most"
            return f"must have at {least} {wrong.validator_value} characters"
    return _short(wrong.message)


def _short(text: str) -> str:
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return text if len(text) <= SENTENCE_LIMIT else text[: SENTENCE_LIMIT - 1] + "…"
