"""Values that are made often: dataclasses that nobody changes once they are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(declaration: type[T]) -> type[T]:
    """
    Make a dataclass with slots, which type checkers take for frozen.

    Python would see to that too, but then each field takes five times as long to be set.
    """
    return dataclass(slots=True)(declaration)
