"""Times on a command line."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

from ..tasks.durations import seconds_of
from .terminal import visible


class Moment(click.ParamType[datetime]):
    """A time in ISO 8601, by the clock of this machine unless it has an offset, or a time ago."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """
        The moment that *value* stands for, such as `2030-01-31T08:00` or `2h`, two hours ago.

        Raises:
            click.BadParameter: It stands for none.
        """
        now = datetime.now().astimezone()
        try:
            return datetime.fromisoformat(value).astimezone()
        except ValueError:
            pass
        try:
            return now - timedelta(seconds=seconds_of(value))
        except (ValueError, OverflowError):
            self.fail(f"{visible(value)!r} is no time in ISO 8601 and none ago, as 2h", param, ctx)
