"""
Reads TOML together with the place of each key and item.

The parser of the standard library checks the text and makes the values; it does not tell
where they stand. So the text, known to be right, is looked through once more.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})(?!")'
    r"|'''.*?'''(?:'{0,2})(?!')"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"\d{4}-\d\d-\d\d [\d:.]+(?:[Zz]|[+-]\d\d:\d\d)?|[^\s,\]}#]+")
_KEY = re.compile(r'"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|[A-Za-z0-9_-]+')
_PLACE = re.compile(r"^(?P<text>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)$")
_END = re.compile(r"^(?P<text>.*) \(at end of document\)$")


def values_of(text: str) -> tuple[dict[str, Any], dict[Path, int]]:
    """
    What *text* says, and the offset of each key and of each item of a list.

    Raises:
        tomllib.TOMLDecodeError: It is not TOML.
    """
    values = tomllib.loads(text)
    # The parser reads line ends of both kinds as one character; lengths must not change here.
    return values, _Scanner(text).places()


def mistake(error: tomllib.TOMLDecodeError, text: str) -> tuple[str, int, int]:
    """What is wrong about *text*, with line and column from 1."""
    if place := _PLACE.match(str(error)):
        return place["text"], int(place["line"]), int(place["column"])
    end = _END.match(str(error))
    lines = text.split("\n")
    return end["text"] if end else str(error), len(lines), len(lines[-1]) + 1


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._places: dict[Path, int] = {}
        self._arrays: dict[Path, int] = {}

    def places(self) -> dict[Path, int]:
        table: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self._places

    def _header(self) -> Path:
        """The table that a line in brackets begins."""
        start = self._at
        is_array = self._text.startswith("[[", start)
        self._at += 2 if is_array else 1
        keys = self._keys()
        self._at += 2 if is_array else 1
        path: Path = ()
        for number, (key, _) in enumerate(keys, start=1):
            path += (key,)
            if number == len(keys) and is_array:
                self._arrays[path] = self._arrays.get(path, -1) + 1
            self._places.setdefault(path, start)
            if path in self._arrays:
                path += (self._arrays[path],)
                self._places.setdefault(path, start)
        # Its own line tells more than that of a table below it.
        self._places[path] = start
        return path

    def _pair(self, table: Path) -> None:
        path = table
        for key, start in self._keys():
            path += (key,)
            self._places.setdefault(path, start)
        self._at += 1  # the sign "="
        self._skip(_SPACE)
        self._value(path)

    def _keys(self) -> list[tuple[str, int]]:
        """A key, with its parts between dots, each with its offset."""
        keys = []
        while True:
            self._skip(_SPACE)
            start = self._at
            word = self._skip(_KEY)
            keys.append((next(iter(tomllib.loads(f"{word}=0"))), start))
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return keys
            self._at += 1

    def _value(self, path: Path) -> None:
        match self._text[self._at]:
            case '"' | "'":
                self._skip(_STRING)
            case "[":
                self._items(path)
            case "{":
                self._inline(path)
            case _:
                self._skip(_SCALAR)

    def _items(self, path: Path) -> None:
        self._at += 1
        self._skip(_BLANK)
        number = 0
        while self._text[self._at] != "]":
            self._places[(*path, number)] = self._at
            self._value((*path, number))
            number += 1
            self._skip_comma()
        self._at += 1

    def _inline(self, path: Path) -> None:
        self._at += 1
        self._skip(_BLANK)
        while self._text[self._at] != "}":
            self._pair(path)
            self._skip_comma()
        self._at += 1

    def _skip_comma(self) -> None:
        self._skip(_BLANK)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_BLANK)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        return found[0]
