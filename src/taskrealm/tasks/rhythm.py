"""The moments that a cron expression stands for, by the clock on the wall of a time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

if TYPE_CHECKING:
    from collections.abc import Iterator

FIELDS = 5  # minute, hour, day of the month, month, day of the week
FIRST_WINDOW = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """
    What comes again and again, as in `Rhythm("0 3 * * *", "Europe/Berlin")`.

    Where the clock is set forward, what would be in the gap comes right behind it; where it
    is set back, what has a fixed hour comes once, and what comes every hour or minute goes on.
    """

    expression: str
    zone: str = "UTC"

    def problem(self) -> str | None:
        """What is wrong with it, and in which of the two."""
        expression: object = self.expression
        if not isinstance(expression, str) or len(expression.split()) != FIELDS:
            return (
                f"cron is {expression!r}; it must be five words: minute, hour, day of the month,"
                ' month and day of the week, such as "0 3 * * *"'
            )
        try:
            zone = self._tzinfo()
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
            return f"zone is {self.zone!r}; it must be a time zone such as Europe/Berlin, or UTC"
        try:
            next(CronSim(expression, datetime(2024, 1, 1, tzinfo=zone)))
        except CronSimError as error:
            field = str(error).removeprefix("Bad ")
            return f"cron is {expression!r}, and its {field} makes no sense"
        except StopIteration:
            return f"cron is {expression!r}, which never comes"
        return None

    def after(self, moment: datetime, count: int) -> list[datetime]:
        """The first *count* moments after *moment*, in UTC."""
        found = []
        for each in self._following(moment):
            found.append(each)
            if len(found) == count:
                break
        return found

    def between(self, since: datetime, until: datetime, most: int) -> list[datetime]:
        """The last *most* moments after *since* up to *until*, in UTC, however many there are."""
        window = FIRST_WINDOW
        while True:
            begin = max(since, until - window)
            found = []
            for each in self._following(begin):
                if each > until:
                    break
                found.append(each)
            if len(found) >= most or begin == since:
                return found[-most:]
            window *= 4

    def _following(self, moment: datetime) -> Iterator[datetime]:
        # In the hour that comes twice, and behind a gap, the same moment would come again.
        newest = moment
        for each in CronSim(self.expression, moment.astimezone(self._tzinfo())):
            if (due := each.astimezone(UTC)) > newest:
                newest = due
                yield due

    def _tzinfo(self) -> tzinfo:
        return UTC if self.zone == "UTC" else ZoneInfo(self.zone)
