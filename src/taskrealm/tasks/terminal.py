"""The terminal that a program may be given for its output."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 65_535  # columns or lines; the kernel has 16 bits for each


@dataclass(frozen=True, slots=True)
class Terminal:
    """
    A terminal of so many `columns` and `lines`, on which nobody types.

    Programs see that their output is a terminal, and print at once what they would keep
    back for a file.
    """

    columns: int = 80
    lines: int = 24

    def problems(self) -> Iterator[str]:
        """A sentence for each size that is none."""
        for name, value in asdict(self).items():
            if type(value) is not int or not 1 <= value <= LARGEST:
                yield f"{name} is {value!r}; it must be a whole number from 1 to {LARGEST}"
