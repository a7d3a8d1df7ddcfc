"""What one job may use up."""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    The most that one job may use; None leaves it to the node's settings.

    Time has a setting of its own, `timeout`.
    """

    memory: int | None = None
    """Bytes in main memory, of all processes of the job together."""
    cpu: float | None = None
    """Seconds of processor time, of all processes of the job together."""
    processes: int | None = None
    """Processes of the job that exist at once."""
    open_files: int | None = None
    """Files that each of its processes may have open."""
    output: int | None = None
    """Bytes that are kept of each output stream: three quarters of its beginning, then its end."""
    overflow: Literal["truncate", "fail"] = "truncate"
    """What happens when a stream exceeds `output`: its middle is dropped, or the job fails."""

    @functools.lru_cache(maxsize=1_024)  # noqa: B019 - few, small, and the same for every job
    def within(self, defaults: Limits) -> Limits:
        """These limits, and those of *defaults* where these leave it open."""
        names = [each.name for each in fields(self) if getattr(self, each.name) is None]
        return replace(self, **{name: getattr(defaults, name) for name in names})

    def problems(self) -> Iterator[str]:
        """What is wrong about these limits."""
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name == "overflow":
                if value not in ("truncate", "fail"):
                    yield f'overflow is {value!r}; it must be "truncate" or "fail"'
            elif value is not None and not _is_amount(value, whole=each.name != "cpu"):
                kind = "a whole number" if each.name != "cpu" else "a number of seconds"
                yield f"{each.name} is {value!r}; it must be {kind} above 0, or None"


def _is_amount(value: object, *, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        return False
    return 0 < value < float("inf")
