"""The parts of a command that depend on arguments."""

from __future__ import annotations

import datetime
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from pydantic_core import PydanticSerializationError, to_jsonable_python

from .secrets import Secret, revealed
from .values import Unfit, require_text


class Part(ABC):
    """
    What one parameter, or one property of the task, adds to a command.

    Without a value (None, or an empty list) a part adds nothing. Whatever else the value
    is, also `0`, `False` or `""`, reaches the program as given; of a list, each item does,
    and of a mapping, each `name=value`. A length of time becomes its seconds.
    """

    name: str

    @abstractmethod
    def arguments(self, value: object) -> list[str]:
        """
        The arguments of the program that stand for *value*.

        Raises:
            Unfit: The value cannot be given to a program, or not in this place.
        """


@dataclass(frozen=True, slots=True)
class Value(Part):
    """
    The value itself, as an argument of its own.

    The program must not take a value for one of its options, so one that begins with `-`
    is refused unless *dash* allows it; it is safe after a constant `"--"`. The *suffix*
    follows the value in the same argument.
    """

    name: str
    dash: bool = False
    suffix: str = field(default="", repr=False)

    def arguments(self, value: object) -> list[str]:
        texts = [text + self.suffix for text in _texts(value)]
        if not self.dash and any(text.startswith("-") for text in texts):
            raise Unfit("must not begin with '-', or the program would take it for an option")
        return texts


@dataclass(frozen=True, slots=True)
class Option(Part):
    """The *flag* and then the value, as two arguments: `-crf 23`. Repeated for a list."""

    flag: str
    name: str

    def arguments(self, value: object) -> list[str]:
        return [argument for text in _texts(value) for argument in (self.flag, text)]


@dataclass(frozen=True, slots=True)
class Glued(Part):
    """
    The value right behind a *prefix*, as one argument: `--size=9`. Repeated for a list.

    The *suffix* follows the value in the same argument.
    """

    prefix: str
    name: str
    suffix: str = field(default="", repr=False)

    def arguments(self, value: object) -> list[str]:
        return [self.prefix + text + self.suffix for text in _texts(value)]


@dataclass(frozen=True, slots=True)
class Flag(Part):
    """The *flag* alone, if the value is True."""

    flag: str
    name: str

    def arguments(self, value: object) -> list[str]:
        if not isinstance(value, bool | None):
            raise Unfit("must be true or false")
        return [self.flag] if value else []


def text_of(value: object) -> str | None:
    """
    The text that a variable, or standard input, holds for *value*; also a secret is shown.

    Raises:
        Unfit: The value is no single text.
    """
    texts = _texts(revealed(value))
    if len(texts) > 1:
        raise Unfit("has several values, and only one can be handed over here")
    return texts[0] if texts else None


def _texts(value: object) -> list[str]:
    match value:
        case None:
            return []
        case dict():
            return [_pair(name, item) for name, item in value.items() if item is not None]
        case list() | tuple() | set() | frozenset():
            return [_text(item) for item in value if item is not None]
    return [_text(value)]


def _pair(name: object, item: object) -> str:
    text = _text(name)
    if "=" in text:
        raise Unfit("must have no '=' in its names")
    return f"{text}={_text(item)}"


def _text(value: object) -> str:
    match value:
        case Secret():
            raise Unfit(
                "is a secret, and everybody on the machine can read what programs are given"
            )
        case Enum():
            return _text(value.value)
        case str():
            text = value
        case bool():
            text = "true" if value else "false"
        case int() | float():
            text = repr(value)
        case Path():
            text = str(value)
        case datetime.date() | datetime.time():  # a datetime is a date, too
            text = value.isoformat()
        case datetime.timedelta():
            seconds = value.total_seconds()
            text = str(int(seconds)) if seconds.is_integer() else repr(seconds)
        case _:
            text = _as_json(value)
    require_text(text)
    return text


def _as_json(value: object) -> str:
    """What JSON makes of an identifier, a decimal number and their like."""
    try:
        text = to_jsonable_python(value)
    except PydanticSerializationError:
        text = None
    if not isinstance(text, str):
        raise Unfit(f"must be text or a number, not {type(value).__name__}")
    return text
