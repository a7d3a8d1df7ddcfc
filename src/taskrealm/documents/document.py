"""A file that somebody has written, with the place of each value in it."""

from __future__ import annotations

import bisect
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import toml, yaml
from .sentences import problems_of, suggestion_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic import BaseModel, ValidationError

    from .toml import Path as Steps

NAMED = 12  # names that a sentence lists


class Unreadable(Exception):
    """A file cannot be read; the message begins with file, line and column."""


@dataclass(frozen=True, slots=True)
class Document:
    """The `values` that a file holds."""

    file: Path
    values: dict[str, Any]
    _places: Mapping[Steps, int] = field(repr=False)
    _lines: list[int] = field(repr=False)
    """The offset of the beginning of each line."""

    def place(self, path: Steps = ()) -> str:
        """File, line and column of the value at *path*, or of the nearest one around it."""
        offset = self._offset(path)
        line = bisect.bisect_right(self._lines, offset)
        return f"{self.file}:{line}:{offset - self._lines[line - 1] + 1}"

    def mistakes(self, error: ValidationError, model: type[BaseModel]) -> list[str]:
        """
        What *error*, from checking the values against *model*, says.

        There is a sentence for each mistake, in the order in which they stand in the file.
        """
        sentences = []
        schema = model.model_json_schema()
        for path, sentence, is_unknown in problems_of(error, self.values):
            if is_unknown:
                known = sorted(_names_at(path[:-1], self.values, schema))
                listed = ", ".join(known[:NAMED]) + (", …" if len(known) > NAMED else "")
                sentence += suggestion_for(str(path[-1]), known) or f"; there may be: {listed}"
            words = (self.place(path), ".".join(str(step) for step in path), sentence)
            sentences.append((self._offset(path), ": ".join(word for word in words if word)))
        return [sentence for _, sentence in sorted(sentences, key=lambda each: each[0])]

    def _offset(self, path: Steps) -> int:
        while path and path not in self._places:
            path = path[:-1]
        return self._places.get(path, 0)


def load(file: Path) -> Document:
    """
    What is written in *file*: TOML, or YAML if its name says so.

    Raises:
        Unreadable: It is neither, or cannot be read at all.
        FileNotFoundError: There is no such file.
    """
    if file.exists() and not file.is_file():
        # Whoever reads a pipe waits for its other end.
        raise Unreadable(f"{file}: cannot be read: it is no regular file")
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{file}: cannot be read: {error}") from error
    try:
        if file.suffix in (".yaml", ".yml"):
            values, places = yaml.values_of(text)
        else:
            values, places = toml.values_of(text)
    except yaml.Mistake as error:
        raise Unreadable(f"{file}:{error.line}:{error.column}: is no YAML: {error}") from error
    except tomllib.TOMLDecodeError as error:
        sentence, line, column = toml.mistake(error, text)
        raise Unreadable(f"{file}:{line}:{column}: is no TOML: {sentence}") from error
    if not isinstance(values, dict):
        raise Unreadable(f"{file}:1:1: must be a mapping")
    starts = [0, *(at + 1 for at, char in enumerate(text) if char == "\n")]
    return Document(file, values, places, starts)


def _names_at(path: Steps, values: Any, schema: Mapping[str, Any]) -> set[str]:
    """The names that a model with *schema* knows for what is at *path* in *values*."""
    found = [dict(schema)]
    for step in (*path, None):
        found = [each for one in found for each in _alternatives(one, values, schema)]
        if step is None:
            break
        found = [below for each in found if (below := _below(each, step)) is not None]
        values = values[step]
    return {name for each in found for name in each.get("properties", {})}


def _alternatives(
    schema: dict[str, Any], value: Any, root: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What a schema may stand for; of a union that *value* has a tag of, that one alone."""
    if "$ref" in schema:
        target = root["$defs"][schema["$ref"].rpartition("/")[2]]
        return _alternatives(target, value, root)
    tagged = schema.get("discriminator")
    if tagged is not None and isinstance(value, dict):
        reference = tagged["mapping"].get(value.get(tagged["propertyName"]))
        if reference is not None:
            return _alternatives({"$ref": reference}, value, root)
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if choices:
        return [each for one in choices for each in _alternatives(one, value, root)]
    return [schema]


def _below(schema: Mapping[str, Any], step: str | int) -> dict[str, Any] | None:
    if isinstance(step, int):
        below = schema.get("items")
    else:
        below = schema.get("properties", {}).get(step, schema.get("additionalProperties"))
    return below if isinstance(below, dict) else None
