"""Programs that print on a terminal, report on their standard output, and note things about their job."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from tests.needs import needs
from tests.site import client, is_running, programs_of
from tests.site.jobs import LIMIT, end_of, events_of, first_line, until

from taskrealm.client import JobFailed
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from tests.nodes import Node

    from taskrealm.client import Job
    from taskrealm.protocol.jobs import Event

LONGEST = 3.0  # seconds that a short answer may take while others are busy

IN_PYTHON = """
from taskrealm.tasks import report
report.tag("slow")
report.data(rows=1, of="a.csv")
report.data(rows=214, of=None)
report.result({"rows": 214})
print("printed")
"""
IN_THE_SHELL = """
. "$TASKREALM_SHELL"
report_progress 0.5 'half of "it"'
report_message "The disk is nearly full" warning
report_message 'and
more'
report_tag slow
report_data rows 214
report_result "all's well"
echo printed
"""
WHERE = """
import os, sys
print(sys.stdout.isatty(), sys.stderr.isatty(), os.get_terminal_size(1), os.environ["TERM"])
print("on standard error", file=sys.stderr)
"""
ON_STDOUT = r"""
import json, os, sys, time
print("first")
print('{"progress": 0.5, "message": "half"}')
print('{"no": "report"}')
os.mkfifo("reply")
print(json.dumps({"ask": {"question": "Go on?"}, "reply": "reply"}), flush=True)
answer = json.loads(open("reply").readline())["answer"]
print('{"result": %d}' % answer)
print('{"message": "the last one, on a line that never ends"}', end="")
"""


async def printed(job: Job, stream: str = "stdout") -> str:
    """All that *job* prints."""
    async with asyncio.timeout(LIMIT):
        return "".join([chunk.text async for chunk in job.output(stream)])


def data_of(events: list[Event], kind: EventType) -> list[dict[str, Any]]:
    return [event.data for event in events if event.type is kind]


@pytest.mark.capability("N9")
async def test_a_program_tags_its_job_notes_data_and_reports_its_result(site: Node) -> None:
    async with client(site, "noter") as ana:
        job = await ana.exec("steps.python", {"source": IN_PYTHON}, tags=["mine"])

        assert await job.result(LIMIT) == {"rows": 214}
        seen = await job.snapshot()
        assert (seen["tags"], seen["data"]) == (["mine", "slow"], {"rows": 214})
        last = data_of(await events_of(job), EventType.UPDATED)[-1]
        assert last == {"tags": ["mine", "slow"], "data": {"rows": 214}}
        [listed] = [each async for each in ana.jobs() if each["job_id"] == job.job_id]
        assert (listed["tags"], listed["data"]) == (seen["tags"], seen["data"])


@pytest.mark.capability("N9")
@pytest.mark.parametrize("shell", ["dash", "bash"])
async def test_a_script_reports_by_functions_of_the_shell(site: Node, shell: str) -> None:
    script = f"exec {needs(shell)} <<'END'\n{IN_THE_SHELL}END\n"
    async with client(site, "noter") as ana:
        job = await ana.exec("steps.shell", {"script": script})
        events = await events_of(job)

        assert await job.result(LIMIT) == "all's well"
        assert data_of(events, EventType.MESSAGE) == [
            {"level": "warning", "text": "The disk is nearly full", "data": None},
            {"level": "info", "text": "and\nmore", "data": None},
        ]
        [progress] = data_of(events, EventType.PROGRESS)
        assert (progress["fraction"], progress["message"]) == (0.5, 'half of "it"')
        seen = await job.snapshot()
        assert (seen["tags"], seen["data"]) == (["slow"], {"rows": "214"})


@pytest.mark.capability("N9")
async def test_what_is_too_much_to_be_noted_is_left_out_and_told_once(site: Node) -> None:
    source = """
from taskrealm.tasks import report
for number in range(500):
    report.tag(f"tag {number}")
    report.data(**{f"name {number % 10}": "x" * 1000})
"""
    async with client(site, "noter") as ana:
        job = await ana.exec("steps.python", {"source": source})
        events = await events_of(job)

        seen = await job.snapshot()
        assert seen["tags"] == [f"tag {number}" for number in range(20)]
        assert len(seen["data"]) == 8
        assert sorted(each["text"] for each in data_of(events, EventType.MESSAGE)) == [
            "A job has at most 20 tags; further ones are not kept",
            "The data of a job has at most 8192 bytes; more is not kept",
        ]
        assert len(data_of(events, EventType.UPDATED)) < 50


@pytest.mark.capability("N9")
async def test_reports_on_standard_output_are_no_output(site: Node) -> None:
    async with client(site, "stdouter") as ana:
        job = await ana.exec("talks.on_stdout", {"source": ON_STDOUT})
        async with asyncio.timeout(LIMIT):
            async for event in job:
                if event.type is EventType.QUESTION:
                    await job.answer(event.data["question"], True)
        events = await events_of(job)

        assert await job.result(LIMIT) == 1
        assert await printed(job) == 'first\n{"no": "report"}\n'
        assert data_of(events, EventType.PROGRESS)[0]["message"] == "half"
        [message] = data_of(events, EventType.MESSAGE)
        assert message["text"] == "the last one, on a line that never ends"


async def test_a_flood_of_reports_on_standard_output_is_bounded_and_holds_up_nobody(
    site: Node,
) -> None:
    source = """
for number in range(30_000):
    print('{"progress": %f, "tag": "%d"}' % (number / 30_000, number % 30))
    print('{"message": "%d"}' % number)
"""
    async with client(site, "stdouter") as ana, client(site, "stdwaiter") as ben:
        flood = await ana.exec("talks.on_stdout", {"source": source})
        await until(flood, EventType.MESSAGE)
        for _ in range(20):
            async with asyncio.timeout(LONGEST):
                await ben.tasks()
        events = await events_of(flood)

        assert await printed(flood) == ""
        assert events[-1].type is EventType.SUCCEEDED
        texts = [each["text"] for each in data_of(events, EventType.MESSAGE)]
        assert texts.count("A job has at most 20 tags; further ones are not kept") == 1
        assert "29000 more messages were not recorded: a job has room for 1000" in texts


async def test_without_that_setting_what_looks_like_a_report_is_output(site: Node) -> None:
    async with client(site, "stdouter") as ana:
        job = await ana.exec("steps.shell", {"script": """echo '{"progress": 0.5}'"""})

        assert await printed(job) == '{"progress": 0.5}\n'
        assert data_of(await events_of(job), EventType.PROGRESS) == []


@pytest.mark.capability("N8")
async def test_on_a_terminal_a_program_prints_at_once_what_it_would_keep_back(site: Node) -> None:
    # It ends by its time limit only; what it has printed is seen long before.
    source = 'import time; print("12%"); time.sleep(600)'
    async with client(site, "typist") as ana:
        job = await ana.exec("talks.on_terminal", {"script": f"python3 -c '{source}'"})

        assert await first_line(job) == "12%"
        async with asyncio.timeout(LIMIT):
            async for event in job:
                if event.type is EventType.PROGRESS:
                    assert event.data["fraction"] == 0.12
                    break
        pids = programs_of(job.job_id)
        await job.cancel()
        assert (await end_of(job)).type is EventType.CANCELLED
        assert pids
        assert not any(map(is_running, pids))


async def test_a_terminal_has_the_size_that_its_task_says_and_one_stream(site: Node) -> None:
    async with client(site, "typist") as ana:
        job = await ana.exec("talks.on_terminal", {"script": f"python3 -c '{WHERE}'"})

        assert await printed(job) == (
            "True True os.terminal_size(columns=100, lines=40) xterm-256color\non standard error\n"
        )
        assert await printed(job, "stderr") == ""


async def test_the_output_of_a_terminal_is_what_the_program_printed_to_the_last_byte(
    site: Node,
) -> None:
    script = r"seq 1 200000; printf 'a\r\nb\rc\x04\x03d\tend'"
    async with client(site, "typist") as ana:
        job = await ana.exec("talks.on_terminal", {"script": script})

        lines = "".join(f"{number}\n" for number in range(1, 200_001))
        assert await printed(job) == lines + "a\r\nb\rc\x04\x03d\tend"


async def test_a_failure_on_a_terminal_tells_the_last_that_was_printed(site: Node) -> None:
    async with client(site, "typist") as ana:
        job = await ana.exec("talks.on_terminal", {"script": "echo that is why >&2; exit 3"})

        with pytest.raises(JobFailed) as failed:
            await job.result(LIMIT)
        assert (failed.value.exit_code, failed.value.stderr_tail) == (3, "that is why\n")


async def test_who_leaves_a_process_on_a_terminal_is_not_waited_for(site: Node) -> None:
    async with client(site, "typist") as ana:
        job = await ana.exec("talks.on_terminal", {"script": "sleep 600 & echo $!"})

        assert not is_running(int(await job.result(LIMIT)))


async def test_a_program_is_told_by_when_it_has_to_end(site: Node) -> None:
    async with client(site, "noter") as ana:
        job = await ana.exec(
            "steps.shell", {"script": 'echo "$TASKREALM_DEADLINE"; pwd'}, timeout=100.0
        )
        deadline, directory = (await job.result(LIMIT)).split()

        started = datetime.fromisoformat((await job.snapshot())["started_at"])
        assert abs((datetime.fromisoformat(deadline) - started).total_seconds() - 100) < 5
        assert directory.startswith(str(site.folder.jobs))
