"""
Reads YAML together with the place of each key and item.

The kinds of scalar are those of YAML 1.2's core schema, in which `no`, `on`, `12:30` and
`2026-01-31` are text. Aliases and tags are refused: what is written stands for itself.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

Path = tuple[str | int, ...]

_SCALARS = (
    ("null", re.compile(r"(?:~|null|Null|NULL|)\Z")),
    ("bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")),
    ("int", re.compile(r"[-+]?[0-9]+\Z")),
    ("float", re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")),
)


class Mistake(Exception):
    """The text cannot be read, because of what stands at `line` and `column`, from 1."""

    def __init__(self, text: str, mark: Any) -> None:
        super().__init__(text)
        self.line = 1 if mark is None else mark.line + 1
        self.column = 1 if mark is None else mark.column + 1


def values_of(text: str) -> tuple[Any, dict[Path, int]]:
    """
    What *text* says, and the offset of each key and of each item of a list.

    Raises:
        Mistake: It is not YAML, or not the part of it that is read here.
    """
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise Mistake("aliases are not read here: write the value out", event.start_mark)
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        raise Mistake(error.problem or "is not YAML", error.problem_mark) from None
    except yaml.YAMLError as error:  # such as a character that no text has
        raise Mistake(str(error).split("\n")[0], None) from None
    places: dict[Path, int] = {}
    return ({} if node is None else _value(node, (), places)), places


def _value(node: yaml.Node, path: Path, places: dict[Path, int]) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, places)
    if isinstance(node, yaml.SequenceNode):
        items = []
        for number, item in enumerate(node.value):
            places[(*path, number)] = item.start_mark.index
            items.append(_value(item, (*path, number), places))
        return items
    assert isinstance(node, yaml.ScalarNode)
    return _scalar(node)


def _mapping(node: yaml.MappingNode, path: Path, places: dict[Path, int]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, item in node.value:
        key = key_node.value
        if not isinstance(key, str):
            raise Mistake("a key must be text", key_node.start_mark)
        if key in values:
            raise Mistake(f"{key!r} stands here for the second time", key_node.start_mark)
        places[(*path, key)] = key_node.start_mark.index
        values[key] = _value(item, (*path, key), places)
    return values


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    if node.style is not None:  # quoted, or a block: text whatever it looks like
        return text
    for kind, pattern in _SCALARS:
        if pattern.match(text):
            match kind:
                case "null":
                    return None
                case "bool":
                    return text.lower() == "true"
                case "int":
                    return int(text)
                case "float":
                    return float(text)
    return text
