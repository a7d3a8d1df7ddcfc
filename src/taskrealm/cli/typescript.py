"""From the JSON Schema of a task's parameters to TypeScript."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from .files import FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Schema = Mapping[str, Any]

NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
INDENT: Final = "  "
SIMPLE: Final = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
FORMATS: Final = {
    "date": "A date in ISO 8601, such as `2030-12-31`.",
    "time": "A time of day in ISO 8601, such as `23:59:00`.",
    "date-time": "A date and time in ISO 8601, such as `2030-12-31T23:59:00Z`.",
    "duration": "A length of time: seconds, or ISO 8601 such as `PT1H30M`.",
    "path": "The name of a file on the node.",
    FORMAT: "A file, or the id of one that has been sent.",
}
BOUNDS: Final = {
    "minimum": "At least {}.",
    "exclusiveMinimum": "More than {}.",
    "maximum": "At most {}.",
    "exclusiveMaximum": "Less than {}.",
    "minLength": "At least {} characters.",
    "maxLength": "At most {} characters.",
    "minItems": "At least {} items.",
    "maxItems": "At most {} items.",
    "pattern": "Matches `{}`.",
}


def declaration(tasks: Iterable[Mapping[str, Any]]) -> str:
    """
    The file that tells TypeScript of these *tasks*, which are as `taskrealm.tasks` lists them.

    `exec` and `check` of `@taskrealm/client` then take only arguments that fit.
    """
    lines = [
        "// Written by `taskrealm types`: write it anew when the tasks have changed.",
        "",
        'import "@taskrealm/client"',
        "",
        'declare module "@taskrealm/client" {',
        f"{INDENT}interface Tasks {{",
    ]
    for task in tasks:
        about = [f"{task['title']}.", *_paragraph(task.get("help"))]
        lines += _comment(about, 2)
        lines.append(f"{INDENT * 2}{json.dumps(task['name'])}: {type_of(task['parameters'], 2)}")
    return "\n".join((*lines, f"{INDENT}}}", "}", ""))


def type_of(schema: Schema, depth: int = 0) -> str:
    """The type of what *schema* describes, to stand *depth* levels deep in a file."""
    return _Types(schema).of(schema, depth, frozenset())


class _Types:
    """The types of one schema, whose definitions its parts refer to."""

    def __init__(self, root: Schema) -> None:
        self._root = root

    def of(self, schema: Schema, depth: int, within: frozenset[str]) -> str:
        """*within* are the definitions that *schema* is a part of."""
        reference = schema.get("$ref")
        if reference is not None:
            if reference in within:
                return "unknown"  # it is a part of itself
            return self.of(self._at(reference), depth, within | {reference})
        if "const" in schema:
            return json.dumps(schema["const"])
        if "enum" in schema:
            return _union(map(json.dumps, schema["enum"]))
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return _union(self.of(each, depth, within) for each in schema[several])
        kinds = schema.get("type")
        if isinstance(kinds, list):
            return _union(self.of({**schema, "type": kind}, depth, within) for kind in kinds)
        match kinds:
            case "object":
                return self._object(schema, depth, within)
            case "array":
                return self._array(schema, depth, within)
            case "string" if schema.get("format") == FORMAT:
                return "File | Blob | string"
        return SIMPLE.get(kinds or "", "unknown")

    def _object(self, schema: Schema, depth: int, within: frozenset[str]) -> str:
        properties: Mapping[str, Schema] = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        if not properties:
            if others is False:
                return "Record<string, never>"
            values = self.of(others, depth, within) if isinstance(others, dict) else "unknown"
            return f"Readonly<Record<string, {values}>>"
        required = schema.get("required", ())
        lines = ["{"]
        for name, part in properties.items():
            lines += _comment(self._about(part), depth + 1)
            mark = "" if name in required else "?"
            lines.append(
                f"{INDENT * (depth + 1)}{_key(name)}{mark}: {self.of(part, depth + 1, within)}"
            )
        return "\n".join((*lines, f"{INDENT * depth}}}"))

    def _array(self, schema: Schema, depth: int, within: frozenset[str]) -> str:
        items = schema.get("items")
        each = self.of(items, depth, within) if isinstance(items, dict) else "unknown"
        first = [self.of(part, depth, within) for part in schema.get("prefixItems", ())]
        if not first:
            return f"ReadonlyArray<{each}>"
        is_whole = schema.get("maxItems") == len(first) or items is False
        return f"readonly [{', '.join(first if is_whole else [*first, f'...{each}[]'])}]"

    def _about(self, schema: Schema) -> list[str]:
        """What is to be known of a value besides its type."""
        parts = list(self._parts(schema))
        described = next((part["description"] for part in parts if part.get("description")), None)
        lines = _paragraph(described)
        if not lines and schema.get("title"):
            lines = [schema["title"]]
        if lines and lines[-1][-1:].isalnum():
            lines[-1] += "."
        for part in parts:
            if part.get("format") in FORMATS:
                lines.append(FORMATS[part["format"]])
            if part.get("writeOnly"):
                lines.append("A secret.")
            lines += [text.format(part[key]) for key, text in BOUNDS.items() if key in part]
            lines += _hints(part.get("x-taskrealm", {}))
        if schema.get("default") is not None and not any(each.get("writeOnly") for each in parts):
            lines.append(f"`{json.dumps(schema['default'], ensure_ascii=False)}` unless given.")
        return lines

    def _parts(self, schema: Schema) -> Iterator[Schema]:
        """*schema*, and what it refers to or offers besides null."""
        yield schema
        if "$ref" in schema:
            target = self._at(schema["$ref"])
            # Its own comments stand within it.
            yield {key: target[key] for key in ("description", "format") if key in target}
        for each in schema.get("anyOf", ()):
            if "$ref" not in each:
                yield each
        if isinstance(schema.get("items"), dict):
            yield {key: schema["items"][key] for key in ("format",) if key in schema["items"]}

    def _at(self, reference: str) -> Schema:
        """What `#/$defs/Name` refers to."""
        found: Any = self._root
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        return dict(found)


def _hints(hints: Mapping[str, Any]) -> Iterator[str]:
    if "unit" in hints:
        yield f"In {hints['unit']}."
    if hints.get("accept"):
        yield f"Of these types: {', '.join(hints['accept'])}."
    if hints.get("max_size") is not None:
        yield f"At most {hints['max_size']} bytes."
    if "computed_choices" in hints:
        yield "One of the values that `choices` offers."


def _union(types: Iterable[str]) -> str:
    parts = [part for each in types for part in _members(each)]
    return " | ".join(dict.fromkeys(parts)) or "never"


def _members(type: str) -> list[str]:
    """The parts of a union; one that holds another type within it is left whole."""
    return [type] if any(sign in type for sign in "{<[\"'`") else type.split(" | ")


def _key(name: str) -> str:
    return name if NAME.fullmatch(name) else json.dumps(name)


def _paragraph(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").strip().splitlines()]


def _comment(lines: list[str], depth: int) -> list[str]:
    """A comment before what stands *depth* levels deep."""
    if not lines:
        return []
    indent = INDENT * depth
    safe = [line.replace("*/", "*\\/") for line in lines]
    if len(safe) == 1:
        return [f"{indent}/** {safe[0]} */"]
    return [f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in safe), f"{indent} */"]
