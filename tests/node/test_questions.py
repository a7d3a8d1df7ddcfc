"""What running programs ask their owners, on a real node, and who may answer."""

from __future__ import annotations

import asyncio
import shlex
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from tests.needs import needs
from tests.site import client, session
from tests.site.jobs import LIMIT, end_of, events_of, until

from taskrealm.client import BlockingClient, JobCancelled, JobFailed
from taskrealm.protocol import uris
from taskrealm.protocol.errors import (
    InvalidArguments,
    NotAuthorized,
    UnknownJob,
    UnknownQuestion,
)
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from tests.nodes import Node

    from taskrealm.client import Job
    from taskrealm.protocol.jobs import Event

pytestmark = pytest.mark.capability("N18")

ASKS = """
from taskrealm.tasks import report
print(repr(report.ask({})))
"""
LONGEST = 3.0  # seconds that a short answer may take meanwhile
ROWS = '"Overwrite 214 rows?"'
WITH_A_FILE = r"""
mkfifo reply
printf '{"ask": {"question": "Which?", "id": "which", "schema": {"enum": ["a", "b"]}}, %s}\n' \
  '"reply": "reply"' >> "$TASKREALM_REPORT"
cat reply
"""
IN_THE_SHELL = """
. "$TASKREALM_SHELL"
report_ask 'Name of the "new" file?' '' '' '{"type": "string", "minLength": 1}'
report_ask "Go on?" || echo "no answer"
"""


def python(call: str) -> dict[str, Any]:
    """The arguments of a program that prints what it is answered."""
    return {"source": ASKS.format(call)}


async def asked(job: Job) -> Event:
    """The first question of *job*."""
    return await until(job, EventType.QUESTION)


def answers_of(events: list[Event]) -> list[dict[str, Any]]:
    return [event.data for event in events if event.type is EventType.ANSWERED]


async def answer_first(job: Job, value: Any) -> None:
    """Give *value* for the answer to the first question."""
    await job.answer((await asked(job)).data["question"], value)


@pytest.mark.parametrize(
    ("call", "schema", "answer"),
    [
        pytest.param(ROWS, {"type": "boolean"}, True, id="yes or no"),
        pytest.param('"How many?", type=int', {"type": "integer"}, 0, id="a number"),
        pytest.param('"Who?", type=str', {"type": "string"}, "", id="text"),
        pytest.param('"Which?", choices=[1, "b"]', {"enum": [1, "b"]}, "b", id="a choice"),
        pytest.param(
            '"Where?", schema={"type": "object", "properties": {"x": {"type": "number"}}}',
            {"type": "object", "properties": {"x": {"type": "number"}}},
            {"x": 1.5, "ü": [None]},
            id="an object",
        ),
    ],
)
async def test_a_running_program_asks_its_owner_and_gets_a_typed_answer(
    site: Node, call: str, schema: dict[str, Any], answer: Any
) -> None:
    async with client(site, "asker_types") as ana:
        job = await ana.exec("steps.python", python(call))
        question = (await asked(job)).data
        [open_question] = (await job.snapshot())["questions"]
        await job.answer(question["question"], answer)

        assert await job.result(LIMIT) == repr(answer)
        assert (question["schema"], question["expires_at"]) == (schema, None)
        assert "default" not in question
        assert open_question.items() <= question.items()
        assert (await job.snapshot())["questions"] == []
        assert answers_of(await events_of(job)) == [
            {
                "question": question["question"],
                "answer": answer,
                "by": "asker_types",
                "refused": None,
            }
        ]


@pytest.mark.parametrize(
    ("call", "answer", "field", "sentence"),
    [
        pytest.param(ROWS, "yes", "value", "must be of type boolean", id="text for yes"),
        pytest.param(ROWS, 1, "value", "must be of type boolean", id="one for yes"),
        pytest.param('"?", type=int', 1.5, "value", "must be of type integer", id="a fraction"),
        pytest.param('"?", choices=["a"]', "b", "value", 'must be one of "a"', id="no choice"),
        pytest.param(
            '"?", schema={"properties": {"x": {"items": {"maximum": 5}}}}',
            {"x": [1, 6]},
            "value.x.1",
            "must be at most 5",
            id="within",
        ),
        pytest.param('"?", type=str', "x" * 9_000, "value", "must have at most 8192", id="long"),
    ],
)
async def test_an_answer_that_does_not_fit_is_refused_and_the_question_stays_open(
    site: Node, call: str, answer: Any, field: str, sentence: str
) -> None:
    async with client(site, "asker_fits") as ana:
        job = await ana.exec("steps.python", python(call))
        with pytest.raises(InvalidArguments) as refusal:
            await answer_first(job, answer)

        assert list(refusal.value.fields) == [field]
        assert refusal.value.fields[field].startswith(sentence)
        assert len((await job.snapshot())["questions"]) == 1
        await job.cancel(now=True)


async def test_a_question_is_answered_once(site: Node) -> None:
    async with client(site, "asker_once") as ana, client(site, "ops", "operator") as otto:
        job = await ana.exec("steps.python", python(ROWS))
        question = (await asked(job)).data["question"]
        answers = await asyncio.gather(
            *(each.job(job.job_id).answer(question, True) for each in (ana, otto) * 10),
            return_exceptions=True,
        )
        end = await end_of(job)

        assert answers.count(None) == 1
        [given] = answers_of(await events_of(job))
        for answer in answers:
            if answer is not None:
                assert isinstance(answer, UnknownQuestion)
                # One that came when the job had ended learns just that.
                assert answer.answered_by == given["by"] or "has ended" in str(answer)
                assert f"already answered by {given['by']}" in answer.message
        assert end.data["result"] == "True"
        with pytest.raises(UnknownQuestion, match="has ended"):
            await job.answer(question, True)


async def test_only_the_owner_and_who_steers_the_job_may_answer(site: Node) -> None:
    async with (
        client(site, "asker_own") as ana,
        client(site, "asker_other") as ben,
        client(site, "asker_site", "backend") as backend,
        client(site, "ops", "operator") as otto,
    ):
        job = await ana.exec("steps.python", python(ROWS))
        question = (await asked(job)).data["question"]

        with pytest.raises(UnknownJob):
            await ben.job(job.job_id).answer(question, True)
        with pytest.raises(NotAuthorized, match="may not cancel or answer this job"):
            await backend.job(job.job_id).answer(question, True)
        with pytest.raises(UnknownQuestion, match="asks no question 'another'"):
            await job.answer("another", True)
        await otto.job(job.job_id).answer(question, False)
        assert await job.result(LIMIT) == "False"
        assert answers_of(await events_of(job))[0]["by"] == "ops"


@pytest.mark.parametrize("question", [None, 5, ["q"]], ids=repr)
async def test_a_question_that_is_no_id_is_refused_by_name(site: Node, question: Any) -> None:
    peer = await session(site, "asker_ids")
    try:
        with pytest.raises(InvalidArguments) as refusal:
            await peer.call(uris.ANSWER, "x", question, True)
    finally:
        await peer.leave()

    assert list(refusal.value.fields) == ["question"]


async def test_without_an_answer_in_time_the_default_counts(site: Node) -> None:
    async with client(site, "asker_late") as ana:
        job = await ana.exec("steps.python", python(f"{ROWS}, default=False, timeout=0.2"))

        assert await job.result(LIMIT) == "False"
        question, answered = [
            event.data
            for event in await events_of(job)
            if event.type in (EventType.QUESTION, EventType.ANSWERED)
        ]
        assert (question["default"], answered["answer"], answered["by"]) == (False, False, None)
        assert question["expires_at"] is not None


async def test_without_an_answer_and_a_default_the_program_is_told(site: Node) -> None:
    async with client(site, "asker_late") as ana:
        job = await ana.exec("steps.python", python(f"{ROWS}, timeout=0.2"))

        with pytest.raises(JobFailed) as failed:
            await job.result(LIMIT)
        assert "NoAnswer: Nobody answered in time" in failed.value.stderr_tail
        [answered] = answers_of(await events_of(job))
        assert (answered["answer"], answered["refused"]) == (None, "timeout")


async def test_who_cancels_a_job_that_asks_ends_its_waiting(site: Node) -> None:
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    catching = "try: report.ask('?')\nexcept report.NoAnswer as no: print(no.reason, flush=True)"
    async with client(site, "asker_stops") as ana:
        source = f"{stubborn}\nfrom taskrealm.tasks import report\n{catching}"
        job = await ana.exec("steps.python", {"source": source})
        await asked(job)
        await job.cancel()

        with pytest.raises(JobCancelled):
            await job.result(LIMIT)
        assert [chunk.text async for chunk in job.output("stdout")] == ["cancelled\n"]
        assert (await job.snapshot())["questions"] == []


async def test_any_program_asks_through_a_pipe_of_its_own(site: Node) -> None:
    async with client(site, "asker_any") as ana:
        job = await ana.exec("steps.shell", {"script": WITH_A_FILE})
        await until(job, EventType.QUESTION)
        await job.answer("which", "b")

        assert await job.result(LIMIT) == '{"answer": "b"}'


@pytest.mark.parametrize("shell", ["dash", "bash"])
async def test_a_script_asks_by_a_function_of_the_shell(site: Node, shell: str) -> None:
    script = f"{needs(shell)} -c {shlex.quote(IN_THE_SHELL)}"
    async with client(site, "asker_shell") as ana:
        job = await ana.exec("steps.shell", {"script": script})
        answers = iter(['a "b".txt', False])
        async with asyncio.timeout(LIMIT):
            async for event in job:
                if event.type is EventType.QUESTION:
                    await job.answer(event.data["question"], next(answers))

        assert await job.result(LIMIT) == '"a \\"b\\".txt"\nfalse'
        first = (await asked(job)).data
        assert first["text"] == 'Name of the "new" file?'


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        pytest.param(
            '"?", schema={"$ref": "https://example.com/"}', "its schema has $ref", id="ref"
        ),
        pytest.param('"?", schema={"type": "boolen"}', "its schema.type is wrong", id="type"),
        pytest.param('"?", schema={"pattern": "(?=a)"}', "its pattern (?=a) cannot be", id="regex"),
        pytest.param(
            '"?", default=5', "its default does not fit its schema: it must", id="default"
        ),
        pytest.param('"x" * 3000', "its question must be text of at most 2000", id="too long"),
        pytest.param('"?", timeout=-1', "its timeout must be a number of seconds", id="timeout"),
        pytest.param('""', "its question must be text", id="empty"),
    ],
)
async def test_a_question_that_cannot_be_asked_fails_in_the_program(
    site: Node, call: str, reason: str
) -> None:
    async with client(site, "asker_wrong") as ana:
        job = await ana.exec("steps.python", python(call))

        with pytest.raises(JobFailed) as failed:
            await job.result(LIMIT)
        assert f"NoAnswer: The question could not be asked: {reason}" in failed.value.stderr_tail
        [message] = [event.data for event in await events_of(job) if event.type == "message"]
        assert message["text"].startswith(f"A report was not understood: {reason}")


async def test_a_job_asks_a_few_questions_at_once_and_no_more(site: Node) -> None:
    source = """
from concurrent.futures import ThreadPoolExecutor
from taskrealm.tasks import report
def ask(number):
    try:
        return report.ask(str(number), type=int)
    except report.NoAnswer as no:
        return str(no)
with ThreadPoolExecutor(6) as pool:
    for answer in pool.map(ask, range(6)):
        print(answer)
"""
    async with client(site, "asker_many") as ana:
        job = await ana.exec("steps.python", {"source": source})
        count = 0
        async with asyncio.timeout(LIMIT):
            async for event in job:
                if event.type is EventType.QUESTION:
                    count += 1
                if event.type is EventType.MESSAGE:
                    break
            for question in (await job.snapshot())["questions"]:
                await job.answer(question["question"], 7)

        lines = sorted((await job.result(LIMIT)).splitlines())
        assert lines[:5] == ["7"] * 5
        assert lines[5].endswith("a job asks at most 5 questions at once")


async def test_a_question_is_seen_by_who_opens_the_job_later(site: Node) -> None:
    async with client(site, "asker_later") as ana:
        job = await ana.exec("steps.python", python(ROWS))
        await asked(job)
    async with client(site, "asker_later") as again:
        job = again.job(job.job_id)
        [question] = (await job.snapshot())["questions"]
        await job.answer(question["question"], True)

        assert await job.result(LIMIT) == "True"


async def test_the_time_limit_goes_on_while_a_program_waits_for_its_answer(site: Node) -> None:
    async with client(site, "asker_limits") as ana:
        job = await ana.exec("steps.python", python(ROWS), timeout=1.0)

        assert (await end_of(job)).type is EventType.TIMED_OUT


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param("/etc/passwd", id="a file elsewhere"),
        pytest.param("../../other", id="elsewhere"),
        pytest.param("link", id="a link"),
        pytest.param("file", id="no pipe"),
        pytest.param("missing", id="nothing"),
        pytest.param("", id="no name"),
    ],
)
async def test_an_answer_goes_nowhere_but_to_a_pipe_of_the_job(site: Node, reply: str) -> None:
    script = f"""
touch file; mkfifo pipe; ln -s pipe link
echo '{{"ask": {{"question": "?"}}, "reply": "{reply}"}}' >> "$TASKREALM_REPORT"
"""
    async with client(site, "asker_paths") as ana:
        job = await ana.exec("steps.shell", {"script": script})
        events = await events_of(job)

        [message] = [event.data for event in events if event.type is EventType.MESSAGE]
        assert message["text"].startswith("A report was not understood: its reply ")
        assert EventType.QUESTION not in {event.type for event in events}


async def test_a_function_asks_from_within_its_worker(site: Node) -> None:
    async with client(site, "asker_function") as ana:
        job = await ana.exec("talks.function_asks")
        await answer_first(job, 7)

        assert await job.result(LIMIT) == 7
        assert (await job.snapshot())["tags"] == ["asked"]


def test_a_script_without_an_event_loop_answers(site: Node) -> None:
    token = site.issue("asker_blocking", "user")
    with BlockingClient(f"ws://127.0.0.1:{site.port}/ws", token=token) as ana:
        job = ana.exec("steps.python", python(ROWS))
        for event in job:
            if event.type is EventType.QUESTION:
                job.answer(event.data["question"], True)

        assert job.result(LIMIT) == "True"


async def test_a_flood_of_questions_is_bounded_and_holds_up_nobody(site: Node) -> None:
    source = """
import json, os
os.mkfifo("reply")
pipe = os.open("reply", os.O_RDWR | os.O_NONBLOCK)
with open(os.environ["TASKREALM_REPORT"], "w") as reports:
    for number in range(5_000):
        ask = {"question": str(number), "schema": {"enum": [number]}}
        reports.write(json.dumps({"ask": ask, "reply": "reply"}) + "\\n")
print("done")
"""
    async with client(site, "asker_floods") as ana, client(site, "asker_waits") as ben:
        flood = await ana.exec("steps.python", {"source": source})
        await until(flood, EventType.QUESTION)
        for _ in range(20):
            async with asyncio.timeout(LONGEST):
                await ben.tasks()

        assert await flood.result(LIMIT) == "done"
        types = Counter(event.type for event in await events_of(flood))
        assert types[EventType.QUESTION] == 5
        assert types[EventType.MESSAGE] <= 1_001
        assert (await flood.snapshot())["questions"] == []
