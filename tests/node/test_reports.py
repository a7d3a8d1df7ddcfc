"""What programs report while they run, on a real node: messages and progress, in any language."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.site import client
from tests.site.jobs import events_of

from taskrealm.protocol.jobs import Event, EventType

if TYPE_CHECKING:
    from tests.nodes import Node


LIMIT = 60.0  # seconds

IN_THE_SHELL = """
echo '{"message": "one", "level": "warning", "data": {"free": 0}}' >> "$TASKREALM_REPORT"
(exec >&- 2>&-; echo '{"progress": 0.5, "message": "half"}' >> "$TASKREALM_REPORT")
printf '{"message": "the last one, on a line that never ends"}' >> "$TASKREALM_REPORT"
"""
IN_PYTHON = """
from taskrealm.tasks import report
for page in range(1, 4):
    report.progress(page / 4, f"page {page}")
    report.message(f"page {page} is empty", level="error", data={"page": page})
"""
FLOOD = """
import os
with open(os.environ["TASKREALM_REPORT"], "w") as pipe:
    for number in range(1_000_000):
        pipe.write('{"message": "%d"}\\n' % number)
    pipe.write('{"progress": 0.9}\\n')
"""
NONSENSE = r"""
printf 'nonsense\n\377\n{"progress": 40}\n{"message": "fine"}\n' >> "$TASKREALM_REPORT"
head -c 3000000 /dev/zero >> "$TASKREALM_REPORT"
"""
AT_ONCE = r"""
printf '{"progress": 0.1}\n{"message": "half"}\n{"progress": 1}\n' > reports
cat reports > "$TASKREALM_REPORT"
"""
HOSTILE = """
rm "$TASKREALM_REPORT"; mkdir -p "$TASKREALM_REPORT/a"; echo done
"""


def messages_of(events: list[Event]) -> list[dict[str, Any]]:
    return [event.data for event in events if event.type is EventType.MESSAGE]


@pytest.mark.capability("U8", "U9")
async def test_any_program_reports_through_a_pipe(site: Node) -> None:
    async with client(site, "reporter") as ana:
        events = await events_of(await ana.exec("steps.shell", {"script": IN_THE_SHELL}))

        assert messages_of(events) == [
            {"level": "warning", "text": "one", "data": {"free": 0}},
            {
                "level": "info",
                "text": "the last one, on a line that never ends",
                "data": None,
            },
        ]
        [progress] = [event.data for event in events if event.type is EventType.PROGRESS]
        assert (progress["fraction"], progress["message"]) == (0.5, "half")
        assert events[-1].type is EventType.SUCCEEDED


@pytest.mark.capability("U8", "U9")
async def test_programs_in_python_have_a_module_for_it(site: Node) -> None:
    async with client(site, "reporter") as ana:
        events = await events_of(await ana.exec("steps.python", {"source": IN_PYTHON}))

        assert messages_of(events) == [
            {"level": "error", "text": f"page {page} is empty", "data": {"page": page}}
            for page in (1, 2, 3)
        ]
        fractions = [event.data["fraction"] for event in events if event.type == "progress"]
        assert fractions[-1] == 0.75
        assert fractions == sorted(fractions)


@pytest.mark.capability("U8", "U9")
async def test_progress_stays_before_or_behind_the_messages_beside_it(site: Node) -> None:
    async with client(site, "reporter") as ana:
        events = await events_of(await ana.exec("steps.shell", {"script": AT_ONCE}))
        told = [event.data.get("text") or event.data["fraction"] for event in events[2:-1]]

        assert told == [0.1, "half", 1.0]


@pytest.mark.capability("U9")
async def test_of_a_million_messages_the_first_are_kept_and_the_rest_counted(site: Node) -> None:
    async with client(site, "reporter") as ana:
        flood = await ana.exec("steps.python", {"source": FLOOD})
        events = await events_of(flood)
        told = messages_of(events)

        assert [each["text"] for each in told[:-1]] == [str(number) for number in range(1_000)]
        assert told[-1] == {
            "level": "warning",
            "text": "999000 more messages were not recorded: a job has room for 1000",
            "data": None,
        }
        assert [event.job_seq for event in events] == list(range(1, len(events) + 1))
        assert events[-1].type is EventType.SUCCEEDED
        assert (await flood.snapshot())["progress"]["fraction"] == 0.9


@pytest.mark.capability("U9")
async def test_what_is_no_report_is_told_to_the_owner_and_hurts_nobody(site: Node) -> None:
    async with client(site, "reporter") as ana:
        events = await events_of(await ana.exec("steps.shell", {"script": NONSENSE}))

        assert [
            (each["level"], each["text"].partition(": ")[2]) for each in messages_of(events)
        ] == [
            ("error", "it is not JSON: Expecting value at column 1"),
            ("error", "it is not UTF-8"),
            ("error", "its progress must be a number from 0 to 1, or null"),
            ("info", ""),
            ("error", "it has more than 16384 bytes"),
        ]
        assert len(json.dumps([event.as_dict() for event in events])) < 5_000
        assert events[-1].type is EventType.SUCCEEDED


async def test_a_program_that_breaks_its_pipe_harms_itself_only(site: Node) -> None:
    async with client(site, "reporter") as ana:
        broken = await ana.exec("steps.shell", {"script": HOSTILE})

        assert await broken.result(LIMIT) == "done"
        events = await events_of(await ana.exec("steps.shell", {"script": IN_THE_SHELL}))
        assert len(messages_of(events)) == 2
