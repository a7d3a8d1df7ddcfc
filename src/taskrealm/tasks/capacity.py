"""How much of a node the jobs of one task may take up."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .definition import Definition

GROUP = re.compile(r"[a-z][a-z0-9_]*")
SLOTS_MOST = 1_024  # as many as a node can have


@dataclass(frozen=True, slots=True)
class Rate:
    """
    How many jobs a user may ask for: *count* at once, and as many again in *seconds*.

    They come back one by one, each after its part of the *seconds*.
    """

    count: int
    seconds: float


def problems(declaration: type[Definition]) -> Iterator[tuple[str, str]]:
    """What is wrong about the settings that say so: each attribute, and what to do about it."""
    if not _is_whole(declaration.slots, least=0, most=SLOTS_MOST):
        yield (
            "slots",
            f"is {declaration.slots!r}; it must be a whole number from 0 to {SLOTS_MOST}",
        )
    group: object = declaration.group
    if group is not None and not (isinstance(group, str) and GROUP.fullmatch(group)):
        sizes = "to which the settings of the node give a size"
        yield "group", f"is {group!r}; it must be a lower-case word, {sizes}"
    for name in ("most_running", "most_running_per_user"):
        most: object = getattr(declaration, name)
        if most is not None and not _is_whole(most, least=1):
            yield name, f"is {most!r}; it must be a whole number, at least 1, or None"
    rate: object = declaration.rate
    if rate is not None and not isinstance(rate, Rate):
        yield "rate", "must be a Rate, such as Rate(10, 60.0) for 10 jobs a minute, or None"
    elif rate is not None:
        if not _is_whole(rate.count, least=1):
            yield "rate", f"its count is {rate.count!r}; it must be a whole number, at least 1"
        if not _is_duration(rate.seconds):
            yield "rate", f"its seconds are {rate.seconds!r}; they must be a number above 0"


def _is_whole(value: object, *, least: int, most: int | None = None) -> bool:
    return type(value) is int and value >= least and (most is None or value <= most)


def _is_duration(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return math.isfinite(value) and value > 0
