"""Jobs on a real node: accepted, ordered, run, watched, stopped."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.plain import EVENT, RESULT
from tests.site import SLOTS, client, is_running, session
from tests.site.jobs import events_of, first_line, occupy_slots, until

from taskrealm.client import JobCancelled, JobFailed, JobTimedOut, Request
from taskrealm.protocol import uris
from taskrealm.protocol.errors import (
    Error,
    InvalidArguments,
    NotAuthorized,
    TooLarge,
    UnknownJob,
    UnknownTask,
)
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from tests.nodes import Node

    from taskrealm.client import Client

LIMIT = 30.0  # seconds that anything may take


async def jobs_of(user: Client, **filters: Any) -> list[dict[str, Any]]:
    return [job async for job in user.jobs(**filters)]


@pytest.mark.capability("S1", "S2", "A1", "A4", "U2", "U3", "U4", "U6", "U12", "U13", "J2")
async def test_a_job_reports_everything_from_queued_to_its_result(site: Node) -> None:
    async with client(site, "ana") as ana:
        job = await ana.exec("date", ["+%Y"])
        by_name = await ana.exec("date", {"format": "%Y", "utc": True})
        events = await events_of(job)

        assert [event.type for event in events] == ["queued", "started", "succeeded"]
        assert [event.job_seq for event in events] == [1, 2, 3]
        assert {(event.owner, event.task, event.job_id) for event in events} == {
            ("ana", "date", job.job_id)
        }
        assert events[-1].data["duration"] > 0
        assert await by_name.result(LIMIT) == str(datetime.now().year)


@pytest.mark.capability("S3")
async def test_the_submitter_has_its_job_id_before_any_event(site: Node) -> None:
    peer = await site.user("early")
    async with peer:
        await peer.subscribe(uris.jobs_topic("early"))
        for _ in range(30):
            await peer.send([48, 1_000, {}, uris.EXEC, ["probe.nothing"]])
            kinds = [(await peer.receive())[0]]
            while kinds[-1] != RESULT:
                kinds.append((await peer.receive())[0])
            seen = 0
            while seen < 3:
                message = await peer.receive()
                assert message[0] == EVENT
                seen += len(message[4][0])

            assert kinds == [RESULT]


@pytest.mark.capability("S4", "A2")
async def test_an_unknown_task_is_refused_and_nothing_is_queued(site: Node) -> None:
    async with client(site, "bo") as bo:
        with pytest.raises(UnknownTask, match=r"nonsense"):
            await bo.exec("nonsense")

        assert await jobs_of(bo) == []


REFUSED: list[Any] = [
    pytest.param("probe.required", {}, "given", id="missing"),
    pytest.param("probe.required", {"given": "x", "more": 1}, "more", id="unknown"),
    pytest.param("probe.required", ["x", "y"], None, id="too many"),
    pytest.param("probe.required", {"given": 5}, "given", id="number for text"),
    pytest.param("probe.required", {"given": None}, "given", id="nothing for text"),
    pytest.param("probe.arguments", {"number": "5"}, "number", id="text for number"),
    pytest.param("probe.arguments", {"number": True}, "number", id="flag for number"),
    pytest.param("probe.arguments", {"number": 1.5}, "number", id="fraction for whole number"),
    pytest.param("probe.arguments", {"loud": "yes"}, "loud", id="text for flag"),
    pytest.param("probe.arguments", {"words": "one"}, "words", id="text for list"),
    pytest.param("probe.arguments", {"words": ["fine", "-x"]}, "words", id="option in list"),
    pytest.param("probe.required", {"given": "-rf"}, "given", id="an option"),
    pytest.param("probe.required", {"given": "--"}, "given", id="dashes"),
    pytest.param("probe.required", {"given": "a\0b"}, "given", id="NUL"),
    pytest.param("probe.even", {"number": 3}, "number", id="refused by the task's own check"),
    pytest.param("demo.count", {"to": 0}, "to", id="below the range"),
    pytest.param("text.count", {"source": "../taskrealm.toml"}, "source", id="outside the root"),
    pytest.param("text.count", {"source": "/etc/passwd"}, "source", id="absolute"),
    pytest.param("text.count", {"source": "none.txt"}, "source", id="no such file"),
]


@pytest.mark.capability("S5", "S6", "A6", "A10", "A11", "A12")
@pytest.mark.parametrize(("task", "arguments", "field"), REFUSED)
async def test_bad_arguments_are_refused_at_submission(
    site: Node, task: str, arguments: Any, field: str | None
) -> None:
    async with client(site, "cy") as cy:
        with pytest.raises(InvalidArguments) as refusal:
            await cy.exec(task, arguments)

        assert "Traceback" not in str(refusal.value)
        assert field is None or list(refusal.value.fields) == [field]
        assert await jobs_of(cy) == []


@pytest.mark.capability("S5", "S6")
async def test_what_is_no_request_at_all_is_refused_in_words(site: Node) -> None:
    cy = await session(site, "cy")
    call = cy.call
    for wrong in (
        call(uris.EXEC),
        call(uris.EXEC, 5),
        call(uris.EXEC, "date", "args"),
        call(uris.EXEC, "date", [], [1]),
        call(uris.EXEC, "date", [], {}, 1),
        call(uris.EXEC, "date", haste=True),
        call(uris.EXEC, "date", priority="high"),
        call(uris.EXEC, "date", timeout=-1),
        call(uris.EXEC, "date", timeout=1e9),
        call(uris.EXEC, "date", tags="one"),
        call(uris.EXEC, "date", deliver="nowhere"),
        call(uris.EXEC_MANY, "date"),
        call(uris.EXEC_MANY, ["date"]),
        call(uris.EXEC_MANY, [{"task": "date"}, {"task": "date", "haste": 1}]),
        call(uris.JOB, 5),
        call(uris.JOBS, state="asleep"),
        call(uris.JOBS, limit=0),
        call(uris.EVENTS, since="yesterday"),
        call(uris.OUTPUT, "x", stream="stdin"),
        call(uris.OUTPUT, "x", offset=-1),
        call(uris.SEARCH, "x", ""),
        call(uris.SEARCH, "x", 5),
        call(uris.SEARCH, "x", "a\nb"),
        call(uris.SEARCH, "x", "a", stream="result"),
        call(uris.SEARCH, "x", "a", limit=0),
        call(uris.SEARCH, "x", "a", match_case=1),
        call(uris.CANCEL, "x", now="please"),
    ):
        with pytest.raises(InvalidArguments) as refusal:
            await wrong

        assert refusal.value.fields
        assert "Traceback" not in str(refusal.value)
    assert (await call(uris.JOBS))["jobs"] == []
    await cy.leave()


@pytest.mark.capability("S5")
async def test_oversized_arguments_are_refused(site: Node) -> None:
    async with client(site, "cy") as cy:
        with pytest.raises(TooLarge):
            await cy.exec("probe.required", {"given": "x" * 200_000})
        with pytest.raises(TooLarge):
            await cy.exec("probe.arguments", {"words": ["x"] * 120_000})
        with pytest.raises(TooLarge):
            await cy.exec("probe.required", {"given": "x" * 3_000_000})

        assert await jobs_of(cy) == []
        assert (await cy.check("date", {}))["argv"][0] == "date"


UNCHANGED: list[Any] = [
    pytest.param({"text": ""}, ["", "7", "0.5", "true"], id="empty text"),
    pytest.param({"number": 0, "ratio": 0.0}, ["default", "0", "0.0", "true"], id="zeros"),
    pytest.param({"spoken": False}, ["default", "7", "0.5", "false"], id="False"),
    pytest.param({"loud": True}, ["default", "7", "0.5", "--loud", "true"], id="a flag"),
    pytest.param({"number": -3}, ["default", "-3", "0.5", "true"], id="a dash where allowed"),
    pytest.param({"tag": "-x"}, ["default", "7", "0.5", "true", "--tag", "-x"], id="a tag apart"),
    pytest.param({"tag": ""}, ["default", "7", "0.5", "true", "--tag", ""], id="an empty tag"),
    pytest.param({"glued": "a b"}, ["default", "7", "0.5", "true", "--glued=a b"], id="glued"),
    pytest.param({"dashed": "-rf"}, ["default", "7", "0.5", "true", "-rf"], id="allowed dash"),
    pytest.param(
        {"words": ["a", "", "$HOME;ls"]},
        ["default", "7", "0.5", "true", "a", "", "$HOME;ls"],
        id="a list",
    ),
    pytest.param(
        {"text": "é\u202e \U0001f600\n\t'\"\\`$(id)*"},
        ["é\u202e \U0001f600\n\t'\"\\`$(id)*", "7", "0.5", "true"],
        id="odd Unicode",
    ),
]


@pytest.mark.capability("A4", "A5", "A6", "A7", "A8", "A9", "A13", "X2", "P5")
@pytest.mark.parametrize(("arguments", "expected"), UNCHANGED)
async def test_values_reach_the_program_as_given(
    site: Node, arguments: dict[str, Any], expected: list[str]
) -> None:
    async with client(site, "di") as di:
        job = await di.exec("probe.arguments", arguments)

        assert await job.result(LIMIT) == ["constant", *expected]


@pytest.mark.capability("A12")
async def test_a_task_may_change_arguments_before_the_job_is_queued(site: Node) -> None:
    async with client(site, "di") as di:
        job = await di.exec("probe.even", {"number": 4})

        assert await job.result(LIMIT) == "40"
        assert (await job.snapshot())["arguments"] == {"number": 40}


@pytest.mark.capability("X1", "X10", "A16")
async def test_a_program_finds_the_chosen_surroundings_only(site: Node) -> None:
    async with client(site, "ed") as ed:
        job = await ed.exec("probe.surroundings")
        found = await job.result(LIMIT)

        assert found["stdin"] == ""
        assert found["is_leader"]
        assert found["owner"] == "ed"
        assert found["content"] == []
        directory = Path(found["directory"])
        assert directory.parent == site.folder.jobs.resolve()
        assert not directory.exists()
        environment = found["environment"]
        assert environment["COLOUR"] == "blue"
        assert environment["TASKREALM_OWNER"] == "ed"
        assert environment["TASKREALM_JOB_ID"] == job.job_id
        assert Path(environment["TASKREALM_DIRECTORY"]) == directory
        assert Path(environment["TASKREALM_SHELL"]).name == "report.sh"
        assert datetime.fromisoformat(environment["TASKREALM_DEADLINE"]) > datetime.now(UTC)
        assert set(environment) <= {
            *("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "HOME", "TMPDIR", "COLOUR"),
            *("TASKREALM_JOB_ID", "TASKREALM_ATTEMPT", "TASKREALM_TASK", "TASKREALM_OWNER"),
            *("TASKREALM_DIRECTORY", "TASKREALM_DEADLINE"),
            *("TASKREALM_COOKIE", "TASKREALM_REPORT", "TASKREALM_SHELL"),
        }


@pytest.mark.capability("X8", "U5")
async def test_a_failure_says_exit_code_and_last_words(site: Node) -> None:
    async with client(site, "fa") as fa:
        job = await fa.exec("demo.fail", {"code": 3, "message": "no more disks"})
        with pytest.raises(JobFailed) as failure:
            await job.result(LIMIT)

        assert failure.value.exit_code == 3
        assert "no more disks" in failure.value.stderr_tail
        [*_, last] = await events_of(job)
        assert last.type is EventType.FAILED
        assert last.data["error"] == "The program ended with exit code 3"


@pytest.mark.capability("U5")
@pytest.mark.parametrize("task", ["probe.missing", "probe.unready"])
async def test_what_cannot_run_or_be_read_fails_with_a_reason(site: Node, task: str) -> None:
    async with client(site, "fa") as fa:
        job = await fa.exec(task)
        with pytest.raises(JobFailed) as failure:
            await job.result(LIMIT)

        assert failure.value.error
        assert "Traceback" not in failure.value.error


@pytest.mark.capability("U1", "U8")
async def test_progress_of_a_running_program_arrives_while_it_runs(site: Node) -> None:
    async with client(site, "gi") as gi:
        job = await gi.exec("demo.count", {"to": 3, "interval": 0.3})
        progress = [event for event in await events_of(job) if event.type is EventType.PROGRESS]

        fractions = [event.data["fraction"] for event in progress]
        assert fractions == sorted(fractions)
        assert fractions[0] == pytest.approx(1 / 3)
        assert fractions[-1] == 1
        assert progress[-1].data["message"] == "3 of 3"


@pytest.mark.capability("N6")
async def test_output_arrives_whole_with_colours_and_carriage_returns(site: Node) -> None:
    async with client(site, "ho") as ho:
        text = "\x1b[32mgreen\x1b[0m 10 %\r20 %\rdone é\U0001f600\n"
        job = await ho.exec("probe.printed", {"text": text})
        async with asyncio.timeout(LIMIT):
            printed = "".join([chunk.text async for chunk in job.output("stdout")])

        assert printed == text


@pytest.mark.capability("N6")
async def test_a_text_is_found_in_both_streams_of_a_job(site: Node) -> None:
    async with client(site, "finder") as finder:
        code = "import sys; print('one needle'); print('two needles', file=sys.stderr)"
        job = await finder.exec("probe.script", {"code": code})
        await job.result(LIMIT)
        found = [each async for each in job.search("NEEDLE")]
        in_stderr = [each async for each in job.search("needle", "stderr", match_case=True)]
        with pytest.raises(InvalidArguments):
            [each async for each in job.search("")]

        assert [(each.stream, each.offset, each.after) for each in found] == [
            ("stdout", 4, ""),
            ("stderr", 4, "s"),
        ]
        assert in_stderr == found[1:]


@pytest.mark.capability("Q1", "Q2", "Q3", "Q4", "U15", "N1")
async def test_200_jobs_on_two_slots_start_by_priority_then_arrival(site: Node) -> None:
    async with client(site, "ida") as ida:
        blocking = await occupy_slots(ida)
        priorities = [number * 7 % 5 * 10 for number in range(200)]
        jobs = await ida.exec_many(
            [
                Request("probe.nothing", {"number": number}, priority=priority)
                for number, priority in enumerate(priorities)
            ]
        )
        assert len(await jobs_of(ida, state="queued")) == 200
        for job in blocking:
            await job.cancel()
        histories = await asyncio.gather(*(events_of(job) for job in jobs))

        for history in histories:
            assert [event.type for event in history] == ["queued", "started", "succeeded"]
        started = sorted(range(200), key=lambda number: histories[number][1].seq or 0)
        assert started == sorted(range(200), key=lambda number: (-priorities[number], number))
        seqs = sorted(event.seq or 0 for history in histories for event in history)
        assert len(set(seqs)) == 600
        running = 0
        for _, kind in sorted((event.seq, event.type) for each in histories for event in each):
            running += {"started": 1, "succeeded": -1}.get(kind, 0)
            assert running <= SLOTS


@pytest.mark.capability("C1", "U11")
async def test_a_waiting_job_is_cancelled_without_ever_starting(site: Node) -> None:
    async with client(site, "jo") as jo:
        blocking = await occupy_slots(jo)
        job = await jo.exec("probe.nap")

        assert await job.cancel("changed my mind") == "removed_from_queue"
        assert [event.type for event in await events_of(job)] == ["queued", "cancelled"]
        with pytest.raises(JobCancelled, match="changed my mind"):
            await job.result(LIMIT)
        assert await job.cancel() == "already_cancelled"
        for each in blocking:
            await each.cancel()


@pytest.mark.capability("C2", "X5", "X6", "U11", "N4")
@pytest.mark.parametrize("stubborn", [False, True], ids=["polite", "ignores SIGTERM"])
async def test_cancel_ends_the_whole_family(site: Node, stubborn: bool) -> None:
    async with client(site, "kim") as kim:
        job = await kim.exec("probe.family", {"stubborn": stubborn})
        pids = [int(pid) for pid in (await first_line(job)).split()]
        assert len(pids) == 4
        assert await job.cancel() == "stopping"
        events = await events_of(job)

        assert [event.type for event in events] == ["queued", "started", "stopping", "cancelled"]
        assert events[-1].data["by"] == "kim"
        assert not [pid for pid in pids if is_running(pid)]


@pytest.mark.capability("C2")
async def test_a_second_cancel_kills_at_once(site: Node) -> None:
    async with client(site, "kim") as kim:
        job = await kim.exec("probe.nap")
        await until(job, EventType.STARTED)
        answers = await asyncio.gather(job.cancel(), job.cancel(now=True))
        events = await events_of(job)

        assert answers[0] == "stopping"
        assert [event.type for event in events].count(EventType.CANCELLED) == 1
        assert events[-1].type is EventType.CANCELLED


@pytest.mark.capability("C4")
async def test_cancel_of_an_ended_or_unknown_job_says_so(site: Node) -> None:
    async with client(site, "lu") as lu:
        job = await lu.exec("probe.nothing")
        await job.result(LIMIT)

        assert await job.cancel() == "already_succeeded"
        with pytest.raises(UnknownJob):
            await lu.job("0" * 32).cancel()


@pytest.mark.capability("X3", "X5", "X7")
async def test_a_job_that_exceeds_its_time_limit_times_out(site: Node) -> None:
    async with client(site, "max") as max_:
        job = await max_.exec("probe.short")
        events = await events_of(job)

        assert [event.type for event in events] == ["queued", "started", "stopping", "timed_out"]
        assert events[-1].data["timeout"] == 0.5
        with pytest.raises(JobTimedOut):
            await job.result(LIMIT)


@pytest.mark.capability("X4")
async def test_the_caller_may_shorten_the_time_limit(site: Node) -> None:
    async with client(site, "max") as max_:
        job = await max_.exec("probe.nap", timeout=0.3)

        assert (await events_of(job))[-1].type is EventType.TIMED_OUT


@pytest.mark.capability("D1", "C3", "I2", "I3")
async def test_users_neither_see_nor_touch_each_others_jobs(site: Node) -> None:
    otto = await session(site, "otto")
    async with client(site, "nora") as nora:
        job = await nora.exec("probe.nap")
        await until(job, EventType.STARTED)
        for ask in (
            lambda job_id: otto.call(uris.JOB, job_id),
            lambda job_id: otto.call(uris.CANCEL, job_id),
            lambda job_id: otto.call(uris.OUTPUT, job_id),
            lambda job_id: otto.call(uris.EVENTS, job_id=job_id),
        ):
            foreign, unknown = await refusal(ask(job.job_id)), await refusal(ask("0" * 32))
            assert type(foreign) is type(unknown) is UnknownJob
            assert str(foreign).replace(job.job_id, "0" * 32) == str(unknown)
        for ask in (otto.call(uris.JOBS, owner="nora"), otto.call(uris.EVENTS, owner="nora")):
            assert type(await refusal(ask)) is NotAuthorized

        assert (await otto.call(uris.JOBS))["jobs"] == []
        assert [each["job_id"] for each in await jobs_of(nora, state="running")] == [job.job_id]
        await job.cancel(now=True)
    await otto.leave()


async def refusal(call: Any) -> Error:
    with pytest.raises(Error) as refused:
        await call
    return refused.value


@pytest.mark.capability("D2", "D7", "D13", "S9", "N3")
async def test_every_session_of_a_user_hears_of_a_job_and_a_later_one_sees_all_of_it(
    site: Node,
) -> None:
    async with client(site, "pia") as second:
        async with client(site, "pia") as first:
            stream = second.events()
            job_id = (await first.exec("demo.count", {"to": 2, "interval": 0.4})).job_id
            async with asyncio.timeout(LIMIT):
                assert (await anext(stream)).job_id == job_id
        elsewhere = await events_of(second.job(job_id))

        async with client(site, "pia") as later:
            assert await events_of(later.job(job_id)) == elsewhere
            assert elsewhere[-1].type is EventType.SUCCEEDED
            async with asyncio.timeout(LIMIT):
                chunks = [chunk.text async for chunk in later.job(job_id).output("stdout")]
            assert "".join(chunks) == "1 of 2\n2 of 2\n"


@pytest.mark.capability("D3")
async def test_a_job_may_report_to_the_submitting_session_only(site: Node) -> None:
    submitter, other = await site.user("quin"), await site.user("quin")
    async with submitter, other:
        for peer in (submitter, other):
            await peer.subscribe(uris.jobs_topic("quin"))
        await submitter.call(uris.EXEC, "probe.nothing", [], {}, deliver="session")
        [[event]] = [await submitter.event()]
        assert event[0]["seq"] is None
        await other.call(uris.EXEC, "probe.nothing", [], {}, deliver="none")
        answer = await other.call(uris.EXEC, "probe.nothing")
        [events] = await other.event()

        assert events[0]["job_id"] == answer["job_id"]
        assert events[0]["seq"] == 1


@pytest.mark.capability("I1", "N20")
async def test_tasks_are_listed_by_role_and_checked_without_running(site: Node) -> None:
    async with client(site, "rik") as rik, client(site, "root", "operator") as root:
        mine = {task["name"]: task for task in await rik.tasks()}
        assert "probe.operators" not in mine
        assert "probe.operators" in {task["name"] for task in await root.tasks()}
        assert mine["date"]["title"] == "Tell the date and time"
        assert list(mine["date"]["parameters"]["properties"]) == ["format", "utc"]
        with pytest.raises(UnknownTask):
            await rik.exec("probe.operators")

        checked = await rik.check("date", {"utc": True})
        assert checked["argv"] == ["date", "--utc", "+%Y-%m-%d %H:%M:%S %Z"]
        assert checked["timeout"] == 10
        assert await jobs_of(rik) == []


@pytest.mark.capability("I3", "I4")
async def test_a_job_can_be_asked_for_at_any_time(site: Node) -> None:
    async with client(site, "sam") as sam:
        job = await sam.exec("text.count", {"source": "words.txt"}, tags=["nightly"])
        assert await job.result(LIMIT) == {"lines": 2, "words": 3, "bytes": 14}
        snapshot = await job.snapshot()

        assert snapshot["state"] == "succeeded"
        assert snapshot["result"] == {"lines": 2, "words": 3, "bytes": 14}
        assert snapshot["arguments"] == {"source": "words.txt"}
        assert snapshot["tags"] == ["nightly"]
        assert snapshot["output"]["stdout"] > 0
        assert [each["job_id"] for each in await jobs_of(sam, task="text.count")] == [job.job_id]


@pytest.mark.capability("P3", "P5")
async def test_a_local_backend_joins_over_the_unix_socket(site: Node) -> None:
    from taskrealm.client import Client

    async with Client(f"unix:{site.folder.socket}", token=site.issue("tom", "backend")) as tom:
        job = await tom.exec("date")

        assert tom.role == "backend"
        assert await job.result(LIMIT)
