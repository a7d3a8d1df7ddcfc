"""Lengths of time, as callers and sites write them."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, TypeAdapter, WithJsonSchema

_UNITS = {"d": 86_400, "h": 3_600, "min": 60, "m": 60, "s": 1, "ms": 0.001}
_PIECE = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|min|[dhms])\s*")
_ISO_8601 = TypeAdapter(timedelta)
_LONGEST = 86_400 * 365_000  # seconds; a timedelta can hold little more


def seconds_of(text: str) -> float:
    """
    The seconds that *text* stands for, such as `90`, `90s`, `1h30m` or `2 d`.

    Raises:
        ValueError: It is no length of time.
    """
    words = text.strip()
    if re.fullmatch(r"\d+(\.\d+)?", words):
        return float(words)
    end = 0
    seconds = 0.0
    while (piece := _PIECE.match(words, end)) is not None:
        seconds += float(piece[1]) * _UNITS[piece[2]]
        end = piece.end()
    if not words or end < len(words):
        raise ValueError("must be a length of time, such as 90s, 15m, 1h30m or 2d")
    return seconds


def _length(value: object) -> object:
    if isinstance(value, str) and value.lstrip("+-").startswith("P"):
        # Behind a function, pydantic takes no text any more for anything but text.
        return _ISO_8601.validate_python(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if not math.isfinite(value) or abs(value) > _LONGEST:
        raise ValueError("must be a length of time of at most 365000 days")
    return timedelta(seconds=value)


Duration = Annotated[
    timedelta,
    BeforeValidator(_length),
    WithJsonSchema({"type": ["string", "number"], "format": "duration"}),
]
"""
A length of time, which callers give as seconds or in ISO 8601 (`PT1H30M`).

A program receives it as seconds.
"""
