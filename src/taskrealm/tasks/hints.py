"""What a form or a command line should know about a parameter besides what it accepts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from pydantic_core import core_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

HINTS = "x-taskrealm"
"""The key in a JSON Schema under which hints stand."""


@dataclass(frozen=True, slots=True)
class Hint:
    """
    How to show a parameter, as in `Annotated[str, Hint(placeholder="me@example.com")]`.

    Hints change nothing about which values are accepted. They stand in the JSON Schema of
    the task, under `"x-taskrealm"`.
    """

    placeholder: str | None = None
    """An example that stands in the empty field."""
    unit: str | None = None
    """What a number counts, such as `"px"`."""
    group: str | None = None
    """The heading under which parameters are shown together."""
    multiline: bool = False
    """Whether text may well have more than one line."""
    titles: Mapping[Any, str] = field(default_factory=dict, hash=False)
    """What to call the choices of a parameter, by their value."""

    def as_dict(self) -> dict[str, Any]:
        """The hints that are given."""
        named = {
            "placeholder": self.placeholder,
            "unit": self.unit,
            "group": self.group,
            "multiline": self.multiline or None,
            "choices": [{"value": value, "title": title} for value, title in self.titles.items()],
        }
        return {name: value for name, value in named.items() if value not in (None, [])}

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return with_hints(handler(schema), self.as_dict())


def with_hints(schema: JsonSchemaValue, hints: Mapping[str, Any]) -> JsonSchemaValue:
    """*schema* with *hints* added to those that it has."""
    return {**schema, HINTS: {**schema.get(HINTS, {}), **hints}} if hints else schema


def hoisted(schema: Mapping[str, Any]) -> dict[str, Any]:
    """*schema* with the hints of its only alternative to null, if that is what it is."""
    others = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(others) == 1 and HINTS in others[0]:
        return with_hints(dict(schema), others[0][HINTS])
    return dict(schema)


class _OneLine:
    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(_one_line, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"pattern": r"^[^\r\n]*$", **handler(schema)}


def _one_line(text: str) -> str:
    if len(text.splitlines()) > 1 or text.endswith(("\n", "\r")):
        raise ValueError("must be a single line")
    return text


Line = Annotated[str, _OneLine()]
"""Text without a line break."""

Text = Annotated[str, Hint(multiline=True)]
"""Text of any number of lines."""
