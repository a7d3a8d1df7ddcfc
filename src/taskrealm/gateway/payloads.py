"""What WAMP carries, as JSON: bytes are a text that begins with NUL, and base64 behind it."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from ..protocol.errors import InvalidArguments


def to_json(value: Any) -> Any:
    """*value* with its bytes as texts."""
    match value:
        case bytes():
            return "\0" + base64.b64encode(value).decode()
        case dict():
            return {name: to_json(each) for name, each in value.items()}
        case list() | tuple():
            return [to_json(each) for each in value]
    return value


def from_json(value: Any) -> Any:
    """
    *value* with the bytes that it had before `to_json`.

    Raises:
        InvalidArguments: A text begins with NUL, and is no base64 behind it.
    """
    match value:
        case str() if value.startswith("\0"):
            try:
                return base64.b64decode(value[1:], validate=True)
            except (binascii.Error, ValueError):
                raise InvalidArguments(
                    fields={"args": "have a text that begins with NUL and is not base64 behind it"}
                ) from None
        case dict():
            return {name: from_json(each) for name, each in value.items()}
        case list():
            return [from_json(each) for each in value]
    return value
