"""The values that every part of the way can carry: JSON, the journal, a program's arguments."""

from __future__ import annotations

import math
from typing import Any

DEPTH_LIMIT = 32  # lists and mappings within each other
NAME_LIMIT = 64  # characters of a name that a message repeats


class Unfit(ValueError):
    """A value cannot be carried; the message says what it must be and never repeats it."""


def plain(value: object, *, depth: int = 0) -> Any:
    """
    A copy of *value* of nothing but JSON's own kinds.

    Raises:
        Unfit: Something in it is of another kind, or not to be carried unchanged.
    """
    match value:
        case None | bool():
            return value
        case int():
            # More digits do not survive MessagePack, and few databases.
            if not -(2**63) <= value < 2**63:
                raise Unfit("must be a whole number of at most 64 bits")
            return value
        case float():
            if not math.isfinite(value):
                raise Unfit("must be a finite number")
            return value
        case str():
            require_text(value)
            return value
    if depth == DEPTH_LIMIT:
        raise Unfit(f"must not be nested more than {DEPTH_LIMIT} deep")
    match value:
        case list() | tuple():
            return [
                _within(f"item {number}", item, depth) for number, item in enumerate(value, start=1)
            ]
        case dict():
            return {_key(key): _within(visible(key), item, depth) for key, item in value.items()}
    raise Unfit(f"must be a value that JSON has, not {type(value).__name__}")


def require_text(text: str) -> None:
    """
    Make sure that *text* can be stored, sent, and given to a program.

    Raises:
        Unfit: It contains a NUL character or half of a surrogate pair.
    """
    if "\0" in text:
        raise Unfit("must not contain the NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unfit("must be valid Unicode text, without lone surrogates") from None


def visible(name: object) -> str:
    """*name* as it may stand in a message: short, and printable everywhere."""
    text = name if isinstance(name, str) else repr(name)
    if len(text) > NAME_LIMIT:
        text = text[:NAME_LIMIT] + "…"
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise Unfit("must have only text as keys")
    require_text(key)
    return key


def _within(place: str, value: object, depth: int) -> Any:
    try:
        return plain(value, depth=depth + 1)
    except Unfit as unfit:
        raise Unfit(f"{place} {unfit}") from None
