"""What the journal remembers of schedules."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from taskrealm.journal import Journal, schedules

if TYPE_CHECKING:
    from pathlib import Path

SEEN = datetime(2030, 1, 31, 3, tzinfo=UTC)


async def opened(folder: Path) -> Journal:
    return await Journal.open(folder, output_limit=1_024, on_commit=lambda _: None)


async def test_how_far_a_schedule_has_come_outlives_the_journal(tmp_path: Path) -> None:
    first = schedules.Past("0 3 * * * UTC", SEEN)
    second = schedules.Past("0 4 * * * UTC", SEEN, "job", is_paused=True)
    journal = await opened(tmp_path)
    for name, past in (("a", first), ("a", second), ("b", first), ("gone", first)):
        await journal.change(functools.partial(schedules.save, name=name, past=past))
    await journal.change(functools.partial(schedules.forget, name="gone"))
    await journal.close()
    again = await opened(tmp_path)
    found = await again.change(schedules.read)
    await again.close()

    assert found == {"a": second, "b": first}
